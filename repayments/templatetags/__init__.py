"""Template tags and filters every page may use; they only put values into words."""

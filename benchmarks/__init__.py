"""What speed claims rest on: each module measures the product against a floor in the same run.

They make databases of their own beside the one ``DATABASE_URL`` names, never touch its data, and
drop them again. Absolute times move with the machine; judge by the ratio.
"""

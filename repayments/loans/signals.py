"""News of loans, sent on commit. Whoever hears it only hastens what a sweep does anyway."""

from django.dispatch import Signal

loan_settled = Signal()
"""``loan_id``: nothing is owed any more."""

loan_reopened = Signal()
"""``loan_id``: it was paid off, and money that went back is owed again."""

payment_posted = Signal()
"""``loan_id``, ``entry_id``: money was received and applied."""

loans_imported = Signal()
"""``loan_ids``: a tape brought these loans."""

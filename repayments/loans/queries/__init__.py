"""What pages show of a loan: figures, previews, rows, and how each figure is worked out.

``get_position`` is the one source of a loan's figures. Nothing here writes.
"""

from repayments.loans.queries.position import Position, find_quote, get_position, make_position
from repayments.loans.queries.preview import Preview, PreviewLine, preview_payment
from repayments.loans.queries.rows import (
    AllocationRow,
    InstallmentRow,
    list_installment_rows,
    list_payment_allocations,
)
from repayments.loans.queries.workings import (
    WorkingRow,
    working_of_due,
    working_of_payoff,
    working_of_remaining,
)

__all__ = [
    "AllocationRow",
    "InstallmentRow",
    "Position",
    "Preview",
    "PreviewLine",
    "WorkingRow",
    "find_quote",
    "get_position",
    "list_installment_rows",
    "list_payment_allocations",
    "make_position",
    "preview_payment",
    "working_of_due",
    "working_of_payoff",
    "working_of_remaining",
]

"""Divide a payment among what is due: costs, penalty, interest, principal, in the contract's order.

Pure arithmetic over what is still unpaid; it refuses to know the ledger and where a surplus goes.
What holds: lines and remainder add up to the payment, no line is above what is due, and nothing
remains while anything is due.

Two strategies. ``oldest_first`` settles the oldest installment in the order of components, then the
next. ``horizontal`` settles each component over all that is due before the next component: under it
not a cent goes to principal while any interest is due, the reading of Civil Code 561 (CN-16) that
takes all due claims as one debt.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

DEFAULT_ORDER = ("fees", "penalty", "interest", "principal")
STRATEGIES = ("oldest_first", "horizontal")

_UNPAID_OF = {
    "fees": "fee",
    "penalty": "penalty",
    "interest": "interest",
    "principal": "principal",
}


@dataclass(frozen=True)
class Due:
    """What is unpaid of an installment or charge, in whole minor units.

    ``key`` is the caller's own name for it; ``number`` orders what falls due on one day.
    """

    key: Hashable
    due_date: date
    number: int
    fee: int = 0
    penalty: int = 0
    interest: int = 0
    principal: int = 0

    def __post_init__(self) -> None:
        if min(self.fee, self.penalty, self.interest, self.principal) < 0:
            raise ValueError(f"nothing unpaid may be negative: {self}")

    def unpaid(self, component: str) -> int:
        """Return what is unpaid of a component of the order: fees, penalty and so on."""
        return int(getattr(self, _UNPAID_OF[component]))


@dataclass(frozen=True)
class Line:
    """Part of a payment that settles one component of one due item; always above zero."""

    key: Hashable
    component: str
    amount: int


@dataclass(frozen=True)
class AllocationResult:
    """Where a payment goes, in the order it was applied, and what is left of it."""

    lines: tuple[Line, ...]
    remaining: int

    def total(self, component: str) -> int:
        """Return what went to a component over all items."""
        return sum(line.amount for line in self.lines if line.component == component)


def allocate(
    amount: int,
    dues: Iterable[Due],
    order: Sequence[str] = DEFAULT_ORDER,
    strategy: str = "oldest_first",
) -> AllocationResult:
    """Divide a payment among dues; their order of arrival does not matter.

    Args:
        amount: whole minor units, not negative.
        dues: what may be paid now, one item a key.
        order: each of fees, penalty, interest, principal once.
        strategy: oldest_first or horizontal.
    Raises: ValueError for anything else.
    """
    if amount < 0:
        raise ValueError("a payment is not negative")
    if sorted(order) != sorted(DEFAULT_ORDER):
        raise ValueError(f"the order names each component once, not {tuple(order)}")
    oldest_first = sorted(dues, key=lambda due: (due.due_date, due.number))
    if strategy == "oldest_first":
        turns = [(due, component) for due in oldest_first for component in order]
    elif strategy == "horizontal":
        turns = [(due, component) for component in order for due in oldest_first]
    else:
        raise ValueError(f"unknown strategy: {strategy!r}")
    lines: list[Line] = []
    remaining = amount
    for due, component in turns:
        part = min(remaining, due.unpaid(component))
        if part > 0:
            lines.append(Line(due.key, component, part))
            remaining -= part
    return AllocationResult(tuple(lines), remaining)

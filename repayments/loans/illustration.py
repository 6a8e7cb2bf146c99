"""Before a loan: the full schedule and what it costs all in, from terms alone. No loan exists."""

from dataclasses import dataclass
from decimal import Decimal

from repayments.loans.amortization import Row, Terms, amortize
from repayments.loans.annual_cost import Flow, annual_cost
from repayments.money import round_percent


@dataclass(frozen=True)
class Illustration:
    """Amounts in minor units of the terms' currency; costs in percent a year, as they are shown."""

    terms: Terms
    rows: tuple[Row, ...]
    total_interest: int
    total_due: int
    highest_installment: int
    cost_simple: Decimal
    cost_compound: Decimal


def illustrate(terms: Terms) -> Illustration:
    """Work a loan out as it would be signed.

    Returns: the schedule with its totals and the annual cost (rules CN-R3).
    Raises: InvalidTerms.
    """
    rows = amortize(terms)
    interest = sum(row.interest_due for row in rows)
    dues = [row.principal_due + row.interest_due + row.fee_due for row in rows]
    cost = annual_cost(
        [Flow(terms.disbursed_on, terms.principal)],
        [Flow(row.due_date, due) for row, due in zip(rows, dues, strict=True) if due],
    )
    return Illustration(
        terms=terms,
        rows=rows,
        total_interest=interest,
        total_due=sum(dues),
        highest_installment=max(dues),
        cost_simple=round_percent(cost.simple),
        cost_compound=round_percent(cost.compound),
    )

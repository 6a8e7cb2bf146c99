"""Before a loan: the full schedule and what it costs all in, from terms alone. Pure; no loan exists."""

from dataclasses import dataclass

from repayments.loans.amortization import Row, Terms, amortize
from repayments.loans.annual_cost import AnnualCost, Flow, annual_cost


@dataclass(frozen=True)
class Illustration:
    """Amounts in minor units of the terms' currency."""

    terms: Terms
    rows: tuple[Row, ...]
    total_interest: int
    total_due: int
    highest_installment: int
    cost: AnnualCost | None


def illustrate(terms: Terms) -> Illustration:
    """Work a loan out as it would be signed.

    Returns: the schedule with its totals; ``cost`` is None where nothing is charged.
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
        cost=cost,
    )

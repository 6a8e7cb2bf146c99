"""Read a loan's rows into the snapshot that all reckoning starts from: two queries."""

from django.db.models import F, Subquery

from repayments.ledger.models import Account, Balance
from repayments.loans.models import Charge, Installment, Loan, Schedule
from repayments.loans.reckoning import ChargeState, RowState, Snapshot

ROW_FIELDS = [
    "id",
    "number",
    "start_date",
    "due_date",
    "principal_due",
    "interest_due",
    "fee_due",
    "interest_billed",
    "interest_carried",
    "fee_billed",
    "principal_paid",
    "interest_paid",
    "fee_paid",
    "owed_again",
]


def load_snapshot(loan: Loan) -> Snapshot:
    """Read what the loan owes now; under the loan's lock where something is written after."""
    balance = Balance.objects.filter(book_id=loan.book_id, account=Account.UNAPPLIED)
    installments = list(
        Installment.objects.filter(loan=loan)
        .current()
        .order_by("number")
        .values("schedule__reason", *ROW_FIELDS, unapplied=Subquery(balance.values("amount")))
    )
    # The same on each row; a loan that has none yet may hold money all the same.
    found = {row.pop("unapplied") for row in installments}
    unapplied = found.pop() if found else balance.values_list("amount", flat=True).first()
    reasons = {row.pop("schedule__reason") for row in installments}
    # A plan binds as signed; on its rows, and on own dates, interest is part of the row.
    by_terms = loan.amortization != Loan.Amortization.CUSTOM and reasons <= {
        Schedule.Reason.ORIGINAL,
        Schedule.Reason.PREPAYMENT,
    }
    is_plan = Schedule.Reason.PLAN in reasons
    charges = Charge.objects.filter(
        loan=loan, amount__gt=F("paid") + F("waived") + F("withdrawn")
    ).order_by("charged_on", "pk")
    return Snapshot(
        currency=loan.currency,
        annual_rate=loan.annual_rate,
        by_day=by_terms
        and loan.interest_period == Loan.InterestPeriod.DAILY
        and loan.interest_method == Loan.InterestMethod.DECLINING,
        day_count=loan.day_count,
        rounding=loan.rounding,
        penalty_rate=loan.penalty_rate,
        penalty_through=loan.penalty_through,
        order=tuple(loan.product.allocation_order),
        strategy=loan.product.allocation_strategy,
        can_prepay=loan.product.surplus == loan.product.Surplus.PREPAY and not is_plan,
        rows=tuple(RowState(**row) for row in installments),
        charges=tuple(
            ChargeState(
                id=charge.pk,
                kind=charge.kind,
                charged_on=charge.charged_on,
                open=charge.amount - charge.paid - charge.waived - charge.withdrawn,
            )
            for charge in charges
        ),
        unapplied=-(unapplied or 0),
    )

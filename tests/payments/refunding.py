"""Steps that tests of refunds and disputes share: money that came, who decides, what moved."""

from typing import Any

from accounts.models import User
from repayments.clock import now
from repayments.ledger.models import Account, JournalEntry, Posting
from repayments.loans.models import Loan
from repayments.payments.models import Payment, Refund
from repayments.payments.services import approve_refund, propose_refund, resolve_payment
from tests.payments.conftest import Pay

Kind = JournalEntry.Kind


def receive(pay: Pay, amount: int = 50_000, **options: Any) -> Payment:
    """A payment that was made and is in the books."""
    payment = pay(amount, **options)
    resolve_payment(payment_id=payment.pk, now=now())
    payment.refresh_from_db()
    return payment


def make_colleague(name: str) -> User:
    return User.objects.create_user(f"{name}@lender.example", name=name, is_staff=True)


def propose(payment: Payment, amount: int, **changes: Any) -> Refund:
    values: dict[str, Any] = {
        "payment_id": payment.pk,
        "amount": amount,
        "reason": Refund.Reason.MISTAKE,
        "note": "the branch booked it twice",
        "actor": colleague("an"),
        "origin": Refund.Origin.STAFF,
        "now": now(),
    }
    return propose_refund(**{**values, **changes})


def approve(refund: Refund) -> Refund:
    return approve_refund(refund_id=refund.pk, note="seen", actor=colleague("bo"), now=now())


def colleague(name: str) -> User:
    found: User | None = User.objects.filter(email=f"{name}@lender.example").first()
    return found or make_colleague(name)


def moved(loan: Loan, *kinds: str) -> list[int]:
    """What entries of these kinds did to the money of a loan, oldest first, in minor units."""
    rows = Posting.objects.filter(
        entry__book=loan.book, entry__kind__in=kinds, account=Account.CLEARING
    )
    return list(rows.order_by("entry__seq").values_list("amount", flat=True))


def money_of(loan: Loan) -> list[int]:
    """Every movement of money of a loan, undone ones included, oldest first."""
    return moved(loan, Kind.PAYMENT, Kind.REFUND, Kind.CHARGEBACK, Kind.REVERSAL)

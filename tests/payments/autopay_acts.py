"""What borrower, gateway and worker do around automatic payment, for the tests of it."""

from datetime import date, datetime, time, timedelta

from repayments.clock import lender_zone
from repayments.contacts.models import Message
from repayments.loans.models import Installment, Loan
from repayments.payments.autopay_consents import CONSENT_VERSION
from repayments.payments.models import AutopayCharge, Mandate, Payment
from repayments.payments.services import (
    Consent,
    announce_charges,
    make_charge,
    resolve_mandate,
    start_mandate,
)
from tests.sandbox_server import Sandbox

CONSENT = Consent(version=CONSENT_VERSION, language="en", ip="203.0.113.9")


def at(day: date, hour: int = 10) -> datetime:
    """A moment of a day in the lender's zone."""
    return datetime.combine(day, time(hour), lender_zone())


def next_due(loan: Loan, after: date) -> Installment:
    found: Installment = (
        Installment.objects.filter(loan=loan).open().filter(due_date__gt=after).earliest("due_date")
    )
    return found


def agree(loan: Loan, now: datetime, *, card_id: int | None = None) -> Mandate:
    """Press the button under the consent."""
    return start_mandate(
        loan_id=loan.pk, consent=CONSENT, card_id=card_id, actor=loan.borrower.user, now=now
    )


def set_up(sandbox: Sandbox, loan: Loan, now: datetime, *, card: str = "4242") -> Mandate:
    """Agree, save a card on the gateway's page, and let the portal hear of it."""
    mandate = agree(loan, now)
    sandbox.control(f"sessions/{mandate.session_id}/pay", card=card, three_d_secure="pass")
    return resolve_mandate(mandate_id=mandate.pk, now=now)


def announced(loan: Loan, *, days_before: int = 7, after: date) -> AutopayCharge:
    """Let the night pass on which the next charge is announced, and its notice be sent."""
    due = next_due(loan, after)
    day = due.due_date - timedelta(days=days_before)
    announce_charges(as_of=day, now=at(day, 1))
    send_notices(at(day))
    return AutopayCharge.objects.get(mandate__loan=loan, due_date=due.due_date, attempt=1)


def send_notices(now: datetime) -> int:
    return Message.objects.filter(purpose="autopay_notice", status=Message.Status.DUE).update(
        status=Message.Status.SENT, sent_at=now
    )


def charge(row: AutopayCharge, now: datetime | None = None) -> Payment | None:
    """What the worker does on the day."""
    return make_charge(charge_id=row.pk, now=now or at(row.charge_on))

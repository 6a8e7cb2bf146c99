"""Begin automatic payment: consent and row, committed, then the gateway's page for a card.

As a payment: the row and its key stand before the call, an answer that got lost is asked for again
under the same key, and opening a page changes nothing. A card that is saved already needs no page.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Borrower, User
from repayments.audit.services import record_event
from repayments.loans.models import Loan
from repayments.payments import gateway
from repayments.payments.autopay_consents import CONSENT_VERSION, text_sha256
from repayments.payments.gateway import GatewayError, GatewayRefused, SetupRequest
from repayments.payments.models import GatewayCustomer, Mandate, Payment, Provider, SavedCard
from repayments.payments.providers import CALL_AGE, LIFETIME
from repayments.payments.services.amounts import LoanNotPayable, PaymentRefused, check_loan
from repayments.payments.services.autopay.mandates import activate_mandate, end_mandate
from repayments.payments.services.failed_calls import note_failed_call
from repayments.payments.services.settle import SESSION, settle
from repayments.payments.services.settle.cards import (
    adopt_setup,
    resolve_mandate_of_payment,
    settle_setup_page,
)

Status = Mandate.Status
STALE_AFTER = timedelta(minutes=15)
NOT_NOW = gettext_lazy("A card cannot be saved right now. Nothing was changed. Please try later.")


class ConsentOutdated(PaymentRefused):
    """The words on the page have changed since; they have to be read anew."""


class SetupUnavailable(PaymentRefused):
    """No page could be opened; nothing was saved and nothing is charged."""


@dataclass(frozen=True)
class Consent:
    """What was agreed to, in which language and from where. ``ip`` may be empty."""

    version: str
    language: str
    ip: str


def start_mandate(
    *, loan_id: int, consent: Consent, card_id: int | None, actor: User, now: datetime
) -> Mandate:
    """Begin automatic payment of a loan.

    Args:
        card_id: of a saved card of this borrower; None to save one on the gateway's page.
    Returns: the mandate, active, or pending with its ``setup_url``.
    Raises: PaymentRefused and its kinds, with words for the borrower.
    """
    check_consent(consent)
    customer = get_customer(loan_id=loan_id, now=now)
    if card_id is not None:
        return _start_with_card(loan_id, customer, consent, card_id, actor, now)
    mandate = _take_mandate(loan_id, customer, consent, actor, now)
    if mandate.session_id:
        return _look_again(mandate, now)
    try:
        session = gateway.open_setup(setup_request(mandate), key=f"setup:{mandate.public_id}")
    except GatewayRefused as error:
        note_failed_call(what="open a page to save a card", error=error, now=now)
        end_mandate(mandate_id=mandate.pk, reason=Mandate.EndReason.SETUP, actor=None, now=now)
        raise SetupUnavailable(NOT_NOW) from error
    except GatewayError as error:
        # Not known whether a page was made: the next press asks under the same key.
        note_failed_call(what="open a page to save a card", error=error, now=now)
        raise SetupUnavailable(NOT_NOW) from error
    adopt_setup(mandate_id=mandate.pk, session=session, now=now)
    mandate.refresh_from_db()
    if not mandate.setup_url:
        raise SetupUnavailable(NOT_NOW)
    return mandate


def resolve_mandate(*, mandate_id: int, now: datetime) -> Mandate:
    """Find out how a set-up stands whose page was opened, or whose answer was lost.

    Raises: GatewayError; nothing was changed.
    """
    mandate = Mandate.objects.select_related("payment").get(pk=mandate_id)
    if mandate.status != Status.PENDING:
        return mandate
    if mandate.payment is not None:
        resolve_mandate_of_payment(mandate.payment, now=now)
    elif mandate.session_id:
        settle(object_type=SESSION, object_id=mandate.session_id, now=now)
    else:
        assert mandate.expires_at is not None
        called_at = mandate.expires_at - LIFETIME
        found = [
            session
            for session in gateway.list_sessions(
                since=called_at - CALL_AGE, until=called_at + LIFETIME
            )
            if session.metadata.get("mandate") == str(mandate.public_id)
        ]
        if found:
            settle_setup_page(found[0], now=now)
        elif gateway.clock() > called_at + CALL_AGE:
            end_mandate(mandate_id=mandate_id, reason=Mandate.EndReason.SETUP, actor=None, now=now)
    mandate.refresh_from_db()
    return mandate


def list_stale_mandates(now: datetime) -> list[int]:
    """Name the set-ups that nothing was heard of for a while."""
    rows = Mandate.objects.filter(status=Status.PENDING, updated_at__lt=now - STALE_AFTER)
    return list(rows.order_by("updated_at").values_list("pk", flat=True))


def get_customer(*, loan_id: int, now: datetime) -> GatewayCustomer:
    """Give the gateway's customer for a loan's borrower, made once.

    The row stands before the call, under a key of its own; asked again, the same customer comes.
    Raises: SetupUnavailable, LoanNotPayable.
    """
    loan = Loan.objects.select_related("borrower").get(pk=loan_id)
    check_loan(loan)
    row = _take_customer(loan.borrower, now)
    if row.customer_id:
        return row
    borrower = str(loan.borrower.public_id)
    try:
        customer_id = gateway.create_customer(borrower=borrower, key=f"customer:{borrower}")
    except GatewayError as error:
        note_failed_call(what="make a customer", error=error, now=now)
        raise SetupUnavailable(NOT_NOW) from error
    GatewayCustomer.objects.filter(pk=row.pk, customer_id="").update(customer_id=customer_id)
    row.refresh_from_db()
    return row


def setup_request(mandate: Mandate) -> SetupRequest:
    """The call's parameters, made of the row alone: asked again, they are the same."""
    back = reverse("payments:autopay", args=[mandate.loan.public_id])
    done = reverse("payments:autopay_return", args=[mandate.loan.public_id])
    assert mandate.expires_at is not None
    return SetupRequest(
        mandate=str(mandate.public_id),
        loan=str(mandate.loan.public_id),
        customer=mandate.customer.customer_id,
        currency=mandate.loan.currency,
        language=mandate.language,
        success_url=f"{settings.SITE_URL}{done}",
        cancel_url=f"{settings.SITE_URL}{back}",
        expires_at=mandate.expires_at,
    )


def write_mandate(
    *,
    loan: Loan,
    customer: GatewayCustomer,
    consent: Consent,
    expires_at: datetime,
    actor: User | None,
    now: datetime,
    payment: Payment | None = None,
) -> Mandate:
    """Store the consent as a mandate that waits for its card. Needs the loan's lock.

    Args:
        payment: that saves the card, where it was agreed to while paying.
    """
    mandate = Mandate(
        loan=loan,
        customer=customer,
        consent_version=consent.version,
        consent_sha256=text_sha256(consent.language, consent.version),
        language=consent.language,
        agreed_at=now,
        agreed_ip=consent.ip or None,
        payment=payment,
        expires_at=expires_at,
        created_at=now,
        updated_at=now,
    )
    try:
        with transaction.atomic():
            mandate.save(force_insert=True)
    except IntegrityError:
        # One that waits a loan: whoever was faster has it.
        return Mandate.objects.select_related("loan", "customer").get(
            loan=loan, status=Status.PENDING
        )
    record_event(
        stream=loan.stream,
        action="payments.autopay_agreed",
        actor=actor,
        at=now,
        payload={
            "mandate": str(mandate.public_id),
            "consent": consent.version,
            "sha256": mandate.consent_sha256,
            "language": consent.language,
        },
    )
    return mandate


@transaction.atomic
def _take_mandate(
    loan_id: int, customer: GatewayCustomer, consent: Consent, actor: User, now: datetime
) -> Mandate:
    """Find the set-up that waits, if its page can still be used, or write a new one."""
    loan = Loan.objects.select_for_update().get(pk=loan_id)
    check_running(loan)
    found = (
        Mandate.objects.select_related("loan", "customer")
        .filter(loan=loan, status=Status.PENDING)
        .first()
    )
    if found is not None:
        agreed = (found.consent_version, found.language) == (consent.version, consent.language)
        is_open = found.expires_at is not None and found.expires_at > gateway.clock() + CALL_AGE
        if agreed and is_open and found.payment_id is None:
            return found
        end_mandate(mandate_id=found.pk, reason=Mandate.EndReason.SETUP, actor=actor, now=now)
    return write_mandate(
        loan=loan,
        customer=customer,
        consent=consent,
        expires_at=gateway.clock() + LIFETIME,
        actor=actor,
        now=now,
    )


@transaction.atomic
def _start_with_card(
    loan_id: int,
    customer: GatewayCustomer,
    consent: Consent,
    card_id: int,
    actor: User,
    now: datetime,
) -> Mandate:
    loan = Loan.objects.select_for_update().get(pk=loan_id)
    check_running(loan)
    card = SavedCard.objects.filter(pk=card_id, customer=customer, detached_at__isnull=True).first()
    if card is None:
        raise SetupUnavailable(_("This card is not saved any more. Please choose another."))
    found = Mandate.objects.filter(loan=loan, status=Status.PENDING).first()
    if found is not None:
        end_mandate(mandate_id=found.pk, reason=Mandate.EndReason.SETUP, actor=actor, now=now)
    mandate = write_mandate(
        loan=loan, customer=customer, consent=consent, expires_at=now, actor=actor, now=now
    )
    activate_mandate(mandate_id=mandate.pk, card=card, setup_id="", now=now)
    mandate.refresh_from_db()
    return mandate


def agree_while_paying(
    *, payment: Payment, customer: GatewayCustomer, consent: Consent, now: datetime
) -> Mandate:
    """Keep the consent given with a payment that saves its card. Needs the loan's lock.

    Raises: ConsentOutdated.
    """
    check_consent(consent)
    waiting = Mandate.objects.filter(loan_id=payment.loan_id, status=Status.PENDING)
    for pk in list(waiting.values_list("pk", flat=True)):
        end_mandate(mandate_id=pk, reason=Mandate.EndReason.SETUP, actor=None, now=now)
    assert payment.expires_at is not None
    return write_mandate(
        loan=payment.loan,
        customer=customer,
        consent=consent,
        expires_at=payment.expires_at,
        actor=payment.created_by,
        now=now,
        payment=payment,
    )


def check_consent(consent: Consent) -> None:
    """Refuse words that are not those in force. Raises: ConsentOutdated."""
    if consent.version != CONSENT_VERSION:
        raise ConsentOutdated(_("The page was open for a while. Please look once more."))


def check_running(loan: Loan) -> None:
    """Refuse a loan that is not active. Raises: LoanNotPayable."""
    check_loan(loan)
    if loan.status != Loan.Status.ACTIVE:
        raise LoanNotPayable(_("Please talk to us about how to settle this."))


def _look_again(mandate: Mandate, now: datetime) -> Mandate:
    """Ask how an opened page stands: it may have been used, or closed, meanwhile."""
    try:
        settle(object_type=SESSION, object_id=mandate.session_id, now=now)
    except GatewayError as error:
        note_failed_call(what="open a page to save a card", error=error, now=now)
        raise SetupUnavailable(NOT_NOW) from error
    mandate.refresh_from_db()
    if mandate.status == Status.ENDED:
        raise SetupUnavailable(_("The page for your card has closed. Please begin once more."))
    return mandate


def _take_customer(borrower: Borrower, now: datetime) -> GatewayCustomer:
    row, _created = GatewayCustomer.objects.get_or_create(
        provider=Provider.STRIPE, borrower=borrower, defaults={"created_at": now}
    )
    return row

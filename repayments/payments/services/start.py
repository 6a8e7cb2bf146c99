"""Begin a payment: one row and key, committed, then the gateway's page for it.

Holds: a loan has at most one attempt that can still be paid; a second press of the button comes to
the same page, or the older page is closed first. The row and its key stand before the call, so an
answer that got lost is asked for again under the same key, and nobody is asked to pay while it is
not known. No call is made inside a transaction.
"""

import logging
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from repayments.audit.services import record_event
from repayments.clock import lender_zone
from repayments.loans.models import Loan
from repayments.loans.queries import find_quote, get_position
from repayments.payments import gateway
from repayments.payments.gateway import (
    GatewayBusy,
    GatewayError,
    GatewayMisconfigured,
    GatewayMissing,
    GatewayRefused,
    GatewayTimeout,
)
from repayments.payments.models import GatewayCustomer, Mandate, Payment
from repayments.payments.providers import LIFETIME, Begun, provider_of
from repayments.payments.services.amounts import PaymentRefused, check_amount, check_loan
from repayments.payments.services.autopay.setup import (
    Consent,
    agree_while_paying,
    get_customer,
)
from repayments.payments.services.failed_calls import note_failed_call
from repayments.payments.services.settle import SESSION, settle

logger = logging.getLogger(__name__)

Status = Payment.Status
ROUNDS = 3


class PaymentNotKnown(PaymentRefused):
    """The gateway has not said yet whether it took an earlier call. ``payment`` is that attempt."""

    def __init__(self, payment: Payment) -> None:
        super().__init__(_("We are still asking about your last try. Please do not pay again yet."))
        self.payment = payment


class PaymentAlreadyMade(PaymentRefused):
    """The attempt that was open has been paid meanwhile. ``payment`` is it."""

    def __init__(self, payment: Payment) -> None:
        super().__init__(_("Your payment has already been made. You need not pay again."))
        self.payment = payment


class GatewayUnavailable(PaymentRefused):
    """No page could be opened; no money was taken."""


NOT_NOW = gettext_lazy("Card payments are not available right now. No money was taken.")


def start_payment(
    *,
    loan_id: int,
    purpose: str,
    amount: int,
    payoff_quote_id: int | None,
    language: str,
    actor: User | None,
    now: datetime,
    saves_card: bool = False,
    consent: Consent | None = None,
) -> Payment:
    """Give an attempt whose ``checkout_url`` takes exactly this amount; nothing is paid by it.

    Args:
        amount: minor units of the loan's currency.
        payoff_quote_id: of the quote that a payoff pays.
        language: of the gateway's page, "zh-hans" or "en".
        saves_card: the card is kept for later, if one is used.
        consent: to automatic payment of this loan with that card; none without it.
    Raises: PaymentRefused and its kinds, with words for the borrower.
    """
    saves_card = saves_card or consent is not None
    customer = get_customer(loan_id=loan_id, now=now) if saves_card else None
    for _round in range(ROUNDS):
        payment = _take_attempt(
            loan_id=loan_id,
            purpose=purpose,
            amount=amount,
            payoff_quote_id=payoff_quote_id,
            language=language,
            actor=actor,
            now=now,
            customer=customer,
            consent=consent,
        )
        # A saved card that is being charged this moment has no page to go to.
        if payment.status == Status.UNKNOWN or payment.channel == Payment.Channel.AUTOPAY:
            raise PaymentNotKnown(payment)
        wanted = (payment.amount, payment.purpose, payment.saves_card) == (
            amount,
            purpose,
            saves_card,
        ) and _is_agreed(payment) == (consent is not None)
        if payment.status == Status.CREATED:
            payment = _open(payment, now)
            if wanted:
                return payment
        if _close_unless(payment, wanted=wanted, now=now):
            return payment
    raise GatewayUnavailable(NOT_NOW)


@transaction.atomic
def _take_attempt(
    *,
    loan_id: int,
    purpose: str,
    amount: int,
    payoff_quote_id: int | None,
    language: str,
    actor: User | None,
    now: datetime,
    customer: GatewayCustomer | None,
    consent: Consent | None,
) -> Payment:
    """Find the open attempt of the loan, or write a new one."""
    loan = (
        Loan.objects.select_for_update(of=("self",))
        .select_related("product", "borrower")
        .get(pk=loan_id)
    )
    found = Payment.objects.open().filter(loan=loan).first()
    if found is not None:
        found.loan = loan
        return found
    on_its_way = Payment.objects.filter(loan=loan, status=Status.PROCESSING).first()
    if on_its_way is not None:
        raise PaymentAlreadyMade(on_its_way)
    check_loan(loan)
    as_of = now.astimezone(lender_zone()).date()
    position = get_position(loan=loan, as_of=as_of)
    quote = find_quote(loan=loan, quote_id=payoff_quote_id, as_of=as_of, position=position)
    check_amount(loan=loan, position=position, purpose=purpose, amount=amount, quote=quote)
    payment = Payment(
        loan=loan,
        purpose=purpose,
        amount=amount,
        currency=loan.currency,
        payoff_quote_id=payoff_quote_id,
        language=language,
        offered=",".join(gateway.methods_for(loan.currency)),
        saves_card=customer is not None,
        # Part of the call's parameters, so it stands in the row before the call.
        expires_at=gateway.clock() + LIFETIME,
        created_by=actor,
        created_at=now,
        updated_at=now,
    )
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
    except IntegrityError:
        # One open attempt a loan: whoever was faster has it.
        return Payment.objects.open().select_related("loan").get(loan=loan)
    if customer is not None and consent is not None:
        agree_while_paying(payment=payment, customer=customer, consent=consent, now=now)
    record_event(
        stream=loan.stream,
        action="payments.started",
        actor=actor,
        at=now,
        payload={
            "payment": str(payment.public_id),
            "purpose": purpose,
            "amount": amount,
            "currency": loan.currency,
        },
    )
    return payment


def _is_agreed(payment: Payment) -> bool:
    return Mandate.objects.filter(payment=payment, status=Mandate.Status.PENDING).exists()


def _open(payment: Payment, now: datetime) -> Payment:
    """Ask the gateway for the page of a row, under the row's own key.

    Raises: PaymentNotKnown, GatewayUnavailable.
    """
    try:
        begun = provider_of(payment.provider).begin(payment)
    except GatewayRefused as error:
        _note_failure(payment, Status.FAILED, error, now)
        raise GatewayUnavailable(_refusal(error)) from error
    except (GatewayTimeout, GatewayBusy) as error:
        _note_failure(payment, Status.UNKNOWN, error, now)
        payment.refresh_from_db()
        raise PaymentNotKnown(payment) from error
    adopt_session(payment_id=payment.pk, begun=begun, now=now)
    payment.refresh_from_db()
    if not payment.checkout_url:
        # Given up meanwhile, as the answer took so long: there is no page of it to go to.
        raise GatewayUnavailable(NOT_NOW)
    return payment


@transaction.atomic
def adopt_session(*, payment_id: int, begun: Begun, now: datetime) -> bool:
    """Put the gateway's session into its row; False if the row has moved on."""
    payment = Payment.objects.get(pk=payment_id)
    loan = Loan.objects.select_for_update().get(pk=payment.loan_id)
    before = Payment.objects.select_for_update().get(pk=payment_id).status
    changed = Payment.objects.filter(
        pk=payment_id, status__in=[Status.CREATED, Status.UNKNOWN]
    ).update(
        status=Status.REDIRECTED,
        session_id=begun.object_id,
        checkout_url=begun.url,
        expires_at=begun.expires_at,
        updated_at=now,
    )
    if changed == 1:
        record_event(
            stream=loan.stream,
            action="payments.redirected",
            actor=None,
            at=now,
            payload={"payment": str(payment.public_id), "before": before},
        )
    return changed == 1


def _close_unless(payment: Payment, *, wanted: bool, now: datetime) -> bool:
    """Ask whether an attempt's page is still open; True if it is, and wanted.

    An open one that is not wanted is closed at the gateway, so that it cannot be paid any more.
    Raises: PaymentAlreadyMade, GatewayUnavailable.
    """
    try:
        session = gateway.fetch_session(payment.session_id)
        if session.status == "open" and wanted:
            return True
        if session.status == "open":
            _expire(payment)
        settled = settle(object_type=SESSION, object_id=payment.session_id, now=now)
    except GatewayMissing as error:
        note_failed_call(what="look at a payment page", error=error, now=now, payment_id=payment.pk)
        close_missing(payment_id=payment.pk, now=now)
        return False
    except GatewayError as error:
        note_failed_call(what="look at a payment page", error=error, now=now, payment_id=payment.pk)
        raise GatewayUnavailable(NOT_NOW) from error
    if settled is not None and settled.status in (Status.SUCCEEDED, Status.PROCESSING):
        raise PaymentAlreadyMade(settled)
    return False


def _expire(payment: Payment) -> None:
    try:
        gateway.expire_session(payment.session_id, key=f"expire:{payment.public_id}")
    except GatewayMisconfigured:
        raise
    except GatewayRefused:
        # Paid or closed between our look and this call: settling tells which.
        logger.info("session %s was closed meanwhile", payment.session_id)


@transaction.atomic
def close_missing(*, payment_id: int, now: datetime) -> bool:
    """End an attempt whose page the gateway does not know any more; a person looks at why.

    Should its money come all the same, it is posted: a success wins over this ending too.
    """
    loan_id = Payment.objects.values_list("loan_id", flat=True).get(pk=payment_id)
    loan = Loan.objects.select_for_update().get(pk=loan_id)
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    changed = Payment.objects.filter(
        pk=payment_id, status__in=Payment.TRANSITIONS[Status.CANCELED]
    ).update(status=Status.CANCELED, needs_review=True, updated_at=now)
    if changed == 1:
        record_event(
            stream=loan.stream,
            action="payments.canceled",
            actor=None,
            at=now,
            payload={"payment": str(payment.public_id), "before": payment.status},
        )
    return changed == 1


@transaction.atomic
def _note_failure(payment: Payment, status: Status, error: GatewayError, now: datetime) -> None:
    note_failed_call(what="open a payment page", error=error, now=now, payment_id=payment.pk)
    loan = Loan.objects.select_for_update().get(pk=payment.loan_id)
    before = Payment.objects.select_for_update().get(pk=payment.pk).status
    changed = Payment.objects.filter(
        pk=payment.pk, status__in=Payment.TRANSITIONS[status], session_id=""
    ).update(status=status, error_code=error.code[:60], updated_at=now)
    if changed == 1:
        record_event(
            stream=loan.stream,
            action=f"payments.{status.value}",
            actor=None,
            at=now,
            payload={
                "payment": str(payment.public_id),
                "before": before,
                "code": error.code,
                "request": error.request_id,
            },
        )


def _refusal(error: GatewayRefused) -> str:
    if error.code == "amount_too_small":
        return _("This amount is too small for a card payment. No money was taken.")
    if error.code == "amount_too_large":
        return _("This amount is too large for a card payment. No money was taken.")
    return str(NOT_NOW)

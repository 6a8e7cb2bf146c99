"""What the borrower is told about automatic payment; words that cannot be made hold up nothing."""

import logging
from datetime import date, datetime

from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from repayments.contacts.models import Message
from repayments.contacts.services import MissingValue, UnknownTemplate, queue_message
from repayments.loans.models import Loan
from repayments.money import format_money
from repayments.payments.autopay_consents import text_of
from repayments.payments.models import AutopayCharge, Mandate, Payment

logger = logging.getLogger(__name__)

PURPOSE = "autopay"


NOTICE = "autopay_notice"


def notice_key(charge_id: int) -> str:
    """The key of the message that announces a charge."""
    return f"{NOTICE}:{charge_id}"


def is_notice_wanted(message: Message, now: datetime) -> bool:
    """Whether a notice still says what is going to happen; asked when it is sent."""
    charge_id = message.business_key.removeprefix(f"{NOTICE}:")
    return AutopayCharge.objects.filter(
        pk=charge_id, status=AutopayCharge.Status.ANNOUNCED, mandate__status=Mandate.Status.ACTIVE
    ).exists()


def tell_started(mandate: Mandate, now: datetime) -> None:
    """Send the copy of what was agreed to (US-21)."""
    _tell(
        mandate.loan,
        "autopay_started",
        f"autopay_started:{mandate.public_id}",
        {
            "link": _page(mandate.loan),
            "document": text_of(mandate.language, mandate.consent_version),
        },
        now,
    )


def announce(charge: AutopayCharge, loan: Loan, now: datetime) -> None:
    """Send the day and the amount of a charge ahead of it."""
    _tell(
        loan,
        NOTICE,
        notice_key(charge.pk),
        {
            "link": _page(loan),
            "date": charge.charge_on.isoformat(),
            "amount": format_money(charge.announced_amount, loan.currency, _language(loan)),
        },
        now,
    )


def tell_retry(payment: Payment, again_on: date, now: datetime) -> None:
    _tell(
        payment.loan,
        "autopay_retry",
        f"autopay_retry:{payment.public_id}",
        {"link": _pay_page(payment.loan), "date": again_on.isoformat()},
        now,
    )


def tell_to_confirm(payment: Payment, now: datetime) -> None:
    """Ask the borrower to pay on-session, once a charge."""
    _tell(
        payment.loan,
        "autopay_confirm",
        f"autopay_confirm:{payment.public_id}",
        {"link": _pay_page(payment.loan)},
        now,
    )


def tell_that_it_asks(payment: Payment, now: datetime) -> None:
    """Ask for this payment, and say that the card's bank asks every time and what else there is."""
    _tell(
        payment.loan,
        "autopay_asks",
        f"autopay_asks:{payment.public_id}",
        {"link": _pay_page(payment.loan)},
        now,
    )


def tell_not_taken(charge: AutopayCharge, loan: Loan, now: datetime) -> None:
    """Say that what was announced was not taken, and that it is due all the same."""
    _tell(
        loan,
        "autopay_not_taken",
        f"autopay_not_taken:{charge.pk}",
        {"link": _page(loan), "date": charge.charge_on.isoformat()},
        now,
    )


def tell_left_out(charge: AutopayCharge, loan: Loan, now: datetime) -> None:
    """Confirm that a charge is left out because the borrower asked a colleague for it."""
    _tell(
        loan,
        "autopay_left_out",
        f"autopay_left_out:{charge.pk}",
        {"link": _page(loan), "date": charge.charge_on.isoformat()},
        now,
    )


def tell_ended(mandate: Mandate, now: datetime) -> None:
    with translation.override(_language(mandate.loan)):
        reason = describe_end(mandate.end_reason)
    _tell(
        mandate.loan,
        "autopay_ended",
        f"autopay_ended:{mandate.public_id}",
        {"link": _page(mandate.loan), "reason": reason},
        now,
    )


def describe_end(reason: str) -> str:
    """Say to the borrower why automatic payment ended."""
    Reason = Mandate.EndReason
    if reason == Reason.BORROWER:
        return _("You stopped it.")
    if reason == Reason.STAFF:
        return _("We stopped it, as you asked us to.")
    if reason == Reason.DETACHED:
        return _("The saved card was removed.")
    if reason == Reason.DECLINED:
        return _("Your bank does not allow this card to be charged any more.")
    if reason == Reason.FAILED:
        return _("The card could not be charged, and we do not try it again.")
    return _("The loan has ended.")


def _tell(loan: Loan, template: str, key: str, context: dict[str, str], now: datetime) -> None:
    try:
        queue_message(
            borrower=loan.borrower,
            template_key=template,
            purpose=NOTICE if template == NOTICE else PURPOSE,
            subject=loan.stream,
            business_key=key,
            context=context,
            now=now,
        )
    except (UnknownTemplate, MissingValue):
        logger.exception("no message %s", key)


def _language(loan: Loan) -> str:
    user = loan.borrower.user
    return user.language if user else loan.borrower.language


def _page(loan: Loan) -> str:
    return reverse("payments:autopay", args=[loan.public_id])


def _pay_page(loan: Loan) -> str:
    return reverse("payments:pay", args=[loan.public_id])

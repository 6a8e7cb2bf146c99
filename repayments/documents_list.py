"""What a borrower can keep: contracts, letters, statements and receipts, newest first."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import User
from repayments.clock import lender_zone
from repayments.contracts.models import Contract, SettlementLetter
from repayments.contracts.querysets import SETTLED
from repayments.loans.models import Loan
from repayments.payments.models import Payment
from repayments.templatetags.amounts import long_day, money_text

MOST_RECEIPTS = 100


@dataclass(frozen=True)
class Document:
    """One line: ``state`` and ``tone`` make a chip; ``download`` marks a file."""

    title: str
    detail: str
    url: str
    state: str = ""
    tone: str = ""
    download: bool = False


@dataclass(frozen=True)
class DocumentGroups:
    contracts: list[Document]
    letters: list[Document]
    statements: list[Document]
    receipts: list[Document]


def list_documents(*, user: User) -> DocumentGroups:
    """Gather the documents of a borrower in four queries."""
    contracts = (
        Contract.objects.for_borrower(user)
        .exclude(status__in=["expired", "voided", "superseded"])
        .select_related("loan", "template_version")
        .order_by("-created_at")
    )
    letters = (
        SettlementLetter.objects.for_borrower(user).select_related("loan").order_by("-created_at")
    )
    payments = (
        Payment.objects.for_borrower(user)
        .filter(status=Payment.Status.SUCCEEDED)
        .select_related("loan", "entry")
        .order_by("-succeeded_at")[:MOST_RECEIPTS]
    )
    loans = (
        Loan.objects.for_borrower(user)
        .exclude(status=Loan.Status.PENDING_SIGNATURE)
        .order_by("-disbursed_on", "-pk")
    )
    return DocumentGroups(
        contracts=[_contract_line(one) for one in contracts],
        letters=[_letter_line(one) for one in letters],
        statements=[
            Document(
                title=_("Statements by month"),
                detail=loan.number,
                url=reverse("loans:statements", args=[loan.public_id]),
            )
            for loan in loans
        ],
        receipts=[
            Document(
                title=_("Receipt %(amount)s")
                % {"amount": money_text(one.amount_received or one.amount, one.currency)},
                detail=f"{_received_on(one)} · {one.loan.number}",
                url=one.get_absolute_url(),
            )
            for one in payments
        ],
    )


def _contract_line(contract: Contract) -> Document:
    signed = {"borrower_signed", "sealing", "seal_failed"}
    if contract.status == Contract.Status.COMPLETED:
        state, tone = _("complete"), "fine"
    elif contract.status in signed:
        state, tone = _("signed, seal on its way"), "info"
    elif contract.status == Contract.Status.DECLINED:
        state, tone = _("declined"), ""
    else:
        state, tone = _("to sign"), "soon"
    version = contract.template_version
    facts = [contract.reference, _day(contract.signed_at or contract.created_at)]
    if version.locale != get_language():
        facts.append(_("in %(language)s") % {"language": version.get_locale_display()})
    return Document(
        title=version.title,
        detail=" · ".join(facts),
        url=reverse("contracts:detail", args=[contract.public_id]),
        state=state,
        tone=tone,
    )


def _letter_line(letter: SettlementLetter) -> Document:
    if letter.status == SettlementLetter.Status.VOIDED or letter.loan.status not in SETTLED:
        state, tone = _("void"), ""
    elif letter.status == SettlementLetter.Status.ISSUED:
        state, tone = _("complete"), "fine"
    else:
        state, tone = _("seal on its way"), "info"
    facts = [letter.loan.number, _day(letter.created_at)]
    if letter.locale != get_language():
        facts.append(_("in %(language)s") % {"language": letter.get_locale_display()})
    return Document(
        title=_("Settlement letter"),
        detail=" · ".join(facts),
        url=letter.get_absolute_url(),
        state=state,
        tone=tone,
    )


def _day(moment: datetime | None) -> str:
    return long_day(moment.astimezone(lender_zone()).date()) if moment else ""


def _received_on(payment: Payment) -> str:
    """Give the day the payment counts from, as its receipt does."""
    return long_day(payment.entry.effective_date) if payment.entry else _day(payment.succeeded_at)

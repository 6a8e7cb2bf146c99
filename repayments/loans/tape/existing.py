"""What is known here of the loans a tape names: whose they are, and whether their terms may change.

Terms may be replaced as long as nothing has happened on a loan but what the tape itself brought:
an opening, interest billed on its day. Repayments, a signature, a fee or a plan end that.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from repayments.audit.models import Event
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Charge, Loan, Schedule

IMPORTED, REPLACED, ACTIVATED = "loans.imported", "loans.terms_replaced", "loans.activated"

LONGEST_NUMBER = 64

_OWN_KINDS = {
    JournalEntry.Kind.OPENING,
    JournalEntry.Kind.DISBURSEMENT,
    JournalEntry.Kind.INTEREST,
    JournalEntry.Kind.FEE,
}


@dataclass(frozen=True)
class KnownLoan:
    """A loan that is here already.

    Attributes:
        digest: what the last tape said of it; "" if it came another way.
        refusal: code of the fault if its terms can change no more, else "".
    """

    id: int
    public_id: UUID
    book_id: int
    borrower_reference: str
    currency: str
    digest: str
    refusal: str

    @property
    def stream(self) -> str:
        return f"loan:{self.public_id}"


def plain_number(text: str) -> str:
    """Give a loan number in the form in which it is stored and compared; "" if it cannot be one."""
    number = unicodedata.normalize("NFC", text.strip(" \u00a0\u3000"))
    return number if len(number) <= LONGEST_NUMBER and "\x00" not in number else ""


def find_loans(numbers: Sequence[str], *, lock: bool) -> dict[str, KnownLoan]:
    """Read the loans that have these numbers, a few queries in all.

    Args:
        lock: hold their rows, so that no payment comes between the check and the change.
    """
    query = Loan.objects.filter(number__in=numbers).select_related("borrower").order_by("pk")
    if lock:
        query = query.select_for_update(of=("self",))
    loans = list(query)
    if not loans:
        return {}
    refusals = _find_refusals(loans)
    digests: dict[str, str] = {}
    events = Event.objects.filter(
        stream__in=[loan.stream for loan in loans], action__in=[IMPORTED, REPLACED]
    )
    for stream, payload in events.order_by("seq").values_list("stream", "payload"):
        digests[stream] = payload.get("row", "")
    return {
        loan.number: KnownLoan(
            id=loan.pk,
            public_id=loan.public_id,
            book_id=loan.book_id,
            borrower_reference=loan.borrower.reference,
            currency=loan.currency,
            digest=digests.get(loan.stream, ""),
            refusal=refusals.get(loan.pk, ""),
        )
        for loan in loans
    }


def _find_refusals(loans: Iterable[Loan]) -> dict[int, str]:
    loans = list(loans)
    keys = [loan.pk for loan in loans]
    by_book = {loan.book_id: loan.pk for loan in loans}
    by_stream = {loan.stream: loan.pk for loan in loans}
    refusals: dict[int, str] = {}
    # The weightiest reason is put in last and stands.
    for loan in loans:
        if loan.status not in (Loan.Status.PENDING_SIGNATURE, Loan.Status.ACTIVE):
            refusals[loan.pk] = "changed_here"
    others = Schedule.objects.filter(loan__in=keys).exclude(reason=Schedule.Reason.ORIGINAL)
    refusals |= dict.fromkeys(others.values_list("loan_id", flat=True), "changed_here")
    charged = Charge.objects.filter(loan__in=keys).values_list("loan_id", flat=True)
    refusals |= dict.fromkeys(charged, "changed_here")
    signed = Event.objects.filter(stream__in=list(by_stream), action=ACTIVATED)
    for stream in signed.values_list("stream", flat=True):
        refusals[by_stream[stream]] = "signed_here"
    entries = JournalEntry.objects.filter(book__in=list(by_book)).exclude(kind__in=_OWN_KINDS)
    entries = entries.exclude(kind=JournalEntry.Kind.REVERSAL, reverses__kind__in=_OWN_KINDS)
    for book_id, kind in entries.values_list("book_id", "kind").distinct():
        loan_id = by_book[book_id]
        if kind == JournalEntry.Kind.PAYMENT:
            refusals[loan_id] = "has_repayments"
        elif refusals.get(loan_id) != "has_repayments":
            refusals[loan_id] = "changed_here"
    return refusals

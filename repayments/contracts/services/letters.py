"""Settlement letters: made once for each time a loan is paid off, void when money goes back."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from repayments.audit.models import Event
from repayments.audit.services import record_event
from repayments.clock import lender_zone
from repayments.contracts import blobs, codes, documents, failpoints, signals
from repayments.contracts.letter_paper import SettlementFacts, build_letter
from repayments.contracts.models import SettlementLetter
from repayments.contracts.querysets import SETTLED
from repayments.loans.models import Loan
from repayments.loans.queries import get_position

LOOK_BACK_DAYS = 10
PAID_OFF = "loans.paid_off"

logger = logging.getLogger(__name__)


def make_letter(*, loan_id: int, now: datetime) -> SettlementLetter | None:
    """Make the letter of a loan that is paid off; it then waits for the lender's seal.

    The file is rendered and stored first; the row follows in one transaction, which looks again
    whether the loan is still settled by the same settlement. A file left behind is harmless.

    Returns: None where there is nothing to make: the letter exists, or the loan is not paid off.
    """
    loan = Loan.objects.select_related("borrower").get(pk=loan_id)
    event = _settlement_of(loan)
    if event is None or _exists(loan, event.seq) or _owes(loan, now):
        return None
    letter = _prepare(loan, event, now)
    pdf = documents.render_letter(letter.content, timestamp=now)
    letter.frozen_id = blobs.write_file(pdf)
    failpoints.reached("letter_written")
    try:
        with transaction.atomic():
            held = Loan.objects.select_for_update().get(pk=loan_id)
            latest = _settlement_of(held)
            if latest is None or latest.seq != event.seq:
                return None
            for older in SettlementLetter.objects.filter(loan=loan).exclude(status="voided"):
                void_letter(older, now)
            blobs.record(letter.frozen_id, size=len(pdf), media="application/pdf")
            letter.save(force_insert=True)
            record_letter(letter, "contracts.letter_made", now)
            failpoints.reached("letter_making")
            transaction.on_commit(
                lambda: signals.letter_made.send(sender=SettlementLetter, letter_id=letter.pk),
                robust=True,
            )
    except IntegrityError:
        # The other one's transaction committed first: this settlement has its letter.
        if _exists(loan, event.seq):
            return None
        raise
    return letter


def void_letters(*, loan_id: int, now: datetime) -> int:
    """Make the letters of a loan void that is no longer settled; return how many were."""
    with transaction.atomic():
        loan = Loan.objects.select_for_update().get(pk=loan_id)
        if loan.status in SETTLED:
            return 0
        letters = SettlementLetter.objects.filter(loan=loan).exclude(status="voided")
        return sum(void_letter(letter, now) for letter in letters)


def list_loans_without_letter(*, now: datetime, limit: int = 50) -> list[int]:
    """List loans paid off lately whose letter was never made.

    Loans a tape brought as paid off have no such event: who settled them elsewhere has a letter
    from there.
    """
    since = now - timedelta(days=LOOK_BACK_DAYS)
    settled: dict[str, int] = dict(
        Event.objects.filter(action=PAID_OFF, at__gt=since)
        .order_by("stream", "seq")
        .values_list("stream", "seq")
    )
    made = SettlementLetter.objects.filter(created_at__gt=since)
    for public_id, seq in made.values_list("loan__public_id", "settlement"):
        if settled.get(f"loan:{public_id}") == seq:
            del settled[f"loan:{public_id}"]
    public_ids = [stream.removeprefix("loan:") for stream in list(settled)[:limit]]
    loans = Loan.objects.filter(public_id__in=public_ids, status=Loan.Status.PAID_OFF)
    return list(loans.order_by("pk").values_list("pk", flat=True))


def list_loans_with_wrong_letter(*, limit: int = 50) -> list[int]:
    """List loans that are owed on again although a letter in force says otherwise."""
    letters = SettlementLetter.objects.exclude(status="voided").exclude(loan__status__in=SETTLED)
    return list(letters.order_by("pk").values_list("loan_id", flat=True)[:limit])


def _settlement_of(loan: Loan) -> Event | None:
    """Give the event that last said the loan was paid off, if it is so now."""
    if loan.status not in SETTLED:
        return None
    return Event.objects.filter(stream=loan.stream, action=PAID_OFF).order_by("-seq").first()


def _exists(loan: Loan, settlement: int) -> bool:
    return SettlementLetter.objects.filter(loan=loan, settlement=settlement).exists()


def _owes(loan: Loan, now: datetime) -> bool:
    """Ask the rows and not the status alone, for the letter says so in writing."""
    position = get_position(loan=loan, as_of=now.astimezone(lender_zone()).date())
    owed = position.snapshot.unpaid
    if owed:
        logger.error("loan %s is paid off and yet owes; no letter is made", loan.number)
    return bool(owed)


def _prepare(loan: Loan, event: Event, now: datetime) -> SettlementLetter:
    today = now.astimezone(lender_zone()).date()
    locale = loan.borrower.language
    letter = SettlementLetter(
        reference=f"SL-{today:%Y%m%d}-{codes.draw(6)}",
        loan=loan,
        settlement=event.seq,
        locale=locale,
        verify_code="-".join(codes.draw(4) for _part in range(3)),
        created_at=now,
    )
    letter.content = build_letter(
        SettlementFacts(
            reference=letter.reference,
            verify_code=letter.verify_code,
            verify_address=f"{settings.SITE_URL}/verify/",
            locale=locale,
            lender_name=settings.LENDER_NAME,
            lender_phone=settings.LENDER_PHONE,
            lender_email=settings.LENDER_EMAIL,
            borrower_name=loan.borrower.legal_name,
            borrower_reference=loan.borrower.reference,
            loan_number=loan.number,
            principal=loan.principal,
            currency=loan.currency,
            disbursed_on=loan.disbursed_on,
            settled_on=event.at.astimezone(lender_zone()).date(),
            as_of=today,
        )
    )
    return letter


def void_letter(letter: SettlementLetter, now: datetime) -> bool:
    """Make one letter void; the caller holds the transaction and the loan's lock."""
    changed = SettlementLetter.objects.filter(
        pk=letter.pk, status__in=SettlementLetter.TRANSITIONS[SettlementLetter.Status.VOIDED]
    ).update(status=SettlementLetter.Status.VOIDED, voided_at=now, claimed_at=None)
    if changed:
        record_letter(letter, "contracts.letter_voided", now)
    return bool(changed)


def record_letter(letter: SettlementLetter, action: str, now: datetime) -> None:
    """Put on the loan's record what became of a letter."""
    record_event(
        stream=letter.loan.stream,
        action=action,
        actor=None,
        at=now,
        payload={"reference": letter.reference},
    )

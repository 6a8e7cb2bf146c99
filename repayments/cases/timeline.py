"""Everything that happened on a case's loan, newest first, in sentences for staff.

Events are put into words by ``sentences``. Messages, payments, calls and notes come from their own
rows, with their state of today. Reads, writes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Prefetch
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from repayments.audit.models import Event
from repayments.cases.models import Case, CaseNote
from repayments.cases.reasons import gate_sentence, reason_sentence
from repayments.cases.sentences import event_sentence, purpose_words
from repayments.contacts.models import ContactAttempt, Decision, Message
from repayments.contracts.models import Contract
from repayments.money import format_money
from repayments.payments.models import Payment

PAGE_SIZE = 25
# Events of one moment are shown together, even where they pass the end of a page.
SAME_MOMENT = 25
# Streams of a loan's contracts that are read along.
MOST_STREAMS = 50


@dataclass(frozen=True)
class TimelineItem:
    """One thing that happened. ``kind`` is event, message, payment, call or note."""

    at: datetime
    kind: str
    text: str
    detail: str = ""
    actor: str = ""


@dataclass(frozen=True)
class TimelinePage:
    """``older`` is the place to go on from; empty where nothing is older."""

    items: list[TimelineItem]
    older: str


# Shown as rows of their own, with their state of today.
_SHOWN_AS_ROWS = frozenset(
    {"cases.noted", "cases.called", "payments.started", "payments.redirected", "payments.succeeded"}
)
_LOOKS = frozenset({"cases.viewed", "cases.queue_viewed", "plans.viewed_by_staff"})


def list_timeline(*, case: Case, before: str = "", page_size: int = PAGE_SIZE) -> TimelinePage:
    """Give one page of what happened, newest first.

    Args:
        case: read with its loan and borrower.
        before: ``older`` of the page before; one that cannot be read gives the newest.
    """
    place = _read_place(before)
    limit = page_size + SAME_MOMENT
    found: list[TimelineItem] = []
    for items in (_events, _messages, _payments, _calls, _notes):
        found += items(case, place, limit)
    found.sort(key=lambda item: item.at, reverse=True)
    shown = found[:page_size]
    while len(shown) < len(found) and found[len(shown)].at == shown[-1].at:
        shown.append(found[len(shown)])
    more = len(found) > len(shown)
    return TimelinePage(items=shown, older=_write_place(shown[-1].at) if more and shown else "")


def _events(case: Case, before: datetime | None, limit: int) -> Iterable[TimelineItem]:
    events = Event.objects.filter(stream__in=_streams(case)).exclude(
        action__in=_SHOWN_AS_ROWS | _LOOKS
    )
    if before:
        events = events.filter(at__lt=before)
    currency = case.loan.currency if case.loan else ""
    # A case about money without a loan has no other stream than its own.
    for event in events.select_related("actor").order_by("-at", "-pk")[:limit]:
        yield TimelineItem(
            at=event.at,
            kind="event",
            text=event_sentence(event.action, event.payload, currency=currency),
            detail=_event_detail(event),
            actor=str(event.actor or ""),
        )


def _streams(case: Case) -> list[str]:
    if case.loan is None:
        return [case.stream]
    contracts = Contract.objects.filter(loan=case.loan).order_by("-pk")
    return [
        case.loan.stream,
        *(
            f"contract:{key}"
            for key in contracts.values_list("public_id", flat=True)[:MOST_STREAMS]
        ),
    ]


# Events whose "reason" is somebody's own words.
_WORDED = frozenset(
    {
        "cases.waiting",
        "cases.reassigned",
        "cases.reopened",
        "contacts.hold_lifted",
        "contacts.message_marked_sent",
        "contacts.message_sent_again",
        "contracts.declined",
        "contracts.voided",
        "loans.fee_charged",
        "loans.charge_waived",
        "plans.accepted",
        "plans.countered",
        "plans.declined",
    }
)


def _event_detail(event: Event) -> str:
    payload = event.payload
    if event.action == "cases.opened":
        return reason_sentence(str(payload.get("reason", "")), payload.get("facts") or {})
    if event.action == "cases.closed":
        return str(payload.get("note") or "")
    return str(payload.get("reason") or "") if event.action in _WORDED else ""


def _messages(case: Case, before: datetime | None, limit: int) -> Iterable[TimelineItem]:
    if case.loan is None:
        return
    messages = Message.objects.filter(subject=case.loan.stream)
    if before:
        messages = messages.filter(created_at__lt=before)
    decisions = Prefetch("decisions", Decision.objects.order_by("pk"))
    zone = case.loan.borrower.time_zone
    for message in messages.prefetch_related(decisions).order_by("-created_at", "-pk")[:limit]:
        latest = next(reversed(message.decisions.all()), None)
        yield TimelineItem(
            at=message.created_at,
            kind="message",
            text=_("%(channel)s: %(purpose)s (%(status)s)")
            % {
                "channel": message.get_channel_display(),
                "purpose": purpose_words(message.purpose),
                "status": message.get_status_display(),
            },
            detail=_gate_words(latest, zone) or message.error,
        )


def _gate_words(decision: Decision | None, zone: str) -> str:
    if decision is None or not decision.code:
        return ""
    return gate_sentence(decision.code, until=decision.until, zone=zone)


def _payments(case: Case, before: datetime | None, limit: int) -> Iterable[TimelineItem]:
    if case.loan is None:
        return
    payments = Payment.objects.filter(loan=case.loan)
    if before:
        payments = payments.filter(created_at__lt=before)
    for payment in payments.order_by("-created_at", "-pk")[:limit]:
        amount = payment.amount if payment.amount_received is None else payment.amount_received
        yield TimelineItem(
            at=payment.created_at,
            kind="payment",
            text=_("Payment of %(amount)s: %(status)s")
            % {
                "amount": format_money(amount, payment.currency, get_language() or "en"),
                "status": payment.get_status_display(),
            },
            detail=payment.decline_code or payment.error_code,
        )


def _calls(case: Case, before: datetime | None, limit: int) -> Iterable[TimelineItem]:
    if case.loan is None:
        return
    attempts = ContactAttempt.objects.filter(subject=case.loan.stream)
    if before:
        attempts = attempts.filter(at__lt=before)
    for attempt in attempts.select_related("actor").order_by("-at", "-pk")[:limit]:
        yield TimelineItem(
            at=attempt.at,
            kind="call",
            text=f"{attempt.get_channel_display()}: {attempt.get_outcome_display()}",
            detail=attempt.note,
            actor=attempt.on_behalf_of or str(attempt.actor),
        )


def _notes(case: Case, before: datetime | None, limit: int) -> Iterable[TimelineItem]:
    notes = CaseNote.objects.filter(case__loan=case.loan) if case.loan else case.notes.all()
    if before:
        notes = notes.filter(created_at__lt=before)
    for note in notes.select_related("author").order_by("-created_at", "-pk")[:limit]:
        yield TimelineItem(
            at=note.created_at,
            kind="note",
            text=_("Note"),
            detail=note.text,
            actor=str(note.author),
        )


def _write_place(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S%f")


def _read_place(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        return None

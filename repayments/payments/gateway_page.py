"""What the operator's page shows: everything of the gateway that waits, and what to do about it.

Each part is a bounded read: a part with more rows than are shown says so. Reads, writes nothing.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from repayments.payments import gateway
from repayments.payments.models import (
    ClearingCheck,
    FailedCall,
    GatewayEvent,
    Payment,
    Provider,
    Refund,
    Suspense,
    Watermark,
)
from repayments.templatetags.amounts import day, money_text

SHOWN = 20
STALE_PAYMENT = timedelta(minutes=15)
STALE_REFUND = timedelta(days=1)
# The reconciler runs each ten minutes: two runs that were missed are worth a word.
STALE_WATERMARK = timedelta(minutes=30)
CHECKS_SHOWN, CALLS_SHOWN = 10, 20
KEY_KINDS = {
    "live secret": gettext_lazy("live, secret"),
    "live restricted": gettext_lazy("live, restricted"),
    "test secret": gettext_lazy("test, secret"),
    "test restricted": gettext_lazy("test, restricted"),
}


@dataclass(frozen=True)
class Row:
    """One thing that waits. ``at``: since when; ``url`` leads to its own page."""

    at: datetime
    text: str
    detail: str = ""
    url: str = ""


@dataclass(frozen=True)
class Part:
    """One kind of thing that waits, in words, and the act that works it; "" where there is none."""

    name: str
    title: str
    meaning: str
    rows: list[Row]
    act: str = ""
    act_label: str = ""

    @property
    def shown(self) -> list[Row]:
        return self.rows[:SHOWN]

    @property
    def has_more(self) -> bool:
        return len(self.rows) > SHOWN


@dataclass(frozen=True)
class GatewayPage:
    key: str
    is_live: bool
    secrets: int
    address: str
    seen_until: datetime | None
    is_behind: bool
    parts: list[Part]
    checks: list[ClearingCheck] = field(default_factory=list)
    calls: list[FailedCall] = field(default_factory=list)


def get_gateway_page(*, now: datetime) -> GatewayPage:
    """Gather the page; seven reads, whatever the number of rows."""
    seen = Watermark.objects.filter(provider=Provider.STRIPE).first()
    age = gateway.clock() - seen.seen_until if seen else None
    kind = gateway.key_kind()
    return GatewayPage(
        key=str(KEY_KINDS.get(kind, kind and _("of an unknown kind"))),
        is_live=gateway.is_live(),
        secrets=len([one for one in settings.STRIPE_WEBHOOK_SECRETS if one.strip()]),
        address=settings.STRIPE_API_BASE,
        seen_until=seen.seen_until if seen else None,
        is_behind=age is None or age > STALE_WATERMARK,
        parts=[_events(), _payments(now), _refunds(now), _suspense()],
        checks=list(ClearingCheck.objects.order_by("-date", "currency")[:CHECKS_SHOWN]),
        calls=list(FailedCall.objects.order_by("-at")[:CALLS_SHOWN]),
    )


def list_stale_payments(now: datetime) -> list[Payment]:
    """Attempts of which no end is known for too long, oldest first; one more than is shown."""
    rows = Payment.objects.under_way().filter(
        Q(updated_at__lt=now - STALE_PAYMENT) | Q(status=Payment.Status.UNKNOWN),
        provider=Provider.STRIPE,
    )
    return list(rows.select_related("loan").order_by("updated_at")[: SHOWN + 1])


def list_stale_refunds(now: datetime) -> list[Refund]:
    """Refunds whose end is not known, or that are on their way for long; one more than shown."""
    rows = Refund.objects.filter(
        Q(status=Refund.Status.UNKNOWN)
        | Q(
            status__in=[Refund.Status.APPROVED, Refund.Status.PENDING],
            updated_at__lt=now - STALE_REFUND,
        )
    )
    return list(rows.order_by("updated_at")[: SHOWN + 1])


def _events() -> Part:
    found = GatewayEvent.objects.unprocessed().order_by("received_at")
    rows = found.only("received_at", "type", "object_id", "attempts", "error")[: SHOWN + 1]
    return Part(
        "events",
        _("Events not worked yet"),
        _(
            "The gateway told of these and they are not in the books yet. They are worked within a "
            "minute; one with an error is tried again up to 20 times, then waits for this button."
        ),
        [
            Row(
                row.received_at,
                f"{row.type} {row.object_id}",
                " · ".join(filter(None, [_tries(row.attempts), row.error])),
            )
            for row in rows
        ],
        "events",
        _("Work all of them again"),
    )


def _tries(attempts: int) -> str:
    return _("tries: {count}").format(count=attempts) if attempts else ""


def _payments(now: datetime) -> Part:
    return Part(
        "payments",
        _("Payments without an end"),
        _(
            "Begun, and neither received nor ended for over 15 minutes, or the gateway's answer "
            "was lost. While one is not known, its borrower is not asked to pay again."
        ),
        [
            Row(
                row.updated_at,
                f"{row.loan.number}: {money_text(row.amount, row.currency)}",
                str(row.get_status_display()),
            )
            for row in list_stale_payments(now)
        ],
        "payments",
        _("Ask the gateway about them"),
    )


def _refunds(now: datetime) -> Part:
    return Part(
        "refunds",
        _("Refunds without an end"),
        _(
            "Whether these were sent is not known, or they are on their way for over a day. Asking "
            "again never sends one twice."
        ),
        [
            Row(row.updated_at, money_text(row.amount, row.currency), str(row.get_status_display()))
            for row in list_stale_refunds(now)
        ],
        "refunds",
        _("Ask the gateway about them"),
    )


def _suspense() -> Part:
    rows = Suspense.objects.filter(resolved_at__isnull=True).select_related("owner")
    return Part(
        "suspense",
        _("Unmatched money"),
        _("Received, and fits no loan. A person posts it to a loan or sends it back."),
        [
            Row(
                row.opened_at,
                f"{money_text(row.amount, row.currency)}: {row.get_cause_display()}",
                str(row.owner) if row.owner else _("nobody has it"),
            )
            for row in rows.order_by("opened_at")[: SHOWN + 1]
        ],
    )


def describe_difference(row: dict[str, object], currency: str) -> str:
    """Put one difference of a clearing check into words."""
    return _("{object}: {gateway} at the gateway, {books} in the books").format(
        object=row.get("object"),
        gateway=money_text(int(str(row.get("gateway") or 0)), currency),
        books=money_text(int(str(row.get("books") or 0)), currency),
    )


def describe_check(check: ClearingCheck) -> str:
    """Say on one line how a day compares."""
    if not check.differences:
        return _("{day}: {amount}, the same on both sides").format(
            day=day(check.date), amount=money_text(check.gateway_total, check.currency)
        )
    return _("{day}: {gateway} at the gateway, {books} in the books").format(
        day=day(check.date),
        gateway=money_text(check.gateway_total, check.currency),
        books=money_text(check.books_total, check.currency),
    )

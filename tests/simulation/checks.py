"""What must hold after each step, and at the end, when all has been delivered and reconciled.

The books are held against the gateway's model: whatever the product thinks of itself, its clearing
postings are the money the gateway holds. Numbers are those of the product's invariants.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Sum

from repayments.audit.services import verify_audit
from repayments.cases.models import Case
from repayments.cases.services import open_signaled_cases
from repayments.contacts.models import Message
from repayments.ledger.models import Account, Book, JournalEntry, Posting
from repayments.management import invariants
from repayments.payments.gateway import EVENT_TYPES
from repayments.payments.models import Dispute, GatewayEvent, Payment, Refund, Suspense
from repayments.payments.services.settle import is_settled_type
from tests.simulation import checks_autopay, checks_bank, checks_promises, clearing
from tests.simulation.world import Broken

if TYPE_CHECKING:
    from tests.simulation.world import World

Status = Payment.Status
ENDED = (Status.FAILED, Status.CANCELED, Status.EXPIRED)
# Of the product's own checks those that a payment can break.
BOOKS = (
    invariants._books_add_up,
    invariants._books_agree_with_schedules,
    invariants._caches_agree_with_schedules,
    invariants._payments_are_posted_once,
    invariants._no_balance_is_on_the_wrong_side,
    invariants._schedules_repay_the_principal,
    invariants._paid_rows_are_backed,
)
# Written out here: a product whose table of transitions is wrong must not be judged by it.
REACHED_FROM = {
    Status.FAILED: {Status.SUCCEEDED},
    Status.CANCELED: {Status.SUCCEEDED},
    Status.EXPIRED: {Status.SUCCEEDED},
    Status.PROCESSING: {Status.SUCCEEDED, Status.FAILED, Status.CANCELED},
    Status.SUCCEEDED: set(),
}


def after_a_step(world: "World") -> None:
    """Hold everything that holds at every moment."""
    if world.gateway.misused_keys:
        raise Broken(f"14: a key was used for two calls: {world.gateway.misused_keys}")
    written = _count_writes()
    if written is not None and written == world.writes:
        return
    world.writes = written
    _states_only_go_forward(world)
    if world.charged:
        checks_autopay.due_dates_are_taken_once(world)
    if world.bank.credits:
        checks_bank.each_credit_is_taken_in_once(world)
    written = Book.objects.aggregate(total=Sum("last_seq"))["total"]
    if written == world.written:
        return
    world.written = written
    for check in BOOKS:
        for breach in check(world.now):
            raise Broken(f"{breach.invariant}: {breach.row}: {breach.reason}")
    _entries_are_the_gateways(world)


def _count_writes() -> int | None:
    """How many rows SQLite has written so far; another engine does not say."""
    return getattr(connection.connection, "total_changes", None)


def at_the_end(world: "World") -> None:
    """Hold that nothing is left to do, and that books and gateway agree to the cent."""
    waiting = [
        event.event_id
        for event in GatewayEvent.objects.unprocessed()
        if event.type in EVENT_TYPES and is_settled_type(event.object_type)
    ]
    if waiting:
        raise Broken(f"events rest unprocessed: {waiting}")
    for payment in Payment.objects.under_way():
        if not Suspense.objects.filter(payment=payment).exists():
            raise Broken(f"{world.call_name(payment.public_id)} is {payment.status} for ever")
    _every_success_has_one_place(world)
    _money_is_the_same(world)
    _each_payment_was_told_once(world)
    _unmatched_money_has_a_case(world)
    checks_autopay.nothing_of_autopay_is_left(world)
    checks_bank.each_credit_has_its_place(world)
    checks_promises.promises_are_kept_or_broken(world)
    checks_promises.quotes_are_honored(world)
    checks_promises.nothing_is_waived_unasked(world)
    clearing.no_day_differs(world)
    fault = verify_audit()
    if fault is not None:
        raise Broken(f"2: event {fault.stream} #{fault.seq}: {fault.reason}")


def _states_only_go_forward(world: "World") -> None:
    rows = Payment.objects.values_list("pk", "public_id", "status", "loan_id")
    open_of = defaultdict(list)
    for pk, public_id, status, loan_id in rows:
        before = world.statuses.get(pk, status)
        name = world.call_name(public_id)
        if before != status and status not in REACHED_FROM.get(Status(before), {status}):
            raise Broken(f"10: {name} went from {before} to {status}")
        world.statuses[pk] = status
        if status in ("created", "unknown", "redirected", "action_required"):
            open_of[loan_id].append(name)
    for loan_id, names in open_of.items():
        if len(names) > 1:
            raise Broken(f"loan {loan_id} has {len(names)} open attempts: {names}")


def _entries_are_the_gateways(world: "World") -> None:
    """Every payment in the books is one charge of the gateway's, to the cent, in one book."""
    posted = _posted_payments()
    for object_id, lines in posted.items():
        if len(lines) > 1:
            raise Broken(f"3: {object_id} is posted {len(lines)} times: {lines}")
        if object_id.startswith("bank:"):
            # Each of the bank's lines is held against its own row.
            continue
        intent = world.gateway.intents.get(object_id)
        amount, currency = lines[0]
        if intent is None or (intent.received, intent.currency) != (amount, currency):
            truth = f"{intent.received} {intent.currency}" if intent else "nothing"
            raise Broken(f"3: {object_id} posted {amount} {currency}, the gateway has {truth}")


def _posted_payments() -> dict[str, list[tuple[int, str]]]:
    """Amount and currency of every payment in the books, by the gateway's object."""
    posted: dict[str, list[tuple[int, str]]] = defaultdict(list)
    rows = Posting.objects.filter(
        entry__kind=JournalEntry.Kind.PAYMENT, account=Account.CLEARING
    ).values_list("entry__reference", "amount", "entry__book__currency")
    for reference, amount, currency in rows:
        posted[reference].append((amount, currency))
    return posted


def _every_success_has_one_place(world: "World") -> None:
    posted = _posted_payments()
    rest = Suspense.objects.exclude(resolution=Suspense.Resolution.POSTED)
    resting = set(rest.values_list("object_id", flat=True))
    for intent in world.gateway.intents.values():
        places = len(posted.get(intent.id, [])) + (intent.id in resting)
        due = 1 if intent.status == "succeeded" else 0
        if places != due:
            raise Broken(f"3: {intent.id} is {intent.status} and has {places} places in the books")


def _money_is_the_same(world: "World") -> None:
    """Clearing and what rests unmatched are the gateway's balance, currency by currency."""
    ours: dict[str, int] = defaultdict(int)
    moved = Posting.objects.filter(account=Account.CLEARING).exclude(
        entry__kind=JournalEntry.Kind.DISBURSEMENT
    )
    for currency, amount in moved.values_list("entry__book__currency", "amount"):
        ours[currency] += amount
    for currency, amount in _resting():
        ours[currency] += amount
    theirs = world.gateway.balance()
    for currency, amount in world.bank.received().items():
        theirs[currency] = theirs.get(currency, 0) + amount
    # A bank takes unmatched money from no book and from no row: its dispute alone tells of it.
    for dispute in world.gateway.disputes.values():
        if Dispute.objects.filter(dispute_id=dispute.id, payment__isnull=True).exists():
            if Payment.objects.filter(intent_id=dispute.intent.id, entry__isnull=False).exists():
                raise Broken(f"{dispute.id} is about a payment that does not know of it")
            ours[dispute.intent.currency] += dispute.reinstated - dispute.withdrawn
    for currency in {*ours, *theirs}:
        if ours[currency] != theirs.get(currency, 0):
            raise Broken(
                f"4: {currency}: the books say {ours[currency]}, "
                f"gateway and bank {theirs.get(currency, 0)}"
            )


def _resting() -> Iterator[tuple[str, int]]:
    """Money that no book holds, less what of it went back or was taken."""
    rest = Suspense.objects.exclude(resolution=Suspense.Resolution.POSTED)
    yield from rest.values_list("currency", "amount")
    sent = Refund.objects.filter(suspense__isnull=False, status=Refund.Status.SUCCEEDED)
    for currency, amount in sent.values_list("currency", "amount"):
        yield currency, -amount


def _each_payment_was_told_once(world: "World") -> None:
    told = Message.objects.filter(business_key__startswith="payment_received:").count()
    received = Payment.objects.filter(entry__isnull=False).count()
    if told != received:
        raise Broken(f"{received} payments were received, {told} receipts written")


def _unmatched_money_has_a_case(world: "World") -> None:
    waiting = Suspense.objects.filter(resolved_at__isnull=True)
    if not world.has_office or not waiting.exists():
        return
    open_signaled_cases(now=world.now)
    homeless = waiting.exclude(pk__in=Case.objects.open().values("suspense")).first()
    if homeless is not None:
        raise Broken(f"{homeless.object_id} rests, and nobody is asked")


# --- What a single step is held to --------------------------------------------------------------


def only_one_page_is_open(world: "World", payment: Payment) -> None:
    """Whoever is sent to a page can pay there, and nowhere else for the same loan."""
    loan = str(payment.loan.public_id)
    # A page whose attempt was paid by another way is forgotten; what comes by it rests.
    paid = {
        str(name)
        for name in Payment.objects.filter(entry__isnull=False).values_list("public_id", flat=True)
    }
    pages = [
        session.id
        for session in world.gateway.sessions.values()
        if session.request.loan == loan and session.status == "open" and session.name not in paid
    ]
    if payment.session_id in pages and len(pages) > 1:
        raise Broken(f"loan {payment.loan_id} can be paid at {pages}")


def news_is_fresh(world: "World", event_id: str) -> None:
    """After an event was worked undisturbed, the row says what the gateway says now."""
    event = world.gateway.events[event_id]
    if event.object_type in ("refund", "dispute"):
        _money_back_is_fresh(world, event.object_type, event.object_id)
        return
    if event.object_type == "payment_method":
        checks_autopay.card_is_fresh(world, event.object_id)
        return
    sessions = world.gateway.sessions
    if event.object_type == "setup_intent" or event.object_id in world.gateway.setup_pages:
        return
    if event.object_type == "payment_intent":
        session = sessions.get(world.gateway.intents[event.object_id].session_id)
    else:
        session = sessions[event.object_id]
    if session is None or Suspense.objects.filter(payment__public_id=session.name).exists():
        return
    payment = Payment.objects.get(public_id=session.name)
    intent = session.intent
    if payment.entry_id is not None or (
        intent is not None and intent.metadata != session.metadata()
    ):
        return
    status = intent.status if intent is not None else ""
    if status == "succeeded":
        expected = {Status.SUCCEEDED}
    elif session.status == "expired" or payment.status in ENDED:
        expected = set(ENDED)
    elif session.status == "complete":
        expected = {Status.FAILED} if status == "requires_payment_method" else {Status.PROCESSING}
    elif status == "requires_action":
        expected = {Status.ACTION_REQUIRED}
    else:
        expected = {Status.REDIRECTED}
    if not payment.session_id:
        # Its page's answer was lost, and the reconciler has not asked yet.
        expected |= {Status.CREATED, Status.UNKNOWN}
    if payment.status not in expected:
        raise Broken(
            f"after {event_id} {world.call_name(session.name)} is {payment.status}, "
            f"the gateway says {session.status} {status}"
        )


def _money_back_is_fresh(world: "World", object_type: str, object_id: str) -> None:
    rows: Any
    if object_type == "refund":
        truth = world.gateway.refunds[object_id].status
        rows = Refund.objects.filter(refund_id=object_id)
    else:
        truth = world.gateway.disputes[object_id].status
        rows = Dispute.objects.filter(dispute_id=object_id)
    status = rows.values_list("status", flat=True).first()
    if status != truth:
        raise Broken(f"{object_id} is {status}, the gateway says {truth}")


def reconciled_without_surprise(run: Any) -> None:
    """What a run could not work is the gateway's trouble, nothing else."""
    for error in run.errors:
        if "GatewayTimeout" not in error and "GatewayBusy" not in error:
            raise Broken(f"the reconciler met {error}")

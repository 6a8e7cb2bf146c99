"""Who acts in a world: borrowers, payers at the gateway's pages, the Dashboard, workers, the clock.

A step draws what to do, does it through the product's services, and says it in one line; "" where
there was nothing to do. What the services refuse is part of life; anything else they raise ends the
seed.
"""

from datetime import timedelta
from typing import Any

from repayments.close import close_day
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.loans.services import LoanNotActive, quote_payoff
from repayments.payments import services
from repayments.payments.gateway import GatewayError, UnverifiedEvent
from repayments.payments.models import Payment
from repayments.payments.services import EventBeingWorked, PaymentRefused
from tests.simulation import checks
from tests.simulation.gateway_objects import SIGNED, Intent, Session, body_of
from tests.simulation.world import World

DECLINES = ("insufficient_funds", "generic_decline", "expired_card")
ROUND_AMOUNT = 10_000
WALLETS = ("alipay", "wechat_pay")


# --- Borrowers ----------------------------------------------------------------------------------


def borrower_presses_pay(world: World) -> str:
    """Choose what to pay, or send a review that has been open in another tab for a while."""
    wish: dict[str, Any] | None
    if world.wishes and world.rng.random() < 0.4:
        wish = world.rng.choice(world.wishes)
    else:
        wish = _choose(world)
    if wish is None:
        return ""
    world.wishes.append(wish)
    return press(world, wish)


def press(world: World, wish: dict[str, Any]) -> str:
    """Send a review; the product gives a page, or says why not."""
    number = next(loan.number for loan in world.loans if loan.pk == wish["loan_id"])
    asked = f"{wish['purpose']} {wish['amount']} on loan {number}"
    try:
        payment = services.start_payment(**wish, language="en", actor=None, now=world.now)
    except PaymentRefused as refusal:
        return f"{asked}: {type(refusal).__name__}"
    checks.only_one_page_is_open(world, payment)
    return f"{asked}: {world.call_name(payment.public_id)} at {payment.session_id}"


def _choose(world: World) -> dict[str, Any] | None:
    loan = world.rng.choice(world.loans)
    loan = Loan.objects.select_related("product", "book").get(pk=loan.pk)
    position = get_position(loan=loan, as_of=world.today)
    purpose = world.rng.choice(Payment.Purpose.values)
    quote_id = None
    if purpose == Payment.Purpose.PAYOFF:
        try:
            quote = quote_payoff(
                loan_id=loan.pk, good_through=world.today, actor=None, now=world.now
            )
        except LoanNotActive:
            return None
        quote_id, amount = quote.pk, quote.total
    elif purpose == Payment.Purpose.PAST_DUE:
        amount = position.past_due_amount
    elif purpose == Payment.Purpose.NEXT:
        amount = position.next_due_amount
    else:
        # People like round amounts, so two attempts are often over the same.
        any_amount = world.rng.randint(1, max(position.payoff_amount, 1))
        amount = world.rng.choice((ROUND_AMOUNT, ROUND_AMOUNT, any_amount))
    if amount < 1:
        return None
    return {
        "loan_id": loan.pk,
        "purpose": purpose,
        "amount": amount,
        "payoff_quote_id": quote_id,
    }


def borrower_returns(world: World) -> str:
    """The return page asks how the payment stands; so it does after "cancel"."""
    payment = world.pick(Payment.objects.order_by("pk"))
    if payment is None:
        return ""
    name = world.call_name(payment.public_id)
    try:
        found = services.resolve_payment(payment_id=payment.pk, now=world.now)
    except GatewayError as error:
        return f"{name}: {error}"
    return f"{name} is {found.status}"


# --- Payers at the gateway's pages --------------------------------------------------------------


def payer_uses_a_page(world: World) -> str:
    """Pay, be declined, confirm or leave, on a page that may be of an older tab."""
    pages = [one for one in world.gateway.sessions.values() if one.status == "open"]
    if not pages:
        return ""
    session = world.rng.choice(pages)
    intent = session.intent
    if intent is not None and intent.lands_at is not None:
        return ""
    named = f"{session.id} of {world.call_name(session.name)}"
    if intent is not None and intent.status == "requires_action":
        return f"{named}: {_confirm(world, intent)}"
    return f"{named}: {_pay(world, session)}"


def _confirm(world: World, intent: Intent) -> str:
    if world.rng.random() < 0.7:
        return _take(world, intent)
    world.gateway.decline(intent, "authentication_required")
    return f"{intent.id} is not confirmed"


def _pay(world: World, session: Session) -> str:
    rng, gateway = world.rng, world.gateway
    method = rng.choice(("card", "card", *WALLETS))
    intent = gateway.begin(session, method)
    if world.odds("odd_amount"):
        intent.odd_amount = max(1, intent.amount + rng.choice((-1, 1, -50)))
    if world.odds("odd_currency"):
        intent.currency = "EUR"
    what = rng.choice(("take", "take", "take", "decline", "confirm", "later", "slow"))
    if what == "decline":
        code = rng.choice(DECLINES)
        gateway.decline(intent, code)
        return f"{intent.id} declined, {code}"
    if what == "confirm":
        gateway.ask_confirmation(intent)
        return f"{intent.id} asks to confirm"
    if what == "later" and method in WALLETS:
        until = world.now + timedelta(hours=rng.uniform(0.1, 70))
        will_succeed = rng.random() < 0.7
        gateway.wait_for_money(intent, until, will_succeed=will_succeed)
        world.seen["paid_later"] += 1
        return f"{intent.id} will {'come' if will_succeed else 'fail'} by {until:%m-%d %H:%M}"
    if what == "slow":
        gateway.fly(intent, world.now + timedelta(minutes=rng.uniform(0, 40)))
        return f"{intent.id} is on its way, the page stays open"
    return _take(world, intent)


def _take(world: World, intent: Intent) -> str:
    world.gateway.succeed(intent)
    return f"{intent.id} took {intent.received} {intent.currency} by {intent.method}"


# --- The gateway's Dashboard --------------------------------------------------------------------


def dashboard_meddles(world: World) -> str:
    """Somebody changes metadata or charges a card there, by mistake or for a reason."""
    rng, gateway = world.rng, world.gateway
    if world.strength == 0 or not gateway.intents:
        return ""
    intent = rng.choice(list(gateway.intents.values()))
    session = gateway.sessions.get(intent.session_id)
    what = rng.choice(("empty", "swap", "mend", "charge"))
    world.seen[f"dashboard_{what}"] += 1
    if what == "empty":
        intent.metadata.clear()
        return f"{intent.id} loses its metadata"
    if what == "swap":
        # Of an attempt over the same amount, if there is one: that looks right.
        others = [one for one in gateway.sessions.values() if one is not session]
        of_intent = (intent.amount, intent.currency)
        alike = [one for one in others if (one.request.amount, one.request.currency) == of_intent]
        other = rng.choice(alike or others or [session])
        if other is None:
            return ""
        intent.metadata = other.metadata()
        return f"{intent.id} gets the metadata of {other.id}"
    if what == "mend":
        wrong = [
            one
            for one in gateway.intents.values()
            if one.session_id and one.metadata != gateway.sessions[one.session_id].metadata()
        ]
        if not wrong:
            return ""
        intent = rng.choice(wrong)
        session = gateway.sessions[intent.session_id]
        intent.metadata = session.metadata()
        return f"{intent.id} has its own metadata"
    metadata = rng.choice(({}, intent.metadata))
    made = gateway.charge_by_hand(intent.amount, intent.currency, metadata)
    named = f"as {world.call_name(metadata['payment'])}" if metadata else "for nobody"
    return f"{made.id} is charged by hand, {made.received} {made.currency}, {named}"


# --- Events and workers -------------------------------------------------------------------------


def gateway_delivers(world: World) -> str:
    """Bring one event that is due, in any order; its task may never be worked."""
    ready = [
        event for event in world.gateway.events.values() if event.due and event.due[0] <= world.now
    ]
    if not ready:
        return ""
    event = world.rng.choice(ready)
    event.due.pop(0)
    services.receive_event(body=body_of(event.id), signature=SIGNED, now=world.now)
    if not world.odds("task_lost"):
        world.queue.append(event.id)
    return f"{event.id} {event.type} {event.object_id}"


def worker_takes_a_task(world: World) -> str:
    """Work any event that waits in the queue."""
    if not world.queue:
        return ""
    event_id = world.queue.pop(world.rng.randrange(len(world.queue)))
    return _work(world, event_id)


def _work(world: World, event_id: str) -> str:
    changes, now = world.gateway.changes, world.now
    steps = len(world.story)
    try:
        services.process_event(event_id=event_id, now=world.now)
    except (EventBeingWorked, GatewayError) as error:
        return f"{event_id}: {type(error).__name__}"
    if (changes, now, steps) == (world.gateway.changes, world.now, len(world.story)):
        checks.news_is_fresh(world, event_id)
    return f"{event_id} worked"


def worker_sweeps(world: World) -> str:
    """Put all events that nobody works on into the queue again."""
    found = services.list_waiting_events(now=world.now)
    world.queue.extend(found)
    return f"{len(found)} found" if found else ""


def stranger_forges_an_event(world: World) -> str:
    """A body that the gateway did not sign."""
    if not world.gateway.events:
        return ""
    event = world.rng.choice(list(world.gateway.events))
    try:
        services.receive_event(body=body_of(event), signature="forged", now=world.now)
    except UnverifiedEvent:
        return f"{event} refused"
    raise AssertionError("a forged event was kept")


def reconciler_runs(world: World) -> str:
    """Look for what was missed."""
    try:
        run = services.reconcile(now=world.now, nightly=world.is_calm or world.rng.random() < 0.2)
    except GatewayError as error:
        return str(error)
    checks.reconciled_without_surprise(run)
    return f"{run.events} events, {run.intents} intents, {run.payments} payments"


# --- Time ---------------------------------------------------------------------------------------


def time_passes(world: World) -> str:
    """Some minutes or hours."""
    world.pass_time(minutes=world.rng.choice((1, 3, 10, 25, 40, 200)))
    return f"it is {world.now:%H:%M}"


def night_falls(world: World) -> str:
    """A day or a few go by; the day that began is closed."""
    if world.depth > 1:
        return ""
    world.pass_time(hours=24 * world.rng.choice((1, 1, 2, 9)))
    return close_the_day(world)


def close_the_day(world: World) -> str:
    """Close the day that began, once."""
    if world.today <= world.closed_on:
        return ""
    world.closed_on = world.today
    report = close_day(as_of=world.today, now=world.now)
    return f"{world.today} closed, {report.written}"


STEPS = [
    (borrower_presses_pay, 12),
    (payer_uses_a_page, 24),
    (borrower_returns, 4),
    (dashboard_meddles, 6),
    (gateway_delivers, 24),
    (worker_takes_a_task, 22),
    (worker_sweeps, 3),
    (stranger_forges_an_event, 1),
    (reconciler_runs, 2),
    (time_passes, 10),
    (night_falls, 2),
]

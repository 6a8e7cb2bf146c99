"""Steps by which money goes back or finds its place: staff, the Dashboard, payers' banks."""

from typing import Any

from repayments.payments import services
from repayments.payments.gateway import GatewayError, GatewayRefused
from repayments.payments.models import Payment, Refund, Suspense
from repayments.payments.services import RefundRefused, SuspenseRefused
from tests.simulation.world import World


def staff_proposes_a_refund(world: World) -> str:
    """Of a payment or of unmatched money, at times of more than is there."""
    payment = world.pick(Payment.objects.filter(entry__isnull=False).order_by("pk"))
    suspense = None
    if payment is None or world.rng.random() < 0.3:
        suspense = world.pick(Suspense.objects.order_by("pk"))
    source = suspense or payment
    if source is None:
        return ""
    amount = world.rng.choice((source.amount, world.rng.randint(1, source.amount)))
    amount += world.rng.choice((0, 0, 0, 1))
    name = _name(world, source)
    try:
        refund = services.propose_refund(
            amount=amount,
            reason=Refund.Reason.MISTAKE,
            note="simulated",
            actor=world.staff[0],
            origin=Refund.Origin.STAFF,
            now=world.now,
            payment_id=payment.pk if suspense is None else None,
            suspense_id=suspense.pk if suspense is not None else None,
        )
    except RefundRefused as refusal:
        return f"{amount} of {name}: {type(refusal).__name__}"
    return f"{amount} of {name}: {world.refund_name(refund.public_id)} {refund.status}"


def staff_decides_on_a_refund(world: World) -> str:
    """Approve or decline; who proposed it may not approve."""
    refund = world.pick(Refund.objects.filter(status=Refund.Status.PROPOSED).order_by("pk"))
    if refund is None:
        return ""
    name = world.refund_name(refund.public_id)
    act: Any = world.rng.choice(
        (services.approve_refund, services.approve_refund, services.decline_refund)
    )
    actor = world.rng.choice((*world.staff, world.staff[1]))
    try:
        act(refund_id=refund.pk, note="simulated", actor=actor, now=world.now)
    except RefundRefused as refusal:
        return f"{name}: {type(refusal).__name__}"
    return f"{name}: {act.__name__}"


def worker_sends_a_refund(world: World) -> str:
    """Send what was approved, or ask about one whose answer was lost; at times twice."""
    sendable = Refund.objects.exclude(status=Refund.Status.PROPOSED)
    refund = world.pick(sendable.exclude(origin=Refund.Origin.GATEWAY).order_by("pk"))
    if refund is None:
        return ""
    name = world.refund_name(refund.public_id)
    try:
        sent = services.send_refund(refund_id=refund.pk, now=world.now)
    except GatewayError as error:
        return f"{name}: {error}"
    return f"{name}: {sent.status} {sent.refund_id or sent.failure}"


def staff_places_unmatched_money(world: World) -> str:
    """Post what rests to a loan, the right one or not."""
    suspense = world.pick(Suspense.objects.order_by("pk"))
    return place(world, suspense) if suspense is not None else ""


def place(world: World, suspense: Suspense) -> str:
    loan = world.rng.choice(world.loans)
    try:
        payment = services.resolve_suspense_to_loan(
            suspense_id=suspense.pk,
            loan_id=loan.pk,
            reason="simulated",
            actor=world.staff[0],
            now=world.now,
        )
    except SuspenseRefused as refusal:
        return f"{suspense.object_id} to loan {loan.number}: {type(refusal).__name__}"
    return f"{suspense.object_id} to loan {loan.number} as {world.call_name(payment.public_id)}"


def dashboard_refunds(world: World) -> str:
    """Somebody sends money back in the gateway's own pages."""
    intent = _taken(world)
    if intent is None:
        return ""
    left = world.gateway.left(intent)
    if left < 1:
        return ""
    amount = world.rng.choice((left, world.rng.randint(1, left)))
    try:
        refund = world.gateway.send_back(intent, amount, {})
    except GatewayRefused as refusal:
        return f"{amount} of {intent.id}: {refusal.code}"
    return f"{amount} of {intent.id}: {refund.id} {refund.status}"


def bank_ends_a_refund(world: World) -> str:
    """A pending refund arrives or fails; one that had arrived comes back."""
    live = [one for one in world.gateway.refunds.values() if one.is_live]
    if not live:
        return ""
    refund = world.rng.choice(live)
    succeeds = refund.status == "pending" and world.rng.random() < 0.6
    world.gateway.end_refund(refund, succeeds=succeeds)
    return f"{refund.id} {refund.status}"


def bank_disputes(world: World) -> str:
    """Question a charge, take the money, give it back or keep it."""
    rng, gateway = world.rng, world.gateway
    running = [one for one in gateway.disputes.values() if one.status in GOING_ON]
    if running and rng.random() < 0.7:
        dispute = rng.choice(running)
        if dispute.status.startswith("warning"):
            gateway.decide(dispute, "warning_closed")
        elif not dispute.withdrawn:
            gateway.withdraw(dispute)
        else:
            gateway.decide(dispute, rng.choice(("won", "lost")))
        return f"{dispute.id} {dispute.status}, took {dispute.withdrawn}"
    intent = _taken(world)
    if intent is None or any(one.intent is intent for one in running):
        return ""
    left = gateway.left(intent)
    if left < 1:
        return ""
    dispute = gateway.question(intent, left, only_asks=rng.random() < 0.2)
    if dispute.status == "needs_response" and rng.random() < 0.6:
        gateway.withdraw(dispute)
    return f"{dispute.id} of {intent.id} over {left}, took {dispute.withdrawn}"


GOING_ON = ("needs_response", "warning_needs_response")


def _taken(world: World) -> Any:
    taken = [one for one in world.gateway.intents.values() if one.status == "succeeded"]
    return world.rng.choice(taken) if taken else None


def _name(world: World, source: Payment | Suspense) -> str:
    return world.call_name(source.public_id) if isinstance(source, Payment) else source.object_id


STEPS = [
    (staff_proposes_a_refund, 5),
    (staff_decides_on_a_refund, 8),
    (worker_sends_a_refund, 8),
    (staff_places_unmatched_money, 4),
    (dashboard_refunds, 3),
    (bank_ends_a_refund, 4),
    (bank_disputes, 5),
]

"""What must hold of automatic payment: each charge as it leaves, and each due date taken once.

The limits are written out here from the rules, not asked of the product: a product whose rules are
wrong must not be judged by them.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from repayments.clock import lender_zone
from repayments.contacts.models import Hold, Message
from repayments.payments.gateway import ChargeRequest
from repayments.payments.models import AutopayCharge, Mandate, Payment, SavedCard
from tests.simulation.world import Broken

if TYPE_CHECKING:
    from tests.simulation.world import World

LEAST_NOTICE_DAYS = 3
LATEST_DAYS = 3
MOST_TRIES = 3
# Days between the first try and those after it.
RETRIES = {2: 3, 3: 7}


def charge_is_allowed(world: "World", request: ChargeRequest, *, key: str) -> None:
    """Hold, as a charge leaves for the gateway, that the borrower agreed to just this."""
    charge = AutopayCharge.objects.select_related("mandate__loan", "payment").get(
        payment__public_id=request.payment
    )
    name = f"{world.call_name(request.payment)}, due {charge.due_date} try {charge.attempt}"
    if charge.mandate.status != Mandate.Status.ACTIVE:
        raise Broken(f"{name} is charged, and the mandate has ended: {charge.mandate.end_reason}")
    if request.amount > charge.announced_amount:
        raise Broken(f"{name} takes {request.amount}, announced were {charge.announced_amount}")
    if key in world.charged:
        return
    world.charged[key] = charge.pk
    if not charge.charge_on <= world.today <= charge.charge_on + timedelta(days=LATEST_DAYS):
        raise Broken(f"{name} is charged on {world.today}, announced for {charge.charge_on}")
    if charge.attempt > MOST_TRIES:
        raise Broken(f"{name} is one try too many")
    if Hold.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=world.now),
        borrower=charge.mandate.loan.borrower_id,
        subject__in=("", charge.mandate.loan.stream),
        lifted_at__isnull=True,
        name__in=("hardship", "payment_dispute"),
    ).exists():
        raise Broken(f"{name} is charged while a hold stands")
    _was_announced(world, charge, name)


def _was_announced(world: "World", charge: AutopayCharge, name: str) -> None:
    """The first try was announced in time; a later one comes on its day of the calendar."""
    tries = AutopayCharge.objects.filter(
        mandate__loan=charge.mandate.loan_id, due_date=charge.due_date
    )
    first = tries.filter(attempt=1, payment__isnull=False).latest("pk")
    if charge.attempt > 1:
        day = first.charge_on + timedelta(days=RETRIES[charge.attempt])
        if charge.charge_on != day:
            raise Broken(f"{name} is tried on {charge.charge_on}, its day is {day}")
    sent = Message.objects.filter(business_key=f"autopay_notice:{first.pk}", sent_at__isnull=False)
    at = sent.values_list("sent_at", flat=True).first()
    if at is None:
        raise Broken(f"{name} was never announced")
    days = (first.charge_on - at.astimezone(lender_zone()).date()).days
    if days < LEAST_NOTICE_DAYS:
        raise Broken(f"{name} was announced {days} days before")


def due_dates_are_taken_once(world: "World") -> None:
    """One attempt a due date and try, and money at most once a due date of a loan."""
    rows = AutopayCharge.objects.filter(payment__isnull=False).values_list(
        "pk", "payment__public_id", "mandate__loan_id", "due_date", "attempt", "payment__status"
    )
    taken: dict[Any, str] = {}
    for pk, public_id, loan, due_date, attempt, status in rows:
        name = world.call_name(public_id)
        first = world.tries.setdefault(pk, name)
        if first != name:
            raise Broken(f"due {due_date} try {attempt} is charged twice: {first} and {name}")
        if status == Payment.Status.SUCCEEDED:
            other = taken.setdefault((loan, due_date), name)
            if other != name:
                raise Broken(f"due {due_date} is taken twice: {other} and {name}")


def card_is_fresh(world: "World", method_id: str) -> None:
    """After an event about a card was worked, it is kept or gone as at the gateway."""
    gone = not world.gateway.cards[method_id].customer
    kept = SavedCard.objects.filter(method_id=method_id).first()
    if kept is not None and (kept.detached_at is not None) != gone:
        raise Broken(f"{method_id} is {'gone' if gone else 'kept'} at the gateway, not here")
    if gone and Mandate.objects.filter(status="active", card__method_id=method_id).exists():
        raise Broken(f"{method_id} is gone, and charged all the same")


def nothing_of_autopay_is_left(world: "World") -> None:
    """At the end: no page is waited for, no charge is being made, each refusal was told once."""
    pending = Mandate.objects.filter(status=Mandate.Status.PENDING).first()
    if pending is not None:
        raise Broken(f"the mandate of loan {pending.loan_id} waits for its card for ever")
    claimed = AutopayCharge.objects.filter(status=AutopayCharge.Status.CLAIMED).first()
    if claimed is not None and claimed.payment is not None:
        name = world.call_name(claimed.payment.public_id)
        raise Broken(f"the charge of {claimed.due_date} is made for ever: {name}")
    for payment in Payment.objects.filter(status=Payment.Status.NEEDS_BORROWER):
        key = f"autopay_confirm:{payment.public_id}"
        if Message.objects.filter(business_key=key).count() != 1:
            raise Broken(f"{world.call_name(payment.public_id)} was not asked for once")
    _scheduled_tries_exist(world)


def _scheduled_tries_exist(world: "World") -> None:
    for payment in Payment.objects.filter(status=Payment.Status.RETRY_SCHEDULED):
        charge = payment.autopay_charge
        following = AutopayCharge.objects.filter(
            mandate__loan=payment.loan_id, due_date=charge.due_date, attempt=charge.attempt + 1
        )
        if not following.exists():
            raise Broken(f"{world.call_name(payment.public_id)} says a try follows, none does")

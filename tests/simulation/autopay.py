"""Steps of automatic payment: consent, the page for a card, the night, the day's charge, its end.

What a charge must be, whoever makes it, is checked where it leaves for the gateway
(``checks_autopay``); here only what people, banks and workers do.
"""

from datetime import timedelta
from typing import Any

from repayments.contacts.models import Hold, Message
from repayments.contacts.services import lift_hold, place_hold
from repayments.loans.models import Loan, Schedule
from repayments.loans.services import LoanNotActive, ScheduleRow, replace_schedule
from repayments.loans.snapshots import load_snapshot
from repayments.payments import services
from repayments.payments.autopay_consents import CONSENT_VERSION
from repayments.payments.gateway import GatewayError
from repayments.payments.models import AutopayCharge, Mandate, SavedCard
from repayments.payments.services import (
    CardNotRemoved,
    ChargeNotOpen,
    Consent,
    MandateEnded,
    PaymentRefused,
)
from tests.simulation.actors import close_the_day
from tests.simulation.gateway_cards import ASKS, HARD, SOFT, TEMPERS
from tests.simulation.world import World

CONSENT = Consent(version=CONSENT_VERSION, language="en", ip="203.0.113.9")
# Holds that keep a card from being charged, and one that does not.
HOLDS = ("payment_dispute", "hardship", "cease")


def begin_with_mandates(world: World) -> None:
    """Most borrowers of an autopay story have agreed before it begins, in calm weather."""
    world.is_calm = True
    for loan in world.loans:
        if world.rng.random() < 0.8:
            world.run(borrower_agrees)
            for page in world.gateway.setup_pages.values():
                if page.status == "open":
                    world.gateway.use_setup_page(page, _temper(world))
            for mandate in Mandate.objects.filter(loan=loan, status=Mandate.Status.PENDING):
                services.resolve_mandate(mandate_id=mandate.pk, now=world.now)
    for event in world.gateway.events.values():
        event.due.clear()
    world.is_calm = False


def _temper(world: World) -> str:
    return world.rng.choice(("pays", "pays", "pays", *TEMPERS))


# --- Borrowers ----------------------------------------------------------------------------------


def borrower_agrees(world: World) -> str:
    """Agree to automatic payment of a loan, with a saved card or a new one."""
    loan = world.rng.choice(world.loans)
    card = None
    if world.rng.random() < 0.4:
        cards = SavedCard.objects.filter(customer__borrower=loan.borrower_id)
        card = world.pick(cards.filter(detached_at__isnull=True).order_by("pk"))
    try:
        mandate = services.start_mandate(
            loan_id=loan.pk,
            consent=CONSENT,
            card_id=card.pk if card else None,
            actor=world.staff[0],
            now=world.now,
        )
    except PaymentRefused as refusal:
        return f"loan {loan.number}: {type(refusal).__name__}"
    return f"loan {loan.number}: {mandate.status} {mandate.session_id}"


def owner_saves_a_card(world: World) -> str:
    """Type a card on a page of the gateway's; its bank may be of any temper."""
    pages = [one for one in world.gateway.setup_pages.values() if one.status == "open"]
    if not pages:
        return ""
    page = world.rng.choice(pages)
    card = world.gateway.use_setup_page(page, _temper(world))
    return f"{page.id}: {card.id} {card.temper}"


def borrower_returns_from_the_card_page(world: World) -> str:
    mandate = world.pick(Mandate.objects.filter(status=Mandate.Status.PENDING).order_by("pk"))
    if mandate is None:
        return ""
    try:
        found = services.resolve_mandate(mandate_id=mandate.pk, now=world.now)
    except GatewayError as error:
        return str(error)
    return f"{mandate.session_id or 'no page'} is {found.status}"


def borrower_changes_their_mind(world: World) -> str:
    """Stop, leave one charge out, or take the card away, here or by the gateway's support."""
    mandate = world.pick(Mandate.objects.filter(status=Mandate.Status.ACTIVE).order_by("pk"))
    if mandate is None:
        return ""
    what = world.rng.choice(("stop", "skip", "skip", "remove", "detach"))
    world.seen[f"borrower_{what}s"] += 1
    loan = f"loan {mandate.loan.number}"
    actor: Any = world.staff[0]
    try:
        if what == "stop":
            services.stop_mandate(mandate_id=mandate.pk, actor=actor, now=world.now)
        elif what == "skip":
            charge = world.pick(mandate.charges.order_by("pk"))
            if charge is None:
                return ""
            services.skip_charge(charge_id=charge.pk, actor=actor, now=world.now)
            return f"{loan} skips {charge.due_date} try {charge.attempt}"
        elif what == "remove":
            services.remove_card(card_id=mandate.card_id, actor=actor, now=world.now)
        else:
            card = world.gateway.cards[mandate.card.method_id]
            if not card.customer:
                return ""
            world.gateway.detach(card)
    except (MandateEnded, ChargeNotOpen, CardNotRemoved) as refusal:
        return f"{loan}: {what}: {type(refusal).__name__}"
    return f"{loan}: {what}"


# --- The lender and the banks -------------------------------------------------------------------


def bank_changes_its_mind(world: World) -> str:
    """A card that paid does not any more, or the other way round."""
    kept = [card for card in world.gateway.cards.values() if card.customer]
    if not kept:
        return ""
    card = world.rng.choice(kept)
    card.temper = world.rng.choice(("pays", "pays", SOFT, SOFT, HARD, ASKS))
    return f"{card.id} {card.temper}"


def staff_holds_or_releases(world: World) -> str:
    """Something keeps a loan from being collected, for a while."""
    hold = world.pick(Hold.objects.filter(lifted_at__isnull=True).order_by("pk"))
    if hold is not None and world.rng.random() < 0.6:
        lift_hold(hold_id=hold.pk, actor=world.staff[0], now=world.now)
        return f"{hold.name} lifted"
    loan = world.rng.choice(world.loans)
    name = world.rng.choice(HOLDS)
    place_hold(
        borrower=loan.borrower,
        name=name,
        subject=world.rng.choice(("", loan.stream)),
        reason="simulated",
        actor=world.staff[0],
        now=world.now,
    )
    return f"loan {loan.number}: {name}"


def due_dates_move(world: World) -> str:
    """What is still owed is put on later days, as a plan does."""
    chosen = world.rng.choice(world.loans)
    loan = Loan.objects.select_related("book", "product").get(pk=chosen.pk)
    if world.moved[loan.pk] > 1:
        return ""
    days = world.rng.randint(1, 12)
    rows = [
        ScheduleRow(
            due_date=max(row.due_date, world.today) + timedelta(days=days + number),
            principal=row.principal_unpaid,
            interest=row.interest_unpaid,
            fee=row.fee_unpaid,
        )
        for number, row in enumerate(load_snapshot(loan).rows)
        if row.unpaid
    ]
    if not rows:
        return ""
    try:
        replace_schedule(
            loan_id=loan.pk,
            rows=rows,
            reason=Schedule.Reason.PLAN,
            effective_date=world.today,
            actor=world.staff[0],
            now=world.now,
        )
    except LoanNotActive as refusal:
        return f"loan {loan.number}: {type(refusal).__name__}"
    world.moved[loan.pk] += 1
    return f"loan {loan.number}: {len(rows)} rows by {days} days"


# --- Nights and workers -------------------------------------------------------------------------


def days_go_by(world: World) -> str:
    """Go on to a day on which something is to be announced or charged, and close it."""
    if world.depth > 1:
        return ""
    waiting = AutopayCharge.objects.filter(status=AutopayCharge.Status.ANNOUNCED)
    day = waiting.order_by("charge_on").values_list("charge_on", flat=True).first()
    days = (day - world.today).days if day else world.rng.choice((2, 5, 9))
    # A beat that was down comes a day or more late.
    days += world.rng.choice((0, 0, 0, 1, 5)) if world.strength else 0
    world.pass_time(hours=24 * min(max(days, 0), 20))
    closed = close_the_day(world)
    return f"{closed or world.today}, {send_notices(world)} notices sent"


def send_notices(world: World) -> int:
    """The mail goes out; some is lost, and is no notice then."""
    notices = Message.objects.filter(purpose="autopay_notice", status=Message.Status.DUE)
    sent = [one.pk for one in notices.order_by("pk") if not world.odds("notice_lost")]
    return Message.objects.filter(pk__in=sent).update(status=Message.Status.SENT, sent_at=world.now)


def worker_charges_a_card(world: World) -> str:
    """Make a charge that a sweep has named; an earlier sweep may have named it too."""
    if not world.charges or world.rng.random() < 0.6:
        world.charges += services.list_due_charges(today=world.today)
    if not world.charges:
        return ""
    charge_id = world.rng.choice(world.charges)
    charge = AutopayCharge.objects.select_related("mandate__loan").get(pk=charge_id)
    name = f"loan {charge.mandate.loan.number}, due {charge.due_date}, try {charge.attempt}"
    try:
        payment = services.make_charge(charge_id=charge_id, now=world.now)
    except ChargeNotOpen:
        return f"{name}: not open"
    if payment is None:
        charge.refresh_from_db()
        return f"{name}: {charge.status} {charge.reason}"
    return f"{name}: {payment.amount} as {world.call_name(payment.public_id)}, {payment.status}"


STEPS = [
    (borrower_agrees, 5),
    (owner_saves_a_card, 6),
    (borrower_returns_from_the_card_page, 4),
    (borrower_changes_their_mind, 4),
    (bank_changes_its_mind, 5),
    (staff_holds_or_releases, 2),
    (due_dates_move, 3),
    (days_go_by, 22),
    (worker_charges_a_card, 26),
]

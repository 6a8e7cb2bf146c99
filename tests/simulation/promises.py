"""Steps of what borrowers say they will pay: promises by a day, and quotes that pay a loan off.

A quote is asked for today or some days ahead; it is then used in time, late, or not, on the
gateway's page or by transfer."""

from datetime import timedelta

from repayments.loans.models import PayoffQuote
from repayments.loans.services import LoanNotActive, quote_payoff
from repayments.payments import services
from repayments.payments.models import Payment, PromiseToPay
from repayments.payments.references import loan_reference
from repayments.payments.services import PaymentRefused
from tests.simulation.actors import press
from tests.simulation.bank_model import BankCredit
from tests.simulation.world import World

MOST_DAYS = 14


def borrower_promises(world: World) -> str:
    """Promise a part or all by a day soon, or take a promise back."""
    rng = world.rng
    loan = rng.choice(world.loans)
    actor = world.staff[0]
    promise = world.pick(PromiseToPay.objects.filter(status="open").order_by("pk"))
    if promise is not None and rng.random() < 0.2:
        taken = services.withdraw_promise(promise_id=promise.pk, actor=actor, now=world.now)
        return f"promise of {promise.amount} taken back: {taken}"
    amount = rng.choice((500, 10_000, 50_000, rng.randint(1, 200_000)))
    day = world.today + timedelta(days=rng.choice((0, 1, 3, MOST_DAYS, MOST_DAYS + 1)))
    said = f"{amount} by {day} on loan {loan.number}"
    try:
        services.make_promise(
            loan_id=loan.pk,
            amount=amount,
            promised_for=day,
            actor=actor,
            as_of=world.today,
            now=world.now,
        )
    except PaymentRefused as refusal:
        return f"{said}: {type(refusal).__name__}"
    return said


def borrower_keeps_a_promise(world: World) -> str:
    """Send what was promised by transfer, or a little less."""
    promise = world.pick(PromiseToPay.objects.filter(status="open").order_by("pk"))
    if promise is None:
        return ""
    loan = promise.loan
    amount = max(promise.amount - world.rng.choice((0, 0, 1)), 1)
    credit = _transfer(world, loan.pk, amount)
    return f"{amount} of {promise.amount} for loan {loan.number}, #{credit.number}"


def borrower_asks_for_a_quote(world: World) -> str:
    """Ask what pays the loan off by a day; what is done with it comes later."""
    loan = world.rng.choice(world.loans)
    good = world.today + timedelta(days=world.rng.choice((0, 1, 3, 10)))
    try:
        quote = quote_payoff(
            loan_id=loan.pk, good_through=good, actor=world.staff[0], now=world.now
        )
    except LoanNotActive as refusal:
        return f"loan {loan.number}: {type(refusal).__name__}"
    return f"loan {loan.number}: {quote.total} good through {good}"


def borrower_uses_a_quote(world: World) -> str:
    """Pay what it says, in time or not, at the gateway or by transfer, at times a cent less."""
    quote = world.pick(PayoffQuote.objects.filter(total__gt=0).order_by("pk"))
    if quote is None:
        return ""
    if world.rng.random() < 0.5:
        wish = {
            "loan_id": quote.loan_id,
            "purpose": Payment.Purpose.PAYOFF,
            "amount": quote.total,
            "payoff_quote_id": quote.pk,
        }
        world.wishes.append(wish)
        return press(world, wish)
    amount = max(quote.total - world.rng.choice((0, 0, 0, 1)), 1)
    credit = _transfer(world, quote.loan_id, amount)
    return f"{amount} of {quote.total} for loan {quote.loan.number}, #{credit.number}"


def _transfer(world: World, loan_id: int, amount: int) -> BankCredit:
    """Send money that names its loan well."""
    loan = next(one for one in world.loans if one.pk == loan_id)
    number = len(world.bank.credits) + 1
    credit = BankCredit(
        number=number,
        booked_on=world.today,
        amount=amount,
        currency=loan.currency,
        text=f"{loan_reference(loan.public_id)} / {number}",
        payer="",
        line_id=f"line-{number}" if world.bank.names_lines else "",
        loan=loan.pk,
    )
    world.bank.credits.append(credit)
    return credit


STEPS = [
    (borrower_promises, 10),
    (borrower_keeps_a_promise, 8),
    (borrower_asks_for_a_quote, 8),
    (borrower_uses_a_quote, 14),
]

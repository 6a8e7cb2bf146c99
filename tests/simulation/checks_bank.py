"""What must hold of bank transfers: each credit of the bank's has one place, and the right one."""

from collections import Counter
from typing import TYPE_CHECKING

from repayments.payments.models import BankLine, Suspense
from tests.simulation.world import Broken

if TYPE_CHECKING:
    from tests.simulation.world import World


def each_credit_is_taken_in_once(world: "World") -> None:
    """No line of the bank's is in the portal twice, whatever it is called there."""
    bank = world.bank
    known = Counter((one.booked_on, one.amount, one.currency, one.text) for one in bank.credits)
    rows = BankLine.objects.values_list("booked_on", "amount", "currency", "text")
    for content, count in Counter(rows).items():
        if count > known[content]:
            raise Broken(f"the bank's line {content[3]!r} over {content[1]} is in {count} times")


def each_credit_has_its_place(world: "World") -> None:
    """What was told is posted to the loan its text names, or rests for a person."""
    told = [one for one in world.bank.credits if one.key in world.bank.told]
    lines = {
        line.line_key: line
        for line in BankLine.objects.select_related("payment__entry", "suspense")
    }
    for credit in told:
        line = lines.get(credit.key)
        if line is None:
            raise Broken(f"#{credit.number} was told and is nowhere")
        is_posted = line.payment is not None and line.payment.entry_id is not None
        rests = line.suspense is not None and (
            line.suspense.resolution != Suspense.Resolution.POSTED
        )
        if is_posted == rests:
            raise Broken(f"#{credit.number} is posted: {is_posted}, and rests: {rests}")
        # What names a loan goes there by itself; a person may put other money anywhere.
        if line.suspense is None and line.loan_id != credit.loan:
            raise Broken(f"#{credit.number} of loan {credit.loan} is posted to {line.loan_id}")
        if line.suspense is not None and credit.loan is not None:
            raise Broken(f"#{credit.number} names loan {credit.loan} and rests")

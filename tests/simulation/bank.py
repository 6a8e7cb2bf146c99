"""Steps of bank transfers: payers write references well or badly, staff take statements in.

The bank's own list of lines is the truth the books are held to; the same line may come to the
portal any number of times, in statements that overlap and by hand.
"""

import csv
import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.loans.tape.faults import Faults
from repayments.payments import services
from repayments.payments.models import Refund, Suspense
from repayments.payments.references import loan_reference
from repayments.payments.services import RefundRefused
from repayments.payments.statement import StatementLine
from tests.simulation.bank_model import COLUMNS, DECIMALS, BankCredit
from tests.simulation.staff import place
from tests.simulation.world import Broken, World


def payer_transfers(world: World) -> str:
    """Send money, with the reference as given, written otherwise, mistyped, or without it."""
    rng = world.rng
    loan = Loan.objects.select_related("product", "book").get(pk=rng.choice(world.loans).pk)
    position = get_position(loan=loan, as_of=world.today)
    due = position.past_due_amount or position.next_due_amount
    payoff = position.payoff_amount
    amount = rng.choice((due, due, payoff, payoff - 1, payoff + 100, rng.randint(1, 90_000)))
    how = rng.choice(("as given", "as given", "sloppily", "mistyped", "not at all", "two of them"))
    text, named = _write_reference(world, loan, how)
    currency = loan.currency if rng.random() < 0.9 else rng.choice(sorted(DECIMALS))
    number = len(world.bank.credits) + 1
    credit = BankCredit(
        number=number,
        booked_on=world.today,
        amount=max(amount, 1),
        currency=currency,
        # A bank that names no lines tells two equal ones apart by nothing: people's texts differ.
        text=text if world.bank.names_lines else f"{text} / {number}".strip(" /"),
        payer=rng.choice(("", f"Payer {loan.number}")),
        line_id=f"line-{number}" if world.bank.names_lines else "",
        loan=loan.pk if named and currency == loan.currency else None,
    )
    world.bank.credits.append(credit)
    world.seen["transfer_" + how.replace(" ", "_")] += 1
    return f"#{number} {credit.amount} {currency}, names loan {loan.number} {how}"


def _write_reference(world: World, loan: Loan, how: str) -> tuple[str, bool]:
    reference = loan_reference(loan.public_id)
    if how == "as given":
        return f"Repayment {reference}", True
    if how == "sloppily":
        plain = reference.replace("-", world.rng.choice(("", " ", " - "))).lower()
        wide = plain.translate({code: code + 0xFEE0 for code in range(0x30, 0x7B)})
        return f"loan: {world.rng.choice((plain, wide))}", True
    if how == "mistyped":
        place = world.rng.choice([at for at, char in enumerate(reference) if char != "-"])
        other = world.rng.choice([char for char in "23456789" if char != reference[place]])
        return f"Repayment {reference[:place]}{other}{reference[place + 1 :]}", False
    if how == "two of them":
        others = [one for one in world.loans if one.pk != loan.pk]
        if others:
            other_loan = world.rng.choice(others)
            return f"{reference} / {loan_reference(other_loan.public_id)}", False
    return "thank you", False


def staff_take_a_statement_in(world: World) -> str:
    """All lines or those of some days, in any order, with what went out; often once more."""
    credits = world.bank.credits
    if not credits:
        return ""
    first = world.rng.randint(0, len(credits) - 1) if world.rng.random() < 0.5 else 0
    lines = credits[first:]
    rows = [line.row() for line in lines]
    rows.append([world.today.isoformat(), "-12.00", "CNY", "fees of the bank", "", "fee"])
    world.rng.shuffle(rows)
    report: Any = None
    with TemporaryDirectory() as folder:
        path = Path(folder) / "statement.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
        times = world.rng.choice((1, 1, 2))
        for _time in range(times):
            report = _import(world, path, lines)
    told = f"{len(lines)} lines, {report.posted} posted, {report.unmatched} unmatched"
    return f"{told}, {report.known} known{', the second time' if times == 2 else ''}"


def _import(world: World, path: Path, lines: list[BankCredit]) -> Any:
    is_trial = world.rng.random() < 0.1
    with Faults() as faults:
        report = services.import_statement(
            path=path,
            faults=faults,
            actor=world.staff[0],
            as_of=world.today,
            now=world.now,
            dry_run=is_trial,
        )
        if faults.count:
            raise Broken(f"a good statement has {faults.count} faults")
    if not is_trial:
        world.bank.told.update(line.key for line in lines)
    if report.posted + report.unmatched + report.known != len(lines):
        raise Broken(f"of {len(lines)} lines the import counts {report}")
    return report


def staff_record_a_transfer(world: World) -> str:
    """Write one line in by hand, which a statement may bring too."""
    if not world.bank.credits:
        return ""
    line = world.rng.choice(world.bank.credits)
    told = StatementLine(
        line=1,
        key=line.key,
        booked_on=line.booked_on,
        amount=line.amount,
        currency=line.currency,
        payer=line.payer,
        text=unicodedata.normalize("NFC", line.text),
    )
    _row, is_new = services.record_transfer(line=told, actor=world.staff[1], now=world.now)
    world.bank.told.add(line.key)
    return f"#{line.number} {'new' if is_new else 'known'}"


def staff_send_a_bank_refund(world: World) -> str:
    """Send an approved refund from the lender's bank, and say so."""
    waiting = Refund.objects.filter(status=Refund.Status.APPROVED)
    bank = waiting.filter(payment__provider="bank") | waiting.filter(suspense__provider="bank")
    refund = world.pick(bank.order_by("pk"))
    if refund is None:
        return ""
    name = world.refund_name(refund.public_id)
    try:
        services.record_bank_refund(
            refund_id=refund.pk, reference="simulated", actor=world.staff[1], now=world.now
        )
    except RefundRefused as refusal:
        return f"{name}: {type(refusal).__name__}"
    world.bank.sent[refund.currency] = world.bank.sent.get(refund.currency, 0) + refund.amount
    return f"{name}: {refund.amount} {refund.currency} sent"


def staff_place_a_transfer(world: World) -> str:
    """Post an unmatched line to a loan, the right one or not."""
    bank = Suspense.objects.filter(provider="bank", resolved_at__isnull=True)
    suspense = world.pick(bank.order_by("pk"))
    return place(world, suspense) if suspense is not None else ""


STEPS = [
    (payer_transfers, 22),
    (staff_take_a_statement_in, 16),
    (staff_record_a_transfer, 5),
    (staff_place_a_transfer, 8),
    (staff_send_a_bank_refund, 6),
]

"""Print the schedule of a loan from its terms, as JSON or a table; nothing is read or stored.

The command translates words into ``Terms`` and rows into text; the arithmetic and its rules are
``amortization`` and ``annual_cost``.
"""

import json
from argparse import ArgumentParser
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError

from repayments.loans.amortization import InvalidTerms, Row, Terms, amortize
from repayments.loans.annual_cost import Flow, annual_cost
from repayments.money import (
    InvalidAmount,
    UnknownCurrency,
    decimal_text,
    exponent,
    parse_amount,
    parse_rate,
    round_percent,
)

_OPTION_OF_FIELD = {"disbursed_on": "disbursed", "first_due_on": "first_due"}

_WORDS = {
    "not_a_number": "not a number",
    "too_many_decimals": "more decimals than the currency has",
    "negative": "must not be negative",
    "zero": "must be above zero",
    "too_small": "too small",
    "too_large": "too large",
    "too_early": "must be after the day of disbursement",
    "out_of_range": "the last due date is past the year 9999",
    "needs_rows": "a custom schedule has rows of its own and cannot be quoted from terms",
    "unknown": "unknown value",
}


def quote(terms: Terms) -> dict[str, Any]:
    """Work out a schedule in the form the command prints as JSON.

    Returns: money as strings with the currency's decimals, dates ISO, rates in percent as strings
    rounded half-up to two decimals.
    Raises: InvalidTerms.
    """
    rows = amortize(terms)
    cost = annual_cost(
        [Flow(terms.disbursed_on, terms.principal)],
        [Flow(row.due_date, row.total_due) for row in rows],
    )

    def money(minor: int) -> str:
        return decimal_text(minor, terms.currency)

    return {
        "currency": terms.currency,
        "principal": money(terms.principal),
        "total_interest": money(sum(row.interest_due for row in rows)),
        "total_due": money(sum(row.total_due for row in rows)),
        "annual_cost": {
            "simple": str(round_percent(cost.simple)),
            "compound": str(round_percent(cost.compound)),
        },
        "rows": [_row_as_json(row, terms.currency) for row in rows],
    }


class Command(BaseCommand):
    help = "Print the schedule of a loan from its terms, without a database row."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        # Values stay text here, so that every refusal is one line of the same form.
        parser.add_argument("--principal", required=True, help="amount lent, as in 5000 or 5000.50")
        parser.add_argument("--annual-rate", required=True, help="percent a year: 12 means 12 %%")
        parser.add_argument("--installments", required=True, help="number of installments")
        parser.add_argument("--every", default="1", help="units from one due date to the next")
        parser.add_argument("--unit", default="months", help="days, weeks or months")
        parser.add_argument("--disbursed", required=True, help="day of disbursement, 2022-11-01")
        parser.add_argument("--first-due", help="first due date; one period after --disbursed")
        parser.add_argument(
            "--amortization",
            default="equal_installment",
            help="equal_installment, equal_principal or interest_only",
        )
        parser.add_argument("--interest-method", default="declining", help="declining or flat")
        parser.add_argument(
            "--interest-period", default="per_installment", help="per_installment or daily"
        )
        parser.add_argument(
            "--day-count",
            default="actual_365",
            help="actual_365, actual_360, thirty_360 or actual_actual",
        )
        parser.add_argument("--principal-grace", default="0", help="first rows of interest only")
        parser.add_argument("--rounding", default="half_even", help="half_even, half_up or up")
        parser.add_argument(
            "--installment-multiple", help="round the equal installment to it: 0.01, 1, 100"
        )
        parser.add_argument("--currency", required=True, help="ISO 4217 code, upper case")
        parser.add_argument("--json", action="store_true", help="print JSON for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        quoted = self._quote(options)
        if options["json"]:
            self.stdout.write(json.dumps(quoted, indent=2))
            return
        for line in _table(quoted):
            self.stdout.write(line)

    def _quote(self, options: dict[str, Any]) -> dict[str, Any]:
        try:
            return quote(_read_terms(options))
        except InvalidTerms as error:
            _refuse(_OPTION_OF_FIELD.get(error.field, error.field), error.code)


def _read_terms(options: dict[str, Any]) -> Terms:
    currency = options["currency"]
    try:
        exponent(currency)
    except UnknownCurrency:
        _refuse("currency", "unknown")
    first_due = options["first_due"]
    return Terms(
        principal=_read_amount(options["principal"], currency, "principal"),
        currency=currency,
        annual_rate=_read_rate(options["annual_rate"]),
        installments=_read_whole(options["installments"], "installments"),
        every=_read_whole(options["every"], "every"),
        unit=options["unit"],
        disbursed_on=_read_date(options["disbursed"], "disbursed"),
        first_due_on=None if first_due is None else _read_date(first_due, "first_due"),
        amortization=options["amortization"],
        interest_method=options["interest_method"],
        interest_period=options["interest_period"],
        day_count=options["day_count"],
        principal_grace=_read_whole(options["principal_grace"], "principal_grace"),
        rounding=options["rounding"],
        installment_multiple=_read_multiple(options["installment_multiple"], currency),
    )


def _read_amount(text: Any, currency: str, option: str) -> int:
    try:
        return parse_amount(str(text), currency)
    except InvalidAmount as error:
        _refuse(option, error.code)


def _read_multiple(text: Any, currency: str) -> int:
    """Read the multiple in major units; one finer than the currency asks for no rounding."""
    if text is None:
        return 1
    try:
        value = parse_rate(str(text))
        if 0 < value * 10 ** exponent(currency) < 1:
            return 1
    except InvalidAmount:
        pass
    return _read_amount(text, currency, "installment_multiple")


def _read_rate(text: Any) -> Decimal:
    try:
        return parse_rate(str(text))
    except InvalidAmount as error:
        _refuse("annual_rate", error.code)


def _read_whole(text: Any, option: str) -> int:
    digits = str(text)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        _refuse(option, "not_a_number")
    return int(digits)


def _read_date(text: Any, option: str) -> date:
    try:
        if len(str(text)) == len("2022-11-01"):
            return date.fromisoformat(str(text))
    except ValueError:
        pass
    raise CommandError(f"--{option.replace('_', '-')}: not a date like 2022-11-01")


def _refuse(option: str, code: str) -> NoReturn:
    raise CommandError(f"--{option.replace('_', '-')}: {_WORDS.get(code, code)}")


def _row_as_json(row: Row, currency: str) -> dict[str, Any]:
    return {
        "number": row.number,
        "due_date": row.due_date.isoformat(),
        "days": row.days,
        "principal_due": decimal_text(row.principal_due, currency),
        "interest_due": decimal_text(row.interest_due, currency),
        "total_due": decimal_text(row.total_due, currency),
        "principal_after": decimal_text(row.principal_after, currency),
    }


def _table(quoted: dict[str, Any]) -> list[str]:
    columns = ("number", "due_date", "days", "principal_due", "interest_due", "total_due")
    heads = (*columns, "principal_after")
    lines = [[str(row[head]) for head in heads] for row in quoted["rows"]]
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    cost = quoted["annual_cost"]
    return [
        *(
            "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
            for line in [list(heads), *lines]
        ),
        "",
        f"principal {quoted['principal']}, interest {quoted['total_interest']}, "
        f"in all {quoted['total_due']} {quoted['currency']}",
        f"annual cost {cost['simple']} % simple, {cost['compound']} % compound",
    ]

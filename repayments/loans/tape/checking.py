"""From cells to values: one row of a tape at a time, without looking at anything else.

Every cell is read strictly: what could be meant in two ways is refused, never guessed. Amounts and
rates are ``money``'s to read, terms check themselves; this module turns their refusals into faults
of a line and a column. It refuses to know what is stored.
"""

import hashlib
import re
import unicodedata
import zoneinfo
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import Borrower, Language
from accounts.names import find_unprintable, show_characters
from repayments.loans.amortization import InvalidTerms, Terms
from repayments.loans.models import Loan
from repayments.loans.tape.faults import Faults
from repayments.loans.tape.reading import RawRow
from repayments.money import InvalidAmount, UnknownCurrency, exponent, parse_amount, parse_rate

TAPE, ROWS = "tape", "rows"

FIRST_DAY = date(1970, 1, 1)
LAST_DAY = date(2199, 12, 31)
"""Beyond them a date is a slip of the pen: a loan runs for at most a hundred years."""

MOST_GRACE_DAYS = 365
RATE_DECIMALS = 6
MOST_MARKS = 4
DEFAULT_PRODUCT = "standard"

_SPACE = " \u00a0\u3000"
# A spreadsheet runs a cell that begins so, also after blanks, also when written full-width.
_FORMULA = tuple("=+-@\t\r＝＋－＠")
# Control, format (direction, joiners, zero width), surrogates, line and paragraph separators.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PHONE = re.compile(r"[+＋]?[0-9０-９ \u3000().（）/-]+")
# The addresses most people have; whatever else is one, Django decides at a tenth of the speed.
_PLAIN_EMAIL = re.compile(
    r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,20}"
)
# The mobile numbers of the mainland, which need no guessing at prefixes.
_CN_MOBILE = re.compile(r"(?:\+86)?(1[3-9][0-9]{9})")
_REGIONS = {"CN": "CN", "US": "US", "UK": "GB"}
_NOT_PLACES = {"Factory", "localtime"}

_LANGUAGES = {value.lower(): value for value in Language.values}
_STATUSES = ("pending_signature", "active")
_CHOICES: dict[str, dict[str, str]] = {
    "borrower_kind": {value: value for value in Borrower.Kind.values},
    "language": _LANGUAGES,
    "jurisdiction": {value: value for value in Borrower.Jurisdiction.values},
    "unit": {value: value for value in Loan.Unit.values},
    "amortization": {value: value for value in Loan.Amortization.values},
    "interest_method": {value: value for value in Loan.InterestMethod.values},
    "interest_period": {value: value for value in Loan.InterestPeriod.values},
    "day_count": {value: value for value in Loan.DayCount.values},
    "rounding": {value: value for value in Loan.Rounding.values},
    "status": {value: value for value in _STATUSES},
}

# What the checks of ``Terms`` are called here.
_TERM_CODES = {
    "too_small": "too_small",
    "too_large": "too_large",
    "negative": "negative",
    "too_early": "first_due_too_early",
    "out_of_range": "last_due_too_late",
    "not_allowed": "not_for_this_amortization",
    "below_interest": "below_interest",
}


@dataclass(frozen=True)
class Person:
    """What a tape says of a borrower."""

    reference: str
    kind: str
    legal_name: str
    email: str
    phone: str
    language: str
    time_zone: str
    jurisdiction: str

    FIELDS = ("kind", "legal_name", "email", "phone", "language", "time_zone", "jurisdiction")


COLUMN_OF_FIELD = {"kind": "borrower_kind"}


@dataclass(frozen=True)
class LoanRow:
    """One row of a tape, read. ``status`` is "" where the tape does not say."""

    raw: RawRow
    number: str
    person: Person
    terms: Terms
    product: str
    status: str
    penalty_rate: Decimal
    grace_days: int
    paid_installments: int

    @property
    def line(self) -> int:
        return self.raw.line

    @property
    def is_custom(self) -> bool:
        return self.terms.amortization == Loan.Amortization.CUSTOM


@dataclass(frozen=True)
class GivenRow:
    """One row of a custom loan, read; whole minor units."""

    line: int
    number: int
    due_date: date
    principal_due: int
    interest_due: int
    fee_due: int
    principal_paid: int
    interest_paid: int
    fee_paid: int

    @property
    def is_paid(self) -> bool:
        return (self.principal_due, self.interest_due, self.fee_due) == self.paid

    @property
    def paid(self) -> tuple[int, int, int]:
        return (self.principal_paid, self.interest_paid, self.fee_paid)


@dataclass(frozen=True)
class UncountedRow:
    """A row of the second file before its loan's currency is known: amounts are still text."""

    line: int
    loan_number: str
    number: int
    due_date: date
    amounts: dict[str, str]


class CellReader:
    """Reads the cells of one row; what cannot be read is a fault and gives None."""

    def __init__(self, raw: RawRow, file: str, faults: Faults) -> None:
        self.raw = raw
        self._file = file
        self._faults = faults
        self._before = faults.count

    def is_good(self) -> bool:
        return self._faults.count == self._before

    def fault(self, column: str, code: str, value: str | None = None, **facts: object) -> None:
        shown = self.raw.cells.get(column, "") if value is None else value
        self._faults.add(self._file, self.raw.line, column, code, shown, **facts)

    def cell(self, column: str) -> str:
        """Give a cell without blanks around it; one that must be there and is not is a fault."""
        text = self.raw.cells[column].strip(_SPACE)
        if not text:
            self.fault(column, "missing")
        return text

    def has(self, column: str) -> bool:
        return bool(self.raw.cells.get(column, "").strip(_SPACE))

    def text(self, column: str, most: int) -> str | None:
        raw = self.raw.cells[column]
        text = raw.strip(_SPACE)
        if not text:
            self.fault(column, "missing")
            return None
        if raw.startswith(_FORMULA) or text.startswith(_FORMULA):
            self.fault(column, "formula")
            return None
        if not (text.isascii() and text.isprintable()):
            text = unicodedata.normalize("NFC", text)
            code = _find_odd_characters(text)
            if code:
                self.fault(column, code)
                return None
        if len(text) > most:
            self.fault(column, "too_long", most=most)
            return None
        return text

    def name(self, column: str, most: int) -> str | None:
        """Give a text that stands in documents: what cannot be printed is a fault here."""
        text = self.text(column, most)
        if text is None or text.isascii():
            return text
        unprintable = find_unprintable(text)
        if unprintable:
            self.fault(column, "not_printable", characters=show_characters(unprintable))
            return None
        return text

    def choice(self, column: str) -> str | None:
        text = self.cell(column)
        if not text:
            return None
        allowed = _CHOICES[column]
        found = allowed.get(text.lower() if column == "language" else text)
        if found is None:
            self.fault(column, "unknown_value", allowed=", ".join(allowed.values()))
        return found

    def whole(self, column: str, most: int) -> int | None:
        text = self.cell(column)
        if not text:
            return None
        if not (text.isascii() and text.isdigit()):
            negative = text.startswith("-") and text[1:].isascii() and text[1:].isdigit()
            self.fault(column, "negative" if negative else "not_whole")
            return None
        if len(text.lstrip("0")) > 9 or int(text) > most:
            self.fault(column, "too_large")
            return None
        return int(text)

    def amount(self, column: str, currency: str | None, *, allow_zero: bool = False) -> int | None:
        """Read an amount; without a known currency only that there is one can be said."""
        text = self.cell(column)
        if not text or currency is None:
            return None
        try:
            return parse_amount(self.raw.cells[column], currency, allow_zero=allow_zero)
        except InvalidAmount as error:
            self.fault(column, error.code)
            return None

    def multiple(self, column: str, currency: str | None) -> int | None:
        """Read what installments are rounded to; finer than the currency means not at all."""
        text = self.cell(column)
        if not text or currency is None:
            return None
        try:
            if 0 < parse_rate(text) * 10 ** exponent(currency) < 1:
                return 1
        except InvalidAmount:
            pass
        return self.amount(column, currency)

    def rate(self, column: str) -> Decimal | None:
        text = self.cell(column)
        if not text:
            return None
        try:
            rate = parse_rate(text)
        except InvalidAmount as error:
            self.fault(column, error.code)
            return None
        if rate != round(rate, RATE_DECIMALS):
            self.fault(column, "too_many_decimals")
            return None
        return rate

    def day(self, column: str) -> date | None:
        text = self.cell(column)
        if not text:
            return None
        try:
            if not _DATE.fullmatch(text):
                raise ValueError
            day = date.fromisoformat(text)
        except ValueError:
            self.fault(column, "not_a_date")
            return None
        if not FIRST_DAY <= day <= LAST_DAY:
            self.fault(column, "date_out_of_range", first=FIRST_DAY, last=LAST_DAY)
            return None
        return day

    def currency(self, column: str) -> str | None:
        text = self.cell(column)
        if not text:
            return None
        try:
            exponent(text)
        except UnknownCurrency:
            self.fault(column, "unknown_currency")
            return None
        return text

    def zone(self, column: str) -> str | None:
        text = self.cell(column)
        if not text:
            return None
        if text not in _zones():
            self.fault(column, "unknown_zone")
            return None
        return text

    def email(self, column: str) -> str | None:
        text = self.text(column, 254)
        if text is None:
            return None
        if not text.isascii():
            self.fault(column, "email_not_ascii")
            return None
        if not _PLAIN_EMAIL.fullmatch(text):
            try:
                validate_email(text)
            except ValidationError:
                self.fault(column, "bad_email")
                return None
        return text.lower()

    def phone(self, column: str, jurisdiction: str | None) -> str | None:
        """Read a phone number in its international form; an empty cell gives ""."""
        text = self.raw.cells[column].strip(_SPACE)
        if not text:
            return ""
        if jurisdiction is None:
            return None
        number, code = _read_phone(text, jurisdiction)
        if code:
            self.fault(column, code)
            return None
        return number


def read_loan(raw: RawRow, *, faults: Faults) -> LoanRow | None:
    """Read one row of the tape; None after adding its faults."""
    cells = CellReader(raw, TAPE, faults)
    number = cells.text("loan_number", 64)
    person = _read_person(cells)
    currency = cells.currency("currency")
    principal = cells.amount("principal", currency)
    annual_rate = cells.rate("annual_rate")
    installments = cells.whole("installments", 10**9)
    every = cells.whole("every", 10**9)
    unit = cells.choice("unit")
    disbursed_on = cells.day("disbursed_on")
    first_due_on = cells.day("first_due_on")
    amortization = cells.choice("amortization")
    interest_method = cells.choice("interest_method")
    interest_period = cells.choice("interest_period")
    day_count = cells.choice("day_count")
    rounding = cells.choice("rounding")
    multiple = cells.multiple("installment_multiple", currency)
    paid = cells.whole("paid_installments", 10**9) if cells.has("paid_installments") else 0
    penalty_rate = cells.rate("penalty_rate") if cells.has("penalty_rate") else Decimal(0)
    grace_days = cells.whole("grace_days", MOST_GRACE_DAYS) if cells.has("grace_days") else 0
    product = cells.text("product", 40) if cells.has("product") else DEFAULT_PRODUCT
    status = cells.choice("status") if cells.has("status") else ""
    fixed = (
        cells.amount("installment_amount", currency) if cells.has("installment_amount") else None
    )
    if not cells.is_good():
        return None
    try:
        terms = Terms(
            principal=principal,  # type: ignore[arg-type]  # without a fault none of them is None
            currency=currency,  # type: ignore[arg-type]
            annual_rate=annual_rate,  # type: ignore[arg-type]
            installments=installments,  # type: ignore[arg-type]
            every=every,  # type: ignore[arg-type]
            unit=unit,  # type: ignore[arg-type]
            disbursed_on=disbursed_on,  # type: ignore[arg-type]
            first_due_on=first_due_on,
            amortization=amortization,  # type: ignore[arg-type]
            interest_method=interest_method,  # type: ignore[arg-type]
            interest_period=interest_period,  # type: ignore[arg-type]
            day_count=day_count,  # type: ignore[arg-type]
            rounding=rounding,  # type: ignore[arg-type]
            installment_multiple=multiple,  # type: ignore[arg-type]
            installment_amount=fixed,
        )
    except InvalidTerms as error:
        add_terms_fault(cells, error)
        return None
    return LoanRow(
        raw=raw,
        number=number,  # type: ignore[arg-type]
        person=person,  # type: ignore[arg-type]
        terms=terms,
        product=product,  # type: ignore[arg-type]
        status=status,  # type: ignore[arg-type]
        penalty_rate=penalty_rate,  # type: ignore[arg-type]
        grace_days=grace_days,  # type: ignore[arg-type]
        paid_installments=paid,  # type: ignore[arg-type]
    )


def add_terms_fault(cells: CellReader, error: InvalidTerms) -> None:
    """Say what ``amortization`` refused, in the column it is about."""
    code = _TERM_CODES.get(error.code, error.code)
    if (error.field, error.code) == ("installment_multiple", "too_large"):
        code = "multiple_too_large"
    cells.fault(error.field, code, least=1, last=LAST_DAY)


def check_state(row: LoanRow, *, faults: Faults, today: date) -> bool:
    """Check a row that is new here against the day of the import: has it been paid out, is it due?

    A row that brings nothing new is not checked again: time has moved on, and the loan with it.
    """
    cells = CellReader(row.raw, TAPE, faults)
    terms = row.terms
    if terms.last_due_date() > LAST_DAY:
        cells.fault("installments", "last_due_too_late", last=LAST_DAY)
    if row.paid_installments > terms.installments:
        cells.fault("paid_installments", "more_paid_than_due")
    if status_of(row, today) == Loan.Status.ACTIVE:
        if terms.disbursed_on > today:
            cells.fault("disbursed_on", "not_paid_out")
    else:
        if terms.first_due_on is not None and terms.first_due_on <= today:
            cells.fault("first_due_on", "pending_but_due")
        if row.paid_installments:
            cells.fault("paid_installments", "pending_but_paid")
    return cells.is_good()


def status_of(row: LoanRow, today: date) -> str:
    """Where the tape does not say, a loan that is not paid out yet waits for its signature."""
    if row.status:
        return row.status
    later = row.terms.disbursed_on > today
    return Loan.Status.PENDING_SIGNATURE if later else Loan.Status.ACTIVE


def digest_of(row: LoanRow, given: list[GivenRow] | None) -> str:
    """Name what the tape says of a loan, to know it again: equal rows, equal digests."""
    terms = row.terms
    content: list[object] = [
        row.person.reference, row.product, row.status, str(row.penalty_rate.normalize()),
        row.grace_days, row.paid_installments, terms.principal, terms.currency,
        str(terms.annual_rate.normalize()), terms.installments, terms.every, terms.unit,
        str(terms.disbursed_on), str(terms.first_due_on), terms.amortization,
        terms.interest_method, terms.interest_period, terms.day_count, terms.rounding,
        terms.installment_multiple, terms.installment_amount,
    ]  # fmt: skip
    for one in given or ():
        content += [str(one.due_date), one.principal_due, one.interest_due, one.fee_due, *one.paid]
    return hashlib.sha256(repr(content).encode()).hexdigest()


def read_given_row(raw: RawRow, *, faults: Faults) -> UncountedRow | None:
    """Read one row of the second file as far as possible without its loan's currency."""
    cells = CellReader(raw, ROWS, faults)
    loan_number = cells.text("loan_number", 64)
    number = cells.whole("number", 10**9)
    due_date = cells.day("due_date")
    amounts = {}
    for column in AMOUNT_COLUMNS:
        # The paid columns and the fee may be left empty; what is due may not.
        optional = column.endswith("_paid") or column == "fee_due"
        amounts[column] = raw.cells[column] if cells.has(column) else "0"
        if not optional:
            cells.cell(column)
        if len(amounts[column]) > 100:
            cells.fault(column, "too_large")
        elif not amounts[column].isprintable():
            cells.fault(column, "not_a_number")
    if not cells.is_good() or loan_number is None or number is None or due_date is None:
        return None
    return UncountedRow(raw.line, loan_number, number, due_date, amounts)


AMOUNT_COLUMNS = (
    "principal_due",
    "interest_due",
    "fee_due",
    "principal_paid",
    "interest_paid",
    "fee_paid",
)


def count_given_row(row: UncountedRow, currency: str, *, faults: Faults) -> GivenRow | None:
    """Read the amounts of a row in its loan's currency."""
    cells = CellReader(RawRow(row.line, row.amounts), ROWS, faults)
    read = {column: cells.amount(column, currency, allow_zero=True) for column in AMOUNT_COLUMNS}
    if not cells.is_good():
        return None
    for part in ("principal", "interest", "fee"):
        paid, due = read[f"{part}_paid"], read[f"{part}_due"]
        if paid is not None and due is not None and paid > due:
            cells.fault(f"{part}_paid", "paid_more_than_due")
    if not cells.is_good():
        return None
    return GivenRow(row.line, row.number, row.due_date, **read)  # type: ignore[arg-type]


def _read_person(cells: CellReader) -> Person | None:
    reference = cells.text("borrower_reference", 64)
    kind = cells.choice("borrower_kind")
    legal_name = cells.name("legal_name", 200)
    email = cells.email("email")
    language = cells.choice("language")
    time_zone = cells.zone("time_zone")
    jurisdiction = cells.choice("jurisdiction")
    phone = cells.phone("phone", jurisdiction)
    parts = (reference, kind, legal_name, email, phone, language, time_zone, jurisdiction)
    if any(part is None for part in parts):
        return None
    return Person(*parts)  # type: ignore[arg-type]


def _find_odd_characters(text: str) -> str:
    """Find what cannot be seen, or hides what can: the code of the fault, or ""."""
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        if category in _HIDDEN or ord(character) & 0xFFFE == 0xFFFE:
            return "hidden_characters"
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > MOST_MARKS:
            return "too_many_marks"
    return ""


@lru_cache(maxsize=1)
def _zones() -> Collection[str]:
    return frozenset(zoneinfo.available_timezones() - _NOT_PLACES)


@lru_cache(maxsize=4096)
def _read_phone(text: str, jurisdiction: str) -> tuple[str, str]:
    """Give a number in E.164 and "", or "" and the code of the fault."""
    if not _PHONE.fullmatch(text):
        return "", "bad_phone"
    mobile = _CN_MOBILE.fullmatch(text) if jurisdiction == "CN" else None
    try:
        number = (
            phonenumbers.PhoneNumber(country_code=86, national_number=int(mobile[1]))
            if mobile
            else phonenumbers.parse(text, _REGIONS[jurisdiction])
        )
    except phonenumbers.NumberParseException:
        return "", "bad_phone"
    kind = phonenumbers.number_type(number)
    if kind == phonenumbers.PhoneNumberType.UNKNOWN:
        return "", "bad_phone"
    if kind == phonenumbers.PhoneNumberType.PREMIUM_RATE:
        return "", "paid_phone"
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), ""

"""Amounts of money: the one module that parses, rounds, splits and formats them.

An amount is an ``int`` of whole minor units (fen, cents, yen) of a currency that stands elsewhere,
on the loan or book; ``Decimal`` and ``Fraction`` occur at the edges only, ``float`` never. What
holds: text is read exactly or refused, never guessed at or rounded; parts of a split add up to the
total; an amount written by ``decimal_text`` is read back the same. It refuses to know Django,
languages of error messages (exceptions carry a code that callers put into words) and whose money
it is.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache

from babel.numbers import format_currency, get_currency_symbol

ROUNDINGS = ("half_even", "half_up", "up")

MAX_DIGITS = 15
"""Longest amount in digits, major and minor together; such a sum of sums still fits 64 bits."""

# ISO 4217: the currencies in use and their decimals, two unless listed apart.
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_TWO_DECIMALS = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD
    HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
    RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS
    UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_EXPONENTS = {
    code: places
    for codes, places in ((_NO_DECIMALS, 0), (_TWO_DECIMALS, 2), (_THREE_DECIMALS, 3))
    for code in codes.split()
}

# Decimals the gateway counts in, where they are not those of ISO 4217 (docs.stripe.com/currencies):
# the ariary without its fifths; krona and shilling with two decimals that are always zero.
_GATEWAY_EXPONENTS = {"MGA": 0, "ISK": 2, "UGX": 2}

# Both are "¥" to somebody: yuan keeps the plain sign in both languages, yen is written apart.
_SYMBOLS = {"CNY": "¥", "JPY": "JP¥"}

_SURROUNDING_SPACE = " \t\u00a0\u3000"
_PLAIN_NUMBER = re.compile(r"([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]+))?")


class UnknownCurrency(ValueError):
    """Not the upper-case ISO 4217 code of a currency in use."""

    def __init__(self, currency: object) -> None:
        super().__init__(f"Not a currency code: {currency!r:.40}")
        self.currency = currency


class InvalidAmount(ValueError):
    """Text or a number that is not an amount of money; nothing was guessed.

    ``code``: not_a_number, too_many_decimals, negative, zero or too_large.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def exponent(currency: str) -> int:
    """Return how many decimals a currency has: CNY 2, JPY 0, KWD 3 (ISO 4217).

    Raises: UnknownCurrency, also for a code in lower case.
    """
    try:
        return _EXPONENTS[currency]
    except (KeyError, TypeError):
        raise UnknownCurrency(currency) from None


def parse_amount(text: str, currency: str, *, allow_zero: bool = False) -> int:
    """Read an amount a person or a file wrote: ``1234.5``, ``1,234.50``, spaces around it.

    Only ASCII digits, a point, and commas that part thousands; a comma elsewhere might be a
    decimal comma, so ``1,00`` is refused rather than read a hundred times too large.

    Returns: whole minor units, at least 1 (0 with ``allow_zero``).
    Raises: InvalidAmount, UnknownCurrency.
    """
    places = exponent(currency)
    if not isinstance(text, str):
        raise InvalidAmount("not_a_number")
    bare = text.strip(_SURROUNDING_SPACE)
    if len(bare) > 4 * MAX_DIGITS:
        raise InvalidAmount("too_large" if _is_digits(bare) else "not_a_number")
    if bare.startswith("-") and _PLAIN_NUMBER.fullmatch(bare[1:]):
        raise InvalidAmount("negative")
    match = _PLAIN_NUMBER.fullmatch(bare)
    if match is None:
        raise InvalidAmount("not_a_number")
    whole, decimals = match[1].replace(",", "").lstrip("0"), match[2] or ""
    if len(whole) > MAX_DIGITS:
        raise InvalidAmount("too_large")
    if len(decimals) > places:
        raise InvalidAmount("too_many_decimals")
    minor = _within_limit(int(whole + decimals.ljust(places, "0") or "0"))
    if minor == 0 and not allow_zero:
        raise InvalidAmount("zero")
    return minor


def parse_rate(text: str) -> Decimal:
    """Read a rate in percent a year: ``12``, ``7.25``; at most 10 decimals, below 1000.

    Raises: InvalidAmount with the codes of ``parse_amount``; zero is a rate.
    """
    bare = text.strip(_SURROUNDING_SPACE) if isinstance(text, str) else ""
    if bare.startswith("-") and _PLAIN_NUMBER.fullmatch(bare[1:]):
        raise InvalidAmount("negative")
    match = _PLAIN_NUMBER.fullmatch(bare)
    if match is None or "," in bare:
        raise InvalidAmount("not_a_number")
    if len(match[1].lstrip("0")) > 3:
        raise InvalidAmount("too_large")
    if len(match[2] or "") > 10:
        raise InvalidAmount("too_many_decimals")
    return Decimal(bare)


def to_minor(value: Decimal, currency: str) -> int:
    """Turn major units into whole minor units, exactly; negative values pass.

    Raises: InvalidAmount (finer than the currency, not finite, too large), UnknownCurrency.
    """
    places = exponent(currency)
    if not isinstance(value, Decimal):
        raise TypeError(f"to_minor takes a Decimal, not {type(value).__name__}")
    if not value.is_finite():
        raise InvalidAmount("not_a_number")
    if value and value.adjusted() >= MAX_DIGITS:
        raise InvalidAmount("too_large")
    # A million zeros after the point are an attack, not an amount.
    minor = Fraction(value) * 10**places if _has_few_decimals(value) else Fraction(1, 2)
    if minor.denominator != 1:
        raise InvalidAmount("too_many_decimals")
    return _within_limit(minor.numerator)


def to_decimal(minor: int, currency: str) -> Decimal:
    """Return major units with the currency's own decimals: 105000 fen are ``1050.00``."""
    return Decimal(decimal_text(minor, currency))


def decimal_text(minor: int, currency: str) -> str:
    """Write an amount plainly, for files and machines: ``1050.00``, ``-0.05``, ``500`` yen."""
    places = exponent(currency)
    whole, part = divmod(abs(minor), 10**places)
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole}.{part:0{places}d}" if places else f"{sign}{whole}"


def round_minor(
    value: Decimal | Fraction | int, rounding: str = "half_even", multiple: int = 1
) -> int:
    """Round minor units to a whole multiple of minor units.

    Args:
        value: minor units, exact; a Fraction avoids ties lost to division.
        rounding: half_even, half_up (ties away from zero), up (away from zero, always).
        multiple: 1 for the smallest unit; 100 for whole yuan.
    """
    if multiple < 1:
        raise ValueError(f"multiple must be at least 1, not {multiple}")
    exact = value if isinstance(value, Fraction) else Fraction(value)
    return round_ratio(exact.numerator, exact.denominator, rounding, multiple)


def round_ratio(numerator: int, denominator: int, rounding: str, multiple: int = 1) -> int:
    """Round a quotient of whole numbers as ``round_minor`` does; schedules do it by the million.

    Args:
        denominator: above zero; it need share no factor with the numerator, or may.
    """
    parts = denominator * multiple
    whole, rest = divmod(abs(numerator), parts)
    twice = 2 * rest
    if rounding == "up":
        whole += rest > 0
    elif rounding == "half_up":
        whole += twice >= parts
    elif rounding == "half_even":
        whole += twice > parts or (twice == parts and whole % 2)
    else:
        raise ValueError(f"unknown rounding: {rounding!r}")
    return -whole * multiple if numerator < 0 else whole * multiple


def split(total: int, count: int) -> list[int]:
    """Split an amount into equal whole parts; the last part takes the rest.

    The parts are rounded toward zero, so that the rest never turns the last one's sign.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    return split_by_weights(total, [1] * count)


def split_by_weights(total: int, weights: Sequence[int]) -> list[int]:
    """Split an amount in proportion to whole weights, not all zero; the last takes the rest."""
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights must be positive, at least one of them above zero")
    sign = -1 if total < 0 else 1
    parts = [sign * (abs(total) * weight // whole) for weight in weights[:-1]]
    return [*parts, total - sum(parts)]


def format_money(minor: int, currency: str, language: str) -> str:
    """Write an amount for people, with its sign: ``¥1,050.00``, ``-$0.50``, ``JP¥500``.

    Args:
        language: "zh-hans" or "en"; it decides how foreign currencies are told apart.
    """
    locale = "zh_Hans" if language.lower().startswith("zh") else "en"
    return _format(to_decimal(minor, currency), currency, locale)


def gateway_amount(minor: int, currency: str) -> int:
    """Return an amount in the units the gateway counts in.

    Three-decimal currencies are charged with a last digit of 0, some others in other decimals
    than ISO 4217 gives them.

    Raises: InvalidAmount("too_many_decimals") for what the gateway cannot charge exactly.
    """
    places, gateway_places = exponent(currency), _gateway_exponent(currency)
    amount, rest = divmod(minor * _power(gateway_places), _power(places))
    if rest or (places == 3 and minor % 10):
        raise InvalidAmount("too_many_decimals")
    return amount


def from_gateway_amount(amount: int, currency: str) -> int:
    """Return the gateway's whole number as minor units.

    Args:
        currency: upper-case, as everywhere but on the gateway's wire.
    Raises: InvalidAmount("too_many_decimals") for an amount finer than the currency.
    """
    places, gateway_places = exponent(currency), _gateway_exponent(currency)
    minor, rest = divmod(amount * _power(places), _power(gateway_places))
    if rest:
        raise InvalidAmount("too_many_decimals")
    return minor


def round_percent(rate: Decimal) -> Decimal:
    """Round a rate in percent half-up to two decimals, as caps compare and pages print it."""
    return Decimal(round_minor(rate * 100, "half_up")).scaleb(-2)


def _gateway_exponent(currency: str) -> int:
    return _GATEWAY_EXPONENTS.get(currency, exponent(currency))


def _power(places: int) -> int:
    return int(10**places)


def _within_limit(minor: int) -> int:
    if abs(minor) >= 10**MAX_DIGITS:
        raise InvalidAmount("too_large")
    return minor


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _has_few_decimals(value: Decimal) -> bool:
    decimal_exponent = value.as_tuple().exponent
    return isinstance(decimal_exponent, int) and decimal_exponent >= -2 * MAX_DIGITS


@cache
def _pattern(currency: str, locale: str) -> str:
    symbol = _SYMBOLS.get(currency) or get_currency_symbol(currency, locale=locale)
    places = exponent(currency)
    # A code of letters stands apart from its digits: "KWD 1.500".
    gap = "\u00a0" if symbol[-1].isalpha() else ""
    decimals = "." + "0" * places if places else ""
    return f"'{symbol}'{gap}#,##0{decimals}"


def _format(value: Decimal, currency: str, locale: str) -> str:
    return format_currency(
        value, currency, _pattern(currency, locale), locale=locale, currency_digits=False
    )

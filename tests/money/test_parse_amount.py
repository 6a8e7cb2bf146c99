"""Reading amounts: exactly or not at all (reliability: bad amounts)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repayments.money import (
    InvalidAmount,
    UnknownCurrency,
    decimal_text,
    exponent,
    format_money,
    parse_amount,
    parse_rate,
    to_decimal,
    to_minor,
)

AMOUNTS = st.integers(min_value=1, max_value=10**15 - 1)
CURRENCIES = st.sampled_from(["CNY", "USD", "JPY", "KWD"])


@pytest.mark.parametrize(
    ("currency", "places"), [("CNY", 2), ("USD", 2), ("JPY", 0), ("KRW", 0), ("VND", 0), ("KWD", 3)]
)
def test_decimals_follow_the_currency(currency: str, places: int) -> None:
    assert exponent(currency) == places


@pytest.mark.parametrize("currency", ["cny", "XXX", "", "RMB", None, 156])
def test_an_unknown_currency_is_refused(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        exponent(currency)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1234.5", "CNY", 123450),
        ("1,234.50", "CNY", 123450),
        ("1,234,567", "CNY", 123456700),
        ("  50 ", "CNY", 5000),
        ("\u300050\u00a0", "CNY", 5000),
        ("0.01", "CNY", 1),
        ("007", "CNY", 700),
        ("500", "JPY", 500),
        ("1.505", "KWD", 1505),
        ("9999999999999.99", "CNY", 999999999999999),
    ],
)
def test_a_plain_amount_is_read_exactly(text: str, currency: str, minor: int) -> None:
    assert parse_amount(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0", "zero"),
        ("0.00", "zero"),
        ("-0", "negative"),
        ("-1", "negative"),
        ("0.001", "too_many_decimals"),
        ("12.505", "too_many_decimals"),
        ("1e2", "not_a_number"),
        ("1E400", "not_a_number"),
        ("NaN", "not_a_number"),
        ("sNaN", "not_a_number"),
        ("Infinity", "not_a_number"),
        ("1,00", "not_a_number"),
        ("1.000,00", "not_a_number"),
        ("12,34.50", "not_a_number"),
        ("1,2345", "not_a_number"),
        ("１００", "not_a_number"),
        ("١٠٠", "not_a_number"),
        ("1٫5", "not_a_number"),
        ("+1", "not_a_number"),
        ("- 1", "not_a_number"),
        ("\x001", "not_a_number"),
        ("1\x00", "not_a_number"),
        ("1\n", "not_a_number"),
        ("1_000", "not_a_number"),
        ("0x10", "not_a_number"),
        ("¥5", "not_a_number"),
        ("5.", "not_a_number"),
        (".5", "not_a_number"),
        ("", "not_a_number"),
        ("   ", "not_a_number"),
        ("9" * 16, "too_large"),
        ("9" * 30, "too_large"),
        ("9" * 10_000, "too_large"),
        ("1." + "0" * 10_000, "not_a_number"),
        ("10000000000000.00", "too_large"),
    ],
)
def test_what_is_not_an_amount_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(InvalidAmount) as refusal:
        parse_amount(text, "CNY")
    assert refusal.value.code == code


@pytest.mark.parametrize("value", [None, 5, 5.0, b"5", Decimal(5)])
def test_what_is_not_text_is_refused(value: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_amount(value, "CNY")


def test_yen_take_no_decimals_at_all() -> None:
    with pytest.raises(InvalidAmount) as refusal:
        parse_amount("500.0", "JPY")
    assert refusal.value.code == "too_many_decimals"


def test_zero_is_read_where_it_is_allowed() -> None:
    assert parse_amount("0.00", "CNY", allow_zero=True) == 0


@given(st.text(max_size=40))
def test_any_text_is_an_amount_or_an_invalid_amount(text: str) -> None:
    try:
        minor = parse_amount(text, "CNY")
    except InvalidAmount:
        return
    assert 0 < minor < 10**15


@given(AMOUNTS, CURRENCIES)
def test_an_amount_written_plainly_is_read_back_the_same(minor: int, currency: str) -> None:
    assert parse_amount(decimal_text(minor, currency), currency) == minor
    assert to_minor(to_decimal(minor, currency), currency) == minor


@given(AMOUNTS)
def test_an_amount_written_for_people_is_read_back_without_its_sign(minor: int) -> None:
    assert parse_amount(format_money(minor, "CNY", "zh-hans").removeprefix("¥"), "CNY") == minor


@pytest.mark.parametrize(
    ("value", "minor"), [("1050.00", 105000), ("-0.05", -5), ("0", 0), ("1.50", 150)]
)
def test_major_units_become_minor_units(value: str, minor: int) -> None:
    assert to_minor(Decimal(value), "CNY") == minor


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("1.505", "too_many_decimals"),
        ("1E-999999", "too_many_decimals"),
        ("1E+400", "too_large"),
        ("1E+999999", "too_large"),
        ("NaN", "not_a_number"),
        ("sNaN", "not_a_number"),
        ("-Infinity", "not_a_number"),
    ],
)
def test_major_units_that_do_not_fit_are_refused(value: str, code: str) -> None:
    with pytest.raises(InvalidAmount) as refusal:
        to_minor(Decimal(value), "CNY")
    assert refusal.value.code == code


def test_a_float_is_never_money() -> None:
    with pytest.raises(TypeError):
        to_minor(0.1, "CNY")


@pytest.mark.parametrize(
    ("text", "rate"), [("12", "12"), ("7.25", "7.25"), ("0", "0"), (" 3.0 ", "3.0")]
)
def test_a_rate_is_read_exactly(text: str, rate: str) -> None:
    assert parse_rate(text) == Decimal(rate)


@pytest.mark.parametrize("text", ["-1", "1e1", "NaN", "1,000", "1000", "12%", "", "0.00000000001"])
def test_what_is_not_a_rate_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_rate(text)

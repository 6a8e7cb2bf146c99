"""Amounts in words for people, for files, and for the gateway."""

import pytest

from repayments.money import (
    InvalidAmount,
    UnknownCurrency,
    decimal_text,
    format_money,
    from_gateway_amount,
    gateway_amount,
)


@pytest.mark.parametrize(
    ("minor", "currency", "chinese", "english"),
    [
        (105000, "CNY", "¥1,050.00", "¥1,050.00"),
        (-50, "CNY", "-¥0.50", "-¥0.50"),
        (0, "CNY", "¥0.00", "¥0.00"),
        (105000, "USD", "US$1,050.00", "$1,050.00"),
        (500, "JPY", "JP¥500", "JP¥500"),
        (1500, "KWD", "KWD\u00a01.500", "KWD\u00a01.500"),
        (123456789012345, "CNY", "¥1,234,567,890,123.45", "¥1,234,567,890,123.45"),
    ],
)
def test_an_amount_reads_naturally_in_both_languages(
    minor: int, currency: str, chinese: str, english: str
) -> None:
    assert format_money(minor, currency, "zh-hans") == chinese
    assert format_money(minor, currency, "en") == english


def test_decimals_are_those_of_iso_4217_not_of_custom() -> None:
    assert format_money(10050, "HUF", "en").endswith("100.50")


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(105000, "CNY", "1050.00"), (-5, "CNY", "-0.05"), (500, "JPY", "500"), (1, "KWD", "0.001")],
)
def test_files_get_plain_decimals(minor: int, currency: str, text: str) -> None:
    assert decimal_text(minor, currency) == text


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [
        (105000, "CNY", 105000),
        (500, "JPY", 500),
        (1500, "KWD", 1500),
        (5, "ISK", 500),
        (500, "MGA", 5),
    ],
)
def test_the_gateway_is_told_its_own_units(minor: int, currency: str, amount: int) -> None:
    assert gateway_amount(minor, currency) == amount
    assert from_gateway_amount(amount, currency) == minor


@pytest.mark.parametrize(("minor", "currency"), [(1505, "KWD"), (505, "MGA")])
def test_what_the_gateway_cannot_charge_exactly_is_refused(minor: int, currency: str) -> None:
    with pytest.raises(InvalidAmount):
        gateway_amount(minor, currency)


def test_half_a_krona_from_the_gateway_is_refused() -> None:
    with pytest.raises(InvalidAmount):
        from_gateway_amount(550, "ISK")


def test_the_gateway_s_lower_case_codes_stay_on_its_wire() -> None:
    with pytest.raises(UnknownCurrency):
        from_gateway_amount(100, "cny")

"""Rounding to a multiple, and splitting so that the parts add up."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repayments.money import round_minor, round_percent, split, split_by_weights

EXACT = st.fractions(min_value=-(10**12), max_value=10**12)
MULTIPLES = st.sampled_from([1, 5, 10, 100, 10_000])


@pytest.mark.parametrize(
    ("value", "half_even", "half_up", "up"),
    [
        ("2.5", 2, 3, 3),
        ("3.5", 4, 4, 4),
        ("2.4", 2, 2, 3),
        ("2.0", 2, 2, 2),
        ("-2.5", -2, -3, -3),
        ("0.00000000000000000000001", 0, 0, 1),
        ("2.50000000000000000000000000000000001", 3, 3, 3),
    ],
)
def test_each_rounding_treats_ties_its_own_way(
    value: str, half_even: int, half_up: int, up: int
) -> None:
    exact = Decimal(value)
    assert round_minor(exact, "half_even") == half_even
    assert round_minor(exact, "half_up") == half_up
    assert round_minor(exact, "up") == up


@pytest.mark.parametrize(
    ("value", "rounding", "rounded"),
    [(250, "half_even", 200), (350, "half_even", 400), (250, "half_up", 300), (201, "up", 300)],
)
def test_ties_are_those_of_the_multiple(value: int, rounding: str, rounded: int) -> None:
    assert round_minor(value, rounding, 100) == rounded


@given(EXACT, MULTIPLES)
def test_the_nearest_multiple_is_at_most_half_a_step_away(exact: Fraction, multiple: int) -> None:
    for rounding in ("half_even", "half_up"):
        rounded = round_minor(exact, rounding, multiple)
        assert rounded % multiple == 0
        assert abs(rounded - exact) * 2 <= multiple


@given(EXACT, MULTIPLES)
def test_rounding_up_never_comes_nearer_to_zero(exact: Fraction, multiple: int) -> None:
    rounded = round_minor(exact, "up", multiple)
    assert rounded % multiple == 0
    assert abs(exact) <= abs(rounded) < abs(exact) + multiple


def test_an_unknown_rounding_or_multiple_is_refused() -> None:
    with pytest.raises(ValueError, match="rounding"):
        round_minor(1, "down")
    with pytest.raises(ValueError, match="multiple"):
        round_minor(1, "up", 0)


@pytest.mark.parametrize(
    ("total", "count", "parts"),
    [
        (100, 3, [33, 33, 34]),
        (200, 3, [66, 66, 68]),
        (6, 10, [0] * 9 + [6]),
        (-100, 3, [-33, -33, -34]),
        (0, 2, [0, 0]),
        (7, 1, [7]),
    ],
)
def test_the_last_part_takes_the_rest(total: int, count: int, parts: list[int]) -> None:
    assert split(total, count) == parts
    assert sum(parts) == total


@given(
    st.integers(min_value=-(10**15), max_value=10**15),
    st.lists(st.integers(min_value=0, max_value=10**9), min_size=1).filter(any),
)
def test_parts_by_weight_add_up_and_keep_the_sign(total: int, weights: list[int]) -> None:
    parts = split_by_weights(total, weights)
    assert sum(parts) == total
    assert all(part * total >= 0 for part in parts)


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_weights_that_share_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights|empty"):
        split_by_weights(100, weights)


def test_nothing_is_split_into_no_parts() -> None:
    with pytest.raises(ValueError, match="count"):
        split(100, 0)


@pytest.mark.parametrize(
    ("rate", "printed"), [("12.0005", "12.00"), ("12.005", "12.01"), ("24", "24.00")]
)
def test_a_rate_is_printed_half_up_with_two_decimals(rate: str, printed: str) -> None:
    assert str(round_percent(Decimal(rate))) == printed

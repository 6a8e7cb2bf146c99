"""Where a payment goes: order, strategy, and that no cent is lost (CN-16)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repayments.loans.allocation import (
    DEFAULT_ORDER,
    AllocationResult,
    Due,
    Line,
    allocate,
)

JANUARY = Due("january", date(2026, 1, 10), 1, fee=10, penalty=5, interest=100, principal=900)
FEBRUARY = Due("february", date(2026, 2, 10), 2, interest=90, principal=910)


def test_the_oldest_installment_is_settled_before_the_next() -> None:
    assert allocate(1105, [FEBRUARY, JANUARY]) == AllocationResult(
        lines=(
            Line("january", "fees", 10),
            Line("january", "penalty", 5),
            Line("january", "interest", 100),
            Line("january", "principal", 900),
            Line("february", "interest", 90),
        ),
        remaining=0,
    )


def test_horizontal_settles_each_component_over_all_that_is_due() -> None:
    assert allocate(206, [FEBRUARY, JANUARY], strategy="horizontal").lines == (
        Line("january", "fees", 10),
        Line("january", "penalty", 5),
        Line("january", "interest", 100),
        Line("february", "interest", 90),
        Line("january", "principal", 1),
    )


def test_the_contract_s_own_order_is_followed() -> None:
    result = allocate(950, [JANUARY], order=("principal", "interest", "penalty", "fees"))
    assert result.lines == (Line("january", "principal", 900), Line("january", "interest", 50))


def test_a_surplus_remains() -> None:
    result = allocate(5000, [JANUARY, FEBRUARY])
    assert result.remaining == 5000 - 1015 - 1000
    assert result.total("principal") == 1810


def test_nothing_due_leaves_the_whole_payment() -> None:
    assert allocate(70, []) == AllocationResult(lines=(), remaining=70)
    assert allocate(0, [JANUARY]) == AllocationResult(lines=(), remaining=0)


def test_on_one_day_the_lower_number_goes_first() -> None:
    day = date(2026, 1, 10)
    first, second = Due("a", day, 1, principal=10), Due("b", day, 2, principal=10)
    assert allocate(10, [second, first]).lines == (Line("a", "principal", 10),)


@pytest.mark.parametrize(
    "order",
    [
        ("fees", "interest", "principal"),
        (*DEFAULT_ORDER, "fees"),
        ("fees", "penalty", "interest", "capital"),
    ],
)
def test_an_order_that_does_not_name_each_component_once_is_refused(order: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="order"):
        allocate(1, [JANUARY], order=order)


def test_a_negative_payment_due_or_unknown_strategy_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        allocate(-1, [])
    with pytest.raises(ValueError, match="negative"):
        Due("x", date(2026, 1, 1), 1, interest=-1)
    with pytest.raises(ValueError, match="strategy"):
        allocate(1, [], strategy="vertical")


PARTS = st.integers(0, 10**6)
DUES = st.lists(
    st.builds(
        Due,
        key=st.uuids(),
        due_date=st.dates(min_value=date(2026, 1, 1), max_value=date(2026, 12, 31)),
        number=st.integers(1, 99),
        fee=PARTS,
        penalty=PARTS,
        interest=PARTS,
        principal=PARTS,
    ),
    max_size=8,
)
STRATEGIES = st.sampled_from(["oldest_first", "horizontal"])
ORDERS = st.permutations(DEFAULT_ORDER)


@given(st.integers(0, 10**7), DUES, ORDERS, STRATEGIES)
def test_no_cent_is_lost_and_nothing_is_paid_twice(
    amount: int, dues: list[Due], order: list[str], strategy: str
) -> None:
    result = allocate(amount, dues, order, strategy)
    assert sum(line.amount for line in result.lines) + result.remaining == amount
    by_key = {due.key: due for due in dues}
    assert len({(line.key, line.component) for line in result.lines}) == len(result.lines)
    for line in result.lines:
        assert 0 < line.amount <= by_key[line.key].unpaid(line.component)
    owed = sum(due.unpaid(component) for due in dues for component in DEFAULT_ORDER)
    assert result.remaining == max(amount - owed, 0)


@given(st.integers(0, 10**7), DUES)
def test_cn_16_horizontal_gives_no_cent_to_principal_while_any_interest_is_due(
    amount: int, dues: list[Due]
) -> None:
    result = allocate(amount, dues, strategy="horizontal")
    if result.total("principal"):
        assert result.total("interest") == sum(due.interest for due in dues)
        assert result.total("penalty") == sum(due.penalty for due in dues)
        assert result.total("fees") == sum(due.fee for due in dues)


@given(st.integers(0, 10**7), DUES)
def test_cn_16_oldest_first_keeps_the_order_within_each_installment(
    amount: int, dues: list[Due]
) -> None:
    paid = {(line.key, line.component): line.amount for line in allocate(amount, dues).lines}
    for due in dues:
        if (due.key, "principal") in paid:
            for component in ("fees", "penalty", "interest"):
                assert paid.get((due.key, component), 0) == due.unpaid(component)

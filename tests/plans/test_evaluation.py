"""The lender's rules answer a proposal: yes, another offer, or a person; never a bare no."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repayments.plans.amounts import (
    Debt,
    Given,
    PlanAmounts,
    equal_by_count,
    keep_amounts,
    own_rows,
)
from repayments.plans.evaluation import (
    ACCEPTED,
    COUNTERED,
    PERSON,
    Facts,
    Limits,
    evaluate,
)

TODAY = date(2026, 11, 25)
FIRST = date(2026, 12, 10)
DEBT = Debt(as_of=TODAY, principal=1_000_000, interest=10_000, fees=5_000, annual_rate=Decimal(12))


def limits(**changes: object) -> Limits:
    values: dict[str, object] = {
        "longest_months": 24,
        "most_installments": 24,
        "smallest_installment": 20_000,
        "first_within_days": 31,
        "no_broken_within_days": 180,
        "annual_cost_cap": Decimal(24),
        "person_above": None,
    }
    return Limits(**{**values, **changes})  # type: ignore[arg-type]


def proposal(count: int = 12, first: date = FIRST, debt: Debt = DEBT) -> PlanAmounts:
    return equal_by_count(debt, first_due=first, count=count)


def test_a_proposal_within_the_rules_is_accepted() -> None:
    answer = evaluate(proposal(), limits(), Facts(debt=DEBT))

    assert (answer.verdict, answer.reason_code) == (ACCEPTED, "within_policy")
    assert answer.counter is None


@pytest.mark.parametrize(
    ("amounts", "rules", "code"),
    [
        (proposal(count=36), limits(most_installments=60), "longest_term"),
        (proposal(count=24), limits(most_installments=12), "most_installments"),
        (proposal(count=24), limits(smallest_installment=100_000), "smallest_installment"),
        (proposal(first=date(2027, 1, 31)), limits(), "first_payment"),
    ],
)
def test_another_offer_is_made_for_the_rule_that_is_not_met(
    amounts: PlanAmounts, rules: Limits, code: str
) -> None:
    answer = evaluate(amounts, rules, Facts(debt=DEBT))

    assert (answer.verdict, answer.reason_code) == (COUNTERED, code)
    assert answer.counter is not None
    assert evaluate(answer.counter, rules, Facts(debt=DEBT)).verdict == ACCEPTED


def test_the_offer_for_too_long_a_term_has_as_many_months_as_fit() -> None:
    answer = evaluate(proposal(count=36), limits(), Facts(debt=DEBT))

    assert answer.counter is not None
    assert len(answer.counter.rows) == 24
    assert answer.counter.first_due == FIRST


def test_the_offer_for_too_late_a_start_keeps_the_number_of_payments() -> None:
    answer = evaluate(proposal(first=date(2027, 1, 31)), limits(), Facts(debt=DEBT))

    assert answer.counter is not None
    assert len(answer.counter.rows) == 12
    assert answer.counter.first_due == TODAY + timedelta(days=31)


def test_sixty_one_months_are_refused_whatever_the_policy_says_cn_11() -> None:
    late = own_rows_ending(TODAY.replace(year=2031, month=12, day=26))

    answer = evaluate(late, limits(longest_months=600, most_installments=600), Facts(debt=DEBT))

    assert answer.reason_code == "longest_term"
    assert answer.findings[0].facts["months"] == 60


def test_sixty_months_to_the_day_pass() -> None:
    late = own_rows_ending(TODAY.replace(year=2031))

    answer = evaluate(late, limits(longest_months=60), Facts(debt=DEBT))

    assert answer.verdict == ACCEPTED


def own_rows_ending(day: date) -> PlanAmounts:
    return keep_amounts(DEBT, [Given(FIRST, 900_000), Given(day, 1)])


@pytest.mark.parametrize(
    ("rules", "facts", "code"),
    [
        (limits(), Facts(debt=DEBT, holds=("dispute",)), "hold"),
        (limits(person_above=1_014_999), Facts(debt=DEBT), "large_sum"),
        (limits(), Facts(debt=DEBT, last_broken_on=TODAY - timedelta(days=179)), "broken_lately"),
        (limits(annual_cost_cap=Decimal("11.5")), Facts(debt=DEBT), "annual_cost"),
    ],
)
def test_what_other_dates_would_not_help_goes_to_a_person(
    rules: Limits, facts: Facts, code: str
) -> None:
    answer = evaluate(proposal(count=36), rules, facts)

    assert (answer.verdict, answer.reason_code) == (PERSON, code)


@pytest.mark.parametrize(
    ("rules", "facts"),
    [
        (limits(person_above=1_015_000), Facts(debt=DEBT)),
        (limits(), Facts(debt=DEBT, last_broken_on=TODAY - timedelta(days=180))),
    ],
)
def test_at_the_limit_the_rule_itself_answers(rules: Limits, facts: Facts) -> None:
    assert evaluate(proposal(), rules, facts).verdict == ACCEPTED


def test_twenty_four_percent_passes_and_a_hundredth_more_does_not_cn_r5() -> None:
    cost = proposal().cost
    assert cost is not None
    at_cost = Decimal(str(round(cost.simple, 2)))

    assert (
        evaluate(proposal(), limits(annual_cost_cap=at_cost), Facts(debt=DEBT)).verdict == ACCEPTED
    )
    below = limits(annual_cost_cap=at_cost - Decimal("0.01"))
    assert evaluate(proposal(), below, Facts(debt=DEBT)).reason_code == "annual_cost"


def test_a_plan_that_leaves_something_out_goes_to_a_person() -> None:
    part = PlanAmounts(DEBT, proposal().rows[:-1])

    assert evaluate(part, limits(), Facts(debt=DEBT)).reason_code == "not_whole"


def test_every_rule_that_is_not_met_is_named_in_order() -> None:
    answer = evaluate(
        proposal(count=36, first=date(2027, 3, 1)),
        limits(smallest_installment=90_000),
        Facts(debt=DEBT),
    )

    assert [finding.code for finding in answer.findings] == [
        "longest_term",
        "most_installments",
        "smallest_installment",
        "first_payment",
    ]


def test_an_uneven_proposal_keeps_its_rhythm() -> None:
    harvest = own_rows(
        Debt(as_of=TODAY, principal=700_000, interest=0, fees=0, annual_rate=Decimal(0)),
        [
            Given(FIRST, 100_000),
            Given(date(2027, 6, 1), 400_000),
            Given(date(2029, 6, 1), 200_000),
        ],
    )

    answer = evaluate(harvest, limits(), Facts(debt=harvest.debt))

    assert answer.counter is not None
    amounts = [row.amount for row in answer.counter.rows]
    assert amounts == [140_000, 560_000]


def test_two_payments_that_differ_are_a_rhythm_too() -> None:
    debt = Debt(as_of=TODAY, principal=600_000, interest=0, fees=0, annual_rate=Decimal(0))
    wished = own_rows(debt, [Given(date(2027, 2, 1), 200_000), Given(date(2027, 8, 1), 400_000)])

    answer = evaluate(wished, limits(), Facts(debt=debt))

    assert answer.counter is not None
    assert [row.amount for row in answer.counter.rows] == [200_000, 400_000]


@settings(max_examples=80, deadline=None)
@given(
    count=st.integers(1, 60),
    wait=st.integers(1, 400),
    longest=st.integers(1, 60),
    most=st.integers(1, 60),
    smallest=st.integers(0, 2_000_000),
    within=st.integers(1, 90),
)
def test_another_offer_always_passes_the_rules_that_made_it(
    count: int, wait: int, longest: int, most: int, smallest: int, within: int
) -> None:
    rules = limits(
        longest_months=longest,
        most_installments=most,
        smallest_installment=smallest,
        first_within_days=within,
    )
    amounts = proposal(count=count, first=TODAY + timedelta(days=wait))

    answer = evaluate(amounts, rules, Facts(debt=DEBT))

    if answer.counter is not None:
        assert evaluate(answer.counter, rules, Facts(debt=DEBT)).verdict == ACCEPTED
    assert answer.verdict in (ACCEPTED, COUNTERED) or within > 31 * longest

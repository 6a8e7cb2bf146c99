"""A proposal is stored and answered at once, and a loan has one on its way at most."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from repayments.audit.models import Event
from repayments.contacts.models import Message
from repayments.contacts.services import place_hold
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.plans import services
from repayments.plans.amounts import ROWS, AmountsRefused, Given, RowsDoNotAddUp, Wish
from repayments.plans.models import InstallmentPlan, PlanPolicy
from repayments.plans.queries import get_debt, stored_amounts
from repayments.plans.services import FiguresChanged, PlanAlreadyOpen, PlanMovedOn, PlanNotPossible
from repayments.plans.signals import plan_referred
from tests.factories.contracts import NOW, TODAY, make_loan_to_sign
from tests.factories.loans import make_product, pay
from tests.factories.plans import (
    FIRST,
    get_plan,
    make_late_loan,
    make_offer,
    make_referred,
    propose,
    wish,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def loan() -> Loan:
    return make_late_loan(penalty_rate=Decimal(18))


def test_a_proposal_within_the_policy_is_accepted_at_once(loan: Loan) -> None:
    plan = get_plan(propose(loan))

    assert (plan.status, plan.reason_code) == ("accepted", "within_policy")
    assert (plan.decided_by, plan.decided_at) == (None, NOW)


def test_the_rows_repay_what_settles_the_loan_today_and_interest_to_come(loan: Loan) -> None:
    position = get_position(loan=loan, as_of=TODAY)

    plan = propose(loan)

    rows = list(plan.rows.order_by("number"))
    assert sum(row.principal for row in rows) == position.outstanding_principal
    assert sum(row.fee for row in rows) == position.fees_due + position.penalty_due > 0
    assert plan.total == sum(row.amount for row in rows)
    debt = get_debt(loan=loan, as_of=TODAY)
    assert debt.total == position.payoff_amount
    assert stored_amounts(plan).debt == debt


def test_each_step_is_on_record(loan: Loan) -> None:
    propose(loan)

    actions = Event.objects.filter(stream=loan.stream, action__startswith="plans.")
    assert list(actions.order_by("seq").values_list("action", flat=True)) == [
        "plans.proposed",
        "plans.accepted",
    ]


def test_too_long_a_term_gets_an_offer_with_the_rule(loan: Loan) -> None:
    plan = get_plan(propose(loan, wish(count=36)))

    assert (plan.status, plan.reason_code) == ("countered", "longest_term")
    offer = plan.counter
    assert (offer.status, offer.source) == ("proposed", "rule")
    assert offer.rows.count() == 24
    assert offer.expires_at == NOW + timedelta(days=7)


def test_an_offer_ends_with_the_day_of_its_first_payment(loan: Loan) -> None:
    plan = propose(loan, wish(count=36, first_due=TODAY + timedelta(days=2)))

    # Midnight in Shanghai after 3 December.
    assert plan.counter.expires_at == datetime(2026, 12, 3, 16, tzinfo=UTC)


def test_what_only_a_person_may_decide_says_by_when(
    loan: Loan, django_capture_on_commit_callbacks: object
) -> None:
    heard = []

    def hear(**news: object) -> None:
        heard.append(news["plan_id"])

    plan_referred.connect(hear)
    PlanPolicy.objects.update(person_above=1)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        plan = get_plan(propose(loan, note="生意要到春天才好。"))

    assert (plan.status, plan.reason_code) == ("proposed", "large_sum")
    # Two workdays after Tuesday: Thursday, 17:00 in Shanghai.
    assert plan.answer_due_at == datetime(2026, 12, 3, 9, tzinfo=UTC)
    assert heard == [plan.pk]
    assert Message.objects.filter(template_version__template__key="plan_referred").exists()


@pytest.mark.parametrize("name", ["dispute", "payment_dispute", "bankruptcy"])
def test_a_loan_on_hold_goes_to_a_person(loan: Loan, name: str) -> None:
    place_hold(
        borrower=loan.borrower, name=name, subject=loan.stream, reason="", actor=None, now=NOW
    )

    assert propose(loan).reason_code == "hold"


def test_a_hold_of_another_loan_does_not_matter(loan: Loan) -> None:
    place_hold(
        borrower=loan.borrower, name="dispute", subject="loan:other", reason="", actor=None, now=NOW
    )

    assert propose(loan).status == "accepted"


def test_a_plan_broken_lately_goes_to_a_person(loan: Loan) -> None:
    earlier = propose(loan)
    InstallmentPlan.objects.filter(pk=earlier.pk).update(
        status="broken", ended_at=NOW - timedelta(days=179)
    )

    assert propose(loan).reason_code == "broken_lately"


def test_without_a_policy_no_rule_says_yes(loan: Loan) -> None:
    PlanPolicy.objects.all().delete()

    plan = propose(loan)

    assert (plan.status, plan.reason_code) == ("proposed", "no_policy")


def test_the_products_own_policy_comes_first() -> None:
    product = make_product()
    PlanPolicy.objects.create(
        product=product, currency="CNY", smallest_installment=1, longest_months=6
    )

    assert propose(make_late_loan(product=product)).status == "countered"
    assert propose(make_late_loan()).status == "accepted"


def test_a_second_open_proposal_is_refused(loan: Loan) -> None:
    propose(loan)

    with pytest.raises(PlanAlreadyOpen):
        propose(loan)

    assert InstallmentPlan.objects.filter(loan=loan).count() == 1


def test_a_new_proposal_passes_over_an_offer() -> None:
    offer = make_offer()

    plan = propose(offer.loan)

    assert plan.status == "accepted"
    assert (get_plan(offer).status, get_plan(offer).reason_code) == ("withdrawn", "new_proposal")


def test_own_rows_must_add_up(loan: Loan) -> None:
    rows = (Given(FIRST, 50_000), Given(date(2027, 6, 1), 10_000))

    with pytest.raises(RowsDoNotAddUp) as caught:
        propose(loan, Wish(way=ROWS, rows=rows))

    assert not InstallmentPlan.objects.exists()
    fitting = (rows[0], Given(rows[1].due_date, caught.value.last_amount))
    assert propose(loan, Wish(way=ROWS, rows=fitting)).status == "accepted"


@pytest.mark.parametrize("count", [0, 61, 1000])
def test_counts_out_of_range_are_refused(loan: Loan, count: int) -> None:
    with pytest.raises(AmountsRefused):
        propose(loan, wish(count=count))


@pytest.mark.parametrize("days", [0, -1, 40_000])
def test_first_dates_out_of_range_are_refused(loan: Loan, days: int) -> None:
    with pytest.raises(AmountsRefused):
        propose(loan, wish(first_due=TODAY + timedelta(days=days)))


@pytest.mark.parametrize("status", ["paid_off", "written_off", "closed"])
def test_a_loan_that_does_not_run_takes_no_plan(loan: Loan, status: str) -> None:
    Loan.objects.filter(pk=loan.pk).update(status=status)

    with pytest.raises(PlanNotPossible):
        propose(loan)


def test_a_loan_to_be_signed_takes_no_plan() -> None:
    with pytest.raises(PlanNotPossible):
        propose(make_loan_to_sign())


def take(offer: InstallmentPlan, **fields: object) -> InstallmentPlan:
    values = {"actor": offer.loan.borrower.user, "now": NOW, "as_of": TODAY} | fields
    return services.accept_counter(plan_id=offer.pk, **values)  # type: ignore[arg-type]


def test_an_offer_can_be_taken() -> None:
    offer = make_offer()

    plan = get_plan(take(offer))

    assert plan.status == "accepted"
    assert plan.decided_by == plan.loan.borrower.user


def test_an_offer_is_taken_once() -> None:
    offer = make_offer()
    take(offer)

    with pytest.raises(PlanMovedOn):
        take(offer)


def test_the_borrowers_own_proposal_is_not_an_offer() -> None:
    plan = make_referred()

    with pytest.raises(PlanMovedOn):
        take(plan)


def test_an_offer_that_ran_out_cannot_be_taken() -> None:
    offer = make_offer()

    with pytest.raises(PlanMovedOn):
        take(offer, now=offer.expires_at)


def test_a_payment_changes_an_offer_and_the_borrower_sees_it_first() -> None:
    offer = make_offer()
    before = offer.total
    pay(offer.loan, 50_000, TODAY)

    with pytest.raises(FiguresChanged):
        take(offer)

    fresh = get_plan(offer)
    assert fresh.status == "proposed"
    assert fresh.total < before
    assert take(fresh).status == "accepted"


def test_a_person_can_be_asked_instead_of_the_rule_pv_6() -> None:
    offer = make_offer()

    plan = get_plan(
        services.ask_for_person(
            plan_id=offer.pk,
            note="请再看看",
            actor=offer.loan.borrower.user,
            now=NOW,
            as_of=TODAY,
        )
    )

    assert get_plan(offer).status == "withdrawn"
    assert (plan.status, plan.reason_code, plan.note) == ("proposed", "asked", "请再看看")
    assert plan.answer_due_at is not None
    wanted = offer.counter_of.rows.order_by("number").values_list("due_date", "amount")
    assert list(plan.rows.order_by("number").values_list("due_date", "amount")) == list(wanted)
    assert [one.code for one in services.read_findings(plan)] == ["asked", "longest_term"]


def test_a_proposal_can_be_taken_back() -> None:
    plan = make_referred()

    services.withdraw_plan(plan_id=plan.pk, actor=None, now=NOW)

    assert get_plan(plan).status == "withdrawn"
    assert propose(plan.loan).answer_due_at is not None


def test_what_is_agreed_is_not_taken_back_by_the_same_button(loan: Loan) -> None:
    plan = propose(loan)

    with pytest.raises(PlanMovedOn):
        services.withdraw_plan(plan_id=plan.pk, actor=None, now=NOW)


def test_offers_run_out_and_running_again_changes_nothing() -> None:
    offer = make_offer()

    assert services.expire_plans(now=offer.expires_at - timedelta(seconds=1)) == 0
    assert services.expire_plans(now=offer.expires_at) == 1
    assert services.expire_plans(now=offer.expires_at) == 0
    assert get_plan(offer).status == "expired"

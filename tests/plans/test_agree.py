"""An accepted plan gets an agreement, and its signature puts the plan in force."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from repayments.contacts.models import Hold
from repayments.contracts.models import Contract
from repayments.contracts.services import (
    ContractMovedOn,
    change_expiry,
    reissue_contract,
    void_contract,
)
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Installment, Loan
from repayments.loans.queries import get_position
from repayments.plans import services, tasks
from repayments.plans.models import InstallmentPlan, PlanPolicy
from repayments.plans.services import AgreementNotMade, AgreementOutdated, PlanMovedOn
from repayments.plans.signals import plan_broken
from repayments.plans.wording import describe_moment
from tests.factories import contracts
from tests.factories.contracts import NOW, TODAY
from tests.factories.loans import get_loan, pay
from tests.factories.plans import (
    FIRST,
    get_plan,
    make_active,
    make_late_loan,
    make_offer,
    make_referred,
    make_to_sign,
    propose,
    sign,
    wish,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def loan() -> Loan:
    return make_late_loan(penalty_rate=Decimal(18))


def issue(plan: InstallmentPlan) -> InstallmentPlan:
    return services.issue_agreement(plan_id=plan.pk, now=NOW, as_of=TODAY)


def renew(plan: InstallmentPlan, **fields: Any) -> bool:
    return services.renew_agreement(plan_id=plan.pk, **({"now": NOW, "as_of": TODAY} | fields))


def test_the_agreement_holds_the_rows_of_the_plan(loan: Loan) -> None:
    plan = make_to_sign(loan)

    assert plan.status == "awaiting_signature"
    assert plan.contract.status == "sent"
    rows = [(row["due_date"], row["total"].replace(".", "")) for row in plan.contract.schedule]
    stored = plan.rows.order_by("number").values_list("due_date", "amount")
    assert rows == [(due.isoformat(), str(amount)) for due, amount in stored]
    assert plan.contract.terms["annual_cost_simple"] == f"{plan.annual_cost:.2f}"
    assert plan.expires_at == plan.contract.expires_at == NOW + timedelta(days=7)


def test_issuing_again_changes_nothing(loan: Loan) -> None:
    plan = make_to_sign(loan)

    issue(plan)

    assert Contract.objects.filter(loan=loan, kind="plan").count() == 1


def test_the_slower_of_two_issuers_leaves_a_void_document(
    loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = propose(loan)
    original = services.agree.issue_contract

    def overtaken(**fields: Any) -> Contract:
        contract = original(**fields)
        monkeypatch.setattr(services.agree, "issue_contract", original)
        issue(plan)
        return contract

    monkeypatch.setattr(services.agree, "issue_contract", overtaken)
    issue(plan)

    states = Contract.objects.filter(loan=loan, kind="plan").values_list("status", flat=True)
    assert sorted(states) == ["sent", "voided"]
    assert get_plan(plan).contract.status == "sent"


def test_a_document_that_cannot_be_made_leaves_the_plan_accepted_for_the_sweep() -> None:
    loan = make_late_loan()
    loan.borrower.legal_name = "王𠮷"
    loan.borrower.save()
    plan = propose(loan)

    with pytest.raises(AgreementNotMade):
        issue(plan)

    assert get_plan(plan).status == "accepted"
    assert services.list_to_issue(now=NOW + timedelta(minutes=2)) == [plan.pk]


def test_signing_puts_the_plan_in_force_in_one_go(loan: Loan) -> None:
    owed = get_position(loan=loan, as_of=TODAY).payoff_amount

    plan = make_active(loan)

    assert (plan.status, plan.activated_at) == ("active", NOW)
    assert plan.schedule.reason == "plan"
    current = Installment.objects.filter(loan=loan).current().order_by("number")
    rows = plan.rows.order_by("number")
    assert list(
        current.values_list("due_date", "principal_due", "interest_due", "fee_due")
    ) == list(rows.values_list("due_date", "principal", "interest", "fee"))
    position = get_position(loan=get_loan(loan), as_of=TODAY)
    assert (position.past_due_amount, position.days_past_due) == (0, 0)
    # What settles the loan today is the same the moment before and after.
    assert position.payoff_amount == owed
    assert position.remaining_total == plan.total
    hold = Hold.objects.get(name="plan_active", lifted_at=None)
    assert (hold.borrower, hold.subject) == (loan.borrower, loan.stream)


def test_signing_days_later_keeps_the_figures_and_waives_the_penalty_between(loan: Loan) -> None:
    plan = make_to_sign(loan)
    later = NOW + timedelta(days=3)

    contracts.consent(plan.contract, now=later)
    contracts.pass_code(plan.contract, now=later)
    contracts.sign(plan.contract, now=later)

    active = get_plan(plan)
    assert active.status == "active"
    assert active.schedule.effective_date == TODAY
    position = get_position(loan=get_loan(loan), as_of=TODAY + timedelta(days=3))
    assert position.remaining_total == active.total


def test_a_payment_in_between_makes_signing_refuse_with_words(loan: Loan) -> None:
    plan = make_to_sign(loan)
    contracts.consent(plan.contract)
    contracts.pass_code(plan.contract)
    pay(loan, 50_000, TODAY)

    with pytest.raises(AgreementOutdated, match="prepared anew"):
        contracts.sign(plan.contract)

    assert issubclass(AgreementOutdated, ContractMovedOn)
    plan = get_plan(plan)
    assert plan.status == "awaiting_signature"
    assert plan.contract.status == "consented"
    assert Installment.objects.filter(loan=loan, schedule__reason="plan").count() == 0


def test_after_a_payment_the_agreement_is_issued_anew(loan: Loan) -> None:
    plan = make_to_sign(loan)
    first = plan.rows.order_by("number").first()
    pay(loan, 50_000, TODAY)

    assert renew(plan)

    fresh = get_plan(plan)
    assert fresh.contract.supersedes == plan.contract
    assert fresh.contract.supersedes.status == "superseded"
    assert fresh.total < plan.total
    assert fresh.rows.order_by("number").first().amount == first.amount
    assert not renew(plan)
    sign(fresh)
    assert get_plan(plan).status == "active"


def test_a_crash_after_the_new_document_is_mended_by_the_next_round(
    loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_to_sign(loan)
    pay(loan, 50_000, TODAY)

    def crash(*args: Any, **fields: Any) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr(services.agree, "put_amounts", crash)
        with pytest.raises(RuntimeError):
            renew(plan)
    orphan = Contract.objects.get(supersedes=plan.contract)

    assert renew(plan)

    orphan.refresh_from_db()
    assert orphan.status == "superseded"
    sign(get_plan(plan))
    assert get_plan(plan).status == "active"


def test_interest_billed_meanwhile_is_not_news(loan: Loan) -> None:
    from repayments.loans.services.work import Work

    plan = make_to_sign(loan)
    day = TODAY + timedelta(days=3)
    work = Work(loan_id=loan.pk, actor=None, now=NOW)
    work.bill_due(day)
    work.post_penalty(day)
    assert JournalEntry.objects.filter(book_id=loan.book_id, seq__gt=plan.after_seq).exists()

    assert not renew(plan)
    sign(plan)
    assert get_plan(plan).status == "active"


def test_a_payment_is_heard_and_the_agreement_renewed(
    loan: Loan, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "now", lambda: NOW)
    monkeypatch.setattr(tasks, "today", lambda: TODAY)
    plan = make_to_sign(loan)

    with django_capture_on_commit_callbacks(execute=True):
        pay(loan, 50_000, TODAY)

    assert get_plan(plan).contract_id != plan.contract_id


def test_a_plan_ends_with_its_agreement(
    loan: Loan, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "now", lambda: NOW)
    monkeypatch.setattr(tasks, "today", lambda: TODAY)
    plan = make_to_sign(loan)

    with django_capture_on_commit_callbacks(execute=True):
        void_contract(contract_id=plan.contract_id, reason="test", actor=None, now=NOW)

    assert (get_plan(plan).status, get_plan(plan).reason_code) == ("canceled", "not_signed")
    assert propose(loan).status == "accepted"


def test_a_plan_ends_before_it_is_signed_and_its_document_with_it(loan: Loan) -> None:
    plan = make_to_sign(loan)

    services.cancel_plan(plan_id=plan.pk, actor=loan.borrower.user, now=NOW)

    assert get_plan(plan).status == "canceled"
    assert get_plan(plan).contract.status == "voided"


def test_a_signed_plan_is_not_canceled(loan: Loan) -> None:
    plan = make_active(loan)

    with pytest.raises(PlanMovedOn):
        services.cancel_plan(plan_id=plan.pk, actor=None, now=NOW)


def test_a_newer_plan_replaces_the_active_one(loan: Loan) -> None:
    older = make_active(loan)

    newer = make_active(get_loan(loan))

    assert get_plan(older).status == "replaced"
    assert newer.status == "active"
    assert Hold.objects.filter(name="plan_active", lifted_at=None).count() == 1


# --- How plans end --------------------------------------------------------------------------------


def test_a_row_late_past_its_grace_breaks_the_plan(
    loan: Loan, django_capture_on_commit_callbacks: Any
) -> None:
    heard = []

    def hear(**news: Any) -> None:
        heard.append(news["plan_id"])

    plan_broken.connect(hear)
    plan = make_active(loan)
    before = list(Installment.objects.filter(loan=loan).current().values())
    last_day = FIRST + timedelta(days=7)

    assert services.break_overdue_plans(as_of=last_day, now=NOW) == 0
    with django_capture_on_commit_callbacks(execute=True):
        assert services.break_overdue_plans(as_of=last_day + timedelta(days=1), now=NOW) == 1
    assert services.break_overdue_plans(as_of=last_day + timedelta(days=1), now=NOW) == 0

    assert get_plan(plan).status == "broken"
    assert not Hold.objects.filter(name="plan_active", lifted_at=None).exists()
    assert list(Installment.objects.filter(loan=loan).current().values()) == before
    assert heard == [plan.pk]


def test_a_paid_row_breaks_nothing(loan: Loan) -> None:
    plan = make_active(loan)
    pay(loan, plan.rows.order_by("number").first().amount, FIRST)

    assert services.break_overdue_plans(as_of=FIRST + timedelta(days=8), now=NOW) == 0


def test_the_grace_is_the_policys(loan: Loan) -> None:
    PlanPolicy.objects.update(break_grace_days=30)
    make_active(loan)

    assert services.break_overdue_plans(as_of=FIRST + timedelta(days=30), now=NOW) == 0
    assert services.break_overdue_plans(as_of=FIRST + timedelta(days=31), now=NOW) == 1


def test_a_loan_without_a_plan_in_force_breaks_none(loan: Loan) -> None:
    services.withdraw_plan(plan_id=make_referred(loan).pk, actor=None, now=NOW)

    assert services.break_overdue_plans(as_of=date(2027, 12, 1), now=NOW) == 0


def settle(loan: Loan) -> None:
    pay(loan, get_position(loan=get_loan(loan), as_of=TODAY).payoff_amount, TODAY)
    assert get_loan(loan).status == "paid_off"


def test_a_plan_is_kept_when_all_is_paid(loan: Loan) -> None:
    plan = make_active(loan)
    settle(loan)

    assert services.close_settled_plans(now=NOW) == 1
    assert services.close_settled_plans(now=NOW) == 0
    assert get_plan(plan).status == "kept"
    assert not Hold.objects.filter(name="plan_active", lifted_at=None).exists()


def test_plans_on_the_way_end_when_the_loan_is_settled(loan: Loan) -> None:
    waiting, to_sign = make_offer(make_late_loan()), make_to_sign(loan)
    settle(waiting.loan)
    settle(loan)

    assert services.close_settled_plans(now=NOW) == 2
    assert get_plan(waiting).status == "expired"
    assert get_plan(to_sign).status == "canceled"
    assert get_plan(to_sign).contract.status == "voided"


# --- Answers of a person --------------------------------------------------------------------------


@pytest.fixture
def officer() -> Any:
    from tests.factories.accounts import make_user

    return make_user(is_staff=True)


def test_a_person_accepts_with_a_reason(officer: Any) -> None:
    plan = make_referred()

    services.accept_plan(
        plan_id=plan.pk, reason="Harvest in June.", actor=officer, now=NOW, as_of=TODAY
    )

    plan = get_plan(plan)
    assert (plan.status, plan.decided_by, plan.reason_note) == (
        "accepted",
        officer,
        "Harvest in June.",
    )
    assert issue(plan).status == "awaiting_signature"


def test_a_person_offers_something_else(officer: Any) -> None:
    plan = make_referred()

    offer = services.counter_plan(
        plan_id=plan.pk,
        wish=wish(count=6),
        reason="Shorter costs less.",
        actor=officer,
        now=NOW,
        as_of=TODAY,
    )

    assert (offer.source, offer.counter_of_id, offer.status) == ("staff", plan.pk, "proposed")
    assert get_plan(plan).status == "countered"


def test_a_person_declines_with_a_reason(officer: Any) -> None:
    plan = make_referred()

    services.decline_plan(plan_id=plan.pk, reason="Not yet.", actor=officer, now=NOW)

    assert (get_plan(plan).status, get_plan(plan).reason_note) == ("declined", "Not yet.")


def test_nobody_answers_without_a_reason(officer: Any) -> None:
    plan = make_referred()

    with pytest.raises(services.ReasonMissing):
        services.decline_plan(plan_id=plan.pk, reason="  ", actor=officer, now=NOW)
    with pytest.raises(services.ReasonMissing):
        services.accept_plan(plan_id=plan.pk, reason="", actor=officer, now=NOW, as_of=TODAY)


def test_nobody_agrees_more_than_five_years_cn_11(officer: Any) -> None:
    plan = make_referred(wished=wish(count=60, first_due=date(2027, 1, 15)))

    with pytest.raises(services.LongerThanAllowed):
        services.accept_plan(plan_id=plan.pk, reason="fine", actor=officer, now=NOW, as_of=TODAY)


def test_an_offer_is_answered_by_the_borrower_alone(officer: Any) -> None:
    offer = make_offer()

    with pytest.raises(PlanMovedOn):
        services.decline_plan(plan_id=offer.pk, reason="no", actor=officer, now=NOW)


# --- Staff ------------------------------------------------------------------------------------
def reissue(contract: Contract) -> Contract:
    return reissue_contract(
        contract_id=contract.pk, reason="typed wrong", actor=None, now=NOW, as_of=TODAY
    )


def test_staff_issue_an_agreement_anew_and_the_plan_goes_on_with_it(loan: Loan) -> None:
    plan = make_to_sign(loan)
    old = plan.contract

    new = reissue(old)

    old.refresh_from_db()
    plan = get_plan(plan)
    assert (old.status, plan.contract, plan.status) == ("superseded", new, "awaiting_signature")
    assert new.supersedes == old
    assert new.schedule == old.schedule


def test_an_agreement_whose_plan_has_ended_is_not_issued_anew(loan: Loan) -> None:
    plan = make_to_sign(loan)
    void_contract(contract_id=plan.contract_id, reason="test", actor=None, now=NOW)
    services.cancel_unsigned(plan_id=plan.pk, now=NOW)

    with pytest.raises(ContractMovedOn, match="can propose a new one"):
        reissue(plan.contract)


def test_case_16_the_plans_page_names_the_day_that_staff_moved(
    loan: Loan, signed_in: Client
) -> None:
    plan = make_to_sign(loan)

    change_expiry(
        contract_id=plan.contract_id, expires_at=NOW + timedelta(days=12), actor=None, now=NOW
    )
    page = signed_in.get(plan.get_absolute_url()).content.decode()
    with override("en"):
        assert f"Please sign by {describe_moment(NOW + timedelta(days=12))}." in page

    change_expiry(contract_id=plan.contract_id, expires_at=None, actor=None, now=NOW)
    page = signed_in.get(plan.get_absolute_url()).content.decode()
    assert "It starts when you sign the agreement." in page
    assert "Please sign by" not in page

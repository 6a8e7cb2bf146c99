"""Working a plan out, sending it and reading the answer, on one page."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import Borrower
from repayments import clock
from repayments.loans.models import Loan
from repayments.money import format_money
from repayments.plans.models import InstallmentPlan, PlanPolicy
from repayments.plans.services import issue_agreement
from tests.factories.contracts import NOW, TODAY, make_loan_to_sign
from tests.factories.loans import pay
from tests.factories.plans import (
    get_plan,
    make_active,
    make_offer,
    make_referred,
    make_to_sign,
    propose,
)

HTMX = {"HX-Request": "true"}


def url(loan: Loan) -> str:
    return f"/loans/{loan.public_id}/plan/"


def text(answer: HttpResponse) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def typed(**changes: str) -> dict[str, str]:
    values = {
        "way": "count",
        "count": "12",
        "amount": "",
        "first_due": "2026-12-15",
        "note": "",
        "rows-TOTAL_FORMS": "3",
        "rows-INITIAL_FORMS": "0",
        "act": "preview",
    }
    return values | changes


def typed_rows(*rows: tuple[str, str], **changes: str) -> dict[str, str]:
    values = typed(way="rows", count="", first_due="", **changes)
    values["rows-TOTAL_FORMS"] = str(len(rows))
    for number, (due_date, amount) in enumerate(rows):
        values[f"rows-{number}-due_date"] = due_date
        values[f"rows-{number}-amount"] = amount
    return values


def send(client: Client, loan: Loan, values: dict[str, str]) -> Any:
    """Look at the figures first, as the page has it, then send."""
    preview = client.post(url(loan), values)
    return client.post(url(loan), values | {"act": "send", "seen": preview.context["seen"]})


def test_it_starts_with_a_plan_that_is_worked_out(signed_in: Client, loan: Loan) -> None:
    answer = signed_in.get(url(loan))

    assert answer.status_code == 200
    assert len(answer.context["amounts"].rows) == 12
    assert "You pay in total" in text(answer)
    assert "New fees for the plan none" in text(answer)
    assert "There are no other charges." in text(answer)


def test_the_figures_follow_each_change(signed_in: Client, loan: Loan) -> None:
    answer = signed_in.post(url(loan), typed(count="6"), headers=HTMX)

    assert answer.content.decode().strip().startswith('<section id="preview"')
    assert "6 payments" in text(answer)
    assert not InstallmentPlan.objects.exists()


def test_the_monthly_amount_decides_how_many(signed_in: Client, loan: Loan) -> None:
    answer = signed_in.post(url(loan), typed(way="amount", count="", amount="1,000.00"))

    rows = answer.context["amounts"].rows
    assert rows[0].amount == 100_000
    assert rows[-1].amount < 100_000


def test_sending_gives_the_answer_on_the_same_address(signed_in: Client, loan: Loan) -> None:
    answer = send(signed_in, loan, typed())

    assert answer.status_code == 302
    assert answer.headers["Location"] == url(loan)
    page = signed_in.get(url(loan))
    assert "Your plan is accepted" in text(page)
    assert "Sign your plan agreement" in text(page)
    plan = InstallmentPlan.objects.get(loan=loan)
    assert plan.contract is not None
    assert plan.contract.get_absolute_url() in page.content.decode()


def test_a_document_that_is_not_there_yet_is_said_honestly(signed_in: Client, loan: Loan) -> None:
    loan.borrower.legal_name = "王𠮷"
    loan.borrower.save()

    assert send(signed_in, loan, typed()).status_code == 302

    assert "Your agreement is being prepared." in text(signed_in.get(url(loan)))


def test_an_agreement_being_prepared_is_looked_for_until_it_is_there(
    signed_in: Client, loan: Loan
) -> None:
    name = loan.borrower.legal_name
    Borrower.objects.filter(pk=loan.borrower_id).update(legal_name="王𠮷")
    send(signed_in, loan, typed())
    plan = InstallmentPlan.objects.get(loan=loan)

    for address in (url(loan), plan.get_absolute_url()):
        page = signed_in.get(address).content.decode()
        assert f'hx-get="{address}?wait=6"' in page
        # Without JavaScript the same look is a link.
        assert f'<a class="link" href="{address}">Look again</a>' in page
        part = signed_in.get(f"{address}?wait=6", headers=HTMX).content.decode()
        assert part.strip().startswith("<div")
        assert f'hx-get="{address}?wait=12"' in part
        assert "delay:6s" in part

    Borrower.objects.filter(pk=loan.borrower_id).update(legal_name=name)
    issue_agreement(plan_id=plan.pk, now=clock.now(), as_of=clock.today())

    for address in (url(loan), plan.get_absolute_url()):
        answer = signed_in.get(f"{address}?wait=12", headers=HTMX)
        assert answer["HX-Refresh"] == "true"
        words = text(signed_in.get(address))
        assert "Sign your plan agreement" in words
        assert "Look again" not in words


def test_an_offer_stands_beside_the_proposal_with_the_rule(signed_in: Client, loan: Loan) -> None:
    send(signed_in, loan, typed(count="36"))

    page = signed_in.get(url(loan))

    words = text(page)
    assert "We suggest a change" in words
    assert "The longest plan we can agree here runs 24 months, until 1 December 2028." in words
    changed = {line.name: line.differs for line in page.context["page"].differences}
    assert changed == {
        "count": True,
        "each": True,
        "first": False,
        "last": True,
        "total": True,
        "interest": True,
    }
    assert words.count("different") == 5
    for act in ("Accept this offer", "Propose something else", "Ask a person"):
        assert act in words
    # What is accepted stands above the button, the reasons below it.
    answer = words.index("Accept this offer")
    figures = page.context["page"].figures
    assert figures.is_even
    total = format_money(figures.total, loan.currency, "en")
    facts = ("24 payments, each", "You pay in total", total)
    assert all(words.index(fact) < answer for fact in facts)
    assert words.index("The longest plan we can agree here") > answer


def test_a_person_answers_by_a_moment(signed_in: Client, loan: Loan) -> None:
    PlanPolicy.objects.update(person_above=1)
    send(signed_in, loan, typed(note="Business is slow until spring."))

    words = text(signed_in.get(url(loan)))

    assert "You get an answer by Thu 3 Dec, 17:00" in words
    assert "Business is slow until spring." in words


def test_what_was_not_looked_at_is_not_sent(signed_in: Client, loan: Loan) -> None:
    seen = signed_in.post(url(loan), typed()).context["seen"]

    answer = signed_in.post(url(loan), typed(count="6", act="send", seen=seen))

    assert "The figures have changed since you looked." in text(answer)
    assert not InstallmentPlan.objects.exists()


def test_a_second_send_of_the_same_page_gets_409_and_leads_to_the_answer(
    signed_in: Client, loan: Loan
) -> None:
    seen = signed_in.post(url(loan), typed()).context["seen"]
    values = typed(act="send", seen=seen)
    signed_in.post(url(loan), values)

    answer = signed_in.post(url(loan), values)

    assert answer.status_code == 409
    assert url(loan) in answer.content.decode()
    assert InstallmentPlan.objects.count() == 1


# --- Own rows -------------------------------------------------------------------------------------


def test_own_rows_that_fall_short_name_the_last_amount(signed_in: Client, loan: Loan) -> None:
    values = typed_rows(("2026-12-20", "2000"), ("2027-06-20", "3000"))

    answer = signed_in.post(url(loan), values)

    assert answer.status_code == 422
    assert "It fits if the last payment is" in text(answer)
    assert 'href="#id_rows-1-amount"' in answer.content.decode()
    assert 'value="3000"' in answer.content.decode()


def test_the_amount_that_fits_is_put_in_on_request_only(signed_in: Client, loan: Loan) -> None:
    values = typed_rows(("2026-12-20", "2000"), ("2027-06-20", "3000"))

    answer = signed_in.post(url(loan), values | {"act": "fit"})

    amounts = answer.context["amounts"]
    assert answer.status_code == 200
    assert [row.amount for row in amounts.rows][0] == 200_000
    assert amounts.debt.total + amounts.added_interest == amounts.total


def test_rows_too_many_are_emptied_on_request(signed_in: Client, loan: Loan) -> None:
    values = typed_rows(("2026-12-20", "90000"), ("2027-06-20", "3000"))

    answer = signed_in.post(url(loan), values | {"act": "fit"})

    assert len(answer.context["amounts"].rows) == 1


def test_a_new_row_comes_with_what_is_left(signed_in: Client, loan: Loan) -> None:
    values = typed_rows(("2026-12-20", "2000"))

    answer = signed_in.post(url(loan), values | {"act": "add"})

    entry = answer.context["entry"]
    assert len(entry.rows.forms) == 2
    assert entry.rows.forms[1]["due_date"].value() == "2027-01-20"
    assert entry.amounts is not None
    assert entry.amounts.rows[0].amount == 200_000


def test_own_rows_are_sent(signed_in: Client, loan: Loan) -> None:
    values = typed_rows(("2026-12-20", "2000"), ("2027-06-20", "1"))
    fit = signed_in.post(url(loan), values | {"act": "fit"}).context["entry"]
    values["rows-1-amount"] = fit.rows.forms[1]["amount"].value()

    send(signed_in, loan, values)

    plan = InstallmentPlan.objects.get()
    assert plan.rows.count() == 2


def test_sixty_one_rows_are_refused(signed_in: Client, loan: Loan) -> None:
    rows = [(f"20{27 + n // 12}-{n % 12 + 1:02}-15", "100") for n in range(61)]

    answer = signed_in.post(url(loan), typed_rows(*rows))

    assert answer.status_code == 422
    assert not InstallmentPlan.objects.exists()


def test_a_thousand_rows_are_refused_without_trouble(signed_in: Client, loan: Loan) -> None:
    values = typed_rows(("2026-12-20", "2000")) | {"rows-TOTAL_FORMS": "1000"}

    assert signed_in.post(url(loan), values).status_code == 422


# --- Bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"count": ""}, "id_count"),
        ({"count": "0"}, "id_count"),
        ({"count": "61"}, "id_count"),
        ({"count": "1e2"}, "id_count"),
        ({"first_due": ""}, "id_first_due"),
        ({"first_due": "2026-12-01"}, "id_first_due"),
        ({"first_due": "2026-11-30"}, "id_first_due"),
        ({"first_due": "9999-12-31"}, "id_first_due"),
        ({"first_due": "31.12.2026"}, "id_first_due"),
        ({"way": "amount", "amount": ""}, "id_amount"),
        ({"way": "amount", "amount": "0"}, "id_amount"),
        ({"way": "amount", "amount": "-1"}, "id_amount"),
        ({"way": "amount", "amount": "0.001"}, "id_amount"),
        ({"way": "amount", "amount": "NaN"}, "id_amount"),
        ({"way": "amount", "amount": "1,00"}, "id_amount"),
        ({"way": "amount", "amount": "１００"}, "id_amount"),
        ({"way": "amount", "amount": "1"}, "id_amount"),
        ({"way": "amount", "amount": "9" * 30}, "id_amount"),
        ({"way": "something"}, "id_way"),
        ({"note": "x" * 1001}, "id_note"),
    ],
)
def test_bad_input_stands_at_its_field(
    signed_in: Client, loan: Loan, changes: dict[str, str], field: str
) -> None:
    answer = signed_in.post(url(loan), typed(**changes) | {"act": "send", "seen": "x"})

    assert answer.status_code == 422
    assert f'href="#{field}' in answer.content.decode()
    assert not InstallmentPlan.objects.exists()


def test_an_amount_too_small_names_one_that_works(signed_in: Client, loan: Loan) -> None:
    answer = signed_in.post(url(loan), typed(way="amount", amount="5"))

    assert "The smallest monthly amount that works is ¥" in text(answer)


@pytest.mark.parametrize(
    "values", [{}, {"act": "send"}, {"way": "rows"}, {"way": "rows", "act": "add"}]
)
def test_a_form_without_its_parts_is_never_a_crash(
    signed_in: Client, loan: Loan, values: dict[str, str]
) -> None:
    assert signed_in.post(url(loan), values).status_code in (200, 422)


# --- Who, how, when -------------------------------------------------------------------------------


def test_a_stranger_gets_404(stranger: Client, loan: Loan) -> None:
    assert stranger.get(url(loan)).status_code == 404
    assert stranger.post(url(loan), typed()).status_code == 404


def test_the_anonymous_go_to_sign_in(client: Client, loan: Loan) -> None:
    assert "/login/" in client.get(url(loan)).headers["Location"]


def test_a_wrong_method_gets_405(signed_in: Client, loan: Loan) -> None:
    assert signed_in.put(url(loan)).status_code == 405


def test_a_loan_that_does_not_run_says_so(signed_in: Client, loan: Loan) -> None:
    Loan.objects.filter(pk=loan.pk).update(status="paid_off")

    assert "No plan is needed" in text(signed_in.get(url(loan)))
    assert signed_in.post(url(loan), typed()).status_code == 409


def test_a_loan_to_be_signed_says_so(signed_in: Client, loan: Loan) -> None:
    waiting = make_loan_to_sign(loan.borrower)

    assert "Please sign your loan contract first." in text(signed_in.get(url(waiting)))


def test_a_no_of_a_person_is_told_with_its_reason(
    signed_in: Client, loan: Loan, officer: Any
) -> None:
    from repayments.plans.services import decline_plan

    plan = make_referred(loan)
    decline_plan(plan_id=plan.pk, reason="Please send a payslip.", actor=officer, now=NOW)

    words = text(signed_in.get(url(loan)))

    assert "Please send a payslip." in words
    assert "Send this proposal" in words


def test_the_form_takes_few_queries(
    signed_in: Client, loan: Loan, django_assert_max_num_queries: Any
) -> None:
    signed_in.get(url(loan))
    # Session, user, the session's own row; the loan; an open plan; the policy; rows, balance and
    # charges of the loan; its stage; the last answer. None a payment.
    with django_assert_max_num_queries(10):
        signed_in.get(url(loan))


def test_the_preview_takes_few_queries(
    signed_in: Client, loan: Loan, django_assert_max_num_queries: Any
) -> None:
    signed_in.get(url(loan))
    # As the form, without the open plan and the last answer.
    with django_assert_max_num_queries(8):
        signed_in.post(url(loan), typed(count="60"), headers=HTMX)


# --- The page of a plan ---------------------------------------------------------------------------


def plan_url(plan: InstallmentPlan, act: str = "") -> str:
    return f"/plans/{plan.public_id}/{act}"


ACTS = ["accept/", "person/", "withdraw/", "cancel/"]


def test_a_plan_in_force_shows_its_dates(signed_in: Client, loan: Loan) -> None:
    plan = make_active(loan)

    answer = signed_in.get(plan_url(plan))

    assert answer.status_code == 200
    assert "Your plan runs" in text(answer)


@pytest.mark.parametrize(
    "status", [status for status in InstallmentPlan.Status.values if status != "draft"]
)
def test_every_state_has_a_page(signed_in: Client, loan: Loan, status: str) -> None:
    plan = propose(loan)
    InstallmentPlan.objects.filter(pk=plan.pk).update(status=status, reason_facts={"rules": []})

    assert signed_in.get(plan_url(plan)).status_code == 200


def test_an_offer_is_taken_from_its_page(signed_in: Client, loan: Loan) -> None:
    offer = make_offer(loan)

    answer = signed_in.post(plan_url(offer, "accept/"), follow=True)

    assert "Your plan is accepted" in text(answer)
    assert get_plan(offer).status == "awaiting_signature"


def test_another_proposal_can_be_made_instead_of_an_offer(signed_in: Client, loan: Loan) -> None:
    offer = make_offer(loan)

    form = signed_in.get(url(loan) + "?again=1")
    assert "Send this proposal" in text(form)
    send(signed_in, loan, typed())

    assert get_plan(offer).status == "withdrawn"


def test_a_person_is_asked_instead_of_the_rule_pv_6(signed_in: Client, loan: Loan) -> None:
    offer = make_offer(loan)

    answer = signed_in.post(plan_url(offer, "person/"), follow=True)

    assert "A person looks at your plan" in text(answer)
    assert "You asked for a person." in text(answer)


def test_a_null_character_in_words_for_a_person_does_no_harm(signed_in: Client, loan: Loan) -> None:
    offer = make_offer(loan)

    signed_in.post(plan_url(offer, "person/"), {"note": "less\x00 work"})

    assert InstallmentPlan.objects.filter(note="less work").exists()


def test_a_proposal_is_taken_back(signed_in: Client, loan: Loan) -> None:
    plan = make_referred(loan)

    answer = signed_in.post(plan_url(plan, "withdraw/"), follow=True)

    assert "Taken back." in text(answer)
    assert get_plan(plan).status == "withdrawn"


def test_an_agreed_plan_is_ended_before_it_is_signed(signed_in: Client, loan: Loan) -> None:
    plan = make_to_sign(loan)

    signed_in.post(plan_url(plan, "cancel/"))

    assert get_plan(plan).status == "canceled"


def test_the_loser_of_two_gets_409(signed_in: Client, loan: Loan) -> None:
    offer = make_offer(loan)
    signed_in.post(plan_url(offer, "withdraw/"))

    for act in ACTS:
        assert signed_in.post(plan_url(offer, act)).status_code == 409


def test_figures_that_changed_are_shown_before_anything_is_taken(
    signed_in: Client, loan: Loan
) -> None:
    offer = make_offer(loan)
    pay(loan, 50_000, TODAY)

    answer = signed_in.post(plan_url(offer, "accept/"))

    assert answer.status_code == 409
    assert "worked out anew" in text(answer)
    assert get_plan(offer).status == "proposed"


def test_a_stranger_gets_404_for_a_plan_and_its_acts(stranger: Client, loan: Loan) -> None:
    offer = make_offer(loan)

    assert stranger.get(plan_url(offer)).status_code == 404
    for act in ACTS:
        assert stranger.post(plan_url(offer, act)).status_code == 404
    assert get_plan(offer).status == "proposed"


def test_the_anonymous_go_to_sign_in_from_a_plan(client: Client, loan: Loan) -> None:
    offer = make_offer(loan)

    for act in ["", *ACTS]:
        assert "/login/" in client.post(plan_url(offer, act)).headers["Location"]


def test_wrong_methods_get_405(signed_in: Client, loan: Loan) -> None:
    offer = make_offer(loan)

    assert signed_in.post(plan_url(offer)).status_code == 405
    for act in ACTS:
        assert signed_in.get(plan_url(offer, act)).status_code == 405


def test_the_page_of_an_offer_takes_few_queries(
    signed_in: Client, loan: Loan, django_assert_max_num_queries: Any
) -> None:
    offer = make_offer(loan)
    signed_in.get(plan_url(offer))
    # Session, user, the session's own row; the plan with its loan, proposal and contract; rows of
    # both.
    with django_assert_max_num_queries(6):
        signed_in.get(plan_url(offer))


def test_an_offer_that_ran_out_says_so(signed_in: Client, loan: Loan) -> None:
    offer = make_offer(loan)
    InstallmentPlan.objects.filter(pk=offer.pk).update(expires_at=NOW - timedelta(seconds=1))

    answer = signed_in.post(plan_url(offer, "accept/"))

    assert answer.status_code == 409
    assert "This offer is no longer open." in text(answer)

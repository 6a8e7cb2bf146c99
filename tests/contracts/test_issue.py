from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from repayments.audit.models import Event
from repayments.contacts.models import Message
from repayments.contracts import blobs, documents, services
from repayments.contracts.models import Contract, TemplateVersion
from repayments.contracts.paper import PLACEHOLDERS
from repayments.contracts.stored import get_frozen
from repayments.contracts.terms import PlainRow, rows_of_loan
from repayments.loans.annual_cost import Flow, annual_cost
from repayments.loans.models import Loan
from repayments.money import round_percent
from tests.factories.contracts import NOW, TODAY, make_contract, make_loan_to_sign, make_person

pytestmark = pytest.mark.usefixtures("room")
LATER = NOW + timedelta(days=30)


def issue(loan: Loan, **changes: object) -> Contract:
    values = {
        "kind": "loan",
        "loan": loan,
        "terms": {},
        "schedule": rows_of_loan(loan),
        "expires_at": LATER,
        "actor": None,
        "now": NOW,
        **changes,
    }
    return services.issue_contract(**values)


@pytest.mark.parametrize(("language", "title"), [("zh-hans", "借款合同"), ("en", "Loan contract")])
def test_a_contract_speaks_the_borrowers_language(language: str, title: str) -> None:
    contract = make_contract(make_person("Li Na", language=language))

    data = get_frozen(contract).data
    assert (contract.status, data["locale"], data["title"]) == ("sent", language, title)
    assert data["borrower"]["name"] == "Li Na"
    assert contract.loan.number in data["subtitle"]


def test_the_cost_table_shows_what_the_rows_give() -> None:
    """CN-R1, CN-R3: the rate printed is the one solved from the very rows of the contract."""
    contract = make_contract(make_person(language="en"))

    cost = annual_cost(
        [Flow(TODAY, contract.loan.principal)],
        [
            Flow(row.due_date, row.principal_due + row.interest_due)
            for row in contract.loan.installments.all()
        ],
    )
    table = get_frozen(contract).data["cost_table"]
    assert table["all_in_cost"]["value"] == (
        f"{round_percent(cost.simple)} % (simple) · {round_percent(cost.compound)} % (compound)"
    )
    assert table["no_other_charges"] == "There are no other charges."
    assert [item["collector"] for item in table["items"]] == [contract.terms["lender_name"]] * 2


def test_the_borrower_is_told_without_an_amount_or_a_debt() -> None:
    contract = make_contract()

    message = Message.objects.get(purpose="contract_to_sign")
    assert message.borrower == contract.loan.borrower
    assert message.context["link"] == f"/contracts/{contract.public_id}/"
    assert "12,000" not in str(message.context)


def test_who_has_no_sign_in_yet_is_not_asked_to_sign() -> None:
    make_contract(make_person(user=None))

    assert not Message.objects.exists()


@pytest.mark.parametrize("name", ["王𠮷", "王😀"])
def test_case_1_a_name_that_cannot_be_printed_is_refused_and_the_character_named(
    name: str,
) -> None:
    with pytest.raises(services.ContractRefused) as refusal:
        issue(make_loan_to_sign(make_person(name)))

    assert refusal.value.reason == "not_printable"
    assert name[1] in str(refusal.value)
    assert not Contract.objects.exists()


def test_case_1_the_sweep_puts_the_refusal_on_record_and_leaves_the_loan_alone() -> None:
    loan = make_loan_to_sign(make_person("王𠮷"))

    assert services.issue_loan_contract(loan_id=loan.pk, now=NOW) is None

    assert Event.objects.filter(stream=loan.stream, action="contracts.issue_refused").count() == 1
    assert services.list_loans_to_issue(now=NOW) == []
    assert services.list_loans_to_issue(now=NOW + timedelta(days=2)) == [loan.pk]


@pytest.mark.parametrize("name", ["#panic()", "$x$", "<b>Wang</b>", "{amount}"])
def test_case_2_markup_in_a_name_is_printed_as_it_stands(name: str) -> None:
    contract = make_contract(make_person(name, language="en"))

    assert get_frozen(contract).data["borrower"]["name"] == name


def test_case_3_a_frozen_contract_does_not_follow_the_loan() -> None:
    contract = make_contract()
    before = get_frozen(contract)

    Loan.objects.filter(pk=contract.loan_id).update(annual_rate=Decimal(20), principal=1)

    assert get_frozen(contract) == before


def test_case_3_a_new_contract_takes_the_place_of_the_old_one() -> None:
    old = make_contract()

    new = issue(old.loan, supersedes=old)

    old.refresh_from_db()
    assert (old.status, new.status) == ("superseded", "sent")
    assert old.superseded_by == new


def test_a_loan_has_one_open_contract() -> None:
    contract = make_contract()

    with pytest.raises(services.ContractAlreadyOpen):
        issue(contract.loan)

    assert Contract.objects.count() == 1


def test_case_4_retiring_a_template_leaves_frozen_contracts_alone() -> None:
    contract = make_contract()
    before = get_frozen(contract)

    TemplateVersion.objects.filter(pk=contract.template_version_id).update(status="retired")

    assert get_frozen(contract) == before
    loan = make_loan_to_sign()
    with pytest.raises(services.ContractRefused):
        issue(loan)


def test_case_5_a_schedule_that_does_not_add_up_is_refused() -> None:
    loan = make_loan_to_sign()
    rows = rows_of_loan(loan)
    rows[0] = replace(rows[0], principal=rows[0].principal + 1)

    with pytest.raises(services.ContractRefused) as refusal:
        issue(loan, schedule=rows)

    assert refusal.value.reason == "does_not_add_up"
    assert not Contract.objects.exists()


@pytest.mark.parametrize("name", ["total_interest", "total_fees", "total_due"])
def test_case_5_terms_that_differ_from_the_rows_are_refused(name: str) -> None:
    with pytest.raises(services.ContractRefused):
        issue(make_loan_to_sign(), terms={name: "1.23"})


def test_case_6_a_frozen_contract_is_rendered_again_to_the_same_bytes() -> None:
    contract = make_contract()
    frozen = get_frozen(contract)

    again = documents.render_contract(frozen.data, timestamp=contract.frozen_at)

    assert again == blobs.read(frozen.sha256)


def test_a_plan_agreement_is_made_of_its_own_rows() -> None:
    loan = make_loan_to_sign(make_person(language="en"), status="active")
    rows = [PlainRow(date(2027, 1, 5), 600_000, 6_000, 500), PlainRow(date(2027, 2, 5), 600_000, 0)]

    contract = issue(loan, kind="plan", schedule=rows, terms={"break_grace_days": "9"})

    data = get_frozen(contract).data
    assert data["title"] == "Installment plan agreement"
    assert data["schedule"]["rows"][0][-1] == "¥6,065.00"
    assert "more than 9 days late" in str(data["clauses"])
    assert contract.terms["effective_on"] == "2026-12-01"


def test_the_sweep_finds_loans_without_a_contract_and_not_those_declined() -> None:
    waiting, declined, voided = (make_loan_to_sign() for _ in range(3))
    for loan, status in ((declined, "declined"), (voided, "voided")):
        contract = services.issue_loan_contract(loan_id=loan.pk, now=NOW)
        Contract.objects.filter(pk=contract.pk).update(status=status)

    assert services.list_loans_to_issue(now=NOW) == [waiting.pk, voided.pk]
    # The page says of each loan what the sweep will do.
    said = [services.is_to_be_issued(loan=loan, now=NOW) for loan in (waiting, declined, voided)]
    assert said == [True, False, True]


def test_case_8_both_languages_of_a_template_have_the_same_clauses() -> None:
    for key in ("loan_contract", "plan_agreement"):
        pair = TemplateVersion.objects.filter(template__key=key, status="published")
        bodies = {version.locale: version.body for version in pair}
        assert set(bodies) == {"en", "zh-hans"}
        shapes = [[len(clause["paragraphs"]) for clause in body] for body in bodies.values()]
        asked = [documents.placeholders(body) for body in bodies.values()]
        assert shapes[0] == shapes[1]
        assert asked[0] == asked[1]
        assert asked[0] <= PLACEHOLDERS
        assert any("Signing electronically" in clause["heading"] for clause in bodies["en"])


@pytest.mark.parametrize("change", [{"title": "Another"}, {"body": []}, {"status": "draft"}])
def test_a_published_template_is_changed_by_nobody(change: dict[str, object]) -> None:
    versions = TemplateVersion.objects.filter(template__key="loan_contract")

    with pytest.raises(DatabaseError), transaction.atomic():
        versions.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        versions.delete()

    assert versions.filter(status="published").count() == 2

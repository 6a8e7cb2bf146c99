"""A contract taken back, issued anew, or given another last day; the old one never changes."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from repayments.audit.models import Event
from repayments.audit.services import verify_audit
from repayments.contacts.models import Message
from repayments.contacts.rendering import render_message
from repayments.contracts import blobs, deadlines, services
from repayments.contracts.models import Contract
from repayments.contracts.stored import get_frozen
from repayments.contracts.views import common, staff
from repayments.loans.models import Loan
from tests.contracts.test_pages import sign_in, url
from tests.factories.cases import make_colleague, sign_in_staff
from tests.factories.contracts import (
    NOW,
    TODAY,
    consent,
    make_contract,
    make_loan_to_sign,
    make_person,
    make_signed,
    pass_code,
    sign,
    signer_of,
)

pytestmark = pytest.mark.usefixtures("room")


@pytest.fixture(autouse=True)
def frozen_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "now", lambda: NOW)
    monkeypatch.setattr(staff, "now", lambda: NOW)
    monkeypatch.setattr(staff, "today", lambda: TODAY)


@pytest.fixture
def desk(db: None) -> Client:
    """Whoever looks after contracts."""
    return sign_in_staff(make_colleague("contract_officer"))


@pytest.fixture
def completed(room: None) -> Contract:
    contract = make_signed(make_person(language="en"))
    services.seal_contract(contract_id=contract.pk, now=NOW)
    contract.refresh_from_db()
    return contract


def act(client: Client, name: str, contract: Contract, **fields: str) -> int:
    page = reverse(f"admin:contracts_contract_{name}", args=[contract.pk])
    return client.post(page, fields).status_code


def reissue(contract: Contract, **changes: object) -> Contract:
    values = {"reason": "wrong rate", "actor": None, "now": NOW, "as_of": TODAY, **changes}
    return services.reissue_contract(contract_id=contract.pk, **values)


def payload_of(contract: Contract, action: str) -> dict[str, object]:
    return Event.objects.get(stream=contract.stream, action=f"contracts.{action}").payload


# --- Taken back ---------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["collector", "supervisor", "auditor", "plan_officer"])
@pytest.mark.parametrize("name", ["expiry", "void", "reissue"])
def test_only_who_looks_after_contracts_may(name: str, role: str, sent: Contract) -> None:
    client = sign_in_staff(make_colleague(role))

    assert act(client, name, sent, reason="x", without="on") == 403
    sent.refresh_from_db()
    assert sent.status == "sent"


@pytest.mark.parametrize("name", ["expiry", "void", "reissue"])
def test_a_borrower_has_no_such_page(name: str, sent: Contract) -> None:
    client = sign_in(signer_of(sent))
    page = reverse(f"admin:contracts_contract_{name}", args=[sent.pk])

    assert client.get(page).status_code in {302, 403, 404}
    assert client.delete(page).status_code in {302, 403, 404, 405}


@pytest.mark.parametrize("name", ["expiry", "void", "reissue"])
def test_the_page_asks_why_and_does_nothing_without(
    name: str, desk: Client, sent: Contract
) -> None:
    page = reverse(f"admin:contracts_contract_{name}", args=[sent.pk])

    assert desk.get(page).status_code == 200
    assert act(desk, name, sent, reason="  ") == 422
    assert desk.put(page).status_code == 405
    assert act(desk, name, Contract(pk=0), reason="x") == 404
    sent.refresh_from_db()
    assert (sent.status, Contract.objects.count()) == ("sent", 1)


def test_taking_back_keeps_the_reason_and_tells_the_borrower_kindly(
    desk: Client, sent: Contract
) -> None:
    assert act(desk, "void", sent, reason="typed the wrong rate") == 302

    sent.refresh_from_db()
    assert sent.status == "voided"
    assert payload_of(sent, "voided")["reason"] == "typed the wrong rate"
    message = Message.objects.get(purpose="contract_withdrawn")
    text = render_message(message).text
    assert "不是您的原因" in text
    assert "typed the wrong rate" not in text
    assert message.borrower == sent.loan.borrower

    # A second press changes nothing and says so.
    again = desk.post(
        reverse("admin:contracts_contract_void", args=[sent.pk]), {"reason": "x"}, follow=True
    )
    assert "can no longer be signed" in again.content.decode() or "不能再签" in (
        again.content.decode()
    )
    assert Message.objects.filter(purpose="contract_withdrawn").count() == 1


def test_who_cannot_sign_in_gets_no_message(room: None) -> None:
    contract = make_contract(make_person(user=None))

    services.void_contract(
        contract_id=contract.pk, reason="wrong", actor=None, now=NOW, tells_borrower=True
    )

    assert not Message.objects.exists()


def test_the_sweep_puts_a_new_one_in_the_place_of_what_was_taken_back(sent: Contract) -> None:
    services.void_contract(contract_id=sent.pk, reason="wrong", actor=None, now=NOW)

    assert services.list_loans_to_issue(now=NOW) == [sent.loan_id]
    new = services.issue_loan_contract(loan_id=sent.loan_id, now=NOW)

    assert new is not None
    assert new.supersedes == sent
    page = sign_in(signer_of(sent)).get(url(sent)).content.decode()
    assert f"A new document takes its place: {new.reference}." in page
    assert url(new) in page


# --- Issued anew --------------------------------------------------------------------------------
def test_case_3_issuing_anew_leaves_the_old_file_as_it_was(desk: Client, sent: Contract) -> None:
    before, frozen = get_frozen(sent), blobs.read(sent.revisions.get().blob_id)
    Loan.objects.filter(pk=sent.loan_id).update(annual_rate=Decimal("11.5"))

    assert act(desk, "reissue", sent, reason="the rate was wrong") == 302

    sent.refresh_from_db()
    new = Contract.objects.get(supersedes=sent)
    assert (sent.status, new.status) == ("superseded", "sent")
    assert get_frozen(sent) == before
    assert blobs.read(sent.revisions.get().blob_id) == frozen
    assert (sent.terms["annual_rate"], new.terms["annual_rate"]) == ("12", "11.5")
    assert payload_of(sent, "reissued") == {
        "reference": sent.reference,
        "by": new.reference,
        "reason": "the rate was wrong",
    }
    assert Message.objects.filter(purpose="contract_to_sign").count() == 2
    assert verify_audit(streams=[sent.stream, new.stream]) is None


def test_the_old_link_leads_its_own_borrower_to_the_newest(sent: Contract) -> None:
    second = reissue(sent)
    newest = reissue(second)

    page = sign_in(signer_of(sent)).get(url(sent))

    assert page.status_code == 200
    assert newest.reference in page.content.decode()
    assert url(newest) in page.content.decode()
    assert url(second) not in page.content.decode()
    stranger = sign_in(signer_of(make_contract()))
    assert stranger.get(url(sent)).status_code == 404
    assert stranger.get(url(newest)).status_code == 404


def test_the_old_code_and_signature_page_are_of_no_use_any_more(ready: Contract) -> None:
    new = reissue(ready)

    with pytest.raises(services.ContractClosed):
        sign(ready)
    new.refresh_from_db()
    assert new.status == "sent"


def test_a_contract_has_one_successor(sent: Contract) -> None:
    reissue(sent)

    with pytest.raises(services.AlreadyReplaced):
        reissue(sent)
    assert Contract.objects.count() == 2


@pytest.mark.parametrize("end", ["declined", "expired", "voided"])
def test_what_ended_unsigned_is_pointed_at_and_stays(end: str, sent: Contract) -> None:
    Contract.objects.filter(pk=sent.pk).update(status=end)

    new = reissue(sent)

    sent.refresh_from_db()
    assert (sent.status, new.supersedes) == (end, sent)
    assert payload_of(sent, "pointed_on")["by"] == new.reference
    assert not any("takes the place" in note for note in notes_of(new))


@pytest.mark.parametrize("status", ["borrower_signed", "sealing", "seal_failed"])
def test_what_waits_for_its_seal_is_not_replaced(status: str, room: None) -> None:
    contract = make_signed()
    Contract.objects.filter(pk=contract.pk).update(status=status)

    with pytest.raises(services.ContractMovedOn):
        reissue(contract)
    Loan.objects.filter(pk=contract.loan_id).update(status="pending_signature")
    with pytest.raises(services.AlreadySigned):
        reissue(contract)
    assert Contract.objects.count() == 1


def test_a_contract_that_cannot_be_made_is_said_on_the_form(desk: Client, sent: Contract) -> None:
    borrower = sent.loan.borrower
    type(borrower).objects.filter(pk=borrower.pk).update(legal_name="王𠮷")

    page = desk.post(reverse("admin:contracts_contract_reissue", args=[sent.pk]), {"reason": "x"})

    sent.refresh_from_db()
    assert (page.status_code, sent.status) == (422, "sent")
    assert "𠮷" in page.content.decode()


# --- A completed one ----------------------------------------------------------------------------
def notes_of(contract: Contract) -> list[str]:
    return list(get_frozen(contract).data["signature_block"]["notes"])


def test_a_completed_contract_is_only_pointed_at_and_the_new_one_says_so(
    completed: Contract,
) -> None:
    final = blobs.read(completed.revisions.get(kind="final").blob_id)

    new = reissue(completed)

    completed.refresh_from_db()
    assert (completed.status, new.status) == ("completed", "sent")
    assert blobs.read(completed.revisions.get(kind="final").blob_id) == final
    assert any(
        f"takes the place of contract {completed.reference}." in note for note in notes_of(new)
    )
    reader = sign_in(signer_of(completed))
    page = reader.get(url(completed)).content.decode()
    assert "It counts once you have signed it; until then this one does." in page
    assert reader.get(url(completed, "download")).content == final


def test_signing_the_new_one_leaves_the_loan_active_and_both_files(completed: Contract) -> None:
    new = reissue(completed)
    consent(new)
    pass_code(new)
    sign(new)
    services.seal_contract(contract_id=new.pk, now=NOW)

    new.refresh_from_db()
    completed.refresh_from_db()
    new.loan.refresh_from_db()
    assert (new.status, completed.status, new.loan.status) == ("completed", "completed", "active")
    activated = Event.objects.filter(stream=new.loan.stream, action="loans.activated")
    assert activated.count() == 1
    page = sign_in(signer_of(new)).get(url(completed)).content.decode()
    assert "has taken its place. You can keep downloading this one." in page
    for contract in (new, completed):
        assert sign_in(signer_of(new)).get(url(contract, "download")).status_code == 200


def test_a_settled_loan_gets_no_new_contract(completed: Contract) -> None:
    Loan.objects.filter(pk=completed.loan_id).update(status="paid_off")

    with pytest.raises(services.ContractMovedOn):
        reissue(completed)


def test_the_new_one_is_not_signed_once_the_loan_is_settled(completed: Contract) -> None:
    new = reissue(completed)
    consent(new)
    pass_code(new)
    Loan.objects.filter(pk=new.loan_id).update(status="paid_off")

    with pytest.raises(services.ContractMovedOn):
        sign(new)


# --- Another last day ---------------------------------------------------------------------------
def test_case_16_a_moved_day_is_on_every_page_and_the_paper_keeps_its_own(
    desk: Client, sent: Contract
) -> None:
    reader = sign_in(signer_of(sent))
    before = reader.get(url(sent)).content.decode()
    assert "You can sign up to and including 31 December 2026." in before
    assert "The document names" not in before

    assert act(desk, "expiry", sent, last_day="2027-01-15", reason="asked on the phone") == 302

    sent.refresh_from_db()
    assert sent.expires_at == deadlines.end_of(date(2027, 1, 15))
    after = reader.get(url(sent)).content.decode()
    assert "You can sign up to and including 15 January 2027." in after
    assert "The document names 31 December 2026, the day it was made with" in after
    assert sent.terms["sign_by"] == "2026-12-31"
    payload = payload_of(sent, "expiry_changed")
    assert payload["reason"] == "asked on the phone"
    assert str(payload["expired_at_before"]).startswith("2026-12-31T01:30")
    assert services.expire_contracts(now=sent.expires_at - timedelta(seconds=1)) == 0
    assert services.expire_contracts(now=sent.expires_at) == 1


def test_case_16_a_cleared_day_never_comes(desk: Client, sent: Contract) -> None:
    assert act(desk, "expiry", sent, without="on", reason="no hurry") == 302

    sent.refresh_from_db()
    assert sent.expires_at is None
    page = sign_in(signer_of(sent)).get(url(sent)).content.decode()
    assert "There is no last day to sign. The document names 31 December 2026" in page
    assert services.expire_contracts(now=NOW + timedelta(days=4000)) == 0


def test_case_16_more_time_is_given_although_it_ran_out_unless_the_sweep_was_there(
    desk: Client, sent: Contract
) -> None:
    Contract.objects.filter(pk=sent.pk).update(expires_at=NOW)
    assert "The time to sign is over" in sign_in(signer_of(sent)).get(url(sent)).content.decode()

    act(desk, "expiry", sent, last_day="2026-12-01", reason="was ill")
    assert "including 1 December" in sign_in(signer_of(sent)).get(url(sent)).content.decode()

    services.expire_contracts(now=NOW + timedelta(days=1))
    act(desk, "expiry", sent, last_day="2027-01-15", reason="was ill")
    sent.refresh_from_db()
    assert sent.status == "expired"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"last_day": "2026-11-30"},
        {"last_day": "31.12."},
        {"last_day": "2027-01-15", "without": "on"},
        {"last_day": "9999-99-99"},
    ],
    ids=["nothing", "past", "no day", "both", "no such day"],
)
def test_a_day_that_does_not_do_is_said_on_the_form(
    fields: dict[str, str], desk: Client, sent: Contract
) -> None:
    before = sent.expires_at

    assert act(desk, "expiry", sent, reason="x", **fields) == 422

    sent.refresh_from_db()
    assert sent.expires_at == before


def test_the_home_page_says_until_when(sent: Contract) -> None:
    page = sign_in(signer_of(sent)).get("/").content.decode()

    assert "about 3 minutes, up to 31 Dec" in page


def test_a_loan_without_a_contract_of_its_own_is_not_in_the_way(room: None) -> None:
    assert services.list_loans_to_issue(now=NOW) == []
    assert make_loan_to_sign().pk in services.list_loans_to_issue(now=NOW)

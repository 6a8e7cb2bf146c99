"""The pages of the ceremony: each works, is a stranger's 404, asks for sign-in, and keeps a budget
of queries."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from repayments.audit.models import Event
from repayments.contracts import services
from repayments.contracts.models import Contract, Signature
from repayments.contracts.services import ceremony
from repayments.contracts.views import after, common, reading, signing
from tests.factories.contracts import (
    NOW,
    TODAY,
    as_data_url,
    draw_png,
    make_contract,
    make_person,
    make_signed,
    sent_code,
    signer_of,
)

GET_PAGES = ["detail", "read", "agree", "code", "sign", "decline", "download"]
POST_ONLY = ["costs", "send_code", "finish"]


@pytest.fixture(autouse=True)
def frozen_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (after, common, reading, signing):
        monkeypatch.setattr(module, "now", lambda: NOW, raising=False)
    monkeypatch.setattr(signing, "today", lambda: TODAY)


@pytest.fixture
def reader(sent: Contract) -> Client:
    """The borrower, signed in, with the reading time of the costs taken away."""
    return sign_in(signer_of(sent))


def sign_in(user: User) -> Client:
    """Give a browser that is signed in and reads English."""
    client = Client()
    client.force_login(user)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


def url(contract: Contract, name: str = "detail") -> str:
    return reverse(f"contracts:{name}", args=[contract.public_id])


def token_in(answer: HttpResponse, name: str = "token") -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', answer.content.decode())
    assert found is not None
    return found[1]


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceremony, "COST_READING_SECONDS", 0)


def walk_to_the_code(reader: Client, contract: Contract) -> None:
    costs = reader.get(url(contract))
    reader.post(url(contract, "costs"), {"token": token_in(costs)})
    page = reader.get(url(contract, "read"))
    reader.post(url(contract, "read"), {"token": token_in(page), "reached_end": "yes"})
    reader.post(url(contract, "agree"), {"electronic": "on", "terms": "on"})
    reader.post(url(contract, "send_code"))


def walk_to_the_name(reader: Client, contract: Contract) -> None:
    walk_to_the_code(reader, contract)
    reader.post(url(contract, "code"), {"code": sent_code(contract)})


@pytest.mark.usefixtures("no_wait")
def test_the_whole_ceremony_without_scripts(reader: Client, sent: Contract) -> None:
    costs = reader.get(url(sent))
    assert "综合融资成本明示表" in costs.content.decode()
    assert reader.post(url(sent, "costs"), {"token": token_in(costs)}).url == url(sent, "read")
    read = reader.get(url(sent, "read"))
    for text in ("第十三条", "2027-12-01", "¥1,066.19"):
        assert text in read.content.decode()
    sends = {"token": token_in(read), "reached_end": ""}
    assert reader.post(url(sent, "read"), sends).url == url(sent, "agree")
    boxes = {"electronic": "on", "terms": "on"}
    assert "checked" not in reader.get(url(sent, "agree")).content.decode()
    assert reader.post(url(sent, "agree"), boxes).url == url(sent, "code")
    assert "s***@example.com" in reader.get(url(sent, "code")).content.decode()
    assert reader.post(url(sent, "send_code")).url == url(sent, "code")
    code = {"code": sent_code(sent)}
    assert reader.post(url(sent, "code"), code).url == url(sent, "sign")
    review = reader.post(url(sent, "sign"), {"name": "王镕"})
    sent.refresh_from_db()
    assert (review.status_code, sent.status) == (200, "consented")
    signs = {"name": "王镕", "review": token_in(review, "review")}
    assert reader.post(url(sent, "finish"), signs).url == url(sent)

    sent.refresh_from_db()
    sent.loan.refresh_from_db()
    assert (sent.status, sent.loan.status) == ("borrower_signed", "active")
    done = reader.get(url(sent)).content.decode()
    assert "you can close this page" in done
    assert "failed" not in done


@pytest.mark.usefixtures("no_wait")
def test_a_drawn_name_goes_through_its_review(reader: Client, sent: Contract) -> None:
    walk_to_the_name(reader, sent)
    drawing = as_data_url(draw_png())

    review = reader.post(url(sent, "sign"), {"drawing": drawing})
    reader.post(url(sent, "finish"), {"drawing": drawing, "review": token_in(review, "review")})

    assert Signature.objects.get().mode == "drawn"


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize("name", ["", "李四", "王𠮷"])
def test_a_name_that_does_not_do_is_said_on_the_form(
    reader: Client, sent: Contract, name: str
) -> None:
    walk_to_the_name(reader, sent)

    answer = reader.post(url(sent, "sign"), {"name": name})

    assert answer.status_code == 422
    assert answer.context["form"].errors["name"]


@pytest.mark.usefixtures("no_wait")
def test_case_13_a_blank_drawing_is_said_on_the_form(reader: Client, sent: Contract) -> None:
    walk_to_the_name(reader, sent)

    answer = reader.post(url(sent, "sign"), {"drawing": as_data_url(draw_png(ink="dot"))})

    assert answer.status_code == 422


@pytest.mark.usefixtures("no_wait")
def test_signing_twice_is_answered_with_409(reader: Client, sent: Contract) -> None:
    walk_to_the_name(reader, sent)
    review = reader.post(url(sent, "sign"), {"name": "王镕"})
    signs = {"name": "王镕", "review": token_in(review, "review")}
    reader.post(url(sent, "finish"), signs)

    answer = reader.post(url(sent, "finish"), signs)

    assert answer.status_code == 409
    assert url(sent) in answer.content.decode()
    assert Signature.objects.count() == 1


@pytest.mark.usefixtures("no_wait")
def test_nothing_is_signed_without_the_review_token(reader: Client, sent: Contract) -> None:
    walk_to_the_name(reader, sent)

    answer = reader.post(url(sent, "finish"), {"name": "王镕", "review": ""})

    assert answer.status_code == 422
    assert not Signature.objects.exists()


def test_the_costs_take_their_time_and_the_time_goes_on(reader: Client, sent: Contract) -> None:
    """CN-R2, AX-4: the page says how long, and a click too early does not start it anew."""
    token = token_in(reader.get(url(sent)))

    answer = reader.post(url(sent, "costs"), {"token": token})

    assert answer.status_code == 422
    assert "more second" in answer.content.decode()
    sent.refresh_from_db()
    assert sent.consents == []


@pytest.mark.usefixtures("no_wait")
def test_a_wrong_code_is_said_on_the_form(reader: Client, sent: Contract) -> None:
    walk_to_the_code(reader, sent)

    answer = reader.post(url(sent, "code"), {"code": "12"})

    assert answer.status_code == 422
    assert "4 more tries" in answer.content.decode()


@pytest.mark.usefixtures("no_wait")
def test_an_empty_box_is_said_on_the_form(reader: Client, sent: Contract) -> None:
    reader.post(url(sent, "costs"), {"token": token_in(reader.get(url(sent)))})

    answer = reader.post(url(sent, "agree"), {"electronic": "on"})

    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"terms"}


@pytest.mark.usefixtures("no_wait")
def test_case_14_a_lost_session_resumes_at_its_step(reader: Client, sent: Contract) -> None:
    walk_to_the_name(reader, sent)
    again = sign_in(signer_of(sent))

    assert again.get(url(sent)).url == url(sent, "code")
    assert Event.objects.filter(stream=sent.stream, action="contracts.resumed").count() == 1
    assert again.get(url(sent, "sign")).url == url(sent, "code")


def test_no_step_is_reached_before_the_one_before_it(reader: Client, sent: Contract) -> None:
    for name in ("read", "agree", "code", "sign"):
        assert reader.get(url(sent, name)).url == url(sent)


def test_declining_needs_a_reason_and_is_confirmed(reader: Client, sent: Contract) -> None:
    assert reader.get(url(sent, "decline")).status_code == 200
    assert reader.post(url(sent, "decline"), {"reason": " "}).status_code == 422
    assert reader.post(url(sent, "decline"), {"reason": "too dear"}).url == url(sent)

    page = reader.get(url(sent))
    assert "You did not sign this" in page.content.decode()
    assert reader.post(url(sent, "send_code")).status_code == 409


@pytest.mark.parametrize("status", ["expired", "voided", "superseded"])
def test_what_has_ended_says_so(reader: Client, sent: Contract, status: str) -> None:
    Contract.objects.filter(pk=sent.pk).update(status=status)

    assert reader.get(url(sent)).status_code == 200
    assert reader.get(url(sent, "sign")).url == url(sent)


@pytest.mark.parametrize("name", GET_PAGES)
def test_case_12_a_strangers_contract_is_not_there(sent: Contract, name: str) -> None:
    stranger = sign_in(make_person("李四").user)

    assert stranger.get(url(sent, name)).status_code == 404


@pytest.mark.parametrize("name", [*POST_ONLY, "read", "agree", "code", "sign", "decline"])
def test_case_12_a_stranger_does_nothing_to_it(sent: Contract, name: str) -> None:
    stranger = sign_in(make_person("李四").user)

    assert stranger.post(url(sent, name)).status_code == 404
    sent.refresh_from_db()
    assert sent.status == "sent"


@pytest.mark.parametrize("name", GET_PAGES)
def test_the_anonymous_are_led_to_the_sign_in(client: Client, sent: Contract, name: str) -> None:
    assert "/login/" in client.get(url(sent, name)).url


@pytest.mark.parametrize("name", POST_ONLY)
def test_an_act_is_not_got(reader: Client, sent: Contract, name: str) -> None:
    assert reader.get(url(sent, name)).status_code == 405


@pytest.mark.parametrize("name", ["detail", "download"])
def test_a_page_is_not_posted_to(reader: Client, sent: Contract, name: str) -> None:
    assert reader.post(url(sent, name)).status_code == 405


def test_a_contract_not_sent_yet_is_not_there(reader: Client, sent: Contract) -> None:
    Contract.objects.filter(pk=sent.pk).update(status="frozen")

    assert reader.get(url(sent)).status_code == 404


def test_looking_ahead_changes_nothing(reader: Client, sent: Contract) -> None:
    reader.head(url(sent))

    sent.refresh_from_db()
    assert sent.status == "sent"


def test_the_file_has_a_safe_name_and_its_taking_is_on_record(
    reader: Client, sent: Contract
) -> None:
    answer = reader.get(url(sent, "download"))

    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{sent.reference}.pdf"'
    assert answer.content.startswith(b"%PDF-")
    event = Event.objects.get(stream=sent.stream, action="contracts.downloaded")
    assert event.payload["revision"] == "unsigned"


def test_after_sealing_the_final_file_is_given(room: None) -> None:
    contract = make_signed()
    services.seal_contract(contract_id=contract.pk, now=NOW)
    reader = sign_in(signer_of(contract))

    page = reader.get(url(contract)).content.decode()
    file = reader.get(url(contract, "download")).content

    assert "Signed and complete" in page
    assert contract.verify_code in page
    # Case 39: every time carries its zone.
    assert page.count("1 Dec 2026, 09:30 (China Time)") == 4
    event = Event.objects.get(stream=contract.stream, action="contracts.downloaded")
    assert event.payload["revision"] == "final"
    assert contract.signatures.count() == 2
    assert len(file) > 100_000


@pytest.mark.parametrize("status", ["borrower_signed", "sealing", "seal_failed"])
def test_case_17_the_borrower_sees_signed_and_never_a_failure(room: None, status: str) -> None:
    contract = make_signed()
    Contract.objects.filter(pk=contract.pk).update(status=status, seal_error="keys_missing")
    reader = sign_in(signer_of(contract))

    page = reader.get(url(contract)).content.decode()

    assert "seal is being added; you can close this page." in page
    assert "fail" not in page.lower()
    assert "keys_missing" not in page


def test_the_page_asks_gently_and_reloads_once_complete(room: None) -> None:
    contract = make_signed()
    reader = sign_in(signer_of(contract))

    def asks(wait: int) -> Any:
        return reader.get(url(contract), {"wait": wait}, headers={"HX-Request": "true"})

    assert 'hx-trigger="load delay:6s"' in asks(6).content.decode()
    assert "wait=60" in asks(50).content.decode()
    assert "<html" not in asks(6).content.decode()
    Contract.objects.filter(pk=contract.pk).update(status="completed")
    assert asks(6).headers["HX-Refresh"] == "true"


def test_the_page_is_in_both_languages_of_the_document(room: None) -> None:
    """AX-5: parts in the document's language say so."""
    contract = make_contract(make_person("Li Na", language="en"))
    reader = sign_in(signer_of(contract))

    page = reader.get(url(contract)).content.decode()

    assert '<html lang="en">' in page
    assert '<h1 lang="en">Loan contract</h1>' in page


DECIDES = "This document is in Chinese, and the Chinese text decides."


def test_who_reads_a_chinese_contract_in_english_is_told_which_text_decides(
    ready: Contract,
) -> None:
    reader = sign_in(signer_of(ready))
    assert DECIDES in reader.get(url(ready, "read")).content.decode()
    assert "in Chinese" in reader.get("/documents/").content.decode()

    reader.cookies["django_language"] = "zh-hans"
    for address in (url(ready, "read"), "/documents/"):
        page = reader.get(address)
        assert not page.context.get("language_note")
        assert "decides" not in page.content.decode()


def test_the_costs_and_the_signed_page_tell_it_too(sent: Contract, signed: Contract) -> None:
    for contract in (sent, signed):
        assert DECIDES in sign_in(signer_of(contract)).get(url(contract)).content.decode()


def test_an_english_contract_that_the_chinese_text_decides_says_so(room: None) -> None:
    contract = make_contract(make_person("Li Na", language="en"))
    page = sign_in(signer_of(contract)).get(url(contract)).content.decode()
    assert "You sign this document in English." in page
    assert "Where it differs from the Chinese text, the Chinese text decides." in page


@pytest.mark.usefixtures("no_wait")
def test_pages_keep_their_query_budget(
    reader: Client, sent: Contract, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    walk_to_the_name(reader, sent)
    # Session and user, the session's own row, then the contract; the revision
    # that names the file to read; the challenge that was passed.
    for name, budget in (("read", 5), ("sign", 5), ("decline", 4)):
        with django_assert_max_num_queries(budget):
            assert reader.get(url(sent, name)).status_code == 200


def test_the_signed_page_keeps_its_query_budget(
    room: None, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    contract = make_signed()
    reader = sign_in(signer_of(contract))
    reader.get(url(contract))
    # As above, then contract, final revision, signatures.
    with django_assert_max_num_queries(6):
        assert reader.get(url(contract)).status_code == 200


@pytest.mark.usefixtures("no_wait")
def test_case_38_a_spoofed_proxy_header_does_not_move_the_address(
    reader: Client, sent: Contract
) -> None:
    reader.get(url(sent), headers={"X-Forwarded-For": "9.9.9.9"})

    event = Event.objects.get(stream=sent.stream, action="contracts.opened")
    assert event.payload["ip"] == "127.0.0.1"

from datetime import timedelta

import pytest
from django.core import signing

from repayments.audit.models import Event
from repayments.contracts import blobs, drawings, kinds, services
from repayments.contracts.models import Contract, Signature, SigningChallenge
from repayments.contracts.services import sign as signing_service
from repayments.contracts.signals import contract_signed
from repayments.ledger.models import Posting
from tests.factories.contracts import (
    NOW,
    ORIGIN,
    OTHER_ORIGIN,
    as_data_url,
    consent,
    draw_png,
    make_person,
    pass_code,
    sign,
    signer_of,
)


def test_a_signature_makes_the_loan_active_and_owed(ready: Contract) -> None:
    sign(ready)

    ready.refresh_from_db()
    ready.loan.refresh_from_db()
    assert (ready.status, ready.loan.status) == ("borrower_signed", "active")
    owed = Posting.objects.get(entry__book=ready.loan.book, account="principal_receivable")
    assert owed.amount == ready.loan.principal


def test_a_signature_keeps_document_consent_and_challenge(ready: Contract) -> None:
    sign(ready)

    signature = Signature.objects.get()
    challenge = SigningChallenge.objects.get()
    assert signature.doc_sha256 == ready.revisions.get(kind="unsigned").blob_id
    assert (signature.mode, signature.name) == ("typed", "王镕")
    assert (signature.challenge, challenge.used_at) == (challenge, NOW)
    assert signature.consent_text_sha256
    event = Event.objects.get(stream=ready.stream, action="contracts.signed")
    assert event.payload["document_sha256"] == signature.doc_sha256
    assert event.payload["ip"] == ORIGIN.ip


def test_the_seal_is_asked_for_when_the_signature_has_committed(
    ready: Contract,
    django_capture_on_commit_callbacks: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def listen(contract_id: int, **kwargs: object) -> None:
        asked.append(contract_id)

    monkeypatch.setattr(contract_signed, "receivers", [])
    contract_signed.connect(listen)
    contract_signed.sender_receivers_cache.clear()
    with django_capture_on_commit_callbacks() as callbacks:
        sign(ready)

    assert asked == []
    for callback in callbacks:
        callback()
    assert asked == [ready.pk]


def test_case_9_nothing_is_signed_without_consent(sent: Contract) -> None:
    services.open_contract(contract_id=sent.pk, actor=signer_of(sent), origin=ORIGIN, now=NOW)

    with pytest.raises(services.ContractMovedOn):
        sign(sent)
    assert not Signature.objects.exists()


def test_case_9_nothing_is_signed_without_a_code(sent: Contract) -> None:
    consent(sent)

    with pytest.raises(services.CodeNotUsable):
        sign(sent)


@pytest.mark.parametrize(
    "change",
    [
        {"used_at": NOW},
        {"voided_at": NOW},
        {"passed_at": None},
        {"expires_at": NOW},
        {"doc_sha256": "0" * 64},
        {"session_hash": "u" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_case_9_a_challenge_that_is_not_this_ones_is_refused(
    ready: Contract, change: dict[str, object]
) -> None:
    SigningChallenge.objects.update(**change)

    with pytest.raises(services.CodeNotUsable):
        sign(ready)

    ready.refresh_from_db()
    assert ready.status == "consented"
    assert not Signature.objects.exists()


@pytest.mark.parametrize("forged", ["", "nonsense", "another name", "another session", "stale"])
def test_nothing_is_signed_without_the_review_of_this_very_signature(
    ready: Contract, forged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AX-3: no POST without the review page's token."""
    draft = services.Draft("typed", "王镕")
    tokens = {
        "another name": services.write_review(
            contract=ready, draft=services.Draft("typed", "李四"), origin=ORIGIN
        ),
        "another session": services.write_review(contract=ready, draft=draft, origin=OTHER_ORIGIN),
        "stale": services.write_review(contract=ready, draft=draft, origin=ORIGIN),
    }
    if forged == "stale":

        def too_old(*args: object, **kwargs: object) -> None:
            raise signing.SignatureExpired

        monkeypatch.setattr(signing_service.signing, "loads", too_old)

    with pytest.raises(services.ReviewNotValid):
        sign(ready, draft=draft, review=tokens.get(forged, forged))

    assert not Signature.objects.exists()


def test_case_10_the_second_of_two_signatures_is_told_so(ready: Contract) -> None:
    review = services.write_review(
        contract=ready, draft=services.Draft("typed", "王镕"), origin=ORIGIN
    )
    sign(ready, review=review)

    with pytest.raises(services.AlreadySigned):
        sign(ready, review=review)

    assert Signature.objects.count() == 1


def test_what_the_kind_refuses_is_not_signed(
    ready: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**kwargs: object) -> None:
        raise services.ContractMovedOn("no longer")

    monkeypatch.setitem(kinds._KINDS, "loan", kinds.ContractKind("loan", refuse))

    with pytest.raises(services.ContractMovedOn, match="no longer"):
        sign(ready)

    ready.refresh_from_db()
    assert ready.status == "consented"
    assert SigningChallenge.objects.get().used_at is None


def test_a_loan_that_no_longer_waits_is_not_signed(ready: Contract) -> None:
    type(ready.loan).objects.filter(pk=ready.loan_id).update(status="active")

    with pytest.raises(services.ContractMovedOn):
        sign(ready)
    assert not Signature.objects.exists()


def test_a_drawn_name_is_stored_with_its_picture(ready: Contract) -> None:
    png = services.read_drawing(as_data_url(draw_png()))

    sign(ready, draft=services.Draft("drawn", "王镕", png))

    signature = Signature.objects.get()
    assert blobs.read(signature.image_id) == png


@pytest.mark.parametrize(
    ("drawing", "code"),
    [
        (as_data_url(draw_png(ink="none")), "blank"),
        (as_data_url(draw_png(ink="dot")), "blank"),
        (as_data_url(draw_png(width=2001, height=1)), "not_a_png"),
        (as_data_url(draw_png()[:-60]), "not_a_png"),
        (as_data_url(b"GIF89a" + b"\0" * 100), "not_a_png"),
        (as_data_url(b"\x89PNG\r\n\x1a\n"), "not_a_png"),
        ("data:image/png;base64,%%%", "not_a_png"),
        ("data:image/svg+xml;base64,AAAA", "not_a_png"),
        ("data:image/png;base64," + "A" * 300_000, "too_large"),
        ("x" * 500_000, "too_large"),
    ],
)
def test_case_13_a_drawing_that_is_no_name_is_refused(drawing: str, code: str) -> None:
    with pytest.raises(drawings.DrawingRefused) as refusal:
        services.read_drawing(drawing)

    assert refusal.value.code == code


def test_case_13_a_drawn_stroke_is_taken() -> None:
    png = draw_png()

    assert services.read_drawing(as_data_url(png)) == png


@pytest.mark.parametrize(
    ("typed", "legal", "taken"),
    [
        ("王镕", "王镕", "王镕"),
        ("  wang   RONG ", "Wang Rong", "wang RONG"),
        ("王 镕", "王镕", "王 镕"),
        ("李四", "王镕", None),
        ("", "王镕", None),
        ("王𠮷", "王𠮷", None),
        ("\u202eWang Rong", "Wang Rong", None),
    ],
)
def test_a_person_signs_with_the_name_in_the_document(
    room: None, typed: str, legal: str, taken: str | None
) -> None:
    borrower = make_person(legal)

    if taken is None:
        with pytest.raises(services.NameRefused):
            services.check_name(name=typed, borrower=borrower)
    else:
        assert services.check_name(name=typed, borrower=borrower) == taken


def test_whoever_acts_for_a_business_writes_their_own_name(room: None) -> None:
    borrower = make_person("杭州晴川制造有限公司", kind="business")

    assert services.check_name(name="王镕", borrower=borrower) == "王镕"
    with pytest.raises(services.NameRefused):
        services.check_name(name="王", borrower=borrower)


def test_a_code_entered_long_ago_no_longer_signs(ready: Contract) -> None:
    with pytest.raises(services.CodeNotUsable):
        sign(ready, now=NOW + timedelta(minutes=16))


def test_a_new_session_needs_a_new_code(ready: Contract) -> None:
    """Case 14: what is bound to a session does not travel."""
    with pytest.raises(services.CodeNotUsable):
        sign(ready, origin=OTHER_ORIGIN)

    pass_code(ready, origin=OTHER_ORIGIN)
    sign(ready, origin=OTHER_ORIGIN)
    assert Signature.objects.count() == 1

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from repayments.audit.models import Event
from repayments.audit.services import verify_audit
from repayments.contacts.models import Message
from repayments.contracts import consents, services
from repayments.contracts.models import Contract, SigningChallenge
from repayments.contracts.receivers import is_code_still_open, is_contract_still_to_sign
from tests.factories.contracts import (
    NOW,
    ORIGIN,
    OTHER_ORIGIN,
    consent,
    make_contract,
    note,
    pass_code,
    sent_code,
    sign,
    signer_of,
)


def who(contract: Contract, **changes: object) -> dict[str, object]:
    return {
        "contract_id": contract.pk,
        "actor": signer_of(contract),
        "origin": ORIGIN,
        "now": NOW,
        **changes,
    }


def confirm(contract: Contract, *, after_seconds: float, **changes: object) -> None:
    opened = note(contract, "costs", now=NOW - timedelta(seconds=after_seconds))
    services.confirm_costs(**{"token": opened, "read_at": NOW, **who(contract), **changes})


def actions(contract: Contract) -> list[str]:
    events = Event.objects.filter(stream=contract.stream).order_by("seq")
    return [event.action.removeprefix("contracts.") for event in events]


def test_every_step_is_on_record_with_who_when_and_where(ready: Contract) -> None:
    assert actions(ready) == [
        "drafted",
        "frozen",
        "sent",
        "opened",
        "costs_confirmed",
        "read",
        "consented",
        "code_sent",
        "code_passed",
    ]
    event = Event.objects.get(stream=ready.stream, action="contracts.consented")
    assert event.actor == signer_of(ready)
    assert event.payload["ip"] == ORIGIN.ip
    assert event.payload["session"] == ORIGIN.session_hash
    assert event.payload["document_sha256"] == ready.revisions.get().blob_id
    assert {entry["version"] for entry in event.payload["consents"]} == {consents.CONSENT_VERSION}


def test_the_costs_are_not_confirmed_before_their_time(sent: Contract) -> None:
    """CN-R2: the server, not the browser, measures the reading time."""
    services.open_contract(**who(sent))

    with pytest.raises(services.ReadingTooShort) as refusal:
        confirm(sent, after_seconds=7.2)

    assert refusal.value.seconds_left == 3
    confirm(sent, after_seconds=10)
    sent.refresh_from_db()
    assert services.has_agreed(sent, consents.COSTS)


@pytest.mark.parametrize("forged", ["", "nonsense", "other session", "other page"])
def test_a_forged_or_foreign_note_counts_for_no_time(sent: Contract, forged: str) -> None:
    services.open_contract(**who(sent))
    long_ago = NOW - timedelta(hours=1)
    token = {
        "other session": note(sent, "costs", origin=OTHER_ORIGIN, now=long_ago),
        "other page": note(sent, "read", now=long_ago),
    }.get(forged, forged)

    with pytest.raises(services.ReadingTooShort):
        services.confirm_costs(token=token, read_at=NOW, **who(sent))


def test_nothing_is_agreed_before_the_costs_are_confirmed(sent: Contract) -> None:
    services.open_contract(**who(sent))

    with pytest.raises(services.CostsNotConfirmed):
        services.record_consent(agreed=["electronic", "terms"], **who(sent))


def test_nothing_is_agreed_without_a_view(sent: Contract) -> None:
    with pytest.raises(services.ContractMovedOn):
        services.record_consent(agreed=["electronic", "terms"], **who(sent))


@pytest.mark.parametrize("agreed", [[], ["electronic"], ["terms"]])
def test_every_box_is_needed(sent: Contract, agreed: list[str]) -> None:
    services.open_contract(**who(sent))
    confirm(sent, after_seconds=11)

    with pytest.raises(services.ConsentMissing):
        services.record_consent(agreed=agreed, **who(sent))

    sent.refresh_from_db()
    assert sent.status == "viewed"


def test_a_consent_keeps_its_words(ready: Contract) -> None:
    kept = {entry["key"]: entry for entry in ready.consents}
    for key in (consents.COSTS, *consents.REQUIRED):
        assert kept[key]["text"] == consents.text_of(key, "zh-hans")
        assert kept[key]["text_sha256"] == consents.text_sha256(key, "zh-hans")


def test_case_14_a_new_session_resumes_and_every_event_is_kept(ready: Contract) -> None:
    before = actions(ready)

    services.open_contract(**who(ready, origin=OTHER_ORIGIN))

    ready.refresh_from_db()
    assert ready.status == "consented"
    assert actions(ready) == [*before, "resumed"]


@pytest.mark.parametrize("code", ["wrong", ""])
def test_case_9_a_wrong_code_is_refused_and_counted(sent: Contract, code: str) -> None:
    consent(sent)
    services.send_code(**who(sent))

    with pytest.raises(services.CodeWrong):
        services.check_code(code=code, **who(sent))

    assert SigningChallenge.objects.get().tries == 1
    assert actions(sent)[-1] == "code_failed"


def test_case_9_the_sixth_try_is_refused_although_right(sent: Contract) -> None:
    consent(sent)
    services.send_code(**who(sent))
    for _ in range(5):
        with pytest.raises(services.CodeRefused):
            services.check_code(code="999999x", **who(sent))

    with pytest.raises(services.CodeNotUsable):
        services.check_code(code=sent_code(sent), **who(sent))


@pytest.mark.parametrize(
    "changes",
    [{"origin": OTHER_ORIGIN}, {"now": NOW + timedelta(minutes=5)}],
    ids=["another session", "five minutes later"],
)
def test_case_9_a_code_works_in_its_session_and_its_time_alone(
    sent: Contract, changes: dict[str, object]
) -> None:
    consent(sent)
    services.send_code(**who(sent))

    with pytest.raises(services.CodeNotUsable):
        services.check_code(code=sent_code(sent), **who(sent, **changes))


def test_case_9_a_code_of_another_document_is_refused(sent: Contract) -> None:
    """ES-1: the code is bound to the document's hash."""
    consent(sent)
    services.send_code(**who(sent))
    SigningChallenge.objects.update(doc_sha256="0" * 64)

    with pytest.raises(services.CodeWrong):
        services.check_code(code=sent_code(sent), **who(sent))


def test_a_new_code_voids_the_one_before(sent: Contract) -> None:
    consent(sent)
    services.send_code(**who(sent))
    first = sent_code(sent)
    message = Message.objects.get(purpose="signing_code")
    assert is_code_still_open(message, NOW)
    services.send_code(**who(sent))
    if sent_code(sent) == first:
        pytest.skip("the same six digits twice in a row")

    with pytest.raises(services.CodeWrong):
        services.check_code(code=first, **who(sent))
    assert not is_code_still_open(message, NOW)


def test_only_so_many_codes_are_sent(sent: Contract) -> None:
    consent(sent)
    for _ in range(5):
        services.send_code(**who(sent))

    with pytest.raises(services.TooManyCodes):
        services.send_code(**who(sent))


def test_a_code_pasted_with_spaces_or_full_width_digits_works(sent: Contract) -> None:
    consent(sent)
    services.send_code(**who(sent))
    wide = "".join(chr(ord("０") + int(digit)) for digit in sent_code(sent))

    challenge = services.check_code(code=f" {wide[:3]} {wide[3:]} ", **who(sent))

    assert challenge.passed_at == NOW


def test_case_40_no_code_stands_in_an_event_or_in_the_clear(sent: Contract) -> None:
    consent(sent)
    services.send_code(**who(sent))
    code = sent_code(sent)

    stored = [str(event.payload) for event in Event.objects.all()]
    message = Message.objects.get(purpose="signing_code")
    challenge = SigningChallenge.objects.get()
    stored += [message.secret, str(message.context), challenge.code_hmac]
    assert not any(code in text for text in stored)


@pytest.mark.parametrize("reason", ["", "   "])
def test_case_15_declining_needs_a_reason(sent: Contract, reason: str) -> None:
    with pytest.raises(services.ReasonMissing):
        services.decline_contract(reason=reason, **who(sent))


def test_case_15_declining_ends_the_messages_about_signing(sent: Contract) -> None:
    message = Message.objects.get(purpose="contract_to_sign")
    assert is_contract_still_to_sign(message, NOW)

    services.decline_contract(reason="too dear", **who(sent))

    sent.refresh_from_db()
    assert (sent.status, sent.decline_reason) == ("declined", "too dear")
    assert not is_contract_still_to_sign(message, NOW)
    with pytest.raises(services.ContractClosed):
        sign(sent, review="")


def test_what_was_not_signed_in_time_expires(sent: Contract) -> None:
    assert services.expire_contracts(now=sent.expires_at - timedelta(seconds=1)) == 0
    assert services.expire_contracts(now=sent.expires_at) == 1
    assert services.expire_contracts(now=sent.expires_at) == 0

    sent.refresh_from_db()
    assert sent.status == "expired"
    assert actions(sent)[-1] == "expired"


def test_what_ran_out_is_not_signed_although_the_sweep_was_late(ready: Contract) -> None:
    services.change_expiry(contract_id=ready.pk, expires_at=NOW, actor=None, now=NOW)

    with pytest.raises(services.ContractExpired):
        sign(ready)


@pytest.mark.parametrize("longer", [timedelta(days=5), None], ids=["extended", "cleared"])
def test_case_16_a_moved_day_counts_at_once(sent: Contract, longer: timedelta | None) -> None:
    over = sent.expires_at
    services.change_expiry(
        contract_id=sent.pk, expires_at=longer and over + longer, actor=None, now=NOW
    )

    assert services.expire_contracts(now=over) == 0
    assert actions(sent)[-1] == "expiry_changed"


def test_voiding_says_why_and_is_over_once_signed(ready: Contract) -> None:
    other = make_contract()
    with pytest.raises(services.ReasonMissing):
        services.void_contract(contract_id=other.pk, reason=" ", actor=None, now=NOW)
    services.void_contract(contract_id=other.pk, reason="wrong rate", actor=None, now=NOW)
    other.refresh_from_db()
    assert other.status == "voided"

    sign(ready)
    with pytest.raises(services.AlreadySigned):
        services.void_contract(contract_id=ready.pk, reason="late", actor=None, now=NOW)


def test_a_passed_code_is_found_again_in_its_session_alone(sent: Contract) -> None:
    consent(sent)
    pass_code(sent)
    seen = {"contract": sent, "actor": signer_of(sent), "now": NOW, "passed": True}

    assert services.find_challenge(origin=ORIGIN, **seen) is not None
    assert services.find_challenge(origin=OTHER_ORIGIN, **seen) is None


def test_case_34_an_event_is_neither_changed_nor_deleted(sent: Contract) -> None:
    events = Event.objects.filter(stream=sent.stream)

    with pytest.raises(DatabaseError), transaction.atomic():
        events.update(payload={})
    with pytest.raises(DatabaseError), transaction.atomic():
        events.delete()

    assert verify_audit(streams=[sent.stream]) is None

"""Two at once, on the real engine; each race has a twin with the guard off that shows it."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from repayments.contracts import kinds, services
from repayments.contracts.models import Contract, Signature
from repayments.contracts.services import sign as signing_service
from tests.factories.contracts import NOW, consent, make_contract, pass_code, sign

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ready_to_race(room: None) -> Contract:
    contract = make_contract()
    consent(contract)
    pass_code(contract)
    return contract


def both(*acts: Callable[[], Any]) -> list[Any]:
    """Run acts at the same moment, each in a connection of its own; give results or errors."""
    gate = threading.Barrier(len(acts))
    answers: list[Any] = [None] * len(acts)

    def run(at: int, act: Callable[[], Any]) -> None:
        gate.wait()
        try:
            answers[at] = act()
        except Exception as error:
            answers[at] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_case_10_of_two_signatures_at_once_one_counts(ready_to_race: Contract) -> None:
    answers = both(*[lambda: sign(ready_to_race)] * 2)

    assert sorted(type(answer).__name__ for answer in answers) == ["AlreadySigned", "Contract"]
    assert Signature.objects.filter(party="borrower").count() == 1


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take away the lock, the row count, the challenge's single use and the constraint."""
    meeting = threading.Barrier(2)

    def look(contract_id: int) -> Contract:
        contract = Contract.objects.select_related("loan__borrower", "template_version").get(
            pk=contract_id
        )
        meeting.wait(timeout=10)
        return contract

    def move(contract: Contract, to: str, **fields: Any) -> None:
        Contract.objects.filter(pk=contract.pk).update(status=to, **fields)

    class Spent:
        method, sent_to = "otp", ""

    def create(*, challenge: object, **fields: Any) -> Signature:
        signature = Signature(**fields)
        signature.save()
        return signature

    monkeypatch.setattr(signing_service, "lock", look)
    monkeypatch.setattr(signing_service, "move", move)
    monkeypatch.setattr(signing_service, "use_challenge", lambda **kwargs: Spent())
    monkeypatch.setattr(Signature.objects, "create", create)
    monkeypatch.setitem(kinds._KINDS, "loan", kinds.ContractKind("loan", lambda **kwargs: None))
    name = "contracts_signature_party_unique"
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE contracts_signature DROP CONSTRAINT {name}")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM contracts_signature")
        cursor.execute(
            f"ALTER TABLE contracts_signature ADD CONSTRAINT {name} UNIQUE (contract_id, party)"
        )


def test_case_10_without_its_guards_the_race_shows_two(
    ready_to_race: Contract, unguarded: None
) -> None:
    answers = both(*[lambda: sign(ready_to_race)] * 2)

    assert [type(answer).__name__ for answer in answers] == ["Contract", "Contract"], answers
    assert Signature.objects.filter(party="borrower").count() == 2


def test_case_10_the_constraint_alone_still_stops_the_second(
    ready_to_race: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the lock stands the row count, behind it the constraint."""
    monkeypatch.setattr(
        signing_service,
        "lock",
        lambda contract_id: Contract.objects.select_related(
            "loan__borrower", "template_version"
        ).get(pk=contract_id),
    )

    both(*[lambda: sign(ready_to_race)] * 2)

    assert Signature.objects.filter(party="borrower").count() == 1


def test_case_11_signing_and_voiding_at_once_have_one_outcome(ready_to_race: Contract) -> None:
    signed, voided = both(
        lambda: sign(ready_to_race),
        lambda: services.void_contract(
            contract_id=ready_to_race.pk, reason="wrong", actor=None, now=NOW
        ),
    )

    ready_to_race.refresh_from_db()
    assert isinstance(signed, Exception) != isinstance(voided, Exception)
    if ready_to_race.status == "voided":
        assert not Signature.objects.filter(party="borrower").exists()
        assert isinstance(signed, services.ContractClosed)
    else:
        assert Signature.objects.filter(party="borrower").count() == 1
        assert isinstance(voided, services.AlreadySigned)


def test_case_11_signing_at_the_moment_it_expires_has_one_outcome(
    ready_to_race: Contract,
) -> None:
    over = ready_to_race.expires_at
    _signed, expired = both(
        lambda: sign(ready_to_race), lambda: services.expire_contracts(now=over)
    )

    ready_to_race.refresh_from_db()
    assert (ready_to_race.status == "expired") == (expired == 1)
    assert Signature.objects.filter(party="borrower").count() == (0 if expired == 1 else 1)

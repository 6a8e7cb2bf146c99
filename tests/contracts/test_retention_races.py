"""Taking away, keeping, ending and signing at the same moment; each race has its twin."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from repayments.contracts import blobs, services
from repayments.contracts.models import Contract, Signature
from repayments.contracts.services import close, retention
from repayments.contracts.services import sign as signing_service
from tests.contracts.test_races import both, ready_to_race
from tests.factories.contracts import NOW, make_contract, sign

__all__ = ["ready_to_race"]
pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
OVER = NOW + timedelta(days=90)


@pytest.fixture
def ended(room: None) -> Contract:
    contract = make_contract()
    services.void_contract(contract_id=contract.pk, reason="wrong", actor=None, now=NOW)
    return contract


def hold(contract: Contract) -> Contract:
    return services.set_legal_hold(
        contract_id=contract.pk, is_held=True, reason="court", actor=None, now=NOW
    )


def is_whole(contract: Contract) -> bool:
    contract.refresh_from_db()
    return bool(contract.terms) and blobs.path_of(contract.revisions.get().blob_id).exists()


# --- Purge and hold -----------------------------------------------------------------------------
def test_a_hold_placed_while_the_sweep_looks_is_kept_or_refused(ended: Contract) -> None:
    held, purged = both(lambda: hold(ended), lambda: services.apply_retention(now=OVER))

    was_held = isinstance(held, Contract)
    assert was_held == is_whole(ended)
    assert purged == (0 if was_held else 1)
    assert was_held == ended.legal_hold


def test_a_hold_that_commits_after_the_look_and_before_the_act_still_wins(
    ended: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_between_look_and_act(ended, monkeypatch)

    services.apply_retention(now=OVER)

    assert is_whole(ended)


def test_without_looking_anew_a_held_contract_would_be_purged(
    ended: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: rows are taken as they were seen, without the lock and the condition."""
    hold_between_look_and_act(ended, monkeypatch)
    original = Contract.objects.filter

    def without_condition(*args: Any, **fields: Any) -> Any:
        if "pk__in" in fields:
            fields = {"pk__in": fields["pk__in"]}
        return original(*args, **fields)

    monkeypatch.setattr(Contract.objects, "filter", without_condition)
    # What the first look found is taken for what is.
    monkeypatch.setattr(retention, "_due_unsigned", Seen(retention._due_unsigned, ended))

    services.apply_retention(now=OVER)

    ended.refresh_from_db()
    assert ended.legal_hold
    assert not is_whole(ended)


class Seen:
    """A query that was asked before somebody placed a hold."""

    def __init__(self, look: Any, contract: Contract) -> None:
        self.look, self.contract = look, contract

    def __call__(self, now: datetime) -> Any:
        self.look(now)
        pk = self.contract.pk

        class Rows(list[Contract]):
            def select_for_update(self, **_fields: Any) -> "Rows":
                return self

            def order_by(self, *_names: str) -> "Rows":
                return self

        return Rows([Contract.objects.get(pk=pk)])


def hold_between_look_and_act(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a colleague's hold commit right after the sweep has asked what is due."""
    look = retention._due_unsigned

    def looked(now: datetime) -> Any:
        due = look(now)
        list(due)
        if not Contract.objects.get(pk=contract.pk).legal_hold:
            both(lambda: hold(contract))
        return due

    monkeypatch.setattr(retention, "_due_unsigned", looked)


# --- Two sweeps ---------------------------------------------------------------------------------
def test_f15_two_sweeps_at_once_purge_each_contract_once(room: None) -> None:
    contracts = [make_contract() for _number in range(4)]
    for contract in contracts:
        services.void_contract(contract_id=contract.pk, reason="wrong", actor=None, now=NOW)

    purged = both(*[lambda: services.apply_retention(now=OVER)] * 3)

    assert sum(purged) == 4
    assert purge_events() == 4


def test_f15_without_lock_and_condition_two_sweeps_record_it_twice(
    ended: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = threading.Barrier(2)
    original = Contract.objects.filter

    def without_condition(*args: Any, **fields: Any) -> Any:
        if "pk__in" in fields:
            fields = {"pk__in": fields["pk__in"]}
        return original(*args, **fields)

    class Both(Seen):
        def __call__(self, now: datetime) -> Any:
            rows = super().__call__(now)
            meeting.wait(timeout=10)
            return rows

    monkeypatch.setattr(Contract.objects, "filter", without_condition)
    monkeypatch.setattr(retention, "_due_unsigned", Both(retention._due_unsigned, ended))

    both(*[lambda: services.apply_retention(now=OVER)] * 2)

    assert purge_events() == 2


def purge_events() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_event WHERE action = 'contracts.purged'")
        return int(cursor.fetchone()[0])


# --- Void and sign, expiry and sign -------------------------------------------------------------
def unguard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away lock and row count of both acts, and let both look before either writes."""
    meeting = threading.Barrier(2)

    def look(contract_id: int) -> Contract:
        contract = Contract.objects.select_related("loan__borrower__user", "template_version").get(
            pk=contract_id
        )
        meeting.wait(timeout=10)
        return contract

    def move(contract: Contract, to: str, **fields: Any) -> None:
        Contract.objects.filter(pk=contract.pk).update(status=to, **fields)

    for module in (signing_service, close):
        monkeypatch.setattr(module, "lock", look)
        monkeypatch.setattr(module, "move", move)


def test_case_11_without_the_guards_signing_and_voiding_both_succeed(
    ready_to_race: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguard(monkeypatch)

    signed, voided = both(
        lambda: sign(ready_to_race),
        lambda: services.void_contract(
            contract_id=ready_to_race.pk, reason="wrong", actor=None, now=NOW
        ),
    )

    assert (type(signed).__name__, type(voided).__name__) == ("Contract", "Contract")
    assert Signature.objects.filter(party="borrower").count() == 1


def test_case_11_without_the_guards_it_expires_although_it_was_signed(
    ready_to_race: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguard(monkeypatch)
    over = ready_to_race.expires_at
    original = Contract.objects.filter

    def without_condition(*args: Any, **fields: Any) -> Any:
        if "pk" in fields:
            fields = {"pk": fields["pk"]}
        return original(*args, **fields)

    monkeypatch.setattr(Contract.objects, "filter", without_condition)

    signed, expired = both(lambda: sign(ready_to_race), lambda: services.expire_contracts(now=over))

    assert (type(signed).__name__, expired) == ("Contract", 1)

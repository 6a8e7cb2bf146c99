"""The daily head: made once, stamped by an authority, and what it finds that the chain cannot."""

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError

from repayments.append_only import lifted
from repayments.audit.models import Event, Head
from repayments.audit.services import compute_hash, record_event, verify_audit
from repayments.contracts import heads, sealing, services, tasks
from repayments.contracts.heads import Leaf
from repayments.contracts.inspecting import Trust, load_trust
from repayments.contracts.models import Contract, DailyHead, HeadLeaf, HeadStamp
from repayments.management.invariants import find_breach
from tests.factories.contracts import NOW, TODAY, make_contract

NIGHT = NOW + timedelta(hours=20)
TOMORROW = TODAY + timedelta(days=1)


def make_stamped(day: date = TODAY, **changes: Any) -> DailyHead:
    head = services.make_head(day=day, now=changes.get("now", NIGHT))
    assert head is not None
    assert services.stamp_head(head_id=head.pk, now=changes.get("now", NIGHT))
    return head


@pytest.fixture
def store_trust(keys_dir: Path) -> Trust:
    return load_trust(keys_dir)


def verify(trust: Trust, **options: Any) -> tuple[str, int, str]:
    fault = services.verify_heads(trust=trust, now=NIGHT, **options)
    return (fault.stream, fault.seq, fault.reason) if fault else ("", 0, "")


def rebuild(stream: str, *, from_seq: int) -> None:
    """Change an event and hash the rest of its chain anew, as whoever owns the database could."""
    with lifted():
        previous = Event.objects.get(stream=stream, seq=from_seq).prev
        for event in list(Event.objects.filter(stream=stream, seq__gte=from_seq).order_by("seq")):
            if event.seq == from_seq:
                event.payload["ip"] = "198.51.100.1"
            event.prev = previous
            event.hash = previous = compute_hash(event)
            event.save()
    Head.objects.filter(stream=stream).update(hash=previous)


LEAVES = [Leaf(f"contract:{n}", n + 1, f"{n:064x}") for n in range(40)]


@pytest.mark.parametrize("count", [*range(1, 18), 40])
def test_every_leaf_has_a_way_to_the_root(count: int) -> None:
    leaves = LEAVES[:count]
    root = heads.compute_root(leaves)

    for position, leaf in enumerate(leaves):
        node = hashlib.sha256(b"\0" + leaf.as_line().encode()).digest()
        for step in heads.find_path(leaves, position):
            other = bytes.fromhex(step.hash)
            pair = other + node if step.side == "left" else node + other
            node = hashlib.sha256(b"\1" + pair).digest()
        assert node.hex() == root


def test_the_root_is_that_of_rfc_6962() -> None:
    """By its definition: split at the greatest power of two below the length."""

    def tree(leaves: list[Leaf]) -> bytes:
        if len(leaves) == 1:
            return hashlib.sha256(b"\0" + leaves[0].as_line().encode()).digest()
        split = 1 << ((len(leaves) - 1).bit_length() - 1)
        return hashlib.sha256(b"\1" + tree(leaves[:split]) + tree(leaves[split:])).digest()

    for count in range(1, 41):
        assert heads.compute_root(LEAVES[:count]) == tree(LEAVES[:count]).hex()
    assert heads.compute_root([]) == hashlib.sha256(b"").hexdigest()


def test_a_head_holds_what_moved_since_the_one_before(sent: Contract, store_trust: Trust) -> None:
    other = make_contract()
    first = make_stamped()
    record_event(stream=other.stream, action="contracts.resumed", actor=None, at=NIGHT)
    second = make_stamped(TOMORROW)

    assert {leaf.stream for leaf in first.leaves.all()} == {sent.stream, other.stream}
    assert [(leaf.stream, leaf.seq) for leaf in second.leaves.all()] == [(other.stream, 4)]
    assert second.previous == first.sha256 == hashlib.sha256(first.text.encode()).hexdigest()
    assert verify(store_trust) == ("", 0, "")


def test_a_loan_with_a_settlement_letter_is_in_it_and_no_other_stream_is(sent: Contract) -> None:
    for stream, action in (("loan:1", "contracts.letter_made"), ("loan:2", "loans.paid_off")):
        record_event(stream=stream, action=action, actor=None, at=NOW)

    head = make_stamped()

    assert [leaf.stream for leaf in head.leaves.order_by("position")] == [sent.stream, "loan:1"]


def test_a_day_has_one_head_and_no_day_before_the_last_gets_one(sent: Contract) -> None:
    head = make_stamped()

    assert services.make_head(day=TODAY, now=NIGHT) is None
    assert services.make_head(day=TODAY - timedelta(days=1), now=NIGHT) is None
    assert DailyHead.objects.get() == head
    assert HeadLeaf.objects.count() == 1


def test_a_day_without_events_has_a_head_too(sent: Contract, store_trust: Trust) -> None:
    make_stamped()
    empty = make_stamped(TOMORROW)

    assert "\nstreams: 0\n" in empty.text
    assert verify(store_trust) == ("", 0, "")


@pytest.mark.django_db
def test_making_a_head_takes_the_same_few_queries_for_many_chains(
    django_assert_num_queries: Any,
) -> None:
    """Savepoint, the last head, the number (one or two by engine), the copy, the leaves, their
    count, the insert, the savepoint's end: not one query a chain."""
    for number in range(60):
        record_event(stream=f"contract:{number}", action="contracts.sent", actor=None, at=NOW)
    expected = 10 if connection.vendor == "postgresql" else 8

    with django_assert_num_queries(expected):
        services.make_head(day=TODAY, now=NIGHT)
    assert HeadLeaf.objects.count() == 60


class Silent(TimeStamper):
    async def async_request_tsa_response(self, req: object) -> object:
        raise TimestampRequestError("no answer")


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    load = sealing.load_kit

    def with_silent(**kwargs: Any) -> sealing.SealingKit:
        kit = load(**kwargs)
        return sealing.SealingKit(
            kit.borrower, kit.lender, Silent(), kit.roots, kit.time_stamp_roots, kit.crl
        )

    monkeypatch.setattr(sealing, "load_kit", with_silent)
    return monkeypatch


def test_a_silent_authority_is_asked_again_and_staff_hear_of_it_after_a_day(
    sent: Contract, silent: pytest.MonkeyPatch, store_trust: Trust
) -> None:
    head = services.make_head(day=TODAY, now=NIGHT)
    assert head is not None
    told = Event.objects.filter(action="contracts.head_late")

    assert not services.stamp_head(head_id=head.pk, now=NIGHT + timedelta(hours=23))
    assert not told.exists()
    for hours in (24, 25):
        assert not services.stamp_head(head_id=head.pk, now=NIGHT + timedelta(hours=hours))
    assert [event.payload for event in told] == [{"day": "2026-12-01"}]
    assert services.list_unstamped() == [head.pk]
    late = NIGHT + timedelta(days=2)
    fault = services.verify_heads(trust=store_trust, now=late)
    assert fault.reason == "no time stamp after a day"

    silent.undo()
    assert services.stamp_head(head_id=head.pk, now=late)
    assert services.list_unstamped() == []


def test_no_transaction_is_open_while_the_authority_is_asked(
    sent: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = services.make_head(day=TODAY, now=NIGHT)
    assert head is not None
    depth = len(connection.savepoint_ids)
    seen = []
    stamp = services.daily_heads.stamping.stamp_text

    def look(text: str, **kwargs: Any) -> Any:
        seen.append(len(connection.savepoint_ids))
        return stamp(text, **kwargs)

    monkeypatch.setattr(services.daily_heads.stamping, "stamp_text", look)
    assert services.stamp_head(head_id=head.pk, now=NIGHT)

    assert seen == [depth]


def test_a_head_stamped_twice_at_once_keeps_one_token(
    sent: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = services.make_head(day=TODAY, now=NIGHT)
    assert head is not None
    stamp = services.daily_heads.stamping.stamp_text

    def meanwhile(text: str, **kwargs: Any) -> Any:
        monkeypatch.setattr(services.daily_heads.stamping, "stamp_text", stamp)
        assert services.stamp_head(head_id=head.pk, now=NIGHT)
        return stamp(text, **kwargs)

    monkeypatch.setattr(services.daily_heads.stamping, "stamp_text", meanwhile)

    assert not services.stamp_head(head_id=head.pk, now=NIGHT)
    assert HeadStamp.objects.count() == 1


def test_the_sweep_makes_and_stamps_once(
    sent: Contract, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "now", lambda: NIGHT)
    monkeypatch.setattr(tasks, "today", lambda: TOMORROW)
    for _twice in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            tasks.sweep_heads()

    assert DailyHead.objects.get().day == TODAY
    assert HeadStamp.objects.get().tsa_time == NIGHT


@pytest.mark.parametrize("table", ["dailyhead", "headleaf", "headstamp"])
def test_case_34_the_database_refuses_to_change_a_head(sent: Contract, table: str) -> None:
    make_stamped()
    rows = connection.ops.quote_name(f"contracts_{table}")
    for statement in (f"UPDATE {rows} SET id = 99", f"DELETE FROM {rows}"):  # noqa: S608
        refused = pytest.raises(DatabaseError, match="append-only")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.parametrize("how", ["edited", "removed", "reordered", "inserted"])
def test_case_35_a_meddled_event_is_located_by_its_number(sent: Contract, how: str) -> None:
    first, second, third = Event.objects.filter(stream=sent.stream).order_by("seq")
    with lifted(), connection.cursor() as cursor:
        if how == "edited":
            cursor.execute("UPDATE audit_event SET action = 'x' WHERE id = %s", [second.pk])
        if how in {"removed", "inserted"}:
            cursor.execute("DELETE FROM audit_event WHERE id = %s", [second.pk])
        if how == "reordered":
            for event, seq in ((second, 99), (third, 2), (second, 3)):
                statement = "UPDATE audit_event SET seq = %s WHERE id = %s"
                cursor.execute(statement, [seq, event.pk])
    if how == "inserted":
        second.pk, second.payload = None, {"reference": "another"}
        second.hash = compute_hash(second)
        second.save(force_insert=True)

    fault = verify_audit()

    # What was put in is whole in itself; the next one does not follow from it.
    assert (fault.stream, fault.seq) == (sent.stream, 3 if how == "inserted" else 2)


def test_case_36_a_chain_built_anew_holds_in_itself_and_is_found_by_the_head(
    sent: Contract, store_trust: Trust
) -> None:
    make_contract()
    make_stamped()
    rebuild(sent.stream, from_seq=2)

    assert verify_audit() is None
    reason = "not the chain that was time-stamped"
    assert verify(store_trust) == (sent.stream, 1, reason)
    assert find_breach(now=NIGHT).reason == reason


def test_case_36_an_earlier_head_narrows_down_where(sent: Contract, store_trust: Trust) -> None:
    make_stamped()
    for _twice in range(2):
        record_event(stream=sent.stream, action="contracts.resumed", actor=None, at=NIGHT)
    make_stamped(TOMORROW)
    rebuild(sent.stream, from_seq=5)

    assert verify(store_trust)[:2] == (sent.stream, 4)


def test_case_36_a_contract_taken_out_whole_is_found(sent: Contract, store_trust: Trust) -> None:
    make_stamped()
    with lifted():
        Event.objects.filter(stream=sent.stream).delete()
    Head.objects.filter(stream=sent.stream).delete()

    assert verify_audit() is None
    assert verify(store_trust) == (sent.stream, 1, "events were removed")


@pytest.mark.parametrize(
    ("anew", "reason"),
    [
        ("leaf", "the chains listed do not lead to its root"),
        ("leaf and text", "text changed"),
        ("all", "the time stamp is over another text"),
    ],
)
def test_case_36_with_its_head_built_anew_the_time_stamp_fails(
    sent: Contract, store_trust: Trust, anew: str, reason: str
) -> None:
    head = make_stamped()
    rebuild(sent.stream, from_seq=2)
    last = Event.objects.get(stream=sent.stream, seq=3)
    with lifted():
        HeadLeaf.objects.update(hash=last.hash)
        if anew != "leaf":
            head.text = heads.write_head(
                day=head.day,
                made_at=head.made_at,
                streams=1,
                root=heads.compute_root([Leaf(last.stream, last.seq, last.hash)]),
                previous=head.previous,
            )
        if anew == "all":
            head.sha256 = hashlib.sha256(head.text.encode()).hexdigest()
        head.save()

    assert verify(store_trust) == ("", 0, reason)


def test_case_36_heads_made_anew_with_late_time_stamps_differ_from_the_copy_outside(
    sent: Contract,
    store_trust: Trust,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    keys_dir: Path,
    settings: Any,
) -> None:
    make_stamped()
    call_command("export_head", "2026-12-01", str(tmp_path))
    rebuild(sent.stream, from_seq=2)
    with lifted():
        HeadStamp.objects.all().delete()
        HeadLeaf.objects.all().delete()
        DailyHead.objects.all().delete()
    head = services.make_head(day=TODAY, now=NIGHT)
    assert head is not None
    assert services.stamp_head(head_id=head.pk, now=NIGHT + timedelta(days=3))

    assert verify(store_trust) == ("", 0, "")
    differs = ("", 0, "differs from the copy kept outside")
    assert verify(store_trust, outside=tmp_path) == differs
    capsys.readouterr()
    call_command("verify_heads")
    assert "2026-12-01 was time-stamped more than a day late" in capsys.readouterr().out


def test_a_head_dropped_here_is_missed_by_the_copy_outside(
    sent: Contract, store_trust: Trust, tmp_path: Path
) -> None:
    make_stamped()
    make_stamped(TOMORROW)
    for day in ("2026-12-01", "2026-12-02"):
        call_command("export_head", day, str(tmp_path))
    with lifted():
        HeadStamp.objects.filter(head__day=TOMORROW).delete()
        DailyHead.objects.filter(day=TOMORROW).delete()

    assert verify(store_trust) == ("", 0, "")
    assert verify(store_trust, outside=tmp_path)[2] == "kept outside, and missing here"


def test_a_stamp_by_somebody_else_is_not_trusted(
    sent: Contract, tmp_path: Path, keys_dir: Path
) -> None:
    from repayments.contracts.certificates import create_development_ca

    make_stamped()
    create_development_ca(tmp_path / "others", now=NOW)

    assert verify(load_trust(tmp_path / "others"))[2] == "the time stamp is by nobody we trust"


def test_a_head_is_exported_once_it_is_stamped(sent: Contract, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no head of 2026-12-01"):
        call_command("export_head", "2026-12-01", str(tmp_path))
    head = services.make_head(day=TODAY, now=NIGHT)
    assert head is not None
    with pytest.raises(CommandError, match="no time stamp yet"):
        call_command("export_head", "2026-12-01", str(tmp_path))
    services.stamp_head(head_id=head.pk, now=NIGHT)

    call_command("export_head", "2026-12-01", str(tmp_path))

    folder = tmp_path / "2026-12-01"
    assert (folder / "head.txt").read_text() == head.text
    assert (folder / "head.tst").read_bytes() == bytes(HeadStamp.objects.get().token)
    last = Head.objects.get(stream=sent.stream)
    assert (folder / "leaves.txt").read_text() == f"{sent.stream} 3 {last.hash}\n"


def test_the_command_names_the_chain_and_exits_with_an_error(
    sent: Contract, capsys: pytest.CaptureFixture[str]
) -> None:
    make_stamped()
    call_command("verify_heads")
    assert capsys.readouterr().out == "Every chain is as the daily heads found it.\n"
    rebuild(sent.stream, from_seq=2)

    with pytest.raises(SystemExit) as code:
        call_command("verify_heads", "--json")

    assert code.value.code == 1
    assert json.loads(capsys.readouterr().out) == {
        "ok": False,
        "late": [],
        "fault": {
            "day": "2026-12-01",
            "reason": "not the chain that was time-stamped",
            "stream": sent.stream,
            "seq": 1,
        },
    }

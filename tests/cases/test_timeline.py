"""Everything that happened, in sentences, newest first, in pages."""

import ast
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from repayments.audit.services import record_event
from repayments.cases.models import Case
from repayments.cases.reasons import REASON_CODES, reason_sentence
from repayments.cases.sentences import SENTENCES, event_sentence
from repayments.cases.services import add_note
from repayments.cases.timeline import list_timeline
from repayments.contacts.models import Decision
from tests.factories.cases import NOW, make_case, make_colleague, make_late_loan
from tests.factories.contacts import queue_reminder

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = re.compile(
    r"^(audit|ledger|contacts|loans|contracts|plans|payments|reminders|cases|close)\.[a-z_]+$"
)


def recorded_codes() -> set[str]:
    """Find every code the project records: given as ``action``, or to a function that records.

    Two rooms have a ``record(thing, "verb", …)`` that puts the room's name before the verb.
    """
    found: set[str] = set()
    for path in (ROOT / "repayments").rglob("*.py"):
        if "migrations" in path.parts or path.name == "sentences.py":
            continue
        room = path.relative_to(ROOT).parts[1]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "action":
                found |= codes_in(node)
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func).split(".")[-1]
            if "record" in name or name in {"NewEvent", "_both_streams", "_record_look"}:
                found |= codes_in(node)
            if (
                room in {"contracts", "plans"}
                and name in {"record", "_note"}
                and len(node.args) > 1
            ):
                verb = node.args[1]
                if isinstance(verb, ast.Constant) and isinstance(verb.value, str):
                    found.add(f"{room}.{verb.value}")
    return found


def codes_in(node: ast.AST) -> set[str]:
    return {
        inner.value
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant)
        and isinstance(inner.value, str)
        and CODE.match(inner.value)
    }


def test_every_code_that_is_recorded_has_a_sentence() -> None:
    assert recorded_codes() - set(SENTENCES) == set()


def test_the_search_finds_codes() -> None:
    found = recorded_codes()

    assert {"cases.opened", "cases.viewed", "contacts.hold_placed", "contracts.signed"} <= found
    assert {"contracts.code_failed", "plans.broken"} <= found


def test_no_sentence_is_for_nothing() -> None:
    assert set(SENTENCES) - recorded_codes() == set()


@pytest.mark.parametrize("action", sorted(SENTENCES))
def test_a_sentence_stands_whatever_the_event_holds(action: str) -> None:
    assert event_sentence(action, {})
    everything: dict[str, Any] = {
        "amount": 5_000, "currency": "CNY", "until": "not a date", "reason": ["a"], "kind": None
    }  # fmt: skip
    assert action not in event_sentence(action, everything)


def test_values_are_put_into_words() -> None:
    with translation.override("en"):
        text = event_sentence("payments.succeeded", {"amount": 105_000, "currency": "CNY"})
    assert "1,050.00" in text


@pytest.mark.parametrize("code", sorted(REASON_CODES))
def test_every_reason_is_a_sentence_even_without_facts(code: str) -> None:
    assert reason_sentence(code, {}) != code


@pytest.mark.django_db
def test_pages_follow_each_other_to_the_first_thing() -> None:
    case = make_case()
    colleague = make_colleague("collector")
    for number in range(7):
        moment = NOW + timedelta(minutes=number)
        add_note(case_id=case.pk, text=f"note {number}", actor=colleague, now=moment)

    seen: list[str] = []
    before = ""
    while True:
        page = list_timeline(case=case, before=before, page_size=3)
        seen += [item.detail for item in page.items if item.kind == "note"]
        before = page.older
        if not before:
            break

    assert seen == [f"note {number}" for number in reversed(range(7))]


@pytest.mark.django_db
def test_what_happened_at_one_moment_stays_on_one_page() -> None:
    case = make_case()
    for number in range(6):
        record_event(
            stream=case.loan.stream,
            action="contacts.hold_placed",
            actor=None,
            at=NOW + timedelta(hours=1),
            payload={"hold": f"h{number}"},
        )

    first = list_timeline(case=case, page_size=2)
    second = list_timeline(case=case, before=first.older, page_size=2)

    assert len(first.items) == 6
    assert [item.text for item in second.items] == ["Case opened (late payment)"] or second.items


@pytest.mark.django_db
@pytest.mark.parametrize("before", ["x", "20261201", "9" * 40])
def test_a_place_that_cannot_be_read_gives_the_newest(case: Case, before: str) -> None:
    assert list_timeline(case=case, before=before).items


@pytest.mark.django_db
def test_a_message_is_told_with_its_state_and_the_gates_answer() -> None:
    loan = make_late_loan()
    case = make_case(loan=loan)
    message = queue_reminder(loan.borrower, now=NOW, subject=loan.stream)
    Decision.objects.create(
        borrower=loan.borrower,
        message=message,
        subject=loan.stream,
        channel="email",
        address=message.address,
        message_class="reminder",
        verdict="refuse",
        code="cap",
        rule_id="CN-20",
        profile_version="CN v1",
        at=NOW,
    )
    with translation.override("en"):
        items = list_timeline(case=case).items

    told = next(item for item in items if item.kind == "message")
    assert "e-mail" in told.text
    assert "used up" in told.detail


@pytest.mark.django_db
def test_nothing_of_another_loan_is_told() -> None:
    case, other = make_case(), make_case()
    add_note(case_id=other.pk, text="secret", actor=make_colleague("collector"), now=NOW)

    assert all(item.detail != "secret" for item in list_timeline(case=case).items)

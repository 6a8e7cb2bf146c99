"""Hundreds of changed files over three finished contracts, and faults planted in the rule itself.

More of them at will: ``python -m tests.contracts.tampering --count 20000``.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from repayments.contracts import inspecting, verification
from repayments.contracts.sealing import SealingKit
from tests.contracts.tampering import (
    CHANGES,
    Finished,
    change_of,
    make_finished,
    play,
    tamper,
)
from tests.factories.contracts import draw_png

COUNT = 500
# One of each change at least.
DECK = sum(weight for weight, _change in CHANGES)
# The seeds of a deck by the change they draw.
SEEDS_OF = {
    change.__name__: [seed for seed in range(1, DECK + 1) if change_of(seed) is change]
    for _weight, change in CHANGES
}


@pytest.fixture(scope="module")
def finished(kit: SealingKit) -> list[Finished]:
    return make_finished(kit, draw_png())


@pytest.fixture(autouse=True)
def hushed() -> Iterator[None]:
    """The reader explains each change at great length."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def test_the_three_contracts_hold_before_anything_is_changed(
    finished: list[Finished], trust: inspecting.Trust
) -> None:
    for item in finished:
        expected = item.contract.expected
        verdict = verification.verify_pdf(item.pdf, expected=expected, trust=trust, isolated=False)
        assert verdict.reason == "rule_holds"
        assert len(item.rooms) == 2


def test_no_changed_file_passes_and_each_has_its_reason(
    finished: list[Finished], trust: inspecting.Trust
) -> None:
    ended, accepted = play(COUNT, finished, trust)

    assert accepted == []
    assert ended.total() == COUNT
    assert {change for change, _reason in ended} == {change.__name__ for _, change in CHANGES}
    reasons = {reason for _change, reason in ended}
    # Each part of the rule had something to say.
    assert reasons >= {
        "certificate_unexpected",
        "changed_after_signing",
        "frozen_part_changed",
        "no_signatures",
        "signature_broken",
        "signature_missing",
        "unreadable",
    }


def test_a_child_process_says_the_same(finished: list[Finished], trust: inspecting.Trust) -> None:
    expected = {item.reference: item.contract.expected for item in finished}
    # A broken seal, and a file that holds but for what was added.
    for seed in (SEEDS_OF["flip_after_freezing"][0], SEEDS_OF["append"][0]):
        pdf = tamper(seed, finished).pdf
        here, there = (
            verification.verify_pdf(pdf, expected=expected.get, trust=trust, isolated=isolated)
            for isolated in (False, True)
        )
        assert here == there


def _without_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    fault_of = verification._fault_of
    monkeypatch.setattr(
        verification,
        "_fault_of",
        lambda found: "" if fault_of(found) == "changed_after_signing" else fault_of(found),
    )


def _without_fingerprints(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = verification.judge

    def blind(pdf: bytes, report: inspecting.Report, expected: verification.Expected | None) -> str:
        reason = judge(pdf, report, expected)
        return "rule_holds" if reason == "certificate_unexpected" else reason

    monkeypatch.setattr(verification, "judge", blind)


def _without_the_frozen_part(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = verification.judge
    monkeypatch.setattr(
        verification,
        "judge",
        lambda pdf, report, expected: judge(
            pdf, report, expected and replace(expected, frozen_sha256="")
        ),
    )


def _without_the_number_of_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = verification.judge

    def blind(pdf: bytes, report: inspecting.Report, expected: verification.Expected | None) -> str:
        if expected is not None and report.signatures:
            wanted = expected.signatures[: len(report.signatures)]
            expected = replace(expected, signatures=wanted)
        return judge(pdf, report, expected)

    monkeypatch.setattr(verification, "judge", blind)


@pytest.mark.parametrize(
    ("plant", "found_by"),
    [
        (_without_coverage, "append"),
        (_without_fingerprints, "sign_with_a_key_of_ours"),
        (_without_the_frozen_part, "sign_with_a_key_of_ours"),
        (_without_the_number_of_signatures, "truncate_to_a_revision"),
    ],
)
def test_a_rule_with_a_hole_is_found(
    plant: Callable[[pytest.MonkeyPatch], None],
    found_by: str,
    finished: list[Finished],
    trust: inspecting.Trust,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(monkeypatch)

    _ended, accepted = play(3 * DECK, finished, trust, only=found_by)

    assert accepted

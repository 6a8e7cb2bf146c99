"""Workers die and the queue is lost in the middle of the work; the database brings it all back."""

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.journeys.acts import write_tape
from tests.live.stack import Stack

LOANS = 30


@pytest.fixture
def thirty_loans(stack: Stack, tmp_path: Path) -> None:
    """Thirty people, each with a payment due on 5 January."""
    rows = [
        {
            "loan_number": f"HL-2026-{number:05d}",
            "borrower_reference": f"C-{number:05d}",
            "email": f"person{number}@example.com",
            "phone": f"+86138002{number:05d}",
            "first_due_on": "2027-01-05",
        }
        for number in range(LOANS)
    ]
    stack.move_to("2027-01-01T10:00")
    stack.manage("import_loans", str(write_tape(tmp_path / "tape.csv", *rows)), "--no-invite")
    stack.wait_until(lambda: closed(stack, "2027-01-01"))


@pytest.mark.usefixtures("thirty_loans")
def test_each_reminder_goes_out_once_whatever_dies_f11_f12_f16(stack: Stack) -> None:
    stack.move_to("2027-01-02T10:00")
    stack.wait_until(lambda: statuses(stack)["sent"] >= 1)
    kill_inside(stack)
    so_far = statuses(stack)["sent"]
    stack.wait_until(lambda: statuses(stack)["sent"] > so_far)
    stack.kill("worker")
    lose_the_queue(stack)

    left = statuses(stack)
    assert 0 < left["sent"] < LOANS, f"the worker was not killed in the middle: {left}"
    assert left.total() == LOANS
    cut_off = {row["id"] for row in stack.outbox(purpose="reminder", status="sending")}

    # A minute is what a lost queue costs; a row that a dead worker held waits for one too.
    stack.start("worker")
    stack.wait_until(lambda: statuses(stack)["due"] == 0)
    assert {row["id"] for row in stack.outbox(purpose="reminder", status="sending")} == cut_off
    stack.move_to("2027-01-02T10:02")
    stack.wait_until(lambda: statuses(stack) == {"sent": LOANS})

    rows = stack.outbox(purpose="reminder")
    assert len({row["business_key"] for row in rows}) == LOANS
    assert len({row["address"] for row in rows}) == LOANS
    # Handed over once; once more only where nobody could know, under the same key.
    tried_twice = {row["id"] for row in rows if row["attempts"] > 1}
    assert tried_twice == cut_off
    assert len({row["provider_reference"] for row in rows}) == LOANS
    assert made(stack) == {"before_3": LOANS}

    # Beat stands still over the day itself: the newest kind takes its place, once for each loan.
    stack.kill("beat")
    stack.move_to("2027-01-06T12:00")
    stack.start("beat")
    stack.wait_until(lambda: statuses(stack) == {"sent": 2 * LOANS})
    assert made(stack) == {"before_3": LOANS, "late_1": LOANS}


def kill_inside(stack: Stack) -> None:
    """Kill all there is inside the worker, at work or waiting, as a machine short of memory does.

    With Redis these are its children, which it replaces. With the folder there are none, so that
    nothing can be killed but the worker itself, which its supervisor starts again.
    """
    children = children_of(stack)
    if not stack.environment.get("REDIS_URL"):
        assert children == [], "a child of the folder's worker dies with the lock of the others"
        stack.kill("worker")
        stack.start("worker")
        return
    assert len(children) == 2
    for child in children:
        os.kill(child, signal.SIGKILL)
    stack.wait_until(lambda: len(set(children_of(stack)) - set(children)) == 2)


def children_of(stack: Stack) -> list[int]:
    parent = stack.processes["worker"].pid
    told = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(child) for child in told.split()]


def lose_the_queue(stack: Stack) -> None:
    """Empty the folder of the broker, as a Redis does that starts again without its memory."""
    for message in (stack.folder / "broker" / "queue").iterdir():
        message.unlink(missing_ok=True)


def statuses(stack: Stack) -> Counter[str]:
    return Counter(row["status"] for row in stack.outbox(purpose="reminder"))


def made(stack: Stack) -> dict[str, int]:
    kinds = stack.rows("SELECT kind, COUNT(*) AS count FROM reminders_reminder GROUP BY kind")
    return {row["kind"]: row["count"] for row in kinds}


def closed(stack: Stack, day: str) -> bool:
    sql = "SELECT date FROM loans_dayclose WHERE date = %s AND finished_at IS NOT NULL"
    return bool(stack.rows(sql, day))

"""Workers die and the queue is lost in the middle of the work; the database brings it all back."""

import os
import signal
import time
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
    kill_a_child(stack)
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


def kill_a_child(stack: Stack) -> None:
    """Kill the child that is at work: one that only waits holds the lock of the others' queue."""
    parent = stack.processes["worker"].pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    assert children, "the worker has no children"

    def one_at_work() -> int:
        before = {child: ticks_of(child) for child in children}
        time.sleep(0.05)
        grown = {child: ticks_of(child) - before[child] for child in children}
        busiest = max(children, key=grown.__getitem__)
        return int(busiest) if grown[busiest] else 0

    os.kill(stack.wait_until(one_at_work), signal.SIGKILL)


def ticks_of(process: str) -> int:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


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

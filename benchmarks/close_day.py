"""``python -m benchmarks.close_day --loans N [--json]``: the nightly close against its floor.

It makes a book of N loans with twelve installments each in a database of its own, closes yesterday
by the product, and copies the result. Then today is closed on one copy by the product and on
another by statements written by hand; both must leave the same figures. The product closes today a
second time, which must write nothing. Of several such rounds the fastest of each side counts, since
whatever else the machine does only ever slows.
"""

import argparse
import json
import resource
import sys
import time
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta
from typing import Any

from benchmarks.scratch import Scratch, scratch_database, use

DAY = date(2026, 11, 17)
NOW = datetime(2026, 11, 16, 16, 30, tzinfo=UTC)
"""Half past midnight of the day in Shanghai."""

_SAME = {
    "loans": (
        "SELECT SUM(outstanding_principal), SUM(past_due_amount), SUM(days_past_due), "
        "SUM(next_due_amount), MIN(next_due_date), COUNT(stage_id), SUM(stage_id) FROM loans_loan"
    ),
    "books": "SELECT SUM(last_seq) FROM ledger_book",
    "balances": "SELECT account, SUM(amount) FROM ledger_balance GROUP BY account ORDER BY account",
    "entries": "SELECT kind, COUNT(*) FROM ledger_journalentry GROUP BY kind ORDER BY kind",
    "postings": "SELECT COUNT(*), SUM(ABS(amount)) FROM ledger_posting",
    "installments": "SELECT SUM(interest_billed) FROM loans_installment",
    "reminders": "SELECT kind, COUNT(*) FROM reminders_reminder GROUP BY kind ORDER BY kind",
    "messages": "SELECT COUNT(*) FROM contacts_message",
    "cases": "SELECT COUNT(*) FROM cases_case",
    "events": "SELECT COUNT(*), SUM(seq) FROM audit_event",
    "heads": "SELECT COUNT(*), SUM(seq) FROM audit_head",
}


def measure(*, loans: int, rounds: int, scratch: Scratch, say: Any) -> dict[str, Any]:
    from benchmarks.book import build_book, settle_down
    from benchmarks.floor import close_by_hand
    from repayments.close import close_day

    say(f"building a book of {loans:,} loans")
    yesterday = DAY - timedelta(days=1)
    build_book(loans=loans, day=yesterday, now=NOW - timedelta(days=1))
    settle_down()
    say("closing yesterday")
    close_day(as_of=yesterday, now=NOW - timedelta(days=1))
    settle_down()
    product, floor = [], []
    written = written_again = 0
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}")
        _copy(scratch, "floor")
        _wake()
        floor.append(close_by_hand(day=DAY, now=NOW))
        expected = _read_all()
        _leave(scratch, "floor")

        _copy(scratch, "product")
        _wake()
        started = time.perf_counter()
        report = close_day(as_of=DAY, now=NOW)
        product.append(time.perf_counter() - started)
        found = _read_all()
        if found != expected:
            differing = [name for name in _SAME if found[name] != expected[name]]
            raise SystemExit(
                "The two closes left different rows: "
                + "; ".join(f"{name} {found[name]} {expected[name]}" for name in differing)
            )
        again = close_day(as_of=DAY, now=NOW + timedelta(minutes=1))
        written = sum(astuple(report.written))
        written_again = sum(astuple(again.written)) + int(_read_all() != found)
        _leave(scratch, "product")
    return {
        "loans": loans,
        "seconds": round(min(product), 3),
        "floor_seconds": round(min(floor), 3),
        "ratio": round(min(product) / min(floor), 2),
        "rows_written": written,
        "rows_written_again": written_again,
        "peak_memory_mb": peak_memory_mb(),
    }


def peak_memory_mb() -> int:
    """The most memory this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))


def _wake() -> None:
    """Connect before the clock starts: both sides find a connection open."""
    from django.db import connection

    connection.ensure_connection()


def _copy(scratch: Scratch, label: str) -> None:
    from benchmarks.book import settle_down

    use(scratch, "book")
    scratch.copy("book", label)
    use(scratch, label)
    settle_down()


def _leave(scratch: Scratch, label: str) -> None:
    use(scratch, "book")
    scratch.drop(label)


def _read_all() -> dict[str, list[tuple[Any, ...]]]:
    from django.db import connection

    found = {}
    with connection.cursor() as cursor:
        for name, sql in _SAME.items():
            cursor.execute(sql)
            found[name] = [tuple(map(str, row)) for row in cursor.fetchall()]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.close_day", description=__doc__)
    parser.add_argument("--loans", type=int, default=10_000, help="at least 100")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    if options.loans < 100 or options.rounds < 1:
        parser.error("at least 100 loans and one round")

    def say(text: str) -> None:
        if not options.json or sys.stderr.isatty():
            print(text, file=sys.stderr)

    with scratch_database() as scratch:
        result = measure(loans=options.loans, rounds=options.rounds, scratch=scratch, say=say)
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:>20}  {value}")


if __name__ == "__main__":
    main()

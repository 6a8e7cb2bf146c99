"""``python -m benchmarks.import_loans --rows N [--json]``: how long a tape of N loans takes.

Each row is a loan of twelve installments of a borrower of its own, invited; a few are part way.
The tape is imported twice: the second time every row is unchanged.
"""

import argparse
import csv
import gc
import json
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.close_day import peak_memory_mb
from benchmarks.scratch import scratch_database

DAY = date(2026, 11, 17)
NOW = datetime(2026, 11, 17, 2, 0, tzinfo=UTC)


def write_tape(path: Path, rows: int) -> None:
    from repayments.dates import add_months
    from repayments.loans.tape.columns import REQUIRED

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*REQUIRED, "paid_installments", "penalty_rate"])
        for number in range(rows):
            disbursed = DAY - timedelta(days=number % 300)
            due_by_now = (number % 300) // 31
            writer.writerow(
                [
                    f"L-{number:08d}", f"C-{number:08d}", "person", f"王小{number}",
                    f"c{number}@example.cn", f"138{number % 10**8:08d}", "zh-hans",
                    "Asia/Shanghai", "CN", "CNY", f"{5000 + number % 90_000}.{number % 100:02d}",
                    ["12", "15.6", "7.2"][number % 3], 12, 1, "months", disbursed,
                    add_months(disbursed, 1), "equal_installment", "declining", "per_installment",
                    "actual_365", "half_even", "0.01", max(due_by_now - number % 2, 0), "18",
                ]
            )  # fmt: skip


def measure(*, rows: int) -> dict[str, Any]:
    from repayments.loans.tape import Faults, import_tape

    seconds = []
    gc.freeze()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tape.csv"
        write_tape(path, rows)
        for _time in range(2):
            started = time.perf_counter()
            with Faults() as faults:
                report = import_tape(
                    path=path,
                    rows_path=None,
                    dry_run=False,
                    invite=True,
                    faults=faults,
                    actor=None,
                    now=NOW,
                    as_of=DAY,
                )
                for fault in faults:
                    raise SystemExit(f"line {fault.line}: {fault.column}: {fault.code}")
            seconds.append(time.perf_counter() - started)
    if report.has_news:
        raise SystemExit("The second import of the same tape changed something.")
    return {
        "rows": rows,
        "seconds": round(seconds[0], 2),
        "seconds_again": round(seconds[1], 2),
        "rows_a_second": round(rows / seconds[0]),
        "peak_memory_mb": peak_memory_mb(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_loans", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    with scratch_database():
        result = measure(rows=options.rows)
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:>20}  {value}")


if __name__ == "__main__":
    main()

"""``python -m benchmarks.table``: run every benchmark, each in a process of its own, print a table.

Peak memory is that of a process, so the sizes must not share one. ``DATABASE_URL`` chooses the
engine; the databases are scratch ones beside it.
"""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

RUNS = [
    ("benchmarks.close_day", ["--loans", "10000"]),
    ("benchmarks.close_day", ["--loans", "100000"]),
    ("benchmarks.import_loans", ["--rows", "1000"]),
    ("benchmarks.import_loans", ["--rows", "10000"]),
    ("benchmarks.pay_page", []),
]
# Needs what production runs on.
ON_POSTGRESQL = [
    ("benchmarks.webhooks", ["--events", "2000"]),
    ("benchmarks.webhooks", ["--burst", "5000"]),
]


def main() -> None:
    engine = os.environ.get("DATABASE_URL", "sqlite").split(":", 1)[0]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {engine}, {os.cpu_count()} cores")
    failed = False
    runs = RUNS + (ON_POSTGRESQL if engine.startswith(("postgres", "pgsql")) else [])
    for module, arguments in runs:
        print(f"\n{module} {' '.join(arguments)}", flush=True)
        command = [sys.executable, "-m", module, *arguments, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - this project's own modules
        if done.returncode:
            failed = True
            print("  failed")
            continue
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        for name, value in result.items():
            print(f"  {name:<20} {value:>12,}", flush=True)
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

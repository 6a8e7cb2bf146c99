"""``python -m tests.simulation.run``: many seeds, split over the cores, with a line of progress.

Ends with 1 when a seed failed, and with the stories of the first few.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from typing import Any

import django
from django.db import connections
from django.test.utils import setup_databases, teardown_databases

TOLD = 3


def main() -> int:
    parser = argparse.ArgumentParser(description="Play seeds of the simulator of money.")
    parser.add_argument("--seeds", type=int, default=1_000, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    jobs = min(options.jobs, len(seeds))
    databases = setup_databases(verbosity=0, interactive=False)
    clone(jobs)
    try:
        failed, seen = play_all(seeds, jobs)
    finally:
        for job in range(1, jobs + 1):
            connections["default"].creation.destroy_test_db(suffix=str(job), verbosity=0)
        teardown_databases(databases, verbosity=0)
    for _seed, story in failed[:TOLD]:
        print(f"\n{story}")
    told = ", ".join(f"{name} {count}" for name, count in seen.most_common())
    print(
        f"\n{len(seeds)} seeds, {len(failed)} failed: {[seed for seed, _story in failed]}\n{told}"
    )
    return 1 if failed else 0


def clone(jobs: int) -> None:
    """Give each process a database of its own, with what migrations have laid."""
    # Closed, so that SQLite's file is whole and PostgreSQL lets it be a template.
    connections.close_all()
    for job in range(1, jobs + 1):
        connections["default"].creation.clone_test_db(suffix=str(job), verbosity=0)
    connections.close_all()


def play_all(seeds: range, jobs: int) -> tuple[list[tuple[int, str]], Counter[str]]:
    """Give the seeds that failed with their stories, and what was met how often."""
    failed: list[tuple[int, str]] = []
    seen: Counter[str] = Counter()
    started = time.monotonic()
    numbers: Any = multiprocessing.Queue()
    for job in range(1, jobs + 1):
        numbers.put(job)
    with multiprocessing.get_context("fork").Pool(jobs, take_database, (numbers,)) as pool:
        for done, (seed, story, met) in enumerate(pool.imap_unordered(play_one, seeds), start=1):
            seen.update(met)
            if story:
                failed.append((seed, story))
            rate = done / (time.monotonic() - started)
            left = (len(seeds) - done) / rate
            line = f"\r{done}/{len(seeds)} seeds, {len(failed)} failed, {rate:.1f}/s, {left:.0f} s "
            print(line, end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return sorted(failed), seen


def take_database(numbers: Any) -> None:
    connections["default"].creation.setup_worker_connection(numbers.get())


def play_one(seed: int) -> tuple[int, str, Counter[str]]:
    from tests.simulation.play import SeedFailed, play

    try:
        return seed, "", play(seed).seen
    except SeedFailed as failure:
        return seed, str(failure), Counter()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    sys.exit(main())

"""Kills workers between ``borrower_signed`` and ``completed`` and looks at what is left.

``python -m tests.contracts.crash --rounds 100``, on a scratch database beside ``DATABASE_URL``'s.
In each round a process that seals is ended by SIGKILL at a boundary, in every other round the one
after it too; then two sweep at once. ``--planted 2`` plays two more rounds without the condition of
the claim. The record of a signing is made by sweeps of its own, and left out here.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from itertools import count
from multiprocessing import Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from benchmarks.scratch import scratch_database

if TYPE_CHECKING:
    from repayments.contracts.models import Contract

# Named in the order they are passed; the first ones but these two are failpoints of sealing.
HALF_WRITTEN = "half_written"
COMMITTED = "committed"
BOUNDARIES = [
    "claimed",
    "borrower_sealed",
    HALF_WRITTEN,
    "borrower_stored",
    "lender_sealed",
    "final_written",
    "completing",
    COMMITTED,
]


@dataclass
class Outcome:
    """What the rounds came to; ``faults`` is empty when all is well."""

    rounds: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    parts: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "rounds": self.rounds,
            "kills": sum(self.kills.values()),
            "kills_by_boundary": dict(self.kills),
            "faults": self.faults,
            "unfinished_parts": self.parts,
        }


def _die(*args: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _start(work: Callable[[], Any]) -> int:
    """Start a worker process of its own; return its id."""
    from django.db import connections

    connections.close_all()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        connections.close_all()
        sys.stderr.flush()
        os._exit(code)


def _end_of(child: int) -> str:
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return str(os.WEXITSTATUS(status))


def _start_signer() -> Callable[[], None]:
    """Start a process that signs a contract each time it is asked; give the way to ask.

    What a signature asks for is lost, and the sweeps must find it. One that has drawn a document
    cannot fork workers that draw, so the caller does not sign.
    """
    here, there = Pipe()

    def work() -> None:
        from repayments.contracts import tasks
        from tests.factories import contracts as factory

        factory._numbers = count(1)
        here.close()
        with mock.patch.object(tasks.seal_contract, "delay_on_commit"), suppress(EOFError):
            while there.recv():
                factory.make_signed()
                there.send(True)

    _start(work)
    there.close()

    def ask() -> None:
        here.send(True)
        if not here.recv():
            raise SystemExit("no contract could be signed")

    return ask


def _sweep(now: datetime, *, die_at: str = "", log: Path) -> None:
    """What a worker does each minute, all in this process."""
    from repayments.contracts import failpoints, tasks

    def note(name: str) -> Callable[[], None]:
        def reached() -> None:
            with log.open("a") as file:
                file.write(f"{name}\n")
                file.flush()
            if name == die_at:
                _die()

        return reached

    for name in BOUNDARIES:
        failpoints.put(name, note(name))
    if die_at == HALF_WRITTEN:
        # In the middle of the first file that is written: its name is not there yet.
        mock.patch.object(os, "fsync", _die).start()
    tasks.now = lambda: now  # type: ignore[attr-defined]
    mock.patch.object(tasks.make_evidence, "delay_on_commit").start()
    tasks.sweep_contracts()
    if die_at == COMMITTED:
        _die()


def _play_round(
    number: int, sign: Callable[[], None], dice: random.Random, outcome: Outcome, log: Path
) -> None:
    from repayments.contracts.models import Contract
    from tests.factories.contracts import NOW

    sign()
    contract = Contract.objects.latest("pk")
    deaths = [BOUNDARIES[number % len(BOUNDARIES)]]
    if number % 2 and deaths != [COMMITTED]:
        # The next worker gets no further than this; only what is still ahead can be met.
        ahead = BOUNDARIES if deaths[0] in BOUNDARIES[:3] else ["claimed", *BOUNDARIES[4:]]
        deaths.append(dice.choice([name for name in ahead if name != COMMITTED]))
    log.write_text("")
    moment = NOW
    for boundary in deaths:
        ended = _end_of(_start(partial(_sweep, moment, die_at=boundary, log=log)))
        if ended != "SIGKILL":
            outcome.faults.append(f"round {number}: no death at {boundary}, it ended with {ended}")
        outcome.kills[boundary] += 1
        moment += timedelta(hours=2)
    workers = [_start(partial(_sweep, moment, log=log)) for _ in range(2)]
    for ended in map(_end_of, workers):
        if ended != "0":
            outcome.faults.append(f"round {number}: a sweep ended with {ended}")
    contract.refresh_from_db()
    reached = Counter(log.read_text().split())
    # Who died after the commit was the one to complete it.
    tries = len(deaths) if deaths == [COMMITTED] else len(deaths) + 1
    outcome.faults += [f"round {number}, {deaths}: {what}" for what in _look(contract)]
    if contract.seal_attempts != tries or reached["claimed"] != tries:
        outcome.faults.append(
            f"round {number}, {deaths}: {reached['claimed']} claims, {tries} expected"
        )


def _look(contract: "Contract") -> list[str]:
    """Say what is wrong with a contract that ought to be complete."""
    from django.conf import settings

    from repayments.audit.models import Event
    from repayments.audit.services import verify_audit
    from repayments.contacts.models import Message
    from repayments.contracts import blobs, inspecting, verification
    from repayments.contracts.queries import get_expected, get_kind_on_record

    # The record of the signing is made later, by sweeps of its own.
    revisions = list(
        contract.revisions.exclude(kind="evidence").select_related("blob").order_by("n")
    )
    found: dict[str, bool] = {
        "not complete": contract.status == "completed" and contract.claimed_at is None,
        "revisions": [item.kind for item in revisions] == ["unsigned", "borrower", "final"],
        "signatures": sorted(contract.signatures.values_list("party", flat=True))
        == ["borrower", "lender"],
        "events": Event.objects.filter(
            stream=contract.stream, action__in=["contracts.borrower_sealed", "contracts.completed"]
        ).count()
        == 2,
        "chain": verify_audit(streams=[contract.stream]) is None,
        "messages": Message.objects.filter(
            business_key=f"contract_completed:{contract.public_id}"
        ).count()
        == 1,
    }
    before = b""
    for item in revisions:
        with suppress(blobs.BlobDamaged):
            pdf = blobs.read(item.blob_id)
            found[f"bytes of {item.kind}"] = len(pdf) == item.blob.size and pdf.startswith(before)
            before = pdf
            continue
        found[f"bytes of {item.kind}"] = False
    verdict = verification.verify_pdf(
        before,
        expected=get_expected,
        trust=inspecting.load_trust(settings.SEALING_KEYS_DIR),
        known_kind=get_kind_on_record,
        parse_known=True,
        isolated=False,
    )
    found["verdict"] = verdict.verdict == "genuine"
    return [name for name, is_well in found.items() if not is_well]


def _look_at_files(root: Path, outcome: Outcome) -> None:
    """Each file with a name must be whole; a part that a death left has none."""
    for path in (path for path in root.rglob("*") if path.is_file()):
        if path.name.startswith("."):
            outcome.parts += 1
        elif hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
            outcome.faults.append(f"half a file has the name {path.name}")


def _plant_unconditional_claim() -> None:
    """A claim that takes whatever it is given, as a plain read and save would."""
    from django.db.models import F

    from repayments.contracts.models import Contract
    from repayments.contracts.services import seal

    def claim(contract_id: int, now: datetime) -> Any:
        Contract.objects.filter(pk=contract_id).update(
            status="sealing", claimed_at=now, seal_attempts=F("seal_attempts") + 1
        )
        contract = Contract.objects.select_related("loan__borrower__user", "template_version")
        return seal._Claim(contract.get(pk=contract_id), now)

    seal._claim = claim


def play(rounds: int, folder: Path, *, planted: int = 0, seed: int = 1) -> tuple[Outcome, Outcome]:
    """Play rounds on the database Django is connected to, with keys and files in ``folder``.

    Args:
        planted: how many rounds follow in which a claim takes what it is given.
    Returns: what the rounds came to, and what the planted ones did.
    """
    from django.conf import settings

    from portal.celery import app
    from repayments.contracts import sealing
    from repayments.contracts.certificates import create_development_ca
    from tests.factories.contracts import NOW

    settings.SEALING_KEYS_DIR, settings.BLOB_ROOT = folder / "keys", folder / "blobs"
    # Nobody signs in by a password here, and a slow one would be most of the time.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    # A task is worked where it is asked for: the process that sweeps is the one that dies.
    app.conf.task_always_eager = app.conf.task_eager_propagates = True
    create_development_ca(settings.SEALING_KEYS_DIR, now=NOW)
    # Loaded once and not anew in each worker; nothing is drawn here.
    import_module("typst")
    import_module("repayments.contracts.tasks")
    app.finalize()
    app.backend  # noqa: B018 - made at the first look
    sealing.load_kit(now=NOW, directory=settings.SEALING_KEYS_DIR, time_stamp_url="")
    dice, sign = random.Random(seed), _start_signer()
    outcome, with_plant = Outcome(), Outcome()
    for number in range(rounds):
        _play_round(number, sign, dice, outcome, folder / "reached")
        outcome.rounds += 1
    _look_at_files(settings.BLOB_ROOT, outcome)
    if planted:
        _plant_unconditional_claim()
    for number in range(planted):
        _play_round(number, sign, dice, with_plant, folder / "reached")
        with_plant.rounds += 1
    return outcome, with_plant


@contextmanager
def _own_database() -> Iterator[None]:
    """The database ``DATABASE_URL`` names, which is migrated and ours to fill."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    django.setup()
    yield


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--planted", type=int, default=0)
    parser.add_argument("--in-place", action="store_true", help="fill DATABASE_URL's, migrated")
    options = parser.parse_args(arguments)
    os.environ["LOG_LEVEL"] = "CRITICAL"
    database = _own_database() if options.in_place else scratch_database()
    with database, tempfile.TemporaryDirectory() as folder:
        outcome, planted = play(
            options.rounds, Path(folder), planted=options.planted, seed=options.seed
        )
    print(json.dumps({**outcome.as_json(), "planted_faults": planted.faults}))
    sys.exit(bool(outcome.faults))


if __name__ == "__main__":
    main()

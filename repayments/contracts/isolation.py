"""Reads a file from outside in a child process that has little time and memory, and few siblings.

A child may use `CPU_SECONDS` and `MEMORY_BYTES`, writes no file, inherits none of our environment,
and ends by itself: when its time is over, and when whoever asked is gone. No more than
`MAX_CHILDREN` are alive at a time on a machine; who comes above is told so at once, since waiting
would hold a worker of the site. The module refuses to know what the report means.
"""

import fcntl
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.conf import settings

from .inspecting import Report, SignatureReport, Trust, inspect_pdf

CPU_SECONDS = 10
MEMORY_BYTES = 256 * 1024 * 1024
WALL_SECONDS = 30
MAX_CHILDREN = 4
# The longest report of an honest file is a few kilobytes.
REPORT_MAX_BYTES = 1024 * 1024
COMMAND = [sys.executable, "-m", "repayments.contracts.isolation"]
# Nothing of our environment: the child has no use for secrets.
ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
# https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
_PR_SET_PDEATHSIG = 1


class Busy(Exception):
    """As many files as may be read at a time are being read; a minute later there is room."""


def inspect_in_child(pdf: bytes, trust: Trust) -> Report:
    """Do what `inspecting.inspect_pdf` does, elsewhere.

    Raises: Busy; whatever the file does to the child is a report.
    """
    with _slot():
        try:
            child = subprocess.run(  # noqa: S603 - our own interpreter and module
                COMMAND,
                input=_request(pdf, trust),
                capture_output=True,
                env=ENVIRONMENT,
                cwd="/",
                timeout=WALL_SECONDS,
                check=False,
            )
        except (subprocess.TimeoutExpired, OSError):
            # By now the child is killed and buried.
            return Report("limits_exceeded")
    if child.returncode != 0 or len(child.stdout) > REPORT_MAX_BYTES:
        return Report("limits_exceeded")
    try:
        data = json.loads(child.stdout)
        signatures = tuple(SignatureReport(**item) for item in data.pop("signatures"))
        return Report(**data, signatures=signatures)
    except (ValueError, TypeError, KeyError):
        return Report("unreadable")


@contextmanager
def _slot() -> Iterator[None]:
    """Hold one of the places on this machine. The kernel frees it, however its holder ends."""
    folder = Path(settings.VAR_DIR) / "checks"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(MAX_CHILDREN):
        descriptor = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        try:
            yield
        finally:
            os.close(descriptor)
        return
    raise Busy


def _request(pdf: bytes, trust: Trust) -> bytes:
    pem = serialization.Encoding.PEM
    head = json.dumps(
        {
            "roots": [item.public_bytes(pem).decode() for item in trust.roots],
            "time_stamp_roots": [
                item.public_bytes(pem).decode() for item in trust.time_stamp_roots
            ],
            "crls": [item.public_bytes(pem).decode() for item in trust.crls],
        }
    ).encode()
    return len(head).to_bytes(4, "big") + head + pdf


def _limit_this_process() -> None:
    import ctypes
    import resource
    import signal

    if sys.platform == "linux":
        # Whoever asked may be killed with no chance to end us. Before this line that is harmless:
        # nothing hostile has been read, and the request breaks off.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # A process that only waits uses no time of the processor.
    signal.alarm(WALL_SECONDS)
    for what, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _child() -> None:
    """Read a request from standard input, a report goes to standard output."""
    _limit_this_process()
    logging.disable(logging.CRITICAL)
    size = int.from_bytes(sys.stdin.buffer.read(4), "big")
    head = json.loads(sys.stdin.buffer.read(size))
    trust = Trust(
        roots=[x509.load_pem_x509_certificate(item.encode()) for item in head["roots"]],
        time_stamp_roots=[
            x509.load_pem_x509_certificate(item.encode()) for item in head["time_stamp_roots"]
        ],
        crls=[x509.load_pem_x509_crl(item.encode()) for item in head["crls"]],
    )
    report = inspect_pdf(sys.stdin.buffer.read(), trust)
    sys.stdout.write(json.dumps(asdict(report)))


if __name__ == "__main__":
    _child()

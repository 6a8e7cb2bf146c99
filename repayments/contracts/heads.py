"""The daily head in writing: a tree of hashes over the ends of many chains, and its text.

A leaf is SHA-256(0x00 ‖ "<stream> <seq> <hash>"), a node SHA-256(0x01 ‖ left ‖ right), the tree
that of RFC 6962: a list splits at the greatest power of two below its length. So whoever holds one
chain and a handful of hashes can show that it is in the head, and learns nothing of the others.
Pure; the module refuses to know rows, files and time stamp authorities.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

TITLE = "Daily head of the contract records"
# What the first head names as the one before it.
NO_PREVIOUS = "0" * 64


@dataclass(frozen=True)
class Leaf:
    """The end of one chain: its stream, the number of its last event and that event's hash."""

    stream: str
    seq: int
    hash: str

    def as_line(self) -> str:
        return f"{self.stream} {self.seq} {self.hash}"


@dataclass(frozen=True)
class Step:
    """One step up the tree; ``side`` is where the other hash (hex) stands: "left" or "right"."""

    side: str
    hash: str


def compute_root(leaves: Iterable[Leaf]) -> str:
    """Return the root (hex) of a tree over leaves in order; memory grows with its height alone."""
    peaks: list[tuple[int, bytes]] = []
    for leaf in leaves:
        height, node = 0, _hash_leaf(leaf)
        while peaks and peaks[-1][0] == height:
            node = _hash_pair(peaks.pop()[1], node)
            height += 1
        peaks.append((height, node))
    if not peaks:
        return hashlib.sha256(b"").hexdigest()
    node = peaks.pop()[1]
    while peaks:
        node = _hash_pair(peaks.pop()[1], node)
    return node.hex()


def find_path(leaves: Sequence[Leaf], position: int) -> list[Step]:
    """Return the steps from the leaf at ``position`` (from 0) up to the root."""
    row, steps = [_hash_leaf(leaf) for leaf in leaves], []
    while len(row) > 1:
        other = position ^ 1
        if other < len(row):
            steps.append(Step("left" if other < position else "right", row[other].hex()))
        # A node without a partner moves up as it is.
        row = [
            _hash_pair(row[at], row[at + 1]) if at + 1 < len(row) else row[at]
            for at in range(0, len(row), 2)
        ]
        position //= 2
    return steps


def write_head(*, day: date, made_at: datetime, streams: int, root: str, previous: str) -> str:
    """Write the text that is time-stamped: six lines, UTF-8, each ended by a line feed.

    Args:
        previous: SHA-256 (hex) of the text before this one, so that no head can be left out.
    """
    made = made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"{TITLE}\nday: {day.isoformat()}\nmade: {made}\nstreams: {streams}\n"
        f"root: {root}\nprevious: {previous}\n"
    )


def write_proof(leaf: Leaf, steps: Iterable[Step]) -> str:
    """Write a leaf and its steps to the root, a line each."""
    return "\n".join([leaf.as_line(), *(f"{step.side} {step.hash}" for step in steps), ""])


def _hash_leaf(leaf: Leaf) -> bytes:
    return hashlib.sha256(b"\0" + leaf.as_line().encode()).digest()


def _hash_pair(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()

"""Check the record of a contract against its files and against the time-stamped daily head.

    python3 check_events.py

Reads events.jsonl, contract.pdf, evidence.pdf, head.txt and proof.txt beside it. Exits 1 and says
what does not fit. Needs Python 3 and nothing else. That head.txt itself existed at the time of its
time stamp is for openssl to say; see README.md.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

HASHED = ("stream", "seq", "at", "actor", "action", "payload")
NAMED_BY = {"contract.pdf": "contracts.completed", "evidence.pdf": "contracts.evidence_made"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def hash_event(event: dict[str, Any]) -> str:
    """SHA-256 over the hash before and the event as JSON: keys in order, no spaces, UTF-8."""
    content = {name: event[name] for name in HASHED}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256((event["prev"] + text).encode())


def check_chain(events: list[dict[str, Any]]) -> None:
    previous = sha256(f"stream {events[0]['stream']}".encode())
    for number, event in enumerate(events, 1):
        if event["seq"] != number or event["stream"] != events[0]["stream"]:
            sys.exit(f"event {number} is missing, or stands in the wrong place")
        if event["prev"] != previous:
            sys.exit(f"event {number} does not follow the one before it")
        if event["hash"] != hash_event(event):
            sys.exit(f"event {number} was changed")
        previous = event["hash"]
    print(f"events.jsonl: {len(events)} events, each follows from the one before")


def check_files(folder: Path, events: list[dict[str, Any]]) -> None:
    for name, action in NAMED_BY.items():
        named = [e["payload"]["document_sha256"] for e in events if e["action"] == action]
        if (folder / name).exists() and named != [sha256((folder / name).read_bytes())]:
            sys.exit(f"{name} is not the file that the events name")
        if (folder / name).exists():
            print(f"{name}: the very file that the events name")


def check_head(folder: Path, events: list[dict[str, Any]]) -> None:
    if not (folder / "head.txt").exists():
        print("head.txt: none yet; ask for the kit again after the next day's head")
        return
    fact = dict(line.split(": ", 1) for line in (folder / "head.txt").read_text().splitlines()[1:])
    leaf, *steps = [line.split(" ") for line in (folder / "proof.txt").read_text().splitlines()]
    stream, seq, event_hash = leaf
    last = events[int(seq) - 1] if 0 < int(seq) <= len(events) else {"stream": "", "hash": ""}
    if (last["stream"], last["hash"]) != (stream, event_hash):
        sys.exit(f"event {seq} is not the one that stood here when the daily head was made")
    node = sha256(b"\0" + " ".join(leaf).encode())
    for side, other in steps:
        pair = other + node if side == "left" else node + other
        node = sha256(b"\1" + bytes.fromhex(pair))
    if node != fact["root"]:
        sys.exit("the events do not lead to the root in head.txt")
    print(f"head.txt: holds events 1 to {seq}, as they stood at {fact['made']}")


def main() -> None:
    folder = Path(__file__).resolve().parent
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").split("\n")
    events = [json.loads(line) for line in lines if line]
    check_chain(events)
    check_files(folder, events)
    check_head(folder, events)


if __name__ == "__main__":
    main()

"""The kit: all a stranger needs to check a contract with pdfsig, OpenSSL and Python, and no portal.

The scripts beside this file go into each kit as they are; they import nothing of ours. Of other
contracts a kit holds hashes alone: the daily head is a tree, and a proof is a path through it.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from repayments.audit.models import Event
from repayments.contracts import blobs, heads
from repayments.contracts.heads import Leaf
from repayments.contracts.kit import cut_signatures
from repayments.contracts.models import Contract, ContractRevision, HeadLeaf

HERE = Path(__file__).parent
SCRIPTS = ("cut_signatures.py", "check_events.py")


class KitIncomplete(Exception):
    """The contract is not complete, or a certificate file is missing; the message says which."""


def build_kit(contract: Contract) -> dict[str, bytes]:
    """Gather the files of a contract's kit, by name. What is not made yet is left out, and said so.

    Raises: KitIncomplete; blobs.BlobDamaged.
    """
    blob_ids = dict(contract.revisions.values_list("kind", "blob_id"))
    if ContractRevision.Kind.FINAL not in blob_ids or contract.purged_at is not None:
        raise KitIncomplete(f"There is no completed contract {contract.reference}.")
    pdfs = {"contract.pdf": blobs.read(blob_ids[ContractRevision.Kind.FINAL])}
    if ContractRevision.Kind.EVIDENCE in blob_ids:
        pdfs["evidence.pdf"] = blobs.read(blob_ids[ContractRevision.Kind.EVIDENCE])
    head = _head_files(contract.stream)
    return {
        "README.md": _write_readme(contract.reference, pdfs, has_head=bool(head)),
        **pdfs,
        "events.jsonl": write_events(contract.stream),
        **head,
        **_trust_files(),
        **{name: (HERE / name).read_bytes() for name in SCRIPTS},
    }


def write_zip(files: Mapping[str, bytes], *, folder: str) -> bytes:
    """Pack the files of a kit into one folder of a zip; the same files give the same bytes."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(f"{folder}/{name}"), content, zipfile.ZIP_DEFLATED)
    return output.getvalue()


def write_events(stream: str) -> bytes:
    """Write the events of a stream, a line each, as they are hashed."""
    events = Event.objects.filter(stream=stream).order_by("seq")
    return b"".join(_event_line(event) for event in events.iterator(chunk_size=2000))


def _event_line(event: Event) -> bytes:
    line = {
        "stream": event.stream,
        "seq": event.seq,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": event.actor_id,
        "action": event.action,
        "payload": event.payload,
        "prev": event.prev,
        "hash": event.hash,
    }
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


def _head_files(stream: str) -> dict[str, bytes]:
    """Take the newest stamped head that holds the stream, and the way from there to its root."""
    leaf = (
        HeadLeaf.objects.filter(stream=stream, head__stamp__isnull=False)
        .select_related("head__stamp")
        .order_by("-seq")
        .first()
    )
    if leaf is None:
        return {}
    head = leaf.head
    rows = head.leaves.order_by("position").values_list("stream", "seq", "hash")
    leaves = [Leaf(*row) for row in rows]
    proof = heads.write_proof(leaves[leaf.position], heads.find_path(leaves, leaf.position))
    return {
        "head.txt": head.text.encode(),
        "head.tst": bytes(head.stamp.token),
        "head.time": _seconds(head.stamp.tsa_time),
        "proof.txt": proof.encode(),
    }


def _trust_files() -> dict[str, bytes]:
    folder = Path(settings.SEALING_KEYS_DIR)
    try:
        roots = (folder / "ca.crt").read_bytes()
        crl = (folder / "ca.crl").read_bytes()
    except OSError as error:
        raise KitIncomplete(f"There is no {error.filename}.") from error
    other = folder / "tsa-ca.crt"
    return {
        "ca.crt": roots,
        "tsa-ca.crt": other.read_bytes() if other.exists() else roots,
        "ca.crl": crl,
    }


def _write_readme(reference: str, pdfs: Mapping[str, bytes], *, has_head: bool) -> bytes:
    """Keep of the marked lines those whose files are in this kit."""
    kept = {"[evidence]": "evidence.pdf" in pdfs, "[head]": has_head, "[nohead]": not has_head}
    seals = [
        f"{name.removesuffix('.pdf')}-{number}"
        for name, pdf in pdfs.items()
        for number, _cut in enumerate(cut_signatures.cut(pdf), start=1)
    ]
    lines = []
    for line in (HERE / "README.md").read_text(encoding="utf-8").splitlines(keepends=True):
        mark = next((mark for mark in kept if line.startswith(mark)), "")
        if not mark or kept[mark]:
            lines.append(line.removeprefix(mark))
    text = "".join(lines).replace("{reference}", reference)
    text = text.replace("{files}", " ".join(pdfs)).replace("{folders}", " ".join(seals))
    return text.encode()


def _seconds(moment: datetime) -> bytes:
    return str(int(moment.timestamp())).encode()

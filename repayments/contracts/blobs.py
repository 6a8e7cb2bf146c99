"""Write-once files under ``BLOB_ROOT``, named by the SHA-256 of their bytes.

A file is written beside its place, flushed to the disk and renamed, so that half a file never has
a name. A file without a row is harmless; a row without a file cannot come about, because the file
is there first. The module refuses to know what the bytes mean.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from repayments.contracts.models import Blob

# Far longer than any file takes to write; nobody writes on a part of that age.
PART_MAX_AGE = timedelta(hours=24)
PARTS_A_SWEEP = 1000


class BlobDamaged(Exception):
    """The stored bytes are gone or are not the ones that were stored."""


def write_file(data: bytes) -> str:
    """Store bytes and return their SHA-256 (hex). Safe to repeat; holds no transaction.

    Raises: OSError when the disk refuses; nothing is left behind then.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    path = path_of(sha256)
    if path.exists():
        # Fresh again: what sweeps up files without a row leaves it alone.
        os.utime(path)
        return sha256
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / f".{sha256}.{secrets.token_hex(4)}"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return sha256


def record(sha256: str, *, size: int, media: str) -> Blob:
    """Give the row of a stored file, in the caller's transaction.

    Raises: BlobDamaged when the file was removed since it was written: the same bytes stood for
        something whose time to be kept was over. Nothing is stored then; writing again helps.
    """
    blob, created = Blob.objects.get_or_create(
        sha256=sha256, defaults={"size": size, "media": media}
    )
    if not created:
        # Whoever removes the bytes holds this row meanwhile.
        blob = Blob.objects.select_for_update().get(pk=sha256)
    if not path_of(sha256).exists():
        raise BlobDamaged(sha256)
    if blob.purged_at is not None:
        blob.purged_at = None
        blob.save(update_fields=["purged_at"])
    return blob


def read(sha256: str) -> bytes:
    """Return the bytes, checked against their name. Raises: BlobDamaged."""
    try:
        data = path_of(sha256).read_bytes()
    except OSError as error:
        raise BlobDamaged(sha256) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BlobDamaged(sha256)
    return data


def remove_file(sha256: str) -> None:
    """Take the bytes away; the caller has made sure that nothing needs them."""
    path_of(sha256).unlink(missing_ok=True)


def find_fault(sha256: str) -> str:
    """Hash a file anew: "" if it is as stored, else "missing" or "changed"."""
    try:
        with path_of(sha256).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "missing"
    return "" if digest == sha256 else "changed"


def sweep_parts(*, now: datetime) -> int:
    """Remove what workers killed in the middle of a file left behind; return how many.

    At most PARTS_A_SWEEP a call, none younger than PART_MAX_AGE; a file with a name is never
    looked at.
    """
    oldest = (now - PART_MAX_AGE).timestamp()
    removed = 0
    for part in _list_parts():
        try:
            if part.stat().st_mtime < oldest:
                part.unlink()
                removed += 1
        except FileNotFoundError:
            # Its writer has come to the end of it after all, or another sweep was here.
            continue
        if removed == PARTS_A_SWEEP:
            break
    return removed


def _list_parts() -> Iterator[Path]:
    for folder in sorted(Path(settings.BLOB_ROOT).glob("[0-9a-f][0-9a-f]")):
        yield from folder.glob(".*")


def path_of(sha256: str) -> Path:
    return Path(settings.BLOB_ROOT) / sha256[:2] / sha256


def _sync_folder(folder: Path) -> None:
    # Without it a power cut may forget the name although the bytes are safe.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

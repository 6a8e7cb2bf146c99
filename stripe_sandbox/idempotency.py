"""Idempotency keys: the first answer is kept for 24 hours and given again.

Every answer of a request that began to execute is kept, 402 and 500 included; a request that
failed validation, or met another in flight, leaves nothing.
"""

import hashlib
import json
from typing import Any

from django.db import IntegrityError, transaction

from . import clock
from .errors import IdempotencyMismatch, InvalidRequest
from .models import IdempotencyKey

KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255


def claim(
    key: str, path: str, params: dict[str, Any], request_id: str
) -> tuple[IdempotencyKey, bool]:
    """Take the key for this request, or find the answer given to it before.

    Returns: the row, and whether it holds an answer to replay.
    Raises: IdempotencyMismatch for other parameters, another endpoint, or (409) in flight.
    """
    if len(key) > LONGEST_KEY:
        raise InvalidRequest(f"Idempotency keys can be at most {LONGEST_KEY} characters long.")
    fingerprint = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
    with transaction.atomic():
        IdempotencyKey.objects.filter(created__lte=clock.now() - KEPT_SECONDS).delete()
        try:
            with transaction.atomic():
                row = IdempotencyKey.objects.create(
                    key=key,
                    created=clock.now(),
                    path=path,
                    fingerprint=fingerprint,
                    request_id=request_id,
                )
        except IntegrityError:
            row = IdempotencyKey.objects.get(key=key)
        else:
            return row, False
    _check_same(row, path, fingerprint)
    if row.status_code is None:
        raise IdempotencyMismatch(
            "There is currently another in-progress request using this Idempotent Key (that "
            "probably means you submitted twice, and the other request is still going through): "
            f"{key}. Please try again later.",
            code="idempotency_key_in_use",
            status=409,
        )
    return row, True


def _check_same(row: IdempotencyKey, path: str, fingerprint: str) -> None:
    if row.path != path:
        raise IdempotencyMismatch(
            "Keys for idempotent requests can only be used for the same endpoint they were first "
            f"used for ('{path}' vs '{row.path}'). Try using a key other than '{row.key}' if you "
            "meant to execute a different request."
        )
    if row.fingerprint != fingerprint:
        raise IdempotencyMismatch(
            "Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. Try using a key other than '{row.key}' if you meant to execute a "
            "different request."
        )


def store(row: IdempotencyKey, status_code: int, body: str) -> None:
    """Keep the answer; inside the transaction that did the work, so both or neither stand."""
    IdempotencyKey.objects.filter(pk=row.pk).update(status_code=status_code, body=body)


def release(row: IdempotencyKey) -> None:
    """Forget a key whose request never began to execute."""
    IdempotencyKey.objects.filter(pk=row.pk, status_code=None).delete()


def release_abandoned() -> None:
    """At start: a request that was in flight when the process ended holds its key no longer."""
    IdempotencyKey.objects.filter(status_code=None).delete()

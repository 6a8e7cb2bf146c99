"""Values that must not lie about in the outbox (codes, links), encrypted under the portal's key.

The key is derived from ``SECRET_KEY`` for this purpose alone. A value that can no longer be read,
because the key was changed meanwhile, is an error: the message is then of no use.
"""

import base64
import json
from collections.abc import Mapping
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"repayments.contacts.secrets"
# What stands where a secret was.
WIPED = ""


class SecretUnreadable(Exception):
    """The stored value was not encrypted under today's key."""


def encrypt(values: Mapping[str, str]) -> str:
    """Encrypt a flat mapping; an empty one gives an empty text."""
    if not values:
        return WIPED
    return _fernet(settings.SECRET_KEY).encrypt(json.dumps(dict(values)).encode()).decode()


def decrypt(text: str) -> dict[str, str]:
    """Read back what ``encrypt`` gave.

    Raises: SecretUnreadable.
    """
    if not text:
        return {}
    try:
        values: dict[str, str] = json.loads(_fernet(settings.SECRET_KEY).decrypt(text.encode()))
    except InvalidToken as error:
        raise SecretUnreadable from error
    return values


@lru_cache(maxsize=4)
def _fernet(secret_key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE)
    return Fernet(base64.urlsafe_b64encode(derived.derive(secret_key.encode())))

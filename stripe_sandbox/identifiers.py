"""Identifiers of the lengths and alphabets that Stripe uses."""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits

_LENGTHS = {
    "cus": ("cus_", 14),
    "pi": ("pi_3", 23),
    "seti": ("seti_1", 23),
    "ch": ("ch_3", 23),
    "re": ("re_3", 23),
    "dp": ("dp_1", 23),
    "issfr": ("issfr_1", 23),
    "txn": ("txn_3", 23),
    "pm": ("pm_1", 23),
    "evt": ("evt_1", 23),
    "cs": ("cs_test_", 58),
    "li": ("li_1", 23),
    "price": ("price_1", 23),
    "prod": ("prod_", 14),
    "req": ("req_", 14),
}


def random_text(length: int) -> str:
    """Letters and digits from the system's random source."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_id(kind: str) -> str:
    """A fresh identifier of a kind named in the table above."""
    prefix, length = _LENGTHS[kind]
    return prefix + random_text(length)

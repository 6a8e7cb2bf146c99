"""Time stamps (RFC 3161) over texts: asking for one, and holding one against its text.

The authority is the one that stamps seals. The module refuses to know what a text says.
"""

import asyncio
import hashlib
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from asn1crypto import cms
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import serialization
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko.sign.validation.status import TimestampSignatureStatus
from pyhanko_certvalidator import ValidationContext

from .checked_stamper import CheckedStamper
from .inspecting import Trust
from .sealing import SealingKit

_Result = TypeVar("_Result")


class TimeStampUnavailable(Exception):
    """The authority gave no time stamp; nothing was stored."""


@dataclass(frozen=True)
class Stamp:
    """A token (DER), the moment it bears, and the name of the authority that made it."""

    token: bytes
    at: datetime
    authority: str


def stamp_text(text: str, *, kit: SealingKit) -> Stamp:
    """Let the authority stamp a text; it is shown the SHA-256 alone.

    Never called in a transaction: the authority may be slow. Raises: TimeStampUnavailable.
    """
    digest = hashlib.sha256(text.encode()).digest()
    try:
        token = _run(CheckedStamper(kit.time_stamper).async_timestamp(digest, "sha256"))
    except (TimestampRequestError, OSError) as error:
        raise TimeStampUnavailable(str(error)) from error
    return read_stamp(token.dump())


def read_stamp(token: bytes) -> Stamp:
    """Read moment and authority out of a token. Raises: ValueError."""
    signed_data = cms.ContentInfo.load(token)["content"]
    moment = signed_data["encap_content_info"]["content"].parsed["gen_time"].native
    serial = signed_data["signer_infos"][0]["sid"].chosen["serial_number"].native
    signers = [
        one.chosen
        for one in signed_data["certificates"]
        if one.chosen.serial_number == serial  # an authority sends its issuers' along
    ]
    name = signers[0].subject.native.get("common_name", "") if signers else ""
    return Stamp(token, moment.astimezone(UTC), str(name)[:200])


def find_stamp_fault(token: bytes, text: str, *, trust: Trust) -> str:
    """Say what is wrong with a token over a text, if anything.

    Returns: "unreadable", "another_text", "untrusted", or "" where nothing is.
    """
    try:
        stamp = read_stamp(token)
        status = TimestampSignatureStatus(**_run(_validate(token, text, trust, stamp.at)))
    except (ValueError, TypeError, KeyError, IndexError, SignatureValidationError):
        return "unreadable"
    if not status.intact or not status.valid:
        return "another_text"
    return "" if status.trusted else "untrusted"


async def _validate(token: bytes, text: str, trust: Trust, moment: datetime) -> dict[str, Any]:
    der = serialization.Encoding.DER
    context = ValidationContext(
        trust_roots=[
            asn1_x509.Certificate.load(root.public_bytes(der)) for root in trust.time_stamp_roots
        ],
        crls=[asn1_crl.CertificateList.load(crl.public_bytes(der)) for crl in trust.crls],
        # An authority's certificate may have expired since: what counts is the moment it stamped.
        moment=moment,
        allow_fetching=False,
        revocation_mode="soft-fail",
        retroactive_revinfo=True,
    )
    facts: dict[str, Any] = await validate_tst_signed_data(
        cms.ContentInfo.load(token)["content"],
        validation_context=context,
        expected_tst_imprint=lambda algorithm: hashlib.new(algorithm, text.encode()).digest(),
    )
    return facts


def _run(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine to its end in a thread of its own, as this one may have an event loop."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result()

"""The borrower's signature: reviewed first, then everything it means in one transaction."""

import base64
import binascii
import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from django.core import signing
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Borrower, User
from accounts.names import find_unprintable, is_unseen, show_characters
from repayments.contracts import blobs, consents, drawings, kinds
from repayments.contracts.models import Blob, Contract, Signature
from repayments.contracts.origin import Origin
from repayments.contracts.services.challenge import use_challenge
from repayments.contracts.services.states import (
    AlreadySigned,
    ContractExpired,
    lock,
    move,
    record,
    refusal,
)
from repayments.contracts.signals import contract_signed
from repayments.contracts.stored import get_frozen_sha256

REVIEW_VALID_SECONDS = 30 * 60
_SALT = "contracts.review"
_DATA_URL = "data:image/png;base64,"


class NameRefused(ValueError):
    """What was typed cannot stand as the signature; the message says what to do."""


class ReviewNotValid(Exception):
    """Nothing is signed without the review page of this very document, name and session."""

    def __init__(self) -> None:
        super().__init__(_("Please look at the review page once more, then sign."))


@dataclass(frozen=True)
class Draft:
    """A name as written, before it is confirmed. ``image`` is a PNG, empty for a typed name."""

    mode: str
    name: str
    image: bytes = b""

    @property
    def image_url(self) -> str:
        return _DATA_URL + base64.b64encode(self.image).decode() if self.image else ""


def read_drawing(data_url: str) -> bytes:
    """Read the PNG a form carries and check it. Raises: drawings.DrawingRefused."""
    if len(data_url) > 2 * drawings.DRAWING_MAX_BYTES:
        raise drawings.DrawingRefused("too_large")
    if not data_url.startswith(_DATA_URL):
        raise drawings.DrawingRefused("not_a_png")
    try:
        png = base64.b64decode(data_url.removeprefix(_DATA_URL), validate=True)
    except (binascii.Error, ValueError) as error:
        raise drawings.DrawingRefused("not_a_png") from error
    drawings.check_drawing(png)
    return png


def check_name(*, name: str, borrower: Borrower) -> str:
    """Return the name as it will be printed.

    A person signs with the name in the contract; for a business whoever acts for it writes their
    own. Raises: NameRefused.
    """
    plain = " ".join(unicodedata.normalize("NFC", name).split())
    unprintable = find_unprintable(plain)
    if unprintable:
        raise NameRefused(
            _("This character cannot be printed in the document: %(character)s")
            % {"character": show_characters(unprintable)}
        )
    if borrower.kind == Borrower.Kind.PERSON and _folded(plain) != _folded(borrower.legal_name):
        raise NameRefused(
            _("Please write your name as it stands in the document: %(name)s")
            % {"name": borrower.legal_name}
        )
    if len(plain) < 2 or is_unseen(plain):
        raise NameRefused(_("Please write your full name."))
    return plain


def write_review(*, contract: Contract, draft: Draft, origin: Origin) -> str:
    """Give the token of a review page: it binds name, drawing, document and session."""
    return signing.dumps(_review(contract, draft, origin), salt=_SALT)


@transaction.atomic
def sign_contract(
    *,
    contract_id: int,
    draft: Draft,
    review: str,
    actor: User,
    origin: Origin,
    now: datetime,
    as_of: date,
) -> Contract:
    """Store the borrower's signature and bring about what it means; all of it or nothing.

    Locks the loan, then the contract. The file of a drawn name is written before anything else.

    Args:
        draft: the name, checked by `check_name` or `read_drawing`.
        review: the token of the review page.
        as_of: the lender's day, for what the signature brings about.
    Raises:
        states.AlreadySigned: somebody was faster; there is one signature.
        states.ContractExpired, states.ContractClosed, states.ContractMovedOn.
        ReviewNotValid, challenge.CodeNotUsable.
    """
    contract = lock(contract_id)
    if contract.status != Contract.Status.CONSENTED:
        raise refusal(contract)
    if contract.expires_at is not None and contract.expires_at <= now:
        raise ContractExpired()
    _need_review(contract, draft, review, origin)
    doc_sha256 = get_frozen_sha256(contract)
    image = _store_drawing(draft)
    challenge = use_challenge(
        contract=contract, actor=actor, origin=origin, doc_sha256=doc_sha256, now=now
    )
    move(contract, Contract.Status.BORROWER_SIGNED, signed_at=now)
    locale = contract.template_version.locale
    try:
        with transaction.atomic():
            signature = Signature.objects.create(
                contract=contract,
                party=Signature.Party.BORROWER,
                order=1,
                mode=draft.mode,
                name=draft.name,
                image=image,
                consent_version=consents.CONSENT_VERSION,
                consent_text_sha256=consents.all_texts_sha256(locale),
                challenge=challenge,
                doc_sha256=doc_sha256,
                signed_at=now,
            )
    except IntegrityError as error:
        raise AlreadySigned from error
    record(
        contract,
        "signed",
        actor=actor,
        at=now,
        origin=origin,
        payload={
            "document_sha256": doc_sha256,
            "locale": locale,
            "mode": draft.mode,
            "image_sha256": signature.image_id or "",
            "method": challenge.method,
            "sent_to": challenge.sent_to,
            "consent_version": signature.consent_version,
            "consent_text_sha256": signature.consent_text_sha256,
            "level": contract.signature_level,
        },
    )
    kinds.get(contract.kind).on_signed(contract=contract, actor=actor, now=now, as_of=as_of)
    # Robust: where this fails the sweep seals it, and the signature stands.
    transaction.on_commit(
        partial(contract_signed.send_robust, sender=Contract, contract_id=contract.pk)
    )
    return contract


def _need_review(contract: Contract, draft: Draft, review: str, origin: Origin) -> None:
    try:
        given = signing.loads(review, salt=_SALT, max_age=REVIEW_VALID_SECONDS)
    except signing.BadSignature as error:
        raise ReviewNotValid from error
    if given != _review(contract, draft, origin):
        raise ReviewNotValid


def _review(contract: Contract, draft: Draft, origin: Origin) -> list[str]:
    return [
        str(contract.public_id),
        get_frozen_sha256(contract),
        origin.session_hash,
        draft.mode,
        draft.name,
        hashlib.sha256(draft.image).hexdigest(),
    ]


def _store_drawing(draft: Draft) -> Blob | None:
    if not draft.image:
        return None
    return blobs.record(blobs.write_file(draft.image), size=len(draft.image), media="image/png")


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())

"""The code that shows who signs: for one document, one user, one session; five minutes, five tries.

Only its HMAC is kept, and what it is bound to is part of the HMAC. A right code is noted, and spent
in the transaction of the signature. A new code voids the one before it.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from repayments.contacts.services import queue_message
from repayments.contracts.models import Contract, SigningChallenge
from repayments.contracts.origin import Origin
from repayments.contracts.services.states import ContractExpired, lock, record, refusal
from repayments.contracts.stored import get_frozen_sha256

CODE_DIGITS = 6
CODE_VALID_MINUTES = 5
MAX_TRIES = 5
# A right code leaves this long to write the name and to review.
SIGN_WITHIN_MINUTES = 15
MAX_CODES = 5
MAX_CODES_MINUTES = 15


class CodeRefused(Exception):
    """The code does not count; the message says what to do."""

    reason = "refused"

    def __init__(self, message: Any) -> None:
        super().__init__(message)


class CodeWrong(CodeRefused):
    reason = "wrong"


class CodeNotUsable(CodeRefused):
    """There is no code to try: none was sent, or it was used, voided, or its time or tries are
    over."""

    reason = "not_usable"

    def __init__(self) -> None:
        super().__init__(_("This code is no longer good. Please ask for a new one."))


class TooManyCodes(CodeRefused):
    reason = "too_many"

    def __init__(self) -> None:
        super().__init__(
            _("Several codes were sent already. Please wait some minutes and look into your mail.")
        )


@transaction.atomic
def send_code(*, contract_id: int, actor: User, origin: Origin, now: datetime) -> SigningChallenge:
    """Send a new code to the borrower's address; older codes of this contract stop working.

    Raises: TooManyCodes, states.ContractMovedOn when nothing is to be signed.
    """
    contract = lock(contract_id)
    _need_consented(contract, now)
    recent = contract.challenges.filter(
        user=actor, created_at__gt=now - timedelta(minutes=MAX_CODES_MINUTES)
    ).count()
    if recent >= MAX_CODES:
        raise TooManyCodes()
    contract.challenges.filter(user=actor, used_at=None, voided_at=None).update(voided_at=now)
    code = "".join(str(secrets.randbelow(10)) for _place in range(CODE_DIGITS))
    challenge = SigningChallenge(
        contract=contract,
        user=actor,
        session_hash=origin.session_hash,
        doc_sha256=get_frozen_sha256(contract),
        sent_to=mask_address(actor.email),
        created_at=now,
        expires_at=now + timedelta(minutes=CODE_VALID_MINUTES),
    )
    challenge.code_hmac = _hmac(challenge, code)
    challenge.save(force_insert=True)
    queue_message(
        borrower=contract.loan.borrower,
        template_key="signing_code",
        purpose="signing_code",
        subject=contract.loan.stream,
        business_key=f"signing_code:{challenge.pk}",
        context={"minutes": str(CODE_VALID_MINUTES)},
        secret={"code": code},
        address=actor.email,
        expires_at=challenge.expires_at,
        now=now,
    )
    record(
        contract,
        "code_sent",
        actor=actor,
        at=now,
        origin=origin,
        payload={
            "method": challenge.method,
            "sent_to": challenge.sent_to,
            "document_sha256": challenge.doc_sha256,
        },
    )
    return challenge


def check_code(
    *, contract_id: int, code: str, actor: User, origin: Origin, now: datetime
) -> SigningChallenge:
    """Try a code. Every try counts, right or wrong, also when this raises.

    Must not be called in a transaction: a refusal would take the count of tries back.

    Raises: CodeWrong, CodeNotUsable, states.ContractMovedOn.
    """
    contract = Contract.objects.get(pk=contract_id)
    if contract.status != Contract.Status.CONSENTED:
        raise refusal(contract)
    challenge = _open_challenge(contract, actor, origin, now).filter(passed_at=None).first()
    # The count is taken before the code is looked at, and by the database: a hundred tries at
    # once are still five.
    counted = challenge is not None and _open_challenge(contract, actor, origin, now).filter(
        pk=challenge.pk, passed_at=None, tries__lt=MAX_TRIES
    ).update(tries=F("tries") + 1)
    if challenge is None or not counted:
        _note(contract, "code_failed", actor, origin, now, {"reason": "not_usable"})
        raise CodeNotUsable()
    if not hmac.compare_digest(challenge.code_hmac, _hmac(challenge, _plain(code))):
        challenge.refresh_from_db()
        left = MAX_TRIES - challenge.tries
        _note(contract, "code_failed", actor, origin, now, {"reason": "wrong", "tries_left": left})
        if left <= 0:
            raise CodeNotUsable()
        raise CodeWrong(
            ngettext(
                "This code is not right. You have %(left)s more try.",
                "This code is not right. You have %(left)s more tries.",
                left,
            )
            % {"left": left}
        )
    with transaction.atomic():
        passed = (
            _open_challenge(contract, actor, origin, now)
            .filter(pk=challenge.pk, passed_at=None)
            .update(passed_at=now, expires_at=now + timedelta(minutes=SIGN_WITHIN_MINUTES))
        )
        if passed != 1:
            raise CodeNotUsable()
        record(
            contract,
            "code_passed",
            actor=actor,
            at=now,
            origin=origin,
            payload={"method": challenge.method, "document_sha256": challenge.doc_sha256},
        )
    challenge.refresh_from_db()
    return challenge


def find_challenge(
    *, contract: Contract, actor: User, origin: Origin, now: datetime, passed: bool
) -> SigningChallenge | None:
    """Return the challenge that is open in this session: one to enter, or one entered rightly."""
    challenge: SigningChallenge | None = (
        _open_challenge(contract, actor, origin, now).filter(passed_at__isnull=not passed).first()
    )
    return challenge


def use_challenge(
    *, contract: Contract, actor: User, origin: Origin, doc_sha256: str, now: datetime
) -> SigningChallenge:
    """Spend the passed challenge of this session; the caller holds the signature's transaction.

    Raises: CodeNotUsable.
    """
    challenge = find_challenge(contract=contract, actor=actor, origin=origin, now=now, passed=True)
    used = challenge is not None and _open_challenge(contract, actor, origin, now).filter(
        pk=challenge.pk, doc_sha256=doc_sha256, passed_at__isnull=False
    ).update(used_at=now)
    if challenge is None or not used:
        raise CodeNotUsable()
    challenge.used_at = now
    return challenge


def mask_address(address: str) -> str:
    """Hide most of an address: "w***@mail.example"."""
    name, _at, host = address.partition("@")
    return f"{name[:1]}***@{host}"


def _open_challenge(contract: Contract, actor: User, origin: Origin, now: datetime) -> Any:
    return SigningChallenge.objects.filter(
        contract=contract,
        user=actor,
        session_hash=origin.session_hash,
        used_at=None,
        voided_at=None,
        expires_at__gt=now,
    )


def _need_consented(contract: Contract, now: datetime) -> None:
    if contract.status != Contract.Status.CONSENTED:
        raise refusal(contract)
    if contract.expires_at is not None and contract.expires_at <= now:
        raise ContractExpired()


def _hmac(challenge: SigningChallenge, code: str) -> str:
    bound_to = [
        challenge.contract_id,
        challenge.user_id,
        challenge.session_hash,
        challenge.purpose,
        challenge.doc_sha256,
        code,
    ]
    return salted_hmac(
        "contracts.code", ":".join(str(part) for part in bound_to), algorithm="sha256"
    ).hexdigest()


def _plain(code: str) -> str:
    # Full-width digits and spaces come from Chinese keyboards and from pasting.
    return "".join(str(int(char)) for char in code[:40] if char.isdecimal())


def _note(
    contract: Contract,
    action: str,
    actor: User,
    origin: Origin,
    now: datetime,
    payload: dict[str, Any],
) -> None:
    with transaction.atomic():
        record(contract, action, actor=actor, at=now, origin=origin, payload=payload)

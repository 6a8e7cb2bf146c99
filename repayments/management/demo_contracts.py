"""Signs the demo's contracts in earnest: every step of the ceremony, then the worker's seal."""

from datetime import datetime, timedelta

from accounts.models import User
from repayments.clock import lender_zone
from repayments.contacts.models import Message
from repayments.contacts.secrets import decrypt
from repayments.contracts import reading, services
from repayments.contracts.models import Contract
from repayments.contracts.origin import Origin
from repayments.contracts.stored import get_frozen_sha256

# A documentation address (RFC 5737): nobody signed from anywhere.
ORIGIN = Origin("192.0.2.10", "Demonstration", "0" * 64)
READING_SECONDS = 42


def sign_and_seal(contract: Contract, *, now: datetime) -> Contract:
    """Walk a sent contract to its end, as its borrower and the worker would.

    Args:
        now: aware; the moment of the signature.
    """
    signer = contract.loan.borrower.user
    assert isinstance(signer, User)
    contract_id = contract.pk
    services.open_contract(contract_id=contract_id, actor=signer, origin=ORIGIN, now=now)
    services.confirm_costs(
        contract_id=contract_id,
        token=_note(contract, "costs", now),
        read_at=now,
        actor=signer,
        origin=ORIGIN,
        now=now,
    )
    services.note_reading(
        contract_id=contract_id,
        token=_note(contract, "read", now),
        read_at=now,
        reached_end=True,
        actor=signer,
        origin=ORIGIN,
        now=now,
    )
    services.record_consent(
        contract_id=contract_id,
        agreed=["electronic", "terms"],
        actor=signer,
        origin=ORIGIN,
        now=now,
    )
    services.send_code(contract_id=contract_id, actor=signer, origin=ORIGIN, now=now)
    sent = Message.objects.filter(purpose="signing_code", borrower=contract.loan.borrower)
    code = decrypt(sent.latest("pk").secret)["code"]
    services.check_code(contract_id=contract_id, code=code, actor=signer, origin=ORIGIN, now=now)
    contract.refresh_from_db()
    draft = services.Draft("typed", contract.loan.borrower.legal_name)
    services.sign_contract(
        contract_id=contract_id,
        draft=draft,
        review=services.write_review(contract=contract, draft=draft, origin=ORIGIN),
        actor=signer,
        origin=ORIGIN,
        now=now,
        as_of=now.astimezone(lender_zone()).date(),
    )
    services.seal_contract(contract_id=contract_id, now=now)
    contract.refresh_from_db()
    return contract


def _note(contract: Contract, page: str, now: datetime) -> str:
    return reading.write_note(
        page=page,
        contract=str(contract.public_id),
        doc_sha256=get_frozen_sha256(contract),
        session_hash=ORIGIN.session_hash,
        now=now - timedelta(seconds=READING_SECONDS),
    )

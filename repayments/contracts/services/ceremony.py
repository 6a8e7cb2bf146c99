"""Opening, reading and agreeing: every step before the signature, each put on record."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from repayments.contracts import consents, reading
from repayments.contracts.models import Contract
from repayments.contracts.origin import Origin
from repayments.contracts.services.states import (
    CAN_BE_SIGNED,
    ContractExpired,
    ContractMovedOn,
    lock,
    move,
    record,
    refusal,
)
from repayments.contracts.stored import get_frozen_sha256

# CN-R2 asks for a forced reading time and names no seconds.
COST_READING_SECONDS = 10


class ReadingTooShort(Exception):
    """The cost table was not open long enough.

    Attributes:
        seconds_left: whole seconds, at least 1.
    """

    def __init__(self, seconds_left: int) -> None:
        super().__init__(
            ngettext(
                "Please take %(seconds)s more second to read what this costs, then confirm again.",
                "Please take %(seconds)s more seconds to read what this costs, then confirm again.",
                seconds_left,
            )
            % {"seconds": seconds_left}
        )
        self.seconds_left = seconds_left


class CostsNotConfirmed(ContractMovedOn):
    """Nothing else is agreed before the costs are confirmed (CN-R2)."""

    message = _("Please read and confirm what this costs first.")


class ConsentMissing(Exception):
    """A box that is needed was left empty.

    Attributes:
        keys: the boxes, as in `consents.REQUIRED`.
    """

    def __init__(self, keys: Collection[str]) -> None:
        super().__init__(_("Both boxes are needed to go on."))
        self.keys = list(keys)


@transaction.atomic
def open_contract(*, contract_id: int, actor: User, origin: Origin, now: datetime) -> Contract:
    """Note that the borrower has opened a contract: the first time, and in each new session.

    Changes nothing about a contract that can no longer be signed.
    """
    contract = lock(contract_id)
    if contract.status == Contract.Status.SENT:
        move(contract, Contract.Status.VIEWED)
        record(contract, "opened", actor=actor, at=now, origin=origin, payload=_document(contract))
    elif contract.status in CAN_BE_SIGNED:
        record(contract, "resumed", actor=actor, at=now, origin=origin)
    return contract


@transaction.atomic
def confirm_costs(
    *,
    contract_id: int,
    token: str,
    read_at: datetime,
    actor: User,
    origin: Origin,
    now: datetime,
) -> Contract:
    """Keep that the cost table was read and confirmed, before anything else is agreed.

    Args:
        token: the page's note, written when the page was opened.
        read_at: the moment by the real clock, as the note is: ``now`` may stand still in a
            demonstration.
    Raises: ReadingTooShort, states.ContractMovedOn.
    """
    contract = _lock_to_read(contract_id, now)
    dwell_ms = _dwell(contract, consents.COSTS, token, origin, read_at)
    left = COST_READING_SECONDS * 1000 - dwell_ms
    if left > 0:
        raise ReadingTooShort(-(-left // 1000))
    if not has_agreed(contract, consents.COSTS):
        entry = _entry(contract, consents.COSTS, origin, now) | {"dwell_ms": dwell_ms}
        _add(contract, [entry])
        record(
            contract, "costs_confirmed", actor=actor, at=now, origin=origin, payload=_facts(entry)
        )
    return contract


@transaction.atomic
def note_reading(
    *,
    contract_id: int,
    token: str,
    read_at: datetime,
    reached_end: bool,
    actor: User,
    origin: Origin,
    now: datetime,
) -> Contract:
    """Keep how long the document stood open and whether its end came into view.

    Facts, not proof of reading. ``reached_end`` is told by the browser and may be False without
    scripts.
    """
    contract = _lock_to_read(contract_id, now)
    _need_costs(contract)
    dwell_ms = _dwell(contract, consents.READ, token, origin, read_at)
    if not has_agreed(contract, consents.READ):
        _add(contract, [{"key": consents.READ, "at": now.isoformat(), "dwell_ms": dwell_ms}])
    record(
        contract,
        "read",
        actor=actor,
        at=now,
        origin=origin,
        payload={**_document(contract), "dwell_ms": dwell_ms, "reached_end": reached_end},
    )
    return contract


@transaction.atomic
def record_consent(
    *, contract_id: int, agreed: Collection[str], actor: User, origin: Origin, now: datetime
) -> Contract:
    """Keep the consents, each with its text, version and hash; all that are needed, or none.

    Raises: ConsentMissing, CostsNotConfirmed, states.ContractMovedOn (also when never opened).
    """
    contract = _lock_to_read(contract_id, now)
    _need_costs(contract)
    missing = [key for key in consents.REQUIRED if key not in agreed]
    if missing:
        raise ConsentMissing(missing)
    if contract.status == Contract.Status.CONSENTED:
        return contract
    entries = [_entry(contract, key, origin, now) for key in consents.REQUIRED]
    move(contract, Contract.Status.CONSENTED, consents=[*contract.consents, *entries])
    record(
        contract,
        "consented",
        actor=actor,
        at=now,
        origin=origin,
        payload={**_document(contract), "consents": [_facts(entry) for entry in entries]},
    )
    return contract


@transaction.atomic
def record_download(
    *, contract: Contract, sha256: str, kind: str, actor: User, origin: Origin, now: datetime
) -> None:
    """Keep that the borrower took the file away, and which one."""
    record(
        contract,
        "downloaded",
        actor=actor,
        at=now,
        origin=origin,
        payload={"document_sha256": sha256, "revision": kind},
    )


def has_agreed(contract: Contract, key: str) -> bool:
    """Tell whether a consent or a reading is on the contract."""
    return any(entry.get("key") == key for entry in contract.consents)


def _lock_to_read(contract_id: int, now: datetime) -> Contract:
    """Lock a contract that the borrower has opened and can still sign."""
    contract = lock(contract_id)
    if contract.status not in {Contract.Status.VIEWED, Contract.Status.CONSENTED}:
        raise refusal(contract)
    if contract.expires_at is not None and contract.expires_at <= now:
        raise ContractExpired()
    return contract


def _need_costs(contract: Contract) -> None:
    if not has_agreed(contract, consents.COSTS):
        raise CostsNotConfirmed()


def _dwell(contract: Contract, page: str, token: str, origin: Origin, read_at: datetime) -> int:
    return reading.read_dwell_ms(
        token,
        page=page,
        contract=str(contract.public_id),
        doc_sha256=get_frozen_sha256(contract),
        session_hash=origin.session_hash,
        now=read_at,
    )


def _entry(contract: Contract, key: str, origin: Origin, now: datetime) -> dict[str, Any]:
    locale = contract.template_version.locale
    return {
        "key": key,
        "version": consents.CONSENT_VERSION,
        "locale": locale,
        "text": consents.text_of(key, locale),
        "text_sha256": consents.text_sha256(key, locale),
        "at": now.isoformat(),
        "session": origin.session_hash,
    }


def _facts(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in {"text", "session"}}


def _add(contract: Contract, entries: list[dict[str, Any]]) -> None:
    together = [*contract.consents, *entries]
    changed = Contract.objects.filter(
        pk=contract.pk, status__in=[Contract.Status.VIEWED, Contract.Status.CONSENTED]
    ).update(consents=together)
    if changed != 1:
        raise refusal(contract)
    contract.consents = together


def _document(contract: Contract) -> dict[str, str]:
    version = contract.template_version
    return {
        "document_sha256": get_frozen_sha256(contract),
        "template": f"{version.template.key} v{version.number}",
        "locale": version.locale,
    }

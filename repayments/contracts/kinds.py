"""What a signature brings about, by the kind of contract.

This room makes and keeps contracts and refuses to know why one is made. Each kind is registered
once, in the ``ready()`` of the room it belongs to: what happens in the transaction of the
borrower's signature, and how what the template needs is put into words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from accounts.models import User
    from repayments.contracts.models import Contract


class OnSigned(Protocol):
    """Called once, inside the transaction that stores the borrower's signature.

    The loan is locked, the contract is ``borrower_signed``. An exception undoes the signature: to
    refuse, raise ``services.ContractMovedOn`` with a message fit for the borrower; the page answers
    with 409.
    """

    def __call__(
        self, *, contract: "Contract", actor: "User | None", now: datetime, as_of: date
    ) -> None: ...


class Reissue(Protocol):
    """Issue a contract of this kind anew, from what is true now, at staff's word.

    Uses ``services.issue_contract`` with ``supersedes`` or ``points_at`` the given one, and returns
    the new one. Called in a transaction. To refuse: ``services.ContractMovedOn`` or
    ``services.ContractRefused``.
    """

    def __call__(
        self, *, contract: "Contract", actor: "User | None", now: datetime, as_of: date
    ) -> "Contract": ...


Build = Callable[["Contract"], Mapping[str, str]]
"""Gives more values for the template's placeholders: finished text in the contract's language.

The contract is not saved yet; its loan, terms and template version are set.
"""


@dataclass(frozen=True)
class ContractKind:
    """One registered kind."""

    kind: str
    on_signed: OnSigned
    build: Build | None = None
    reissue: Reissue | None = None


class UnknownKind(LookupError):
    """No room has registered this kind of contract."""


_KINDS: dict[str, ContractKind] = {}


def register(
    kind: str,
    *,
    on_signed: OnSigned,
    build: Build | None = None,
    reissue: Reissue | None = None,
) -> None:
    """Say what a kind of contract brings about; a later call for the same kind replaces it."""
    _KINDS[kind] = ContractKind(kind, on_signed, build, reissue)


def get(kind: str) -> ContractKind:
    """Return a registered kind. Raises: UnknownKind."""
    try:
        return _KINDS[kind]
    except KeyError:
        raise UnknownKind(kind) from None

"""Templates, contracts with their files and signatures, and settlement letters."""

from repayments.contracts.models.contract import (
    Blob,
    Contract,
    ContractRevision,
    ContractTemplate,
    Kind,
    Signature,
    SigningChallenge,
    TemplateVersion,
)
from repayments.contracts.models.letter import SettlementLetter

__all__ = [
    "Blob",
    "Contract",
    "ContractRevision",
    "ContractTemplate",
    "Kind",
    "SettlementLetter",
    "Signature",
    "SigningChallenge",
    "TemplateVersion",
]

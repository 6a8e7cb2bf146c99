"""Templates, contracts with their files and signatures, evidence, and settlement letters."""

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
from repayments.contracts.models.evidence import DailyHead, Evidence, HeadLeaf, HeadStamp
from repayments.contracts.models.letter import SettlementLetter

__all__ = [
    "Blob",
    "Contract",
    "ContractRevision",
    "ContractTemplate",
    "DailyHead",
    "Evidence",
    "HeadLeaf",
    "HeadStamp",
    "Kind",
    "SettlementLetter",
    "Signature",
    "SigningChallenge",
    "TemplateVersion",
]

"""Pages: the signing ceremony, settlement letters, and the public check of a document."""

from repayments.contracts.views.after import decline, detail, download
from repayments.contracts.views.evidence import evidence, evidence_pdf, kit
from repayments.contracts.views.letters import letter, letter_of_loan, letter_pdf
from repayments.contracts.views.public import verify
from repayments.contracts.views.reading import agree, confirm_costs, read
from repayments.contracts.views.signing import code, finish, send_code, sign

__all__ = [
    "agree",
    "code",
    "confirm_costs",
    "decline",
    "detail",
    "download",
    "evidence",
    "evidence_pdf",
    "finish",
    "kit",
    "letter",
    "letter_of_loan",
    "letter_pdf",
    "read",
    "send_code",
    "sign",
    "verify",
]

"""Every write of this room: issue, open, agree, prove who signs, sign, seal, or end without;
then the evidence, and the daily head over the record."""

from repayments.contracts.services.ceremony import (
    COST_READING_SECONDS,
    ConsentMissing,
    CostsNotConfirmed,
    ReadingTooShort,
    confirm_costs,
    has_agreed,
    note_reading,
    open_contract,
    record_consent,
    record_download,
)
from repayments.contracts.services.challenge import (
    CodeNotUsable,
    CodeRefused,
    CodeWrong,
    TooManyCodes,
    check_code,
    find_challenge,
    mask_address,
    send_code,
)
from repayments.contracts.services.close import (
    ReasonMissing,
    change_expiry,
    decline_contract,
    expire_contracts,
    void_contract,
)
from repayments.contracts.services.daily_heads import list_unstamped, make_head, stamp_head
from repayments.contracts.services.evidence import (
    adopt_contracts,
    list_without_evidence,
    make_evidence,
    record_evidence_download,
    record_kit_export,
)
from repayments.contracts.services.head_check import (
    LEAVES_FILE,
    TEXT_FILE,
    TOKEN_FILE,
    HeadFault,
    verify_heads,
)
from repayments.contracts.services.issue import (
    AlreadyReplaced,
    ContractAlreadyOpen,
    ContractRefused,
    is_to_be_issued,
    issue_contract,
    issue_loan_contract,
    list_loans_to_issue,
)
from repayments.contracts.services.letter_seal import (
    list_unsealed_letters,
    release_stale_letters,
    seal_letter,
)
from repayments.contracts.services.letters import (
    list_loans_with_wrong_letter,
    list_loans_without_letter,
    make_letter,
    void_letters,
)
from repayments.contracts.services.rehash import check_files
from repayments.contracts.services.reissue import (
    NotToBeReissued,
    reissue_contract,
    reissue_loan_contract,
)
from repayments.contracts.services.remind import queue_sign_reminders
from repayments.contracts.services.retention import (
    apply_retention,
    erase_drawings,
    list_due,
    set_legal_hold,
)
from repayments.contracts.services.seal import list_unsealed, release_stale, seal_contract
from repayments.contracts.services.sign import (
    Draft,
    NameRefused,
    ReviewNotValid,
    check_name,
    read_drawing,
    sign_contract,
    write_review,
)
from repayments.contracts.services.states import (
    AlreadySigned,
    ContractClosed,
    ContractExpired,
    ContractMovedOn,
)

__all__ = [
    "TOKEN_FILE",
    "TEXT_FILE",
    "LEAVES_FILE",
    "verify_heads",
    "stamp_head",
    "record_evidence_download",
    "record_kit_export",
    "make_head",
    "make_evidence",
    "list_without_evidence",
    "list_unstamped",
    "adopt_contracts",
    "HeadFault",
    "COST_READING_SECONDS",
    "AlreadyReplaced",
    "AlreadySigned",
    "CodeNotUsable",
    "CodeRefused",
    "CodeWrong",
    "ConsentMissing",
    "ContractAlreadyOpen",
    "ContractClosed",
    "ContractExpired",
    "ContractMovedOn",
    "ContractRefused",
    "CostsNotConfirmed",
    "Draft",
    "NameRefused",
    "NotToBeReissued",
    "ReadingTooShort",
    "ReasonMissing",
    "ReviewNotValid",
    "TooManyCodes",
    "apply_retention",
    "change_expiry",
    "check_code",
    "check_files",
    "check_name",
    "confirm_costs",
    "decline_contract",
    "erase_drawings",
    "expire_contracts",
    "find_challenge",
    "has_agreed",
    "is_to_be_issued",
    "issue_contract",
    "issue_loan_contract",
    "list_due",
    "list_loans_to_issue",
    "list_loans_with_wrong_letter",
    "list_loans_without_letter",
    "list_unsealed",
    "list_unsealed_letters",
    "make_letter",
    "mask_address",
    "note_reading",
    "open_contract",
    "queue_sign_reminders",
    "read_drawing",
    "record_consent",
    "record_download",
    "reissue_contract",
    "reissue_loan_contract",
    "release_stale",
    "release_stale_letters",
    "seal_contract",
    "seal_letter",
    "send_code",
    "set_legal_hold",
    "sign_contract",
    "void_contract",
    "void_letters",
    "write_review",
]

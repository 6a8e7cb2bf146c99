"""Every write of this room, one function an action."""

from repayments.cases.services.calls import (
    CallAlreadyLogged,
    CallNotAllowed,
    ask_to_call,
    log_call,
)
from repayments.cases.services.due import (
    close_settled_cases,
    open_due_cases,
    open_signaled_cases,
)
from repayments.cases.services.help import ask_for_help
from repayments.cases.services.open import due_moment, due_moments, get_policy, open_case
from repayments.cases.services.unmatched import clearing_case_id
from repayments.cases.services.viewing import record_case_viewed, record_queue_viewed
from repayments.cases.services.work import (
    CaseAlreadyClaimed,
    CaseAlreadyOpen,
    CaseHasMoved,
    CaseHeldBySomeoneElse,
    MoneyNotPlaced,
    NotACaseWorker,
    add_note,
    claim_case,
    close_case,
    is_held_by_another,
    reassign_case,
    release_case,
    reopen_case,
    set_waiting,
)

__all__ = [
    "CallAlreadyLogged",
    "CallNotAllowed",
    "CaseAlreadyClaimed",
    "CaseAlreadyOpen",
    "CaseHasMoved",
    "CaseHeldBySomeoneElse",
    "MoneyNotPlaced",
    "NotACaseWorker",
    "add_note",
    "ask_for_help",
    "ask_to_call",
    "claim_case",
    "clearing_case_id",
    "close_case",
    "close_settled_cases",
    "due_moment",
    "due_moments",
    "get_policy",
    "is_held_by_another",
    "log_call",
    "open_case",
    "open_due_cases",
    "open_signaled_cases",
    "reassign_case",
    "record_case_viewed",
    "record_queue_viewed",
    "release_case",
    "reopen_case",
    "set_waiting",
]

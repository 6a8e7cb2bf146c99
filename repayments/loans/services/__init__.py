"""Every change of a loan: created, activated, paid, reversed, rescheduled, quoted, charged."""

from repayments.ledger.services import AlreadyPosted
from repayments.loans.reckoning import ScheduleRow
from repayments.loans.services.charges import WaiverTooLarge, charge_fee, waive_charge
from repayments.loans.services.create import LoanAlreadyActive, activate_loan, create_loan
from repayments.loans.services.figures import refresh_figures
from repayments.loans.services.payments import (
    LoanTakesNoPayments,
    apply_unapplied,
    record_payment,
)
from repayments.loans.services.payoff import (
    QuoteDayRefused,
    QuoteInThePast,
    QuoteTooFarAhead,
    check_quote_day,
    last_quote_day,
    quote_payoff,
)
from repayments.loans.services.returns import (
    NotAPayment,
    NotReturned,
    TooMuchReturned,
    restore_money,
    return_money,
    returned_amount,
    reverse_payment,
)
from repayments.loans.services.schedules import (
    LoanNotActive,
    ScheduleDoesNotAddUp,
    replace_schedule,
)
from repayments.loans.services.work import LoanChanged

__all__ = [
    "AlreadyPosted",
    "LoanAlreadyActive",
    "LoanChanged",
    "LoanNotActive",
    "LoanTakesNoPayments",
    "NotAPayment",
    "NotReturned",
    "QuoteDayRefused",
    "QuoteInThePast",
    "QuoteTooFarAhead",
    "ScheduleDoesNotAddUp",
    "ScheduleRow",
    "TooMuchReturned",
    "WaiverTooLarge",
    "activate_loan",
    "apply_unapplied",
    "charge_fee",
    "check_quote_day",
    "create_loan",
    "last_quote_day",
    "quote_payoff",
    "record_payment",
    "refresh_figures",
    "replace_schedule",
    "restore_money",
    "return_money",
    "returned_amount",
    "reverse_payment",
    "waive_charge",
]

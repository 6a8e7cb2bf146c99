"""Which amounts may be paid now: the one set of rules that form and service both ask.

Amounts are minor units of the loan's currency. Nothing is written here.
"""

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from repayments.loans.models import Loan, PayoffQuote
from repayments.loans.queries import Position
from repayments.money import format_money
from repayments.payments.card_limits import why_not_charged
from repayments.payments.models import Payment


class PaymentRefused(Exception):
    """This payment may not begin; the message says why and what helps. Nothing was changed."""


class LoanNotPayable(PaymentRefused):
    """The loan takes no payment in its state."""


class AmountRefused(PaymentRefused):
    """The amount is not one that may be paid now."""


def check_loan(loan: Loan) -> None:
    """Refuse a loan that is not running. Raises: LoanNotPayable."""
    if loan.status == Loan.Status.PENDING_SIGNATURE:
        raise LoanNotPayable(_("Nothing is to be paid before the contract is signed."))
    if loan.status in (Loan.Status.PAID_OFF, Loan.Status.CLOSED):
        raise LoanNotPayable(_("This loan is paid off. There is nothing to pay."))


def check_amount(
    *,
    loan: Loan,
    position: Position,
    purpose: str,
    amount: int,
    quote: PayoffQuote | None = None,
) -> None:
    """Refuse what the gateway, the product or the debt does not allow.

    Args:
        loan: with its product.
        amount: of a payoff exactly what pays off the loan today, or what a quote that is still good
            says.
        quote: a good one, from `find_quote`.
    Raises: AmountRefused.
    """
    check_limits(amount, loan.currency)
    if purpose == Payment.Purpose.PAYOFF:
        if amount not in (position.payoff_amount, quote.total if quote else None):
            # Paid in another tab since the review, or midnight has passed.
            raise AmountRefused(_("The page was open for a while. Please look once more."))
        return
    if amount > position.payoff_amount:
        raise AmountRefused(
            _("That is more than the {payoff} that pays off this loan today.").format(
                payoff=_money(position.payoff_amount, loan.currency)
            )
        )
    least = smallest_part(loan, position)
    if amount < least:
        raise AmountRefused(
            _("This loan takes no part payments. Please pay at least {least}.").format(
                least=_money(least, loan.currency)
            )
        )


def check_limits(amount: int, currency: str) -> None:
    """Refuse what the gateway cannot charge. Raises: AmountRefused."""
    reason = why_not_charged(amount, currency)
    if reason:
        raise AmountRefused(reason)


def smallest_part(loan: Loan, position: Position) -> int:
    """The least that may be paid at once: one unit, or all that is due where parts are refused."""
    if loan.product.partial_payments:
        return 1
    return position.past_due_amount or position.next_due_amount or 1


def _money(amount: int, currency: str) -> str:
    return format_money(amount, currency, get_language() or "en")

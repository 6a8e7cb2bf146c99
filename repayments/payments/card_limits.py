"""Why an amount cannot be charged at all, in words; the one place that asks the gateway's limits.

Amounts are minor units. It refuses to know loans and what is owed on them.
"""

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from repayments.money import InvalidAmount, format_money, gateway_amount
from repayments.payments import gateway


def why_not_charged(amount: int, currency: str) -> str:
    """Say why no card can be charged exactly this; empty where one can."""
    smallest, largest = gateway.amount_limits(currency)
    if amount < smallest:
        return _("A card payment is at least {smallest}.").format(
            smallest=_money(smallest, currency)
        )
    if amount > largest:
        return _("A card payment is at most {largest}. You can pay in several parts.").format(
            largest=_money(largest, currency)
        )
    try:
        gateway_amount(amount, currency)
    except InvalidAmount:
        return _("The last digit of a card payment has to be 0.")
    return ""


def _money(amount: int, currency: str) -> str:
    return format_money(amount, currency, get_language() or "en")

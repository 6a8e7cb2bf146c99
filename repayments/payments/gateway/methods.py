"""With what a payer may pay at the gateway, by currency (docs.stripe.com/payments)."""

from django.conf import settings

CARD, ALIPAY, WECHAT_PAY = "card", "alipay", "wechat_pay"
_CURRENCIES = {
    ALIPAY: frozenset("AUD CAD CNY EUR GBP HKD JPY MYR NZD SGD USD".split()),  # noqa: SIM905
    WECHAT_PAY: frozenset(
        "AUD CAD CHF CNY DKK EUR GBP HKD JPY NOK SEK SGD USD".split()  # noqa: SIM905 - a table
    ),
}


def methods_for(currency: str) -> list[str]:
    """Give the methods of ``PAYMENT_METHODS`` that take a currency, in its order.

    The account's own currency and country may narrow this further; the gateway's page then leaves
    a method out.
    """
    return [
        method
        for method in settings.PAYMENT_METHODS
        if method == CARD or currency in _CURRENCIES[method]
    ]

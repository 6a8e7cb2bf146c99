"""What the gateway can charge at all, in each currency."""

from repayments.money import InvalidAmount, UnknownCurrency, from_gateway_amount, gateway_amount

# The smallest charge in the gateway's units, docs.stripe.com/currencies; others: the equivalent of
# 0.50 USD, which the gateway itself works out.
_SMALLEST = {
    "AED": 200, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "CNY": 400, "CZK": 1500, "DKK": 250,
    "EUR": 50, "GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 50, "KRW": 700, "KWD": 160,
    "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50,
    "THB": 1000, "TWD": 1600, "USD": 50, "VND": 13000,
}  # fmt: skip
_LARGEST = 99_999_999


def amount_limits(currency: str) -> tuple[int, int]:
    """Smallest and largest charge in minor units, both allowed."""
    smallest = from_gateway_amount(_SMALLEST.get(currency, 1), currency)
    return smallest, from_gateway_amount(_largest_whole(currency), currency)


def minor_units(amount: int, currency: str) -> int:
    """Minor units; of a currency no loan can have, the gateway's own number, for suspense."""
    try:
        return from_gateway_amount(amount, currency)
    except (InvalidAmount, UnknownCurrency):
        return amount


def _largest_whole(currency: str) -> int:
    """The largest number the gateway takes that is also exact in the currency."""
    amount = _LARGEST
    while True:
        try:
            if gateway_amount(from_gateway_amount(amount, currency), currency) == amount:
                return amount
        except InvalidAmount:
            pass
        amount -= 1

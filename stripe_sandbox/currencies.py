"""Currencies Stripe charges in: minor units, smallest and largest charge.

Amounts are whole minor units throughout. The smallest charge is Stripe's published one where
there is one; elsewhere it stands for "0.50 USD or equivalent" at a round rate.
Source: docs.stripe.com/currencies.
"""

from .errors import InvalidRequest

LARGEST_AMOUNT = 99_999_999

ZERO_DECIMAL = frozenset((
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
))  # fmt: skip
THREE_DECIMAL = frozenset((
    "bhd", "jod", "kwd", "omr", "tnd",
))  # fmt: skip
# Without decimals in truth, sent with two for old times' sake: only whole units are chargeable.
WHOLE_UNITS_ONLY = frozenset(("isk", "ugx"))

SMALLEST_AMOUNTS = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "cny": 400,
    "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "idr": 800_000,
    "inr": 50, "jpy": 50, "krw": 700, "kwd": 160, "bhd": 190, "jod": 360, "omr": 200, "tnd": 1600,
    "mop": 410, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "php": 2900, "pln": 200,
    "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "try": 2000, "twd": 1600, "vnd": 13000,
    "isk": 7000, "ugx": 190_000, "zar": 950,
}  # fmt: skip


def decimals(currency: str) -> int:
    """Number of digits after the decimal point in the amounts sent to the API."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def display(amount: int, currency: str) -> str:
    """An amount for people, such as "1,234.50 USD"."""
    places = decimals(currency)
    whole, part = divmod(abs(amount), 10**places)
    sign = "-" if amount < 0 else ""
    fraction = f".{part:0{places}d}" if places else ""
    return f"{sign}{whole:,}{fraction} {currency.upper()}"


def check_currency(currency: str, param: str) -> None:
    """Refuse what is not a known currency code in lower case."""
    if currency not in SMALLEST_AMOUNTS:
        known = ", ".join(sorted(SMALLEST_AMOUNTS))
        raise InvalidRequest(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: {known}",
            param=param,
        )


def check_amount(amount: int, currency: str, param: str, *, checkout: bool = False) -> None:
    """Refuse an amount outside the limits, or finer than the currency can be charged in."""
    if amount < SMALLEST_AMOUNTS[currency]:
        smallest = display(SMALLEST_AMOUNTS[currency], currency)
        message = (
            f"The Checkout Session's total amount due must add up to at least {smallest}"
            if checkout
            else f"Amount must be at least {smallest}"
        )
        raise InvalidRequest(message, code="amount_too_small", param="" if checkout else param)
    if amount > LARGEST_AMOUNT:
        raise InvalidRequest(
            f"Amount must be no more than {display(LARGEST_AMOUNT, currency)}",
            code="amount_too_large",
            param=param,
        )
    check_step(amount, currency, param)


def check_step(amount: int, currency: str, param: str) -> None:
    """Refuse an amount finer than the currency can be charged in."""
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_UNITS_ONLY else 1
    if amount % step:
        raise InvalidRequest(
            f"Invalid amount. The amount in {currency} must be divisible by {step}.",
            code="parameter_invalid_integer",
            param=param,
        )

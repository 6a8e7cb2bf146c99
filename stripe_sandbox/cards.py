"""The test cards and what each does; numbers are compared here and go no further.

Source: docs.stripe.com/testing. A payment method keeps the name of a behavior, never a number.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Decline:
    """How the issuer refuses: Stripe's codes, its sentence, and what to do about it."""

    code: str
    decline_code: str
    message: str
    advice_code: str = "try_again_later"
    network_status: str = "declined_by_network"


DECLINES = {
    "generic_decline": Decline("card_declined", "generic_decline", "Your card was declined."),
    "insufficient_funds": Decline(
        "card_declined", "insufficient_funds", "Your card has insufficient funds."
    ),
    "expired_card": Decline("expired_card", "", "Your card has expired.", "do_not_try_again"),
    "incorrect_cvc": Decline(
        "incorrect_cvc", "", "Your card's security code is incorrect.", "confirm_card_data"
    ),
    "authentication_required": Decline(
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
        "",
    ),
    "test_mode_live_card": Decline(
        "card_declined",
        "test_mode_live_card",
        "Your card was declined. Your request was in test mode, but used a non test card. "
        "For a list of valid test cards, visit: https://stripe.com/docs/testing.",
        "",
        "not_sent_to_network",
    ),
}

# Behaviors beside the declines. 3155 asks for 3-D Secure unless the card was saved through
# setup; 3184 always asks.
SUCCEEDS = "succeeds"
AUTHENTICATES_UNLESS_SAVED = "authenticates_unless_saved"
AUTHENTICATES_ALWAYS = "authenticates_always"


@dataclass(frozen=True)
class TestCard:
    """One card of the test list."""

    number: str
    behavior: str
    brand: str = "visa"
    funding: str = "credit"

    @property
    def last4(self) -> str:
        return self.number[-4:]


TEST_CARDS = (
    TestCard("4242424242424242", SUCCEEDS),
    TestCard("4000056655665556", SUCCEEDS, funding="debit"),
    TestCard("5555555555554444", SUCCEEDS, "mastercard"),
    TestCard("378282246310005", SUCCEEDS, "amex"),
    TestCard("6200000000000005", SUCCEEDS, "unionpay"),
    TestCard("4000000000000002", "generic_decline"),
    TestCard("4000000000009995", "insufficient_funds"),
    TestCard("4000000000000069", "expired_card"),
    TestCard("4000000000000127", "incorrect_cvc"),
    TestCard("4000002500003155", AUTHENTICATES_UNLESS_SAVED),
    TestCard("4000002760003184", AUTHENTICATES_ALWAYS),
)
_BY_NUMBER = {card.number: card for card in TEST_CARDS}
_BY_LAST4 = {card.last4: card for card in TEST_CARDS}

# Ids that stand for a fresh payment method of a test card in API calls.
TEST_PAYMENT_METHODS = {
    "pm_card_visa": "4242",
    "pm_card_visa_debit": "5556",
    "pm_card_mastercard": "4444",
    "pm_card_amex": "0005",
    "pm_card_visa_chargeDeclined": "0002",
    "pm_card_chargeDeclined": "0002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "9995",
    "pm_card_chargeDeclinedInsufficientFunds": "9995",
    "pm_card_chargeDeclinedExpiredCard": "0069",
    "pm_card_chargeDeclinedIncorrectCvc": "0127",
    "pm_card_authenticationRequiredOnSetup": "3155",
    "pm_card_authenticationRequired": "3184",
}


def card_by_number(number: str) -> TestCard:
    """The card behind a typed number; a valid number that is no test card is declined.

    Raises: ValueError if it is no card number at all.
    """
    if not is_card_number(number):
        raise ValueError("not a card number")
    unknown = TestCard("0" * 12 + number[-4:], "test_mode_live_card", "unknown")
    return _BY_NUMBER.get(number, unknown)


def card_by_last4(last4: str) -> TestCard:
    """The test card with these last four digits. Raises: KeyError if there is none."""
    return _BY_LAST4[last4]


def is_card_number(number: str) -> bool:
    """Whether a string of digits has a card number's length and check digit (Luhn)."""
    if not number.isascii() or not number.isdigit() or not 13 <= len(number) <= 19:
        return False
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0

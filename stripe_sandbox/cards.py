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
    network_decline_code: str = "05"

    @property
    def network_advice_code(self) -> str:
        """The two digits that the card network gives for the same advice."""
        return NETWORK_ADVICE.get(self.advice_code, "")


NETWORK_ADVICE = {"confirm_card_data": "01", "try_again_later": "02", "do_not_try_again": "03"}


DECLINES = {
    "generic_decline": Decline("card_declined", "generic_decline", "Your card was declined."),
    "insufficient_funds": Decline(
        "card_declined",
        "insufficient_funds",
        "Your card has insufficient funds.",
        network_decline_code="51",
    ),
    "lost_card": Decline(
        "card_declined",
        "lost_card",
        "Your card was declined.",
        "do_not_try_again",
        network_decline_code="41",
    ),
    "stolen_card": Decline(
        "card_declined",
        "stolen_card",
        "Your card was declined.",
        "do_not_try_again",
        network_decline_code="43",
    ),
    "expired_card": Decline(
        "expired_card",
        "",
        "Your card has expired.",
        "do_not_try_again",
        network_decline_code="54",
    ),
    "incorrect_cvc": Decline(
        "incorrect_cvc",
        "",
        "Your card's security code is incorrect.",
        "confirm_card_data",
        network_decline_code="N7",
    ),
    "processing_error": Decline(
        "processing_error",
        "",
        "An error occurred while processing your card. Try again in a little bit.",
        network_decline_code="96",
    ),
    "authentication_required": Decline(
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
        "",
        network_decline_code="1A",
    ),
    "test_mode_live_card": Decline(
        "card_declined",
        "test_mode_live_card",
        "Your card was declined. Your request was in test mode, but used a non test card. "
        "For a list of valid test cards, visit: https://stripe.com/docs/testing.",
        "",
        "not_sent_to_network",
        "",
    ),
    "payment_attempt_failed": Decline(
        "payment_intent_payment_attempt_failed",
        "",
        "The payment attempt failed. Try again, or use another payment method.",
        "",
        network_decline_code="",
    ),
}

# Behaviors beside the declines. 3155 asks for 3-D Secure unless the card was saved through
# setup; 3184 always asks. 0341 can be saved, but not charged. The rest are charged, and then:
SUCCEEDS = "succeeds"
AUTHENTICATES_UNLESS_SAVED = "authenticates_unless_saved"
AUTHENTICATES_ALWAYS = "authenticates_always"
DECLINES_WHEN_CHARGED = "declines_when_charged"
DISPUTED = "disputed"
INQUIRED = "inquired"
WARNED_OF_FRAUD = "warned_of_fraud"
REFUND_PENDING = "refund_pending"
REFUND_FAILS = "refund_fails"
WALLET = "wallet"
BEHAVIORS = frozenset(
    (
        SUCCEEDS,
        AUTHENTICATES_UNLESS_SAVED,
        AUTHENTICATES_ALWAYS,
        DECLINES_WHEN_CHARGED,
        DISPUTED,
        INQUIRED,
        WARNED_OF_FRAUD,
        REFUND_PENDING,
        REFUND_FAILS,
        *DECLINES,
    )
)


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
    TestCard("4000000000000119", "processing_error"),
    TestCard("4000000000009987", "lost_card"),
    TestCard("4000000000009979", "stolen_card"),
    TestCard("4000000000000341", DECLINES_WHEN_CHARGED),
    TestCard("4000000000000259", DISPUTED),
    TestCard("4000000000001976", INQUIRED),
    TestCard("4000000000005423", WARNED_OF_FRAUD),
    TestCard("4000000000007726", REFUND_PENDING),
    TestCard("4000000000005126", REFUND_FAILS),
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
    "pm_card_chargeDeclinedProcessingError": "0119",
    "pm_card_visa_chargeDeclinedLostCard": "9987",
    "pm_card_visa_chargeDeclinedStolenCard": "9979",
    "pm_card_chargeCustomerFail": "0341",
    "pm_card_createDispute": "0259",
    "pm_card_createDisputeInquiry": "1976",
    "pm_card_pendingRefund": "7726",
    "pm_card_refundFail": "5126",
    "pm_card_authenticationRequiredOnSetup": "3155",
    "pm_card_authenticationRequired": "3184",
}


def decline_of_charge(behavior: str) -> str:
    """The name of the decline that a charge meets with; empty if the issuer would take it."""
    if behavior == DECLINES_WHEN_CHARGED:
        return "generic_decline"
    return behavior if behavior in DECLINES else ""


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

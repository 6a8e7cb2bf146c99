"""How a try that did not go through is told to the borrower: what it means and what helps.

The gateway's codes in, plain words out; a code not known gives words that are still true. Causes
that would accuse somebody (a card reported lost or stolen, suspected fraud) are never named.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_BY_THE_BANK = _("Your bank did not allow this payment. Try another card, or ask your bank.")
_BEFORE_THE_BANK = _("Something went wrong before the card was charged. Please try again later.")
_WORDS: dict[str, Promise] = {
    "insufficient_funds": _("There was not enough money on the card. Try another card or amount."),
    "expired_card": _("The card has expired. Use another card."),
    "incorrect_cvc": _("The security code was not right. Check the digits on the card."),
    "invalid_cvc": _("The security code was not right. Check the digits on the card."),
    "incorrect_number": _("The card number was not right. Check it and try again."),
    "invalid_number": _("The card number was not right. Check it and try again."),
    "invalid_expiry_month": _("The expiry date was not right. Check it on the card."),
    "invalid_expiry_year": _("The expiry date was not right. Check it on the card."),
    "card_velocity_exceeded": _("The card's limit is reached. Try another card or a smaller sum."),
    "withdrawal_count_limit_exceeded": _(
        "The card's limit is reached. Try another card or a smaller sum."
    ),
    "card_not_supported": _("This kind of card cannot be used here. Try another card."),
    "currency_not_supported": _("This card cannot pay in this currency. Try another card."),
    "processing_error": _("Something went wrong while the card was charged. Please try again."),
    "try_again_later": _("Your bank could not be reached. Please try again later."),
    "issuer_not_available": _("Your bank could not be reached. Please try again later."),
    "payment_intent_authentication_failure": _(
        "The payment was not confirmed with your bank. Try again, or use another card."
    ),
    "authentication_required": _(
        "The payment was not confirmed with your bank. Try again, or use another card."
    ),
}


def describe_decline(error_code: str, decline_code: str) -> str:
    """Say in words why a try was refused; empty if none was.

    Args:
        error_code: of the gateway, such as "card_declined".
        decline_code: the bank's own reason, which is the closer one.
    """
    if not error_code and not decline_code:
        return ""
    asked_the_bank = decline_code or error_code == "card_declined"
    general = _BY_THE_BANK if asked_the_bank else _BEFORE_THE_BANK
    return str(_WORDS.get(decline_code) or _WORDS.get(error_code) or general)

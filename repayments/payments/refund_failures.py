"""Why a refund did not arrive, told to staff: the gateway's codes in, plain words out.

A code not known is shown as it is: who asks the gateway's support needs it.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_WORDS: dict[str, Promise] = {
    "charge_disputed": _("The payer's bank has taken this payment back."),
    "charge_already_refunded": _("All of this payment has been refunded already."),
    "charge_not_refundable": _("The way it was paid takes nothing back any more."),
    "expired_or_canceled_card": _("The card has expired or was canceled."),
    "lost_or_stolen_card": _("The card can no longer be used."),
    "insufficient_funds": _("The lender's balance at the gateway was too small."),
    "declined": _("The bank did not take it."),
    "merchant_request": _("It was called off in the gateway's own pages."),
    "invalid_request_error": _("The gateway refused it; often more was asked for than is left."),
    "unknown": _("The bank sent it back without a reason."),
}


def describe_refund_failure(code: str) -> str:
    """Say in words why a refund failed; empty for one that did not, the code if it has no words."""
    return str(_WORDS.get(code, code))

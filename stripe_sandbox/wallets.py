"""Alipay and WeChat Pay: single-use wallets that the payer approves on a page of their own.

A wallet's try waits for the payer (`requires_action`), then succeeds, fails, or is processed for
days with a pending charge. A QR code dies after a while. Nothing of a wallet can be saved. Every
function runs inside the caller's transaction.
Source of the currencies: docs.stripe.com/payments/alipay and /wechat-pay.
"""

from . import agenda, cards, clock, representations
from .errors import RequestRefused
from .identifiers import new_id, random_text
from .models import Charge, PaymentIntent, PaymentMethod
from .payments import AUTHENTICATION_FAILED, fail, move, new_charge, succeed, unexpected_state
from .webhooks import emit

Status = PaymentIntent.Status

CURRENCIES = {
    "alipay": frozenset((
        "aud", "cad", "cny", "eur", "gbp", "hkd", "jpy", "myr", "nzd", "sgd", "usd",
    )),
    "wechat_pay": frozenset((
        "aud", "cad", "chf", "cny", "dkk", "eur", "gbp", "hkd", "jpy", "nok", "sek", "sgd", "usd",
    )),
}  # fmt: skip
# WeChat's own limit for a code; a delayed payment ends after three days.
QR_CODE_SECONDS = 2 * 3600
PROCESSING_SECONDS = 3 * 86_400


def _error(code: str, message: str) -> dict[str, str]:
    return {
        "code": code,
        "doc_url": "https://stripe.com/docs/error-codes/" + code.replace("_", "-"),
        "message": message,
        "type": "invalid_request_error",
    }


ATTEMPT_FAILED = _error(
    cards.DECLINES["payment_attempt_failed"].code, cards.DECLINES["payment_attempt_failed"].message
)
ATTEMPT_EXPIRED = _error(
    "payment_intent_payment_attempt_expired",
    "The payment attempt expired before the customer approved it.",
)


def create_wallet(kind: str, *, email: str) -> PaymentMethod:
    """A payment method for one use of a wallet; `kind` is alipay or wechat_pay."""
    return PaymentMethod.objects.create(
        stripe_id=new_id("pm"),
        created=clock.now(),
        type=kind,
        behavior=cards.WALLET,
        exp_month=0,
        exp_year=0,
        email=email,
    )


def ask_payer(
    intent: PaymentIntent, method: PaymentMethod, *, page_url: str, base_url: str
) -> None:
    """Send the payer to the wallet's page, or show a code to scan."""
    code = random_text(24)
    details = {
        **intent.details,
        "wallet_url": page_url,
        "qr_code": code,
        "qr_picture_url": f"{base_url}/qr/{code}",
    }
    move(intent, Status.REQUIRES_ACTION, payment_method=method, details=details)
    if method.type == "wechat_pay":
        agenda.put_down(agenda.QR_CODE_EXPIRES, intent.stripe_id, seconds=QR_CODE_SECONDS)
    emit("payment_intent.requires_action", representations.payment_intent(intent))


def waits_for_payer(intent: PaymentIntent | None) -> bool:
    """Whether a wallet's page is open for this intent."""
    if intent is None or intent.status != Status.REQUIRES_ACTION:
        return False
    return intent.payment_method is not None and intent.payment_method.type != "card"


def approve(intent: PaymentIntent) -> None:
    """The payer says yes and the money is there at once."""
    succeed(intent, _method(intent))


def refuse(intent: PaymentIntent) -> None:
    """The payer says no."""
    _method(intent)
    fail(intent, AUTHENTICATION_FAILED)


def let_expire(intent: PaymentIntent) -> None:
    """Nobody has scanned the code in time."""
    _method(intent)
    fail(intent, ATTEMPT_EXPIRED)


def postpone(intent: PaymentIntent, *, succeeds: bool) -> None:
    """The payer says yes, and the wallet confirms after days: by success, or by failure."""
    method = _method(intent)
    charge = new_charge(intent, method, pending=True)
    move(intent, Status.PROCESSING, latest_charge_id=charge.stripe_id)
    charge.save()
    emit("charge.pending", representations.charge(charge))
    emit("payment_intent.processing", representations.payment_intent(intent))
    ends = agenda.INTENT_SUCCEEDS if succeeds else agenda.INTENT_FAILS
    agenda.put_down(ends, intent.stripe_id, seconds=PROCESSING_SECONDS)


def conclude(intent: PaymentIntent, *, succeeds: bool) -> None:
    """What was being processed has ended. Raises: RequestRefused if nothing was."""
    charge = Charge.objects.filter(payment_intent=intent, pending=True).first()
    if intent.status != Status.PROCESSING or charge is None:
        raise unexpected_state(intent, "conclude")
    if succeeds:
        succeed(intent, charge.payment_method, charge=charge)
        return
    charge.pending, charge.decline = False, "payment_attempt_failed"
    charge.save()
    emit("charge.failed", representations.charge(charge))
    fail(intent, {**ATTEMPT_FAILED, "charge": charge.stripe_id})


def _method(intent: PaymentIntent) -> PaymentMethod:
    method = intent.payment_method
    if not waits_for_payer(intent) or method is None:
        raise RequestRefused(
            f"This PaymentIntent has a status of {intent.status} and waits for no wallet.",
            code="payment_intent_unexpected_state",
        )
    return method

"""Test controls that act as payer, issuer or somebody in the Dashboard; see `controls`.

Each answers with the object it touched as the API would show it. What happens here happens
outside any API call, so its events name no request.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db import transaction

from . import cards, checkout, clock, disputes, payments, refunding, representations
from .errors import InvalidRequest, no_such
from .models import Charge, CheckoutSession, Dispute, PaymentIntent, PaymentMethod, Refund, Resource
from .webhooks import emit

Json = dict[str, Any]
Row = TypeVar("Row", bound=Resource)

OUTCOMES = ("approve", "fail", "expire", "later", "later_fail", "wait")
DISPUTE_ACTIONS: dict[str, Callable[[Dispute], None]] = {
    "withdraw": disputes.withdraw_funds,
    "review": disputes.review,
    "win": disputes.win,
    "lose": disputes.lose,
    "close-inquiry": disputes.drop_inquiry,
}


@transaction.atomic
def pay_session(asked: Json, stripe_id: str) -> Json:
    """Pay as a payer would: by `card`, named by its last four digits, or by a wallet.

    `three_d_secure` is pass or fail; without it a card that asks leaves the session waiting.
    `method` is alipay or wechat_pay and `outcome` what happens on the wallet's page; `wait`
    leaves it open, and a later call brings the outcome.
    """
    session = _find(CheckoutSession, stripe_id, "checkout.session")
    kind = str(asked.get("method", "card"))
    decline = None
    if kind == "card":
        decline = _pay_by_card(session, asked)
    else:
        _pay_by_wallet(session, kind, asked)
    session.refresh_from_db()
    done = session.status == CheckoutSession.Status.COMPLETE
    return {
        "session": representations.checkout_session(session),
        "decline": (decline.decline_code or decline.code) if decline else None,
        "waits_for_authentication": checkout.waits_for_authentication(session),
        "waits_for_wallet": checkout.waits_for_wallet(session),
        "redirect_to": checkout.success_url(session) if done else None,
    }


def _pay_by_card(session: CheckoutSession, asked: Json) -> cards.Decline | None:
    outcome = asked.get("three_d_secure")
    decline = None
    if not (outcome and checkout.waits_for_authentication(session)):
        method = payments.create_payment_method(
            cards.card_by_last4(str(asked.get("card", "4242"))[-4:]),
            holder_name=asked.get("name", "Test Payer"),
            email=asked.get("email", "payer@example.com"),
        )
        decline = checkout.submit(session, method, base_url=_base_url(session))
    if outcome and checkout.waits_for_authentication(session):
        checkout.authenticate(session, passed=outcome == "pass")
    return decline


def _pay_by_wallet(session: CheckoutSession, kind: str, asked: Json) -> None:
    outcome = asked.get("outcome", "approve")
    if outcome not in OUTCOMES:
        raise InvalidRequest(f"Known outcomes: {', '.join(OUTCOMES)}.")
    if not checkout.waits_for_wallet(session):
        email = "" if checkout.payer_email(session) else asked.get("email", "payer@example.com")
        checkout.submit_wallet(session, kind, email=email, base_url=_base_url(session))
    if outcome != "wait":
        checkout.finish_wallet(session, outcome)


def _base_url(session: CheckoutSession) -> str:
    return session.url.rpartition("/c/pay/")[0]


@transaction.atomic
def expire_session(asked: Json, stripe_id: str) -> Json:
    """Expire a session as if its time had come."""
    session = _find(CheckoutSession, stripe_id, "checkout.session")
    checkout.expire(session)
    return {"session": representations.checkout_session(session)}


@transaction.atomic
def conclude_intent(asked: Json, stripe_id: str) -> Json:
    """End what a wallet is processing: `outcome` is succeed or fail."""
    intent = _find(PaymentIntent, stripe_id, "payment_intent")
    outcome = asked.get("outcome", "succeed")
    if outcome not in ("succeed", "fail"):
        raise InvalidRequest("Known outcomes: succeed, fail.")
    checkout.conclude(intent, succeeds=outcome == "succeed")
    return {"payment_intent": representations.payment_intent(intent)}


def set_behavior(asked: Json, stripe_id: str) -> Json:
    """Let a saved card act from now on as `behavior` says, such as insufficient_funds."""
    method = _find(PaymentMethod, stripe_id, "payment_method")
    behavior = str(asked["behavior"])
    if behavior not in cards.BEHAVIORS or method.type != "card":
        raise InvalidRequest(f"Known behaviors: {', '.join(sorted(cards.BEHAVIORS))}.")
    method.behavior = behavior
    method.save(update_fields=["behavior"])
    return {"payment_method": representations.payment_method(method), "behavior": behavior}


@transaction.atomic
def detach_method(asked: Json, stripe_id: str) -> Json:
    """Remove a saved payment method in the Dashboard."""
    method = _find(PaymentMethod, stripe_id, "payment_method")
    payments.detach(method)
    return {"payment_method": representations.payment_method(method)}


@transaction.atomic
def renew_method(asked: Json, stripe_id: str) -> Json:
    """The card network sends a saved card's new expiry date, and new last digits if it has any."""
    method = _find(PaymentMethod, stripe_id, "payment_method")
    before = representations.payment_method(method)["card"]
    year = datetime.fromtimestamp(clock.now(), UTC).year
    method.exp_month = int(asked.get("exp_month", method.exp_month))
    method.exp_year = int(asked.get("exp_year", year + 5))
    method.last4 = str(asked.get("last4", method.last4))[-4:]
    method.save()
    answer = representations.payment_method(method)
    changed = {name: before[name] for name in before if before[name] != answer["card"][name]}
    emit("payment_method.automatically_updated", answer, previous={"card": changed})
    return {"payment_method": answer}


@transaction.atomic
def refund_charge(asked: Json, stripe_id: str) -> Json:
    """Make a refund in the Dashboard; `status` pending leaves it on its way."""
    charge = _find(Charge, stripe_id, "charge")
    status = asked.get("status", "")
    if status not in ("", refunding.PENDING, refunding.SUCCEEDED):
        raise InvalidRequest("A refund begins as pending or succeeded.")
    refund = refunding.make_refund(
        charge,
        amount=asked.get("amount"),
        reason=asked.get("reason", ""),
        metadata=asked.get("metadata", {}),
        status=status,
    )
    return {"refund": representations.refund(refund)}


@transaction.atomic
def finish_refund(asked: Json, stripe_id: str, action: str) -> Json:
    """Let a refund succeed, fail with a `reason`, or be called off (cancel)."""
    refund = _find(Refund, stripe_id, "refund")
    if action == "succeed":
        refunding.succeed(refund)
    elif action == "fail":
        refunding.fail(refund, reason=asked.get("reason", "expired_or_canceled_card"))
    elif action == "cancel":
        refunding.fail(refund, status=refunding.CANCELED)
    else:
        raise InvalidRequest("Known actions: succeed, fail, cancel.", status=404)
    return {"refund": representations.refund(refund)}


@transaction.atomic
def dispute_charge(asked: Json, stripe_id: str) -> Json:
    """Open a dispute; its money leaves at once unless it is an `inquiry` or `withdraw` is false."""
    charge = _find(Charge, stripe_id, "charge")
    dispute = disputes.open_dispute(
        charge,
        reason=asked.get("reason", "general"),
        amount=asked.get("amount"),
        inquiry=bool(asked.get("inquiry", False)),
        withdraw=bool(asked.get("withdraw", True)),
    )
    return {"dispute": representations.dispute(dispute)}


@transaction.atomic
def act_on_dispute(asked: Json, stripe_id: str, action: str) -> Json:
    """What the bank does next with a dispute."""
    if action not in DISPUTE_ACTIONS:
        raise InvalidRequest(f"Known actions: {', '.join(DISPUTE_ACTIONS)}.", status=404)
    dispute = _find(Dispute, stripe_id, "dispute")
    DISPUTE_ACTIONS[action](dispute)
    return {"dispute": representations.dispute(dispute)}


@transaction.atomic
def warn_of_fraud(asked: Json, stripe_id: str) -> Json:
    """The issuer reports a charge as fraudulent."""
    charge = _find(Charge, stripe_id, "charge")
    disputes.warn_of_fraud(charge, fraud_type=asked.get("fraud_type", "unauthorized_use_of_card"))
    return {"ok": True}


def _find(model: type[Row], stripe_id: str, noun: str) -> Row:
    row = model._default_manager.filter(stripe_id=stripe_id).first()
    if row is None:
        raise no_such(noun, stripe_id)
    return row

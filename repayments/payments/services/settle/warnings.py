"""One early fraud warning: kept, and handed to a person, who may refund before it is disputed.

No money moves. A key without leave to read warnings still tells that there is one: then the person
is told to look it up, for asking again would bring the same refusal for ever.
"""

from datetime import datetime

from django.db import transaction

from repayments.audit.services import record_event
from repayments.payments import gateway
from repayments.payments.gateway import GatewayMisconfigured, GatewayMissing, WarningFacts
from repayments.payments.models import FraudWarning, Payment
from repayments.payments.services.failed_calls import note_failed_call
from repayments.payments.services.settle.source import find_source
from repayments.payments.signals import payment_exception

WARNING = "radar.early_fraud_warning"


def settle_warning(*, object_type: str, object_id: str, now: datetime) -> FraudWarning:
    """Keep a warning, with its payment where that may be read; told to a person once.

    Raises: GatewayError for what may go better later; nothing was changed.
    """
    facts = _fetch(object_id, now)
    source = find_source(facts.intent_id, now) if facts else None
    payment = source if isinstance(source, Payment) else source.payment if source else None
    return _keep(object_id, facts, payment, now)


def _fetch(warning_id: str, now: datetime) -> WarningFacts | None:
    try:
        return gateway.fetch_warning(warning_id)
    except (GatewayMisconfigured, GatewayMissing) as error:
        note_failed_call(what="read a fraud warning", error=error, now=now)
        return None


@transaction.atomic
def _keep(
    warning_id: str, facts: WarningFacts | None, payment: Payment | None, now: datetime
) -> FraudWarning:
    told = {
        "payment": payment,
        "fraud_type": facts.fraud_type[:60] if facts else "",
        "is_read": facts is not None,
    }
    warning, is_new = FraudWarning.objects.get_or_create(
        warning_id=warning_id, defaults={**told, "seen_at": now}
    )
    if not is_new:
        if facts is not None:
            FraudWarning.objects.filter(pk=warning.pk, is_read=False).update(**told)
            warning.refresh_from_db()
        return warning
    record_event(
        stream=payment.loan.stream if payment else "payments:warnings",
        action="payments.fraud_warning",
        actor=None,
        at=now,
        payload={"warning": warning_id, "kind": warning.fraud_type},
    )
    transaction.on_commit(
        lambda: payment_exception.send(
            sender=FraudWarning, payment_id=payment.pk if payment else None, suspense_id=None
        ),
        robust=True,
    )
    return warning

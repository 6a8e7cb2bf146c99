"""Early fraud warnings: a payer's bank reports a charge before anybody disputes it."""

from dataclasses import dataclass

from repayments.payments.gateway.client import call, client, id_of, said


@dataclass(frozen=True)
class WarningFacts:
    """A warning as fetched. ``intent_id`` is of the payment it is about."""

    id: str
    intent_id: str
    fraud_type: str


def fetch_warning(warning_id: str) -> WarningFacts:
    """Fetch a warning. Raises: GatewayError; GatewayMisconfigured where the key may not read it."""
    warnings = client().v1.radar.early_fraud_warnings
    row = call(lambda: warnings.retrieve(warning_id))
    return WarningFacts(
        id=row.id, intent_id=id_of(row.payment_intent), fraud_type=said(row, "fraud_type")
    )

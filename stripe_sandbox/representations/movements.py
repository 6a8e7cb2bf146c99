"""Refunds, disputes, fraud warnings and balance transactions as Stripe's JSON."""

from typing import Any

from stripe_sandbox.models import BalanceTransaction, Dispute, EarlyFraudWarning, Refund

Json = dict[str, Any]

# The business has this long to answer.
RESPONSE_SECONDS = 9 * 86_400
NO_EVIDENCE = dict.fromkeys((
    "access_activity_log", "billing_address", "cancellation_policy",
    "cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication",
    "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
    "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address",
    "shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number",
    "uncategorized_file", "uncategorized_text",
))  # fmt: skip


def refund(row: Refund) -> Json:
    method = row.charge.payment_method
    answer = {
        "id": row.stripe_id,
        "object": "refund",
        "amount": row.amount,
        "balance_transaction": row.balance_transaction_id or None,
        "charge": row.charge.stripe_id,
        "created": row.created,
        "currency": row.charge.currency,
        "destination_details": {
            "card": {
                "reference": f"74{row.seq:021d}" if row.reference_known else None,
                "reference_status": "available" if row.reference_known else "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": row.metadata,
        "payment_intent": row.charge.payment_intent.stripe_id,
        "reason": row.reason or None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": row.status,
        "transfer_reversal": None,
    }
    if method.type != "card":
        answer["destination_details"] = {method.type: {}, "type": method.type}
    if row.status == "pending":
        answer["pending_reason"] = "processing"
    if row.failure_balance_transaction_id:
        answer["failure_balance_transaction"] = row.failure_balance_transaction_id
    if row.failure_reason:
        answer["failure_reason"] = row.failure_reason
    return answer


def dispute(row: Dispute) -> Json:
    method = row.charge.payment_method
    moved = BalanceTransaction.objects.filter(source=row.stripe_id).order_by("seq")
    inquiry = row.status.startswith("warning_")
    return {
        "id": row.stripe_id,
        "object": "dispute",
        "amount": row.amount,
        "balance_transactions": [balance_transaction(movement) for movement in moved],
        "charge": row.charge.stripe_id,
        "created": row.created,
        "currency": row.charge.currency,
        "enhanced_eligibility_types": [],
        "evidence": {**NO_EVIDENCE, "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": row.created + RESPONSE_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": row.status in ("under_review", "warning_under_review"),
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": row.is_charge_refundable,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": row.charge.payment_intent.stripe_id,
        "payment_method_details": {
            "card": {
                "brand": method.brand,
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": method.brand,
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": row.reason,
        "status": row.status,
    }


def early_fraud_warning(row: EarlyFraudWarning) -> Json:
    charge = row.charge
    return {
        "id": row.stripe_id,
        "object": "radar.early_fraud_warning",
        "actionable": not charge.disputed and charge.amount_refunded < charge.amount,
        "charge": charge.stripe_id,
        "created": row.created,
        "fraud_type": row.fraud_type,
        "livemode": False,
        "payment_intent": charge.payment_intent.stripe_id,
    }


def balance_transaction(row: BalanceTransaction) -> Json:
    kind = "Dispute fee" if row.type == "adjustment" else "Stripe processing fees"
    fees = [
        {
            "amount": row.fee,
            "application": None,
            "currency": row.currency,
            "description": kind,
            "type": "stripe_fee",
        }
    ]
    return {
        "id": row.stripe_id,
        "object": "balance_transaction",
        "amount": row.amount,
        "available_on": row.created + 2 * 86_400,
        "balance_type": "payments",
        "created": row.created,
        "currency": row.currency,
        "description": row.description or None,
        "exchange_rate": None,
        "fee": row.fee,
        "fee_details": fees if row.fee else [],
        "net": row.amount - row.fee,
        "reporting_category": row.reporting_category or row.type,
        "source": row.source,
        "status": "pending",
        "type": row.type,
    }

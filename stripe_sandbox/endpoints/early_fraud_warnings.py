"""Early fraud warnings: what issuers report before anybody disputes a charge."""

from typing import Any

from stripe_sandbox import representations
from stripe_sandbox.listing import created_window, page
from stripe_sandbox.models import EarlyFraudWarning
from stripe_sandbox.wire import Call

from .lookup import find

NOUN = "early_fraud_warning"


def retrieve(call: Call, stripe_id: str) -> dict[str, Any]:
    return representations.early_fraud_warning(find(EarlyFraudWarning, stripe_id, NOUN))


def list_early_fraud_warnings(call: Call) -> dict[str, Any]:
    rows = created_window(EarlyFraudWarning.objects.all(), call.params.get("created"))
    if "charge" in call.params:
        rows = rows.filter(charge__stripe_id=call.params["charge"])
    if "payment_intent" in call.params:
        rows = rows.filter(charge__payment_intent__stripe_id=call.params["payment_intent"])
    return page(
        rows,
        call.params,
        representations.early_fraud_warning,
        url="/v1/radar/early_fraud_warnings",
        noun=NOUN,
    )

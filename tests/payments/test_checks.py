"""The portal says at start that it cannot take payments."""

from typing import Any

import pytest
from django.core.checks import run_checks

from repayments.payments.checks import check_gateway_keys


@pytest.mark.parametrize(
    ("key", "secrets", "ids"),
    [
        ("sk_test_x", ["whsec_x"], []),
        ("", ["whsec_x"], ["payments.W001"]),
        ("sk_test_x", [], ["payments.W002"]),
        ("sk_test_x", [" "], ["payments.W002"]),
        ("", [], ["payments.W001", "payments.W002"]),
    ],
)
def test_a_missing_key_is_warned_of(
    settings: Any, key: str, secrets: list[str], ids: list[str]
) -> None:
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRETS = key, secrets

    assert [message.id for message in check_gateway_keys(None)] == ids


def test_the_check_is_registered(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""

    assert "payments.W001" in [message.id for message in run_checks()]

"""Every parameter table of the sandbox against the SDK's own request types for this version.

The tables are read out of the running addresses in a process of their own, since the sandbox is a
site with its own settings. Names, nesting, lists, enums, types and what is required must agree
all the way down; what the sandbox does not model it must at least know by name.
"""

import importlib
import json
import subprocess
import sys
import types
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

import pytest
import typing_extensions
from stripe._request_options import RequestOptions

from tests.sandbox_server import ROOT

TRANSPORT = set(RequestOptions.__annotations__)
# Method and address: module below stripe.params, and the type.
ENDPOINTS = {
    "GET balance_transactions": "_balance_transaction_list_params.BalanceTransactionListParams",
    "GET balance_transactions/<id>": (
        "_balance_transaction_retrieve_params.BalanceTransactionRetrieveParams"
    ),
    "GET charges": "_charge_list_params.ChargeListParams",
    "GET charges/<id>": "_charge_retrieve_params.ChargeRetrieveParams",
    "GET checkout/sessions": "checkout._session_list_params.SessionListParams",
    "POST checkout/sessions": "checkout._session_create_params.SessionCreateParams",
    "GET checkout/sessions/<id>": "checkout._session_retrieve_params.SessionRetrieveParams",
    "POST checkout/sessions/<id>/expire": "checkout._session_expire_params.SessionExpireParams",
    "GET checkout/sessions/<id>/line_items": (
        "checkout._session_list_line_items_params.SessionListLineItemsParams"
    ),
    "GET customers": "_customer_list_params.CustomerListParams",
    "POST customers": "_customer_create_params.CustomerCreateParams",
    "GET customers/<id>": "_customer_retrieve_params.CustomerRetrieveParams",
    "POST customers/<id>": "_customer_update_params.CustomerUpdateParams",
    "GET customers/<id>/payment_methods": (
        "_customer_payment_method_list_params.CustomerPaymentMethodListParams"
    ),
    "GET disputes": "_dispute_list_params.DisputeListParams",
    "GET disputes/<id>": "_dispute_retrieve_params.DisputeRetrieveParams",
    "POST disputes/<id>/close": "_dispute_close_params.DisputeCloseParams",
    "GET events": "_event_list_params.EventListParams",
    "GET events/<id>": "_event_retrieve_params.EventRetrieveParams",
    "GET payment_intents": "_payment_intent_list_params.PaymentIntentListParams",
    "POST payment_intents": "_payment_intent_create_params.PaymentIntentCreateParams",
    "GET payment_intents/<id>": "_payment_intent_retrieve_params.PaymentIntentRetrieveParams",
    "POST payment_intents/<id>/cancel": "_payment_intent_cancel_params.PaymentIntentCancelParams",
    "POST payment_intents/<id>/confirm": (
        "_payment_intent_confirm_params.PaymentIntentConfirmParams"
    ),
    "GET payment_methods": "_payment_method_list_params.PaymentMethodListParams",
    "GET payment_methods/<id>": "_payment_method_retrieve_params.PaymentMethodRetrieveParams",
    "POST payment_methods/<id>": "_payment_method_update_params.PaymentMethodUpdateParams",
    "POST payment_methods/<id>/attach": "_payment_method_attach_params.PaymentMethodAttachParams",
    "POST payment_methods/<id>/detach": "_payment_method_detach_params.PaymentMethodDetachParams",
    "GET radar/early_fraud_warnings": (
        "radar._early_fraud_warning_list_params.EarlyFraudWarningListParams"
    ),
    "GET radar/early_fraud_warnings/<id>": (
        "radar._early_fraud_warning_retrieve_params.EarlyFraudWarningRetrieveParams"
    ),
    "GET refunds": "_refund_list_params.RefundListParams",
    "POST refunds": "_refund_create_params.RefundCreateParams",
    "GET refunds/<id>": "_refund_retrieve_params.RefundRetrieveParams",
    "GET setup_intents": "_setup_intent_list_params.SetupIntentListParams",
    "POST setup_intents": "_setup_intent_create_params.SetupIntentCreateParams",
    "GET setup_intents/<id>": "_setup_intent_retrieve_params.SetupIntentRetrieveParams",
    "POST setup_intents/<id>/cancel": "_setup_intent_cancel_params.SetupIntentCancelParams",
    "POST setup_intents/<id>/confirm": "_setup_intent_confirm_params.SetupIntentConfirmParams",
}
# Asked for by the API though its types do not say so, or all that this sandbox can price.
REQUIRED_HERE = {
    "POST checkout/sessions: mode",
    "POST checkout/sessions: line_items[].price_data",
    "POST checkout/sessions: line_items[].price_data.product_data",
    "POST checkout/sessions: line_items[].price_data.unit_amount",
    "POST checkout/sessions: line_items[].quantity",
}
# The empty text takes a value away. Which values may be taken away is not compared.
UNSET = ""

READ_TABLES = """
import json, os, re
os.environ["DJANGO_SETTINGS_MODULE"] = "stripe_sandbox.settings"
import django; django.setup()
from stripe_sandbox import parameters as p, urls

def tell(shape):
    if isinstance(shape, p.Required):
        return {**tell(shape.shape), "required": True}
    if isinstance(shape, dict):
        return {"fields": {name: tell(inner) for name, inner in shape.items()}}
    if isinstance(shape, list):
        return {"items": tell(shape[0])}
    if isinstance(shape, p.Either):
        return {**tell(shape.table), **tell(shape.scalar)}
    if isinstance(shape, p.Choice):
        return {"enum": sorted(shape.values)}
    if shape is p.UNMODELED:
        return {"unmodeled": True}
    if shape in (p.METADATA, p.METADATA_CHANGE):
        return {"kinds": ["map"]}
    names = {p.Integer: "int", p.Boolean: "bool", p.Text: "str"}
    return {"kinds": [names[type(shape)]]}

told = {}
for entry in urls.api_urls:
    address = str(entry.pattern).replace("<str:stripe_id>", "<id>")
    for method, operation in entry.callback.operations.items():
        told[f"{method} {address}"] = tell(operation.table)
print(json.dumps(told))
"""


@cache
def tables() -> dict[str, Any]:
    """Every table of the sandbox by method and address."""
    finished = subprocess.run(  # noqa: S603 - our own interpreter, our own text
        [sys.executable, "-c", READ_TABLES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    told: dict[str, Any] = json.loads(finished.stdout)
    return told


def arms(hint: Any) -> Iterator[Any]:
    """The alternatives of a type, without the marks of what may be left out."""
    origin = get_origin(hint)
    if origin in (typing_extensions.NotRequired, typing_extensions.Required):
        yield from arms(get_args(hint)[0])
    elif origin in (Union, types.UnionType):
        for arm in get_args(hint):
            yield from arms(arm)
    else:
        yield hint


def differences(shape: Any, hint: Any, path: str) -> Iterator[str]:
    """Where a shape of ours and a type of the SDK do not agree."""
    if shape.get("unmodeled"):
        return
    parts = list(arms(hint))
    literals = {value for arm in parts if get_origin(arm) is Literal for value in get_args(arm)}
    literals -= {UNSET}
    if "fields" in shape:
        typed = [arm for arm in parts if typing_extensions.is_typeddict(arm)]
        if len(typed) == 1:
            yield from table_differences(shape["fields"], typed[0], path)
        else:
            yield f"{path}: no table in the SDK"
    if "items" in shape:
        lists = [arm for arm in parts if get_origin(arm) is list]
        if len(lists) == 1:
            yield from differences(shape["items"], get_args(lists[0])[0], f"{path}[]")
        else:
            yield f"{path}: no list in the SDK"
    if "enum" in shape:
        booleans = {"true", "false"} if bool in parts else set()
        if set(shape["enum"]) != literals | booleans:
            yield f"{path}: {sorted(set(shape['enum']) ^ (literals | booleans))}"
    for kind in shape.get("kinds", []):
        maps = [arm for arm in parts if get_origin(arm) is dict]
        known = {"int": int in parts, "bool": bool in parts, "map": bool(maps)}
        known["str"] = str in parts and not literals
        if not known[kind]:
            yield f"{path}: the SDK has no {kind} here"


def table_differences(fields: Any, params: Any, path: str) -> Iterator[str]:
    module = importlib.import_module(params.__module__)
    # The SDK names these for type checkers only; the last is a map of texts.
    unnamed = {"Mapping": Mapping, "StripeContext": str, "UntypedStripeObject": dict}
    names_of_module = {**vars(module), **unnamed}
    hints = typing_extensions.get_type_hints(params, names_of_module, include_extras=True)
    names = set(hints) - TRANSPORT
    for name in sorted(names ^ set(fields)):
        yield f"{path}: {name} is only {'in the SDK' if name in names else 'here'}"
    for name in sorted(names & set(fields)):
        where = f"{path}{'' if path.endswith(': ') else '.'}{name}"
        needed = get_origin(hints[name]) is not typing_extensions.NotRequired
        if needed != fields[name].get("required", False) and where not in REQUIRED_HERE:
            yield f"{where}: required only {'in the SDK' if needed else 'here'}"
        yield from differences(fields[name], hints[name], where)


def test_every_address_is_held_against_a_type() -> None:
    assert set(tables()) == set(ENDPOINTS)


@pytest.mark.parametrize("address", ENDPOINTS)
def test_a_table_agrees_with_the_sdk_all_the_way_down(address: str) -> None:
    module, name = ENDPOINTS[address].rsplit(".", 1)
    params = getattr(importlib.import_module(f"stripe.params.{module}"), name)

    assert list(table_differences(tables()[address]["fields"], params, f"{address}: ")) == []


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (("amount",), None),
        (("amount",), {"kinds": ["str"]}),
        (("amount",), {"kinds": ["int"], "required": True}),
        (("reason",), {"enum": ["duplicate"]}),
        (("metadata",), {"kinds": ["str"]}),
        (("expand",), {"kinds": ["str"]}),
        (("payment_intent",), {"fields": {"id": {"kinds": ["str"]}}}),
        (("payment_method_types",), {"items": {"kinds": ["str"]}}),
    ],
)
def test_the_comparison_bites(path: tuple[str], change: Any) -> None:
    module = importlib.import_module("stripe.params._refund_create_params")
    fields = dict(tables()["POST refunds"]["fields"])
    if change is None:
        del fields[path[0]]
    else:
        fields[path[0]] = change

    assert list(table_differences(fields, module.RefundCreateParams, "POST refunds: ")) != []

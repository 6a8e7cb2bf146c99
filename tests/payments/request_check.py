"""Holds requests to the gateway against the SDK's own request types for this API version.

The sandbox and the client share an author and could agree on a mistake; the SDK's generated
``…Params`` are a third opinion. A request is unflattened (``a[b][0]``), its texts are read along
the schema, and every name, nesting, type and enum is validated, unknown names forbidden. It judges
shape, not meaning.
"""

import importlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import jsonschema
import typing_extensions
from pydantic import ConfigDict, TypeAdapter
from stripe._request_options import RequestOptions

# Method and path: module below stripe.params, and the type.
ENDPOINTS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("GET", r"/v1/balance_transactions"): (
        "_balance_transaction_list_params",
        "BalanceTransactionListParams",
    ),
    ("GET", r"/v1/charges/[^/]+"): ("_charge_retrieve_params", "ChargeRetrieveParams"),
    ("POST", r"/v1/checkout/sessions"): (
        "checkout._session_create_params",
        "SessionCreateParams",
    ),
    ("GET", r"/v1/checkout/sessions"): ("checkout._session_list_params", "SessionListParams"),
    ("GET", r"/v1/checkout/sessions/[^/]+"): (
        "checkout._session_retrieve_params",
        "SessionRetrieveParams",
    ),
    ("POST", r"/v1/checkout/sessions/[^/]+/expire"): (
        "checkout._session_expire_params",
        "SessionExpireParams",
    ),
    ("POST", r"/v1/customers"): ("_customer_create_params", "CustomerCreateParams"),
    ("GET", r"/v1/customers"): ("_customer_list_params", "CustomerListParams"),
    ("GET", r"/v1/customers/[^/]+"): ("_customer_retrieve_params", "CustomerRetrieveParams"),
    ("POST", r"/v1/customers/[^/]+"): ("_customer_update_params", "CustomerUpdateParams"),
    ("GET", r"/v1/customers/[^/]+/payment_methods"): (
        "_customer_payment_method_list_params",
        "CustomerPaymentMethodListParams",
    ),
    ("GET", r"/v1/disputes"): ("_dispute_list_params", "DisputeListParams"),
    ("GET", r"/v1/disputes/[^/]+"): ("_dispute_retrieve_params", "DisputeRetrieveParams"),
    ("POST", r"/v1/disputes/[^/]+/close"): ("_dispute_close_params", "DisputeCloseParams"),
    ("GET", r"/v1/events"): ("_event_list_params", "EventListParams"),
    ("GET", r"/v1/events/[^/]+"): ("_event_retrieve_params", "EventRetrieveParams"),
    ("POST", r"/v1/payment_intents"): (
        "_payment_intent_create_params",
        "PaymentIntentCreateParams",
    ),
    ("GET", r"/v1/payment_intents"): ("_payment_intent_list_params", "PaymentIntentListParams"),
    ("GET", r"/v1/payment_intents/[^/]+"): (
        "_payment_intent_retrieve_params",
        "PaymentIntentRetrieveParams",
    ),
    ("POST", r"/v1/payment_intents/[^/]+/confirm"): (
        "_payment_intent_confirm_params",
        "PaymentIntentConfirmParams",
    ),
    ("POST", r"/v1/payment_intents/[^/]+/cancel"): (
        "_payment_intent_cancel_params",
        "PaymentIntentCancelParams",
    ),
    ("GET", r"/v1/payment_methods"): ("_payment_method_list_params", "PaymentMethodListParams"),
    ("GET", r"/v1/payment_methods/[^/]+"): (
        "_payment_method_retrieve_params",
        "PaymentMethodRetrieveParams",
    ),
    ("POST", r"/v1/payment_methods/[^/]+/attach"): (
        "_payment_method_attach_params",
        "PaymentMethodAttachParams",
    ),
    ("POST", r"/v1/payment_methods/[^/]+/detach"): (
        "_payment_method_detach_params",
        "PaymentMethodDetachParams",
    ),
    ("GET", r"/v1/radar/early_fraud_warnings/[^/]+"): (
        "radar._early_fraud_warning_retrieve_params",
        "EarlyFraudWarningRetrieveParams",
    ),
    ("POST", r"/v1/refunds"): ("_refund_create_params", "RefundCreateParams"),
    ("GET", r"/v1/refunds"): ("_refund_list_params", "RefundListParams"),
    ("GET", r"/v1/refunds/[^/]+"): ("_refund_retrieve_params", "RefundRetrieveParams"),
    ("POST", r"/v1/setup_intents"): ("_setup_intent_create_params", "SetupIntentCreateParams"),
    ("GET", r"/v1/setup_intents"): ("_setup_intent_list_params", "SetupIntentListParams"),
    ("GET", r"/v1/setup_intents/[^/]+"): (
        "_setup_intent_retrieve_params",
        "SetupIntentRetrieveParams",
    ),
    ("POST", r"/v1/setup_intents/[^/]+/confirm"): (
        "_setup_intent_confirm_params",
        "SetupIntentConfirmParams",
    ),
    ("POST", r"/v1/setup_intents/[^/]+/cancel"): (
        "_setup_intent_cancel_params",
        "SetupIntentCancelParams",
    ),
}


class RequestInvalid(AssertionError):
    """A request that Stripe's types for this version do not allow."""


class _Map:
    """``UntypedStripeObject[str]`` is a map of strings."""

    def __class_getitem__(cls, item: Any) -> Any:
        return dict[str, item]


def check_request(method: str, path: str, query: str, body: str) -> None:
    """Validate one recorded request. Raises: RequestInvalid."""
    schema = schema_of(method, path)
    sent = unflatten(parse_qsl(f"{query}&{body}".strip("&"), keep_blank_values=True))
    value = _read(sent, schema, schema)
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(value), key=lambda error: list(error.path))
    if errors:
        error = errors[0]
        raise RequestInvalid(f"{method} {path}: {list(error.path)}: {error.message:.300}")


def schema_of(method: str, path: str) -> Any:
    for (known, pattern), (module, name) in ENDPOINTS.items():
        if known == method and re.fullmatch(pattern, path):
            return _closed_schema(module, name)
    raise RequestInvalid(f"{method} {path}: no such endpoint is used")


@cache
def _closed_schema(module: str, name: str) -> Any:
    params: Any = importlib.import_module(f"stripe.params.{module}")
    params.UntypedStripeObject = _Map
    for value in list(vars(params).values()):
        if typing_extensions.is_typeddict(value):
            value.__pydantic_config__ = ConfigDict(extra="forbid")
    shape = getattr(params, name)
    # Key, version and account travel in headers: no parameters, though the type inherits them.
    for header in RequestOptions.__annotations__:
        shape.__annotations__.pop(header, None)
    schema = TypeAdapter(shape).json_schema()
    return _close_enums(schema)


def _close_enums(node: Any) -> Any:
    """The SDK types enums open (``Literal | str``): drop the arm that lets any string pass."""
    if isinstance(node, list):
        return [_close_enums(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _close_enums(value) for key, value in node.items()}
    arms = closed.get("anyOf")
    if isinstance(arms, list) and any(_is_enum(arm) for arm in arms):
        closed["anyOf"] = [arm for arm in arms if arm != {"type": "string"}]
    return closed


def _is_enum(arm: Any) -> bool:
    return isinstance(arm, dict) and ("enum" in arm or bool(arm.get("const")))


def unflatten(pairs: Iterable[tuple[str, str]]) -> Any:
    """Nest ``a[b][0]=x``; a key that is sent twice is refused."""
    tree: dict[str, Any] = {}
    for key, value in pairs:
        head, rest = key.split("[", 1) if "[" in key else (key, "")
        names = [head, *re.findall(r"([^\[\]]*)\]", rest)]
        node = tree
        for name in names[:-1]:
            node = node.setdefault(name, {})
            if not isinstance(node, dict):
                raise RequestInvalid(f"{key}: nested and plain at once")
        if names[-1] in node:
            raise RequestInvalid(f"{key}: sent twice")
        node[names[-1]] = value
    return tree


def _read(value: Any, schema: Any, root: Any) -> Any:
    """Turn texts into what the schema expects there, where that can be done without loss."""
    shapes = _shapes(schema, root)
    if isinstance(value, dict):
        lists = [shape for shape in shapes if shape.get("type") == "array"]
        if lists and list(value) == [str(number) for number in range(len(value))]:
            return [_read(item, lists[0].get("items", {}), root) for item in value.values()]
        return {name: _read(item, _property(shapes, name), root) for name, item in value.items()}
    kinds = {shape.get("type") for shape in shapes}
    if kinds & {"integer", "number"} and re.fullmatch(r"-?[0-9]+", value):
        return int(value)
    if "boolean" in kinds and value in ("true", "false"):
        return value == "true"
    return value


def _shapes(schema: Any, root: Any) -> list[Any]:
    """The alternatives of a schema, references followed."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return _shapes(root["$defs"][name], root)
    if "anyOf" in schema:
        return [shape for arm in schema["anyOf"] for shape in _shapes(arm, root)]
    return [schema]


def _property(shapes: list[Any], name: str) -> Any:
    for shape in shapes:
        # ``properties`` holds names, so a parameter called "description" is no keyword here.
        if name in shape.get("properties", {}):
            return shape["properties"][name]
        if isinstance(shape.get("additionalProperties"), dict):
            return shape["additionalProperties"]
    return {}

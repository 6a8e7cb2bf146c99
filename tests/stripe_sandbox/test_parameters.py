"""The parameter tables against the SDK's own request types, and the reading of form bodies."""

import importlib
from typing import Any

import pytest
from stripe._request_options import RequestOptions

from stripe_sandbox import checkout_tables, tables
from stripe_sandbox.errors import InvalidRequest
from stripe_sandbox.parameters import (
    METADATA,
    Boolean,
    Either,
    Integer,
    Required,
    Text,
    check,
    one_of,
    parse_form,
)

TRANSPORT = set(RequestOptions.__annotations__)

PAIRS = [
    (tables.CUSTOMER_CREATE, "_customer_create_params.CustomerCreateParams"),
    (tables.CUSTOMER_LIST, "_customer_list_params.CustomerListParams"),
    (
        tables.CUSTOMER_PAYMENT_METHOD_LIST,
        "_customer_payment_method_list_params.CustomerPaymentMethodListParams",
    ),
    (tables.RETRIEVE, "_customer_retrieve_params.CustomerRetrieveParams"),
    (tables.PAYMENT_METHOD_LIST, "_payment_method_list_params.PaymentMethodListParams"),
    (tables.PAYMENT_INTENT_CREATE, "_payment_intent_create_params.PaymentIntentCreateParams"),
    (tables.PAYMENT_INTENT_CONFIRM, "_payment_intent_confirm_params.PaymentIntentConfirmParams"),
    (tables.PAYMENT_INTENT_CANCEL, "_payment_intent_cancel_params.PaymentIntentCancelParams"),
    (
        tables.PAYMENT_INTENT_RETRIEVE,
        "_payment_intent_retrieve_params.PaymentIntentRetrieveParams",
    ),
    (tables.PAYMENT_INTENT_LIST, "_payment_intent_list_params.PaymentIntentListParams"),
    (tables.SETUP_INTENT_RETRIEVE, "_setup_intent_retrieve_params.SetupIntentRetrieveParams"),
    (tables.CHARGE_LIST, "_charge_list_params.ChargeListParams"),
    (tables.RETRIEVE, "_charge_retrieve_params.ChargeRetrieveParams"),
    (tables.REFUND_CREATE, "_refund_create_params.RefundCreateParams"),
    (tables.REFUND_LIST, "_refund_list_params.RefundListParams"),
    (tables.RETRIEVE, "_refund_retrieve_params.RefundRetrieveParams"),
    (tables.EVENT_LIST, "_event_list_params.EventListParams"),
    (
        tables.BALANCE_TRANSACTION_LIST,
        "_balance_transaction_list_params.BalanceTransactionListParams",
    ),
    (checkout_tables.SESSION_CREATE, "checkout._session_create_params.SessionCreateParams"),
    (checkout_tables.SESSION_LIST, "checkout._session_list_params.SessionListParams"),
    (tables.RETRIEVE, "checkout._session_expire_params.SessionExpireParams"),
    (tables.LISTING, "checkout._session_list_line_items_params.SessionListLineItemsParams"),
]
NESTED = [
    (checkout_tables.LINE_ITEM, "SessionCreateParamsLineItem"),
    (
        checkout_tables.LINE_ITEM["price_data"].shape,
        "SessionCreateParamsLineItemPriceData",
    ),
    (
        checkout_tables.LINE_ITEM["price_data"].shape["product_data"].shape,
        "SessionCreateParamsLineItemPriceDataProductData",
    ),
    (checkout_tables.PAYMENT_INTENT_DATA, "SessionCreateParamsPaymentIntentData"),
    (checkout_tables.METHOD_OPTIONS, "SessionCreateParamsPaymentMethodOptions"),
    (
        checkout_tables.METHOD_OPTIONS["card"],
        "SessionCreateParamsPaymentMethodOptionsCard",
    ),
    (
        checkout_tables.METHOD_OPTIONS["wechat_pay"],
        "SessionCreateParamsPaymentMethodOptionsWechatPay",
    ),
    (
        checkout_tables.SESSION_CREATE["setup_intent_data"],
        "SessionCreateParamsSetupIntentData",
    ),
]


def own_names(params: Any) -> set[str]:
    return set(params.__annotations__) - TRANSPORT


@pytest.mark.parametrize(("table", "path"), PAIRS, ids=[path for _, path in PAIRS])
def test_a_table_names_exactly_what_the_sdk_can_send(table: Any, path: str) -> None:
    module, name = path.rsplit(".", 1)
    params = getattr(importlib.import_module(f"stripe.params.{module}"), name)

    assert set(table) == own_names(params)


@pytest.mark.parametrize(("table", "name"), NESTED, ids=[name for _, name in NESTED])
def test_a_nested_table_names_exactly_what_the_sdk_can_send(table: Any, name: str) -> None:
    module = importlib.import_module("stripe.params.checkout._session_create_params")

    assert set(table) == own_names(getattr(module, name))


@pytest.mark.parametrize(("table", "path"), PAIRS, ids=[path for _, path in PAIRS])
def test_what_the_sdk_marks_required_is_required(table: Any, path: str) -> None:
    module, name = path.rsplit(".", 1)
    params = getattr(importlib.import_module(f"stripe.params.{module}"), name)
    needed = {
        field
        for field, hint in params.__annotations__.items()
        if field not in TRANSPORT and "NotRequired" not in str(hint)
    }

    required = {field for field, shape in table.items() if isinstance(shape, Required)}
    assert needed <= required
    # The API asks for a mode, though its types do not say so.
    assert required - needed <= {"mode"}


def test_the_payment_intent_options_are_those_of_the_sdk() -> None:
    module = importlib.import_module("stripe.params._payment_intent_create_params")

    options = module.PaymentIntentCreateParamsPaymentMethodOptions
    card = module.PaymentIntentCreateParamsPaymentMethodOptionsCard
    assert set(tables.INTENT_METHOD_OPTIONS) == set(options.__annotations__)
    assert set(tables.INTENT_METHOD_OPTIONS["card"]) == set(card.__annotations__)


TABLE = {
    "name": Text(10),
    "note": Text(10, unset=True),
    "amount": Integer(1, 9),
    "flag": Boolean(),
    "kind": one_of("a", "b"),
    "metadata": METADATA,
    "items": [{"id": Required(Text())}],
    "created": Either(table={"gte": Integer()}, scalar=Integer()),
}


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ("name=x&amount=3&flag=true", {"name": "x", "amount": 3, "flag": True}),
        ("items[0][id]=p&items[1][id]=q", {"items": [{"id": "p"}, {"id": "q"}]}),
        ("created=5", {"created": 5}),
        ("created[gte]=5", {"created": {"gte": 5}}),
        ("metadata[a b]=1&metadata[c]=", {"metadata": {"a b": "1"}}),
        ("metadata=", {"metadata": {}}),
        ("note=", {"note": ""}),
        ("name=%E6%9C%9F%E6%95%B0", {"name": "期数"}),
    ],
)
def test_a_form_body_is_read_into_typed_values(body: str, read: Any) -> None:
    assert check(parse_form(body), TABLE) == read


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ("nme=x", "parameter_unknown", "nme"),
        ("items[0][idx]=x&items[0][id]=1", "parameter_unknown", "items[0][idx]"),
        ("items[0][x][y]=1", "parameter_unknown", "items[0][x]"),
        ("items[0]=1", "", "items[0]"),
        ("items[id]=1", "", "items"),
        ("items[1][id]=1", "", "items"),
        ("items[0]=", "", "items[0]"),
        ("name[x]=1", "", "name"),
        ("name=", "parameter_invalid_empty", "name"),
        ("name=12345678901", "", "name"),
        ("amount=1.5", "parameter_invalid_integer", "amount"),
        ("amount=１", "parameter_invalid_integer", "amount"),
        ("amount=" + "9" * 40, "parameter_invalid_integer", "amount"),
        ("amount=0", "parameter_invalid_integer", "amount"),
        ("amount=10", "parameter_invalid_integer", "amount"),
        ("flag=1", "", "flag"),
        ("kind=c", "", "kind"),
        ("created[after]=1", "parameter_unknown", "created[after]"),
        ("metadata=x", "", "metadata"),
        ("metadata[a][b]=x", "", "metadata[a]"),
        ("metadata[a]=" + "x" * 501, "", "metadata[a]"),
        ("metadata[" + "k" * 41 + "]=x", "", "metadata"),
        ("&".join(f"metadata[k{n}]=1" for n in range(51)), "", "metadata"),
        (
            "payment_method_types[0]=card",
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        ("a[b=1", "", "a[b"),
        ("[a]=1", "", "[a]"),
        ("name=x&name[y]=1", "", "name[y]"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(body: str, code: str, param: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check(parse_form(body), TABLE)

    assert (refusal.value.code, refusal.value.param) == (code, param)

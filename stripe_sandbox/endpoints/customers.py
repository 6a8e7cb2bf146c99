"""Customers."""

from typing import Any

from stripe_sandbox import clock, representations
from stripe_sandbox.identifiers import new_id
from stripe_sandbox.listing import created_window, page
from stripe_sandbox.models import Customer
from stripe_sandbox.webhooks import emit
from stripe_sandbox.wire import Call

from .lookup import find, updated_metadata

DETAILS = (
    "address",
    "business_name",
    "description",
    "individual_name",
    "name",
    "phone",
    "preferred_locales",
)


def create(call: Call) -> dict[str, Any]:
    params = call.params
    row = Customer.objects.create(
        stripe_id=new_id("cus"),
        created=clock.now(),
        email=params.get("email", ""),
        metadata=params.get("metadata", {}),
        details={name: params[name] for name in DETAILS if name in params},
    )
    answer = representations.customer(row)
    emit("customer.created", answer)
    return answer


def retrieve(call: Call, stripe_id: str) -> dict[str, Any]:
    return representations.customer(find(Customer, stripe_id, "customer"))


def update(call: Call, stripe_id: str) -> dict[str, Any]:
    row = find(Customer, stripe_id, "customer")
    before = representations.customer(row)
    params = call.params
    row.email = params.get("email", row.email)
    row.metadata = updated_metadata(row.metadata, params)
    row.details = {**row.details, **{name: params[name] for name in DETAILS if name in params}}
    row.save()
    answer = representations.customer(row)
    changed = {name: before[name] for name in before if before[name] != answer[name]}
    emit("customer.updated", answer, previous=changed)
    return answer


def list_customers(call: Call) -> dict[str, Any]:
    rows = created_window(Customer.objects.all(), call.params.get("created"))
    if "email" in call.params:
        rows = rows.filter(email=call.params["email"])
    return page(rows, call.params, representations.customer, url="/v1/customers", noun="customer")

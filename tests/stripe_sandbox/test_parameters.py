"""The reading of form bodies, and how they are held against a table."""

from typing import Any

import pytest

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

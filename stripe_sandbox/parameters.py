"""Reads a form body `a[b]=1&c[0]=2` into a tree and holds it against a table of parameters.

A table maps each name to a shape: `Text`, `Integer`, `Boolean`, `Choice`, `METADATA`, a one-item
list (a list of that shape), a nested table, or `UNMODELED` for what Stripe takes and the sandbox
refuses aloud. What stands in no table is unknown, as it is to Stripe. Knows no endpoint.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from .errors import InvalidRequest, missing_parameter, not_modeled

Table = dict[str, Any]

METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500


@dataclass(frozen=True)
class Text:
    """A string; `unset` allows the empty one, which takes a value away."""

    longest: int = 5000
    unset: bool = False


@dataclass(frozen=True)
class Integer:
    """A whole number within inclusive bounds."""

    least: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class Boolean:
    """`true` or `false`."""


@dataclass(frozen=True)
class Choice:
    """One of the listed values."""

    values: tuple[str, ...]
    unset: bool = False


@dataclass(frozen=True)
class Either:
    """The first of two shapes if the value is a table, else the second."""

    table: Table = field(default_factory=dict)
    scalar: Any = None


class _Marker:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


METADATA = _Marker("METADATA")
# In an update an empty value takes its key away, so it must reach the endpoint.
METADATA_CHANGE = _Marker("METADATA_CHANGE")
UNMODELED = _Marker("UNMODELED")


@dataclass(frozen=True)
class Required:
    """Marks a shape that must be sent."""

    shape: Any


def one_of(*values: str, unset: bool = False) -> Choice:
    """A `Choice` of the given values."""
    return Choice(values, unset)


def parse_form(encoded: str) -> dict[str, Any]:
    """Turn a form body or query string into nested dicts; `a[0]` and `a[]` become lists.

    Raises: InvalidRequest for keys that are no proper nesting.
    """
    tree: dict[str, Any] = {}
    for key, value in parse_qsl(encoded, keep_blank_values=True):
        head, *rest = key.replace("]", "").split("[")
        if not head or key.count("[") != key.count("]"):
            raise InvalidRequest(f"Invalid parameter name: {key}", param=key)
        node = tree
        for name in [head, *rest][:-1]:
            child = node.setdefault(name, {})
            if not name or not isinstance(child, dict):
                raise InvalidRequest(f"Invalid parameter name: {key}", param=key)
            node = child
        last = rest[-1] if rest else head
        node[last if last else str(len(node))] = value
    return tree


def check(sent: dict[str, Any], table: Table) -> dict[str, Any]:
    """Hold what was sent against a table; returns typed values (int, bool, list, dict, str).

    Raises: InvalidRequest with Stripe's code, naming the parameter by its full path.
    """
    if "payment_method_types" in sent and "payment_method_types" not in table:
        raise InvalidRequest(
            "The parameter `payment_method_types` is no longer supported. Use "
            "`allowed_payment_method_types` or `excluded_payment_method_types`, or manage payment "
            "methods from the Dashboard.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
    return _check_table(sent, table, "")


def _check_table(sent: Any, table: Table, path: str) -> dict[str, Any]:
    if not isinstance(sent, dict):
        raise InvalidRequest("Invalid object", param=path)
    unknown = [_join(path, name) for name in sent if name not in table]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        raise InvalidRequest(
            f"Received unknown parameter{plural}: {', '.join(unknown)}",
            code="parameter_unknown",
            param=unknown[0],
        )
    checked = {}
    for name, shape in table.items():
        inner = shape.shape if isinstance(shape, Required) else shape
        where = _join(path, name)
        if name in sent:
            checked[name] = _check_value(sent[name], inner, where)
        elif isinstance(shape, Required):
            raise missing_parameter(where)
    return checked


def _check_value(value: Any, shape: Any, path: str) -> Any:
    if shape is UNMODELED:
        raise not_modeled(path)
    if isinstance(shape, Either):
        shape = shape.table if isinstance(value, dict) else shape.scalar
    if shape is METADATA:
        return {key: text for key, text in _check_metadata(value, path).items() if text != ""}
    if shape is METADATA_CHANGE:
        return _check_metadata(value, path)
    if isinstance(shape, dict):
        return _check_table(value, shape, path)
    if isinstance(shape, list):
        return _check_list(value, shape[0], path)
    if isinstance(value, dict):
        raise InvalidRequest(f"Invalid string: {value}", param=path)
    if isinstance(shape, Integer):
        return _check_integer(value, shape, path)
    if isinstance(shape, Boolean):
        if value not in ("true", "false"):
            raise InvalidRequest(f"Invalid boolean: {value}", param=path)
        return value == "true"
    return _check_text(value, shape, path)


def _check_list(value: Any, shape: Any, path: str) -> list[Any]:
    if value == "":
        return []
    if not isinstance(value, dict) or sorted(value) != sorted(map(str, range(len(value)))):
        raise InvalidRequest("Invalid array", param=path)
    return [
        _check_value(value[str(index)], shape, f"{path}[{index}]") for index in range(len(value))
    ]


def _check_integer(value: str, shape: Integer, path: str) -> int:
    digits = value[1:] if value.startswith("-") else value
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise InvalidRequest(
            f"Invalid integer: {value}", code="parameter_invalid_integer", param=path
        )
    number = int(value)
    if shape.least is not None and number < shape.least:
        raise InvalidRequest(
            f"This value must be greater than or equal to {shape.least}.",
            code="parameter_invalid_integer",
            param=path,
        )
    if shape.most is not None and number > shape.most:
        raise InvalidRequest(
            f"This value must be less than or equal to {shape.most} (it currently is '{number}').",
            code="parameter_invalid_integer",
            param=path,
        )
    return number


def _check_text(value: str, shape: Text | Choice, path: str) -> str:
    if value == "":
        if shape.unset:
            return value
        raise InvalidRequest(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to "
            f"unset a field; however '{path}' cannot be unset. You should remove '{path}' from "
            "your request or supply a non-empty value.",
            code="parameter_invalid_empty",
            param=path,
        )
    if isinstance(shape, Choice):
        if value not in shape.values:
            *first, last = shape.values
            listed = f"{', '.join(first)}, or {last}" if first else last
            raise InvalidRequest(f"Invalid {path}: must be one of {listed}", param=path)
    elif len(value) > shape.longest:
        raise InvalidRequest(
            f"Invalid string: {value[:20]}...; must be at most {shape.longest} characters",
            param=path,
        )
    return value


def _check_metadata(value: Any, path: str) -> dict[str, str]:
    if value == "":
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest("Invalid object", param=path)
    if len(value) > METADATA_KEYS:
        raise InvalidRequest(
            f"You can have up to {METADATA_KEYS} metadata keys, but you passed {len(value)}.",
            param=path,
        )
    for key, text in value.items():
        if len(key) > METADATA_KEY_LENGTH:
            raise InvalidRequest(
                f"Metadata keys can be at most {METADATA_KEY_LENGTH} characters long.", param=path
            )
        where = _join(path, key)
        if isinstance(text, dict):
            raise InvalidRequest("Metadata values must be strings.", param=where)
        if len(text) > METADATA_VALUE_LENGTH:
            raise InvalidRequest(
                f"Metadata values can have up to {METADATA_VALUE_LENGTH} characters, but you "
                f"passed in a value that is {len(text)} characters.",
                param=where,
            )
    return dict(value)


def _join(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name

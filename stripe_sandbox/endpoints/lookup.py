"""Finding objects by id: 404 for one in the path, 400 for one named in a parameter.

Also merges metadata, which every update does in the same way.
"""

from typing import Any, TypeVar

from stripe_sandbox.errors import no_such
from stripe_sandbox.models import Resource

Row = TypeVar("Row", bound=Resource)


def find(model: type[Row], stripe_id: str, noun: str, *, param: str = "id") -> Row:
    """The object whose id stands in the path. Raises: 404 resource_missing."""
    return _get(model, stripe_id, noun, param, 404)


def find_named(model: type[Row], stripe_id: str, noun: str, *, param: str) -> Row:
    """The object whose id was sent as a parameter. Raises: 400 resource_missing."""
    return _get(model, stripe_id, noun, param, 400)


def _get(model: type[Row], stripe_id: str, noun: str, param: str, status: int) -> Row:
    try:
        return model._default_manager.get(stripe_id=stripe_id)
    except model.DoesNotExist:
        raise no_such(noun, stripe_id, param=param, status=status) from None


def updated_metadata(kept: dict[str, str], params: dict[str, Any]) -> dict[str, str]:
    """Sent keys replace kept ones, an empty value takes its key away, an empty map all."""
    if "metadata" not in params:
        return kept
    sent = params["metadata"]
    if not sent:
        return {}
    return {name: value for name, value in {**kept, **sent}.items() if value != ""}

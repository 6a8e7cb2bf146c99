"""Stripe's lists: newest first, cursors, limits, `created` windows."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from .errors import InvalidRequest, no_such
from .models import Resource

DEFAULT_LIMIT = 10


def created_window(rows: QuerySet[Any], window: dict[str, int] | int | None) -> QuerySet[Any]:
    """Narrow to a `created` parameter: one second, or any of gt, gte, lt, lte."""
    if window is None:
        return rows
    if isinstance(window, int):
        return rows.filter(created=window)
    return rows.filter(**{f"created__{bound}": value for bound, value in window.items()})


def page(
    rows: QuerySet[Any],
    params: dict[str, Any],
    represent: Callable[[Any], dict[str, Any]],
    *,
    url: str,
    noun: str,
) -> dict[str, Any]:
    """One page of `rows` in Stripe's list shape.

    Raises: InvalidRequest if a cursor names no object, or both cursors were sent.
    """
    limit = params.get("limit", DEFAULT_LIMIT)
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise InvalidRequest(
            "You may only specify one of these parameters: ending_before, starting_after."
        )
    if before:
        cursor = _cursor(rows, before, noun, "ending_before")
        nearest = list(rows.filter(seq__gt=cursor.seq).order_by("seq")[: limit + 1])
        data, has_more = nearest[:limit][::-1], len(nearest) > limit
    else:
        if after:
            rows = rows.filter(seq__lt=_cursor(rows, after, noun, "starting_after").seq)
        found = list(rows.order_by("-seq")[: limit + 1])
        data, has_more = found[:limit], len(found) > limit
    return {
        "object": "list",
        "data": [represent(row) for row in data],
        "has_more": has_more,
        "url": url,
    }


def _cursor(rows: QuerySet[Any], stripe_id: str, noun: str, param: str) -> Resource:
    try:
        cursor: Resource = rows.model._default_manager.get(stripe_id=stripe_id)
    except rows.model.DoesNotExist:
        raise no_such(noun, stripe_id, param=param, status=400) from None
    return cursor

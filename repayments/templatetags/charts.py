"""Where the bars of a chart stand, as attributes of SVG elements.

Only geometry: strict CSP forbids `style=`, so sizes are numbers in attributes. All coordinates are
whole units of the drawing's own box and come back as text, so that no locale groups their digits.
"""

from collections.abc import Iterable
from typing import Any

from django import template

register = template.Library()

BOX_WIDTH, BOX_HEIGHT, MARGIN_BOTTOM, MARGIN_TOP = 600, 200, 20, 16


@register.simple_tag
def balance_bars(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Place one bar a row, the paid part standing on the unpaid one.

    Args:
        rows: objects with `paid` and `unpaid` in minor units, oldest first.
    Returns: one dict a row: its source as `row`, and `x`, `width`, `paid_y`, `paid_height`,
        `unpaid_y`, `unpaid_height`.
    """
    rows = list(rows)
    tallest = max((row_total(row) for row in rows), default=0) or 1
    room = BOX_HEIGHT - MARGIN_TOP - MARGIN_BOTTOM
    floor = BOX_HEIGHT - MARGIN_BOTTOM
    step = BOX_WIDTH / max(len(rows), 1)
    bars = []
    for index, row in enumerate(rows):
        unpaid_height = round(room * _part(row, "unpaid") / tallest)
        paid_height = round(room * _part(row, "paid") / tallest)
        left, width = round(index * step), max(2, round(step * 0.72))
        bars.append(
            {
                "row": row,
                "x": str(left),
                "width": str(width),
                "unpaid_y": str(floor - unpaid_height),
                "unpaid_height": str(unpaid_height),
                "paid_y": str(floor - unpaid_height - paid_height),
                "paid_height": str(paid_height),
            }
        )
    return bars


def row_total(row: Any) -> int:
    """Give paid and unpaid together, in minor units."""
    return _part(row, "paid") + _part(row, "unpaid")


def _part(row: Any, name: str) -> int:
    return int(row[name] if isinstance(row, dict) else getattr(row, name))

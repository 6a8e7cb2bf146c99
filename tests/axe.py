"""Runs the vendored axe in a page, strict content policy or not, and tells what is wrong."""

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).resolve().parent / "vendor" / "axe" / "axe.min.js"


@cache
def _source() -> str:
    return AXE.read_text(encoding="utf-8")


def axe(page: Page) -> list[str]:
    """Give a line for each violation: rule, what it says, where; empty when there is none."""
    # The debugger may evaluate what the page's own policy forbids to the page.
    if not page.evaluate("'axe' in window"):
        page.evaluate(_source())
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {rule['help']}: {node['target']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]

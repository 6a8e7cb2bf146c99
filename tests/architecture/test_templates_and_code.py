"""Habits that no linter knows: what must not be written in templates and in the product's code."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = [
    path
    for top in ("portal", "accounts", "repayments")
    for path in (ROOT / top).rglob("*.py")
    if "migrations" not in path.parts
]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
IN_TEMPLATES = {
    "text that is not escaped": r"\|\s*safe\b|\{%\s*autoescape\s+off",
    "a script in the page": r"<script(?![^>]*\bsrc=)",
    "a style in the page": r"<style\b|\sstyle\s*=",
    "a handler in an attribute": r"\son(?:click|change|submit|load|input|focus|blur)\s*=",
    "an address that is a script": r"javascript:",
}
IN_CODE = {
    "a task sent before the commit": r"\.(?:delay|apply_async)\(",
    "a task with its own waiting time": r"\b(?:countdown|eta)\s*=",
    "text declared safe": r"\bmark_safe\(",
    "a view without CSRF protection": r"\bcsrf_exempt\b",
}
# Where one of these is right; each with its reason.
REVIEWED = {
    # The signature of the gateway stands in for the token.
    ("repayments/payments/views.py", "a view without CSRF protection"),
    ("repayments/payments/views/webhook.py", "a view without CSRF protection"),
    # Must choose how uploads are kept before the token is read; the inner view is protected.
    ("repayments/contracts/views/public.py", "a view without CSRF protection"),
    # Mail programs stop messages by a post of their own; the signed link stands in for the token.
    ("repayments/contacts/views.py", "a view without CSRF protection"),
    # Draws SVG from numbers alone.
    ("repayments/templatetags/charts.py", "text declared safe"),
    ("repayments/templatetags/amounts.py", "text declared safe"),
}


def breaches(paths: list[Path], what: str, pattern: str) -> list[str]:
    found = []
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        if (name, what) in REVIEWED:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(pattern, line) and not line.lstrip().startswith(("#", "{#")):
                found.append(f"{name}:{number}: {what}")
    return found


@pytest.mark.parametrize(("what", "pattern"), IN_TEMPLATES.items(), ids=IN_TEMPLATES)
def test_templates_fit_the_strict_content_policy(what: str, pattern: str) -> None:
    assert breaches(TEMPLATES, what, pattern) == []


@pytest.mark.parametrize(("what", "pattern"), IN_CODE.items(), ids=IN_CODE)
def test_f17_code_keeps_to_the_habits(what: str, pattern: str) -> None:
    assert breaches(PRODUCT, what, pattern) == []


@pytest.mark.parametrize(
    ("patterns", "line"),
    [
        (IN_TEMPLATES, '<p style="color: red">'),
        (IN_TEMPLATES, "{{ name|safe }}"),
        (IN_TEMPLATES, "<script>alert(1)</script>"),
        (IN_TEMPLATES, '<a href="#" onclick="go()">'),
        (IN_CODE, "send_message.delay(message_id=1)"),
        (IN_CODE, "task.delay_on_commit(countdown=5)"),
    ],
)
def test_the_patterns_catch_what_they_are_for(patterns: dict[str, str], line: str) -> None:
    assert any(re.search(pattern, line) for pattern in patterns.values())


@pytest.mark.parametrize(
    "line",
    [
        '<script src="/static/js/portal.js" defer></script>',
        "send_message.delay_on_commit(message_id=1)",
    ],
)
def test_the_patterns_let_the_right_way_pass(line: str) -> None:
    patterns = [*IN_TEMPLATES.values(), *IN_CODE.values()]
    assert not any(re.search(pattern, line) for pattern in patterns)


def test_the_stylesheet_stays_small() -> None:
    assert (ROOT / "static" / "css" / "portal.css").stat().st_size <= 12_000

"""The looks at every page can fail: planted faults are found."""

from tests.axe import axe
from tests.browser.look import Look


def test_a_field_without_its_label_a_wide_line_and_a_forbidden_script_are_found(look: Look) -> None:
    page = look.page
    page.goto(f"{look.stack.url}/accounts/login/")
    assert axe(page) == []

    page.evaluate("document.querySelector('label[for=id_email]').remove()")
    assert [line for line in axe(page) if line.startswith("label:")]

    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<pre>' + 'w'.repeat(999))")
    look._measure(390)
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),{text:'1'}))"
    )
    page.wait_for_timeout(200)

    wide = [line for line in look.faults if "wider than the window" in line]
    forbidden = [line for line in look.faults if "policy: script-src" in line]
    assert wide
    assert forbidden
    # Planted: not for the fixture to complain about.
    look.faults.clear()

"""The looks at every page can fail: planted faults are found."""

import pytest

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


def test_a_word_of_the_other_language_is_found(look: Look) -> None:
    plant = """(words) => { const each = document.createElement("p");
        each.textContent = words; each.setAttribute("aria-label", words);
        document.querySelector("main").append(each); }"""
    for language, words in (("zh-hans", "应还 7 days late"), ("en", "Due on 2026年12月1日")):
        look._speak(language)
        look.page.goto(f"{look.stack.url}/accounts/login/")
        look._read(language)
        assert look.faults == []

        look.page.evaluate(plant, words)
        look._read(language)

        assert look.faults == [f": in the other language: {words!r}"]
        look.faults.clear()


@pytest.mark.parametrize("words", ["海港小贷 Harbor", "Emma Clarke", "CNY", "help@lender.example"])
def test_names_are_of_either_language(look: Look, words: str) -> None:
    look._speak("zh-hans")
    look.page.goto(f"{look.stack.url}/accounts/login/")
    look.page.evaluate("(words) => document.querySelector('main').append(words)", words)
    look._read("zh-hans")

    assert look.faults == []

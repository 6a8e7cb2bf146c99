"""Looks at one page as everybody may see it: both languages, phone and desk, narrow, light, dark.

A page is loaded once a language and then resized, which is what a window does. What is wrong is
collected, so that one run tells all of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page

from tests.axe import axe
from tests.live.stack import Stack

LANGUAGES = ("zh-hans", "en")
PHONE, DESK, NARROW = 390, 1280, 320
HEIGHT = 844
# The browser reports what the content policy forbids as an event; here it becomes a line.
TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy: ${event.effectiveDirective} forbids ${event.blockedURI}`));
"""
# What a reader sees that is marked as no other language's: text, and what is said in its place.
READ_WORDS = """
() => {
    const page = document.documentElement.lang, words = [];
    const own = (each) => each.closest("[lang]").lang === page;
    const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (nodes.nextNode()) {
        const node = nodes.currentNode, parent = node.parentElement;
        if (!node.data.trim() || parent.closest("script, style, textarea, [translate=no]"))
            continue;
        if (own(parent)) words.push(node.data.trim());
    }
    for (const name of ["aria-label", "alt", "title", "placeholder", "aria-description"])
        for (const each of document.body.querySelectorAll(`[${name}]`))
            if (own(each)) words.push(each.getAttribute(name));
    return [document.title, ...words];
}
"""
# What somebody has named, and is written as it is on any page.
NAMES = """
SELECT legal_name AS name FROM accounts_borrower UNION SELECT name FROM accounts_user
UNION SELECT key FROM loans_stage UNION SELECT key FROM loans_product
"""
# Lines that tell no fault of the page: an answer of 4xx to a form with a mistake, and a preview
# that was still on its way when the page was left.
EXPECTED = (
    "the server responded with a status of 4",
    "htmx:afterRequest",
    "htmx:sendAbort",
    "htmx:sendError",
)


# Of either language, or of none: addresses, anything with a digit in it, currencies and time zones,
# languages by their own names, what has one name everywhere, the placeholders of templates in their
# braces. "Search" is Django's, of a picture.
SHARED = r"""(?ax)
    [\w.+*-]+@[\w.-]+ | https?://[!-~]+ | [\w./:#-]*\d[\w./:#-]*
    | \b(?:PDF|CSV|MB|EN|UTC|WCAG|AA|CNY|USD|webhook|[Vv]isa)\b | \b[A-Z][a-z]+/[A-Z]\w+
    | ^(?:English|简体中文|Search)$ | \{[a-z_]+\}
"""


def find_foreign(text: str, language: str) -> str:
    """Find the first words of the other language in a text; empty if there are none."""
    wrong = r"[A-Za-z]{2,}" if language == "zh-hans" else r"[\u3400-\u9fff]+"
    found = re.search(wrong, re.sub(SHARED, " ", text))
    return found[0] if found else ""


@dataclass
class Look:
    """A browser window and what was wrong with the pages it showed."""

    stack: Stack
    page: Page
    faults: list[str] = field(default_factory=list)
    dark: bool = False
    called: list[str] = field(default_factory=list)
    """What a test brings along besides the demo's people: names, words of its own, codes."""
    _at: str = ""

    def __post_init__(self) -> None:
        self.page.add_init_script(TELL_VIOLATIONS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(f"{self._at}: {error}"))

    def open(self, path: str, *, lands: str = "") -> None:
        """Go to an address of the portal and look at it.

        Args:
            lands: the path it ends on, where that is another one.
        """
        for language in LANGUAGES:
            self._speak(language)
            self.page.goto(self.stack.url + path)
            self._look(language, lands or urlsplit(path).path)

    def here(self, path: str) -> None:
        """Look at the page that is open now; it is loaded anew, a form's answer included."""
        for language in LANGUAGES:
            self._speak(language)
            self.page.reload()
            self._look(language, path)

    def languages(self, width: int) -> Iterator[str]:
        """Show the page that is open in each language, scrolled to its top, in a window so wide."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        for language in LANGUAGES:
            self._speak(language)
            self.page.reload()
            self.page.evaluate("scrollTo(0, 0)")
            yield language

    def _look(self, language: str, path: str) -> None:
        page = self.page
        self._at = f"{urlsplit(page.url).path} {language}"
        if urlsplit(page.url).path != path:
            self.faults.append(f"{self._at}: expected {path}")
        self._read(language)
        for width in (PHONE, DESK):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            self._measure(width)
            self._check(str(width))
        page.set_viewport_size({"width": NARROW, "height": HEIGHT})
        self._measure(NARROW)
        if self.dark:
            self._look_in_the_dark()

    def _read(self, language: str) -> None:
        """No English on a Chinese page, nor the reverse, but for what people are called."""
        named = {*self.called, *(row["name"] for row in self.stack.rows(NAMES))} - {""}
        called = sorted(named, key=len, reverse=True)
        for words in dict.fromkeys(self.page.evaluate(READ_WORDS)):
            left = words
            for name in called:
                left = left.replace(name, "")
            if find_foreign(left, language):
                self.faults.append(f"{self._at}: in the other language: {words[:120]!r}")

    def _look_in_the_dark(self) -> None:
        self.page.set_viewport_size({"width": PHONE, "height": HEIGHT})
        self.page.emulate_media(color_scheme="dark")
        self._check("dark")
        self.page.emulate_media(color_scheme="light")

    def _check(self, how: str) -> None:
        # A color on its way to another is neither.
        self.page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
        self.faults += [f"{self._at} {how}: {line}" for line in axe(self.page)]

    def _measure(self, width: int) -> None:
        """The page must not scroll sideways; who stands out is named."""
        wider = self.page.evaluate(
            """(width) => document.documentElement.scrollWidth <= width ? [] :
                [...document.querySelectorAll("body *")]
                    .filter((each) => each.getBoundingClientRect().right > width + 0.5)
                    .slice(0, 3)
                    .map((each) => each.outerHTML.slice(0, 120))""",
            width,
        )
        self.faults += [f"{self._at} {width}: wider than the window: {each}" for each in wider]

    def _speak(self, language: str) -> None:
        self.page.context.add_cookies(
            [{"name": "django_language", "value": language, "url": self.stack.url}]
        )

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        if not any(words in message.text for words in EXPECTED):
            self.faults.append(f"{self._at}: console: {message.text}")

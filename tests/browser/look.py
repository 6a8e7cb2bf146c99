"""Looks at one page as everybody may see it: both languages, phone and desk, narrow, light, dark.

A page is loaded once a language and then resized, which is what a window does. What is wrong is
collected, so that one run tells all of it.
"""

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
# Lines that tell no fault of the page: an answer of 4xx to a form with a mistake, and a preview
# that was still on its way when the page was left.
EXPECTED = (
    "the server responded with a status of 4",
    "htmx:afterRequest",
    "htmx:sendAbort",
    "htmx:sendError",
)


@dataclass
class Look:
    """A browser window and what was wrong with the pages it showed."""

    stack: Stack
    page: Page
    faults: list[str] = field(default_factory=list)
    dark: bool = False
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
        for width in (PHONE, DESK):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            self._measure(width)
            self._check(str(width))
        page.set_viewport_size({"width": NARROW, "height": HEIGHT})
        self._measure(NARROW)
        if self.dark:
            self._look_in_the_dark()

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

"""The card form: reads what was typed into a test card; keeps neither number nor code."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from . import clock
from .cards import TestCard, card_by_number

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
EXPIRY = re.compile(r"(\d{1,2})\s*/?\s*(\d{2}|\d{4})")


@dataclass
class CardForm:
    """A typed card: `errors` by field, and the values that may be shown again."""

    ask_email: bool
    holder: str = ""
    email: str = ""
    expiry: str = ""
    exp_month: int = 0
    exp_year: int = 0
    card: TestCard | None = None
    errors: dict[str, str] = field(default_factory=dict)

    def read(self, posted: dict[str, Any], words: dict[str, str]) -> bool:
        """Take the fields in; returns whether a card can be tried."""
        self.holder = str(posted.get("holder", "")).strip()[:200]
        self.expiry = str(posted.get("expiry", "")).strip()[:10]
        digits = re.sub(r"[\s-]", "", str(posted.get("number", "")))
        code = str(posted.get("cvc", "")).strip()
        try:
            self.card = card_by_number(digits)
        except ValueError:
            self.errors["number"] = words["bad_number"]
        self._read_expiry(words)
        if not re.fullmatch(r"\d{3,4}", code, re.ASCII):
            self.errors["cvc"] = words["bad_cvc"]
        if not self.holder or re.search(r"\d{12,}", self.holder.replace(" ", "")):
            self.errors["holder"] = words["bad_holder"]
        return self.read_payer(posted, words)

    def read_payer(self, posted: dict[str, Any], words: dict[str, str]) -> bool:
        """Take in what a wallet needs of the fields; returns whether it can be tried."""
        self.email = str(posted.get("email", "")).strip()[:500]
        if self.ask_email and not EMAIL.fullmatch(self.email):
            self.errors["email"] = words["bad_email"]
        return not self.errors

    def _read_expiry(self, words: dict[str, str]) -> None:
        match = EXPIRY.fullmatch(self.expiry)
        month = int(match[1]) if match else 0
        if match is None or not 1 <= month <= 12:
            self.errors["expiry"] = words["bad_expiry"]
            return
        year = int(match[2]) + (2000 if len(match[2]) == 2 else 0)
        today = datetime.fromtimestamp(clock.now(), UTC)
        if (year, month) < (today.year, today.month):
            self.errors["expiry"] = words["past_expiry"]
        elif year > today.year + 50:
            self.errors["expiry"] = words["bad_expiry"]
        self.exp_month, self.exp_year = month, year

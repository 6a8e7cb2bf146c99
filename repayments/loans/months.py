"""A month in an address: 2026-11."""

from datetime import date


class MonthConverter:
    """Gives the month's first day."""

    regex = "[0-9]{4}-(?:0[1-9]|1[0-2])"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(f"{value}-01")

    def to_url(self, value: date) -> str:
        return value.strftime("%Y-%m")

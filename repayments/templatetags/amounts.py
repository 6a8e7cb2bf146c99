"""How templates put money, dates and times into words, in the reader's language.

Only presentation: it takes whole minor units with their currency and dates as they are, and
refuses to know what a figure means, which day it is, or whose loan it belongs to.
"""

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton, get_timezone_name
from babel.lists import format_list
from django import template
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from repayments.money import format_money

register = template.Library()


def _language() -> str:
    return get_language() or "en"


def _is_chinese() -> bool:
    return _language().startswith("zh")


def _locale() -> str:
    return "zh_Hans" if _is_chinese() else "en"


@register.simple_tag
def money(amount: int | str | None, currency: str) -> SafeString | str:
    """Write an amount so that it never wraps and its digits line up.

    Args:
        amount: whole minor units (fen, cents); None, for a figure not known, gives a dash.
        currency: ISO 4217 code.
    """
    # A name that a template does not know comes as an empty text.
    if amount is None or isinstance(amount, str):
        return "–"
    return format_html('<span class="money">{}</span>', format_money(amount, currency, _language()))


@register.simple_tag
def money_text(amount: int, currency: str) -> str:
    """Write an amount as bare text, for attributes, buttons and sentences."""
    return format_money(amount, currency, _language())


@register.filter
def day(value: date | None) -> str:
    """Write a date without its year: "12 Nov", "11月12日"."""
    if not value:
        return ""
    return date_format(value, "n月j日" if _is_chinese() else "j M", use_l10n=False)


def day_list(values: Iterable[date]) -> str:
    """Write dates without their year: "12 Nov and 1 Dec", "11月12日和12月1日"."""
    return format_list([day(value) for value in values], locale=_locale())


@register.filter
def long_day(value: date | None) -> str:
    """Write a date with its year: "12 November 2025", "2025年11月12日"."""
    if not value:
        return ""
    return date_format(value, "Y年n月j日" if _is_chinese() else "j F Y", use_l10n=False)


@register.filter
def long_month(value: date | None) -> str:
    """Write the month of a date with its year: "November 2025", "2025年11月"."""
    if not value:
        return ""
    return date_format(value, "Y年n月" if _is_chinese() else "F Y", use_l10n=False)


@register.filter
def year_day(value: date | None) -> str:
    """Write a date with its year, short enough for a table: "12 Nov 2025", "2025年11月12日"."""
    if not value:
        return ""
    return date_format(value, "Y年n月j日" if _is_chinese() else "j M Y", use_l10n=False)


@register.filter
def weekday_day(value: date | None) -> str:
    """Write a date with its weekday, for appointments: "Tue 1 Dec", "12月1日周二"."""
    if not value:
        return ""
    weekday = format_skeleton("E", datetime.combine(value, datetime.min.time()), locale=_locale())
    return f"{day(value)}{weekday}" if _is_chinese() else f"{weekday} {day(value)}"


@register.filter
def local_time(value: datetime | None, zone: str) -> str:
    """Write a moment on the clock of a zone, and say whose clock it is.

    Args:
        value: aware datetime.
        zone: IANA name, such as "Asia/Shanghai".
    Returns: "1 Dec 2025, 17:00 (China Time)" or "2025年12月1日 17:00（中国时间）".
    """
    if not value:
        return ""
    local = value.astimezone(ZoneInfo(str(zone)))
    name = get_timezone_name(local, zone_variant="generic", locale=_locale())
    if name.startswith("GMT"):
        name = str(zone)
    if _is_chinese():
        return f"{long_day(local)} {local:%H:%M}（{name}）"
    return f"{date_format(local, 'j M Y', use_l10n=False)}, {local:%H:%M} ({name})"

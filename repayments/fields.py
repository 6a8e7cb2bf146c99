"""Amounts of money in a row and in a form, both as whole minor units.

``MoneyField`` stores and returns ``int``; it refuses to know the currency, which stands once on the
loan or book the row belongs to. ``AmountField`` reads what somebody typed. Decimals and words are
made, and text is read, by ``money`` alone.
"""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from repayments.money import InvalidAmount, parse_amount


class MoneyField(models.BigIntegerField):
    """Whole minor units (fen, cents, yen). Sums in SQL are exact on both engines."""

    description = _("Amount in minor units")

    def get_prep_value(self, value: Any) -> Any:
        """Refuse anything but whole numbers: a float or a Decimal is a mistake made earlier."""
        if isinstance(value, bool) or type(value).__name__ in ("float", "Decimal"):
            raise ValidationError(_("Money is stored in whole minor units."))
        return super().get_prep_value(value)


class AmountField(forms.CharField):
    """An amount as people write it; gives minor units of ``currency``.

    ``currency`` may be set on the field of a form once its loan is known. The codes of
    ``InvalidAmount`` are keys of its ``error_messages``.
    """

    default_error_messages = {  # noqa: RUF012 - Django's own way
        "not_a_number": _("Write the amount in digits, such as 1200.50."),
        "too_many_decimals": _("That is finer than the smallest coin. Use fewer decimals."),
        "negative": _("The amount must be more than zero."),
        "zero": _("The amount must be more than zero."),
        "too_large": _("This amount is too large."),
    }

    def __init__(self, *, currency: str = "CNY", **options: Any) -> None:
        super().__init__(**options)
        self.currency = currency
        self.widget.attrs.update(inputmode="decimal", autocomplete="off")

    def clean(self, value: Any) -> Any:
        """Return int minor units, or None for an optional empty field."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_amount(text, self.currency)
        except InvalidAmount as error:
            raise ValidationError(self.error_messages[error.code], code=error.code) from error

"""MoneyField: an amount of money in a row, as whole minor units of the row's currency.

It stores and returns ``int``; it refuses to know the currency, which stands once on the loan or
book the row belongs to. Decimals and words are made from it by ``money`` alone.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


class MoneyField(models.BigIntegerField):
    """Whole minor units (fen, cents, yen). Sums in SQL are exact on both engines."""

    description = _("Amount in minor units")

    def get_prep_value(self, value: Any) -> Any:
        """Refuse anything but whole numbers: a float or a Decimal is a mistake made earlier."""
        if isinstance(value, bool) or type(value).__name__ in ("float", "Decimal"):
            raise ValidationError(_("Money is stored in whole minor units."))
        return super().get_prep_value(value)

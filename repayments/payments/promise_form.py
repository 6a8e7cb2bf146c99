"""How much a borrower promises, and by when."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from repayments.fields import AmountField
from repayments.money import decimal_text


class PromiseForm(forms.Form):
    """An amount in minor units and a day."""

    use_required_attribute = False

    amount = AmountField(label=_("How much will you pay?"))
    promised_for = forms.DateField(
        label=_("By which day?"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"required": _("Choose a day.")},
    )

    def __init__(self, *args: Any, currency: str, amount: int, until: date, **kwargs: Any) -> None:
        """Args: amount: shown at first, minor units. until: the last day, inclusive."""
        super().__init__(*args, **kwargs)
        field = self.fields["amount"]
        assert isinstance(field, AmountField)
        field.currency = currency
        if amount:
            field.initial = decimal_text(amount, currency)
        self.fields["promised_for"].widget.attrs["max"] = until.isoformat()

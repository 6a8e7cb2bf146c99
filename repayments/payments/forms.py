"""The choice of an amount: text from a borrower to whole minor units, or words on what to mend."""

import re
from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from repayments.money import InvalidAmount, format_money, parse_amount
from repayments.payments.models import Payment
from repayments.payments.queries import PayPage
from repayments.payments.services import AmountRefused, check_amount

AMOUNT_ERRORS = {
    "not_a_number": _("Write the amount in digits, for example 1050.00."),
    "too_many_decimals": _("That is finer than the smallest coin. Use fewer decimals."),
    "negative": _("The amount has to be above zero."),
    "zero": _("The amount has to be above zero."),
    "too_large": _("That is more than can be paid at once."),
}
BOTH_GIVEN = _(
    "You wrote an amount and marked another choice. Mark “Another amount”, or empty the field."
)


class PayForm(forms.Form):
    """What to pay. ``cleaned_data["minor"]`` is the amount in minor units."""

    use_required_attribute = False

    purpose = forms.ChoiceField(label=_("How much do you want to pay?"))
    amount = forms.CharField(
        label=_("Amount"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, page: PayPage, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.page = page
        purpose = self.fields["purpose"]
        assert isinstance(purpose, forms.ChoiceField)
        purpose.choices = [(choice.value, choice.label) for choice in page.choices]
        purpose.error_messages["required"] = _("Choose what you want to pay.")
        purpose.error_messages["invalid_choice"] = _("Choose one of the amounts below.")

    def full_clean(self) -> None:
        """Ask for the typed amount with its own choice only; its label says nothing of that."""
        self.fields["amount"].required = False
        super().full_clean()
        self.fields["amount"].required = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        purpose = cleaned.get("purpose")
        if purpose is None:
            return cleaned
        at_fault = "amount" if purpose == Payment.Purpose.OTHER else "purpose"
        if cleaned.get("amount") and purpose != Payment.Purpose.OTHER:
            # Which of the two was meant is not for us to guess.
            self.add_error("purpose", BOTH_GIVEN)
            return cleaned
        try:
            cleaned["minor"] = minor = self._read(purpose, cleaned.get("amount", ""))
            check_amount(
                loan=self.page.loan, position=self.page.position, purpose=purpose, amount=minor
            )
        except InvalidAmount as error:
            self.add_error(at_fault, AMOUNT_ERRORS[error.code])
        except AmountRefused as error:
            self.add_error(at_fault, str(error))
        return cleaned

    def _read(self, purpose: str, text: str) -> int:
        if purpose == Payment.Purpose.OTHER:
            return parse_amount(text, self.page.loan.currency)
        amount = self.page.amount_of(purpose)
        assert amount is not None
        return amount

    @property
    def chosen(self) -> str:
        """The choice that is marked; the first one unless another was asked for."""
        wanted = self.data.get("purpose") or self.initial.get("purpose")
        values = [choice.value for choice in self.page.choices]
        return wanted if wanted in values else (values[0] if values else "")

    @property
    def cards(self) -> list[dict[str, Any]]:
        """The choices as the radio cards take them."""
        return [
            {
                "value": choice.value,
                "label": choice.label,
                "amount": choice.amount,
                "effect": choice.effect,
                "checked": choice.value == self.chosen,
                "field": self["amount"] if choice.value == Payment.Purpose.OTHER else None,
                "prefix": currency_sign(self.page.loan.currency),
            }
            for choice in self.page.choices
        ]


def currency_sign(currency: str) -> str:
    """The sign that stands before an amount: ¥, $, KWD."""
    return re.sub(r"[\d.,\s\u00a0]", "", format_money(0, currency, get_language() or "en"))

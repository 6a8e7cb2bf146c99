"""The choice of an amount: text from a borrower to whole minor units, or words on what to mend."""

import re
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.forms import StepUpForm
from repayments.fields import AmountField
from repayments.money import format_money
from repayments.payments.autopay_page import AutopayPage, describe_card
from repayments.payments.models import CreditChoice, Payment, Refund
from repayments.payments.money_back import CreditOffer
from repayments.payments.queries import PayPage
from repayments.payments.services import AmountRefused, check_amount

BOTH_GIVEN = _(
    "You wrote an amount and marked another choice. Mark “Another amount”, or empty the field."
)


class PayForm(forms.Form):
    """What to pay. ``cleaned_data["minor"]`` is the amount in minor units."""

    use_required_attribute = False

    purpose = forms.ChoiceField(label=_("How much do you want to pay?"))
    amount = AmountField(label=_("Amount"), required=False)

    def __init__(self, *args: Any, page: PayPage, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.page = page
        purpose, amount = self.fields["purpose"], self.fields["amount"]
        assert isinstance(amount, AmountField)
        amount.currency = page.loan.currency
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
        if purpose == Payment.Purpose.OTHER:
            at_fault, minor = "amount", cleaned.get("amount")
            if minor is None:
                if "amount" not in self.errors:
                    self.add_error("amount", self.fields["amount"].error_messages["not_a_number"])
                return cleaned
        else:
            was_typed = bool(self.errors.pop("amount", None)) or bool(cleaned.get("amount"))
            if purpose is None:
                return cleaned
            if was_typed:
                # Which of the two was meant is not for us to guess.
                self.add_error("purpose", BOTH_GIVEN)
                return cleaned
            at_fault, minor = "purpose", self.page.amount_of(purpose)
            assert minor is not None
        cleaned["minor"] = minor
        try:
            check_amount(
                loan=self.page.loan,
                position=self.page.position,
                purpose=purpose,
                amount=minor,
                quote=self.page.quote,
            )
        except AmountRefused as error:
            self.add_error(at_fault, str(error))
        return cleaned

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


class AutopayForm(forms.Form):
    """Consent to automatic payment, and which card. ``card_id`` is None for one to be saved."""

    use_required_attribute = False
    ANOTHER = "another"

    card = forms.ChoiceField(label=_("Which card?"), required=False)
    version = forms.CharField(max_length=20, widget=forms.HiddenInput)
    agree = forms.BooleanField(
        label=_("I agree to this."),
        error_messages={"required": _("Automatic payment starts only if you agree.")},
    )

    def __init__(self, *args: Any, page: AutopayPage, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"version": page.consent_version})
        super().__init__(*args, **kwargs)
        self.page = page
        card = self.fields["card"]
        assert isinstance(card, forms.ChoiceField)
        card.choices = [(str(one.public_id), describe_card(one)) for one in page.cards] + [
            (self.ANOTHER, _("Another card"))
        ]
        card.error_messages["invalid_choice"] = _("Choose one of the cards below.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = cleaned.get("card")
        found = [one.pk for one in self.page.cards if str(one.public_id) == chosen]
        cleaned["card_id"] = found[0] if found else None
        return cleaned

    @property
    def choices(self) -> list[dict[str, Any]]:
        """The cards as the radio cards take them."""
        values = [value for value, _label in self.fields["card"].choices]  # type: ignore[attr-defined]
        wanted = self.data.get("card")
        chosen = wanted if wanted in values else values[0]
        return [
            {"value": value, "label": label, "checked": value == chosen}
            for value, label in self.fields["card"].choices  # type: ignore[attr-defined]
        ]


def currency_sign(currency: str) -> str:
    """The sign that stands before an amount: ¥, $, KWD."""
    return re.sub(r"[\d.,\s\u00a0]", "", format_money(0, currency, get_language() or "en"))


class CreditForm(forms.Form):
    """What to do with money left over; a loan that is paid off keeps none."""

    use_required_attribute = False

    choice = forms.ChoiceField(
        label=_("What shall we do with it?"),
        error_messages={"required": _("Choose what we shall do with it.")},
    )

    def __init__(
        self, *args: Any, offer: CreditOffer, effects: dict[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.options = [
            (str(value), str(label), effects[value])
            for value, label in CreditChoice.Choice.choices
            if offer.can_keep or value != CreditChoice.Choice.KEEP
        ]
        choice = self.fields["choice"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [(value, label) for value, label, _effect in self.options]
        choice.error_messages["invalid_choice"] = choice.error_messages["required"]

    @property
    def cards(self) -> list[dict[str, Any]]:
        """The choices as the radio cards take them; none is marked where there are two."""
        only = self.options[0][0] if len(self.options) == 1 else ""
        marked = self.data.get("choice") or only
        return [
            {
                "value": value,
                "label": capfirst(label),
                "effect": effect,
                "checked": value == marked,
            }
            for value, label, effect in self.options
        ]


class RefundForm(StepUpForm):
    """What staff propose to send back, and why."""

    amount = AmountField(label=_("Amount"), max_length=40)
    reason = forms.ChoiceField(label=_("Reason"), choices=Refund.Reason.choices)
    note = forms.CharField(
        label=_("In your words"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Colleagues read this."),
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        amount = self.fields["amount"]
        assert isinstance(amount, AmountField)
        amount.currency = currency


class RefundDecisionForm(StepUpForm):
    """Why a proposed refund is allowed or not."""

    note = forms.CharField(
        label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, is_read_by_borrower: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_read_by_borrower:
            self.fields["note"].help_text = _("The borrower reads this.")


class BankRefundForm(StepUpForm):
    """That a refund was sent from the lender's bank."""

    note = forms.CharField(
        label=_("The bank's reference"),
        max_length=120,
        help_text=_("As the bank names the transfer."),
    )

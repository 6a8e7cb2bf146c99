"""What may be asked of a loan, and of one that does not exist yet."""

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from repayments.fields import AmountField
from repayments.loans.models import Loan
from repayments.loans.services import QuoteDayRefused, check_quote_day, last_quote_day

LARGEST = 10**12


class IllustrationForm(forms.Form):
    principal = AmountField(label=_("How much you would borrow"), initial="10000")
    annual_rate = forms.DecimalField(
        label=_("Interest a year, in percent"),
        min_value=Decimal(0),
        max_value=Decimal(100),
        max_digits=7,
        decimal_places=4,
        initial=Decimal(12),
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    installments = forms.IntegerField(
        label=_("How many monthly payments"), min_value=1, max_value=360, initial=12
    )
    amortization = forms.ChoiceField(
        label=_("How it is repaid"),
        choices=[
            choice for choice in Loan.Amortization.choices if choice[0] != Loan.Amortization.CUSTOM
        ],
        initial=Loan.Amortization.EQUAL_INSTALLMENT,
    )

    def clean_principal(self) -> int:
        principal: int = self.cleaned_data["principal"]
        if principal > LARGEST:
            raise forms.ValidationError(self.fields["principal"].error_messages["too_large"])
        return principal


class PayoffForm(forms.Form):
    """The day a loan is to be paid off."""

    use_required_attribute = False

    day = forms.DateField(
        label=_("Pay it all off on"),
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={
            "required": _("Choose a day."),
            "invalid": _("Write the day as year, month and day, such as 2026-12-31."),
        },
    )

    def __init__(self, *args: Any, today: date, **options: Any) -> None:
        super().__init__(*args, **options)
        self.today = today
        self.fields["day"].initial = today
        self.fields["day"].widget.attrs |= {
            "min": today.isoformat(),
            "max": last_quote_day(today).isoformat(),
        }

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        try:
            check_quote_day(good_through=day, today=self.today)
        except QuoteDayRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return day

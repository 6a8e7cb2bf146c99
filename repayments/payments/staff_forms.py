"""What staff type at the desk where bank transfers and unmatched money are placed."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from repayments.fields import AmountField
from repayments.loans.models import Loan
from repayments.money import UnknownCurrency, exponent
from repayments.payments.models import AutopayCharge

LARGEST_STATEMENT = 5_000_000


class StatementForm(forms.Form):
    """A bank's statement as a file."""

    file = forms.FileField(
        label=_("Bank statement (CSV)"),
        help_text=_(
            "The first line names the columns: booked_on, amount, currency, text; if your bank "
            "gives them also reference, payer, line_id."
        ),
    )
    only_check = forms.BooleanField(label=_("Only check it, keep nothing"), required=False)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_STATEMENT:
            raise forms.ValidationError(
                _("This file is too large for a page. Use manage.py import_bank_statement.")
            )
        return file


class LoanField(forms.CharField):
    """A loan by its number."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label=_("Loan number"), max_length=64, **kwargs)

    def clean(self, value: Any) -> Any:
        number = super().clean(value)
        if not number:
            return None
        loan = Loan.objects.select_related("borrower", "product").filter(number=number).first()
        if loan is None:
            raise forms.ValidationError(_("There is no loan of this number."))
        return loan


class TransferForm(forms.Form):
    """One transfer as the bank told of it."""

    loan = LoanField()
    booked_on = forms.DateField(
        label=_("Booked on"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    currency = forms.CharField(label=_("Currency"), max_length=3)
    amount = AmountField(label=_("Amount"))
    payer = forms.CharField(label=_("Payer"), max_length=200, required=False)
    text = forms.CharField(
        label=_("Text of the transfer"),
        max_length=400,
        help_text=_("As the bank shows it. The same transfer recorded twice is kept once."),
    )

    def __init__(self, *args: Any, as_of: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.as_of = as_of

    def clean_booked_on(self) -> date:
        day: date = self.cleaned_data["booked_on"]
        if day > self.as_of:
            raise forms.ValidationError(_("This day has not come yet."))
        return day

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"].upper()
        try:
            exponent(currency)
        except UnknownCurrency as error:
            raise forms.ValidationError(
                _("This is not a currency code. Write it like CNY.")
            ) from error
        # Cleaned before the amount, whose decimals it says.
        _set_currency(self, currency)
        return currency


class PlaceForm(forms.Form):
    """Where unmatched money belongs, and why."""

    loan = LoanField()
    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )


class StopForm(forms.Form):
    """What of automatic payment is stopped, and what the borrower said."""

    ALL = "all"

    what = forms.ChoiceField(label=_("What is stopped?"), widget=forms.RadioSelect)
    note = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What the borrower said, and how. Colleagues read this."),
    )

    def __init__(self, *args: Any, charges: list[AutopayCharge], **kwargs: Any) -> None:
        """Args: charges: those announced, each of which may be left out alone."""
        super().__init__(*args, **kwargs)
        what = self.fields["what"]
        assert isinstance(what, forms.ChoiceField)
        what.choices = [
            (self.ALL, _("Automatic payment, for good")),
            *(
                (
                    str(charge.pk),
                    _("Only the charge of {day}").format(day=charge.charge_on.isoformat()),
                )
                for charge in charges
            ),
        ]


class StaffPromiseForm(forms.Form):
    """What a borrower told a colleague they will pay, and by when."""

    loan = LoanField()
    amount = AmountField(label=_("Amount"))
    promised_for = forms.DateField(
        label=_("By"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def clean_loan(self) -> Loan:
        loan: Loan = self.cleaned_data["loan"]
        # Cleaned before the amount, whose decimals its currency says.
        _set_currency(self, loan.currency)
        return loan


def _set_currency(form: forms.Form, currency: str) -> None:
    amount = form.fields["amount"]
    assert isinstance(amount, AmountField)
    amount.currency = currency

"""What staff type about a contract: why, and the last day to sign it."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from repayments.contracts.services.close import REASON_LENGTH


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        help_text=_("For the record; the borrower does not see it."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ExpiryForm(ReasonForm):
    """A day, or none at all: then the contract can be signed until it is taken back."""

    last_day = forms.DateField(
        label=_("Last day to sign"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    without = forms.BooleanField(label=_("No last day"), required=False)
    field_order = ("last_day", "without", "reason")

    def __init__(self, data: Any = None, *, today: date, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.today = today

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        day, without = cleaned.get("last_day"), cleaned.get("without")
        if day and without:
            self.add_error("without", _("Give a day or tick this box, not both."))
        elif not day and not without and "last_day" not in self.errors:
            self.add_error("last_day", _("Give a day, or tick the box below."))
        elif day and day < self.today:
            self.add_error("last_day", _("This day is over. To end a contract, take it back."))
        return cleaned

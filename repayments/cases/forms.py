"""What staff and borrowers fill in about cases; every act of staff asks its reason."""

from collections.abc import Sequence
from datetime import date, timedelta

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.cases.models import Case
from repayments.contacts.models import ContactAttempt

LONGEST_WAIT = timedelta(days=90)


def _words(rows: int = 3) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class NoteForm(forms.Form):
    text = forms.CharField(label=_("Note"), max_length=2000, widget=_words())


class WaitForm(forms.Form):
    until = forms.DateField(
        label=_("Until"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    reason = forms.CharField(label=_("What is waited for"), max_length=500, widget=_words(2))

    def __init__(self, *args: object, as_of: date, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.as_of = as_of

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        if not self.as_of < until <= self.as_of + LONGEST_WAIT:
            raise forms.ValidationError(_("Choose a day within the next 90 days."))
        return until


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=_words(2))


class CloseForm(forms.Form):
    reason = forms.ChoiceField(
        label=_("How it ended"), choices=[("", "---------"), *Case.CloseReason.choices]
    )
    note = forms.CharField(label=_("In words"), max_length=500, widget=_words(2))
    answer = forms.CharField(
        label=_("Answer to the borrower"),
        max_length=2000,
        required=False,
        widget=_words(4),
        help_text=_("The borrower reads this on the help page; an e-mail says that it is there."),
    )

    def __init__(self, *args: object, is_asked: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        if not is_asked:
            del self.fields["answer"]


class ReassignForm(forms.Form):
    assignee = forms.ModelChoiceField(label=_("To"), queryset=User.objects.none())
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=_words(2))

    def __init__(self, *args: object, colleagues: QuerySet[User], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["assignee"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = colleagues


class CallForm(forms.Form):
    address = forms.ChoiceField(label=_("Number"))

    def __init__(self, *args: object, numbers: Sequence[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["address"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(number, number) for number in numbers]


class CallOutcomeForm(forms.Form):
    decision = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    outcome = forms.ChoiceField(
        label=_("How it went"), choices=[("", "---------"), *ContactAttempt.Outcome.choices]
    )
    note = forms.CharField(
        label=_("What was said"), max_length=2000, required=False, widget=_words()
    )


class HelpForm(forms.Form):
    """The borrower's own words about one of the four things a person can be asked."""

    words = forms.CharField(max_length=2000, widget=_words(4))

    def __init__(self, *args: object, label: str = "", **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["words"].label = label or _("In your words")

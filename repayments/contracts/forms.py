"""What the pages of the ceremony and of verification take in."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Borrower
from repayments.contracts import consents, services
from repayments.contracts.drawings import DrawingRefused
from repayments.contracts.models import Signature


class ConsentForm(forms.Form):
    """One box for each consent, none ticked; the words are those of the document's language."""

    def __init__(self, data: Any = None, *, locale: str) -> None:
        super().__init__(data)
        for key in consents.REQUIRED:
            self.fields[key] = forms.BooleanField(
                label=consents.text_of(key, locale),
                error_messages={"required": _("Please tick this box to go on.")},
            )

    def agreed(self) -> list[str]:
        return [key for key in consents.REQUIRED if self.cleaned_data.get(key)]


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code from the e-mail"),
        max_length=40,
        error_messages={"required": _("Please enter the six digits of the code.")},
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}
        ),
    )


class SignForm(forms.Form):
    """A name, typed or drawn; a drawing counts where there is one."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=200,
        error_messages={"required": _("Please type or draw your name.")},
        widget=forms.TextInput(attrs={"autocomplete": "name", "spellcheck": "false"}),
    )
    drawing = forms.CharField(required=False, widget=forms.HiddenInput, label=_("Your drawing"))

    def __init__(self, data: Any = None, *, borrower: Borrower) -> None:
        super().__init__(data)
        self.borrower = borrower
        if data and data.get("drawing"):
            self.fields["name"].required = False
        self.fields["name"].help_text = _("As it stands in the document: %(name)s") % {
            "name": borrower.legal_name
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        drawing, name = cleaned.get("drawing", ""), cleaned.get("name", "")
        try:
            if drawing:
                png = services.read_drawing(drawing)
                cleaned["draft"] = services.Draft(
                    Signature.Mode.DRAWN, self.borrower.legal_name, png
                )
            elif name:
                name = services.check_name(name=name, borrower=self.borrower)
                cleaned["draft"] = services.Draft(Signature.Mode.TYPED, name)
        except (DrawingRefused, services.NameRefused) as refusal:
            self.add_error("name", str(refusal))
        return cleaned


class DeclineForm(forms.Form):
    reason = forms.CharField(
        label=_("Why do you not want to sign?"),
        help_text=_("A few words are enough. They help us to make a better offer."),
        max_length=500,
        error_messages={"required": _("Please tell us why, in a few words.")},
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class VerifyForm(forms.Form):
    """A file or a code; one of them."""

    document = forms.FileField(
        label=_("The PDF file"),
        help_text=_("Up to 10 MB. We look at it and do not keep it."),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": "application/pdf,.pdf"}),
    )
    code = forms.CharField(
        label=_("Or the code on its last page"),
        help_text=_("Twelve letters and digits, such as 7K4M-Q2XD-9FHP."),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, data: Any = None, files: Any = None, **kwargs: Any) -> None:
        super().__init__(data, files, **kwargs)
        # One of the two is needed, so neither is shown as optional.
        for field in self.fields.values():
            field.required = data is None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("document") and not cleaned.get("code") and not self.errors:
            self.add_error("document", _("Please choose a file or enter a code."))
        return cleaned

"""What a person types to come in, and the little they may change."""

import unicodedata
from typing import Any

from allauth.account.forms import ConfirmLoginCodeForm
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from accounts.models import Borrower, Language, User
from accounts.services import PHONE_DIGITS, asks_for_phone


class ActivateForm(forms.Form):
    second_fact = forms.CharField(max_length=64)
    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        help_text=_(
            "Leave it empty if you would rather get a code by e-mail each time. "
            "At least 10 characters."
        ),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, borrower: Borrower, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.borrower = borrower
        field = self.fields["second_fact"]
        if asks_for_phone(borrower):
            field.label = _("The last 4 digits of your phone number")
            field.help_text = _("The number you gave us when you took out the loan.")
            field.widget.attrs.update(
                inputmode="numeric", autocomplete="off", maxlength=PHONE_DIGITS
            )
        else:
            field.label = _("Your customer reference")
            field.help_text = _("It is on every letter from us.")
            field.widget.attrs.update(autocomplete="off")

    def clean_second_fact(self) -> str:
        # A Chinese keyboard writes full-width digits; they are the same digits.
        return unicodedata.normalize("NFKC", self.cleaned_data["second_fact"])

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if password:
            person = User(email=self.borrower.email, name=self.borrower.legal_name)
            validate_password(password, person)
        return password


class SignInCodeForm(ConfirmLoginCodeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs["inputmode"] = "numeric"


class _PlainCode:
    """Names the code of the second step in words everybody knows."""

    label: Any = _("Six digits from your app")
    help_text: Any = _("Or one of your spare codes.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code = self.fields["code"]  # type: ignore[attr-defined]
        code.label, code.help_text = self.label, self.help_text
        code.widget.attrs.pop("placeholder", None)


class SecondStepForm(_PlainCode, AuthenticateForm):
    pass


class SecondStepAgainForm(_PlainCode, ReauthenticateForm):
    pass


class StepUpForm(forms.Form):
    """An act that takes the second factor at its very moment: the code is asked for beside it.

    The code is looked at last, when nothing else is wrong: a code works once.
    """

    use_required_attribute = False

    code = forms.CharField(
        label=_PlainCode.label,
        help_text=_PlainCode.help_text,
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.order_fields([name for name in self.fields if name != "code"] + ["code"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            again = SecondStepAgainForm({"code": cleaned["code"]}, user=self.user)
            for error in again.errors.get("code", []):
                self.add_error("code", error)
        return cleaned


class SetUpAppForm(_PlainCode, ActivateTOTPForm):
    label = _("Then write the six digits the app shows")
    help_text = ""


class LanguageForm(forms.Form):
    language = forms.ChoiceField(
        label=_("Language of pages and messages"),
        # Each in its own words: whoever needs the other one can read it.
        choices=[(Language.CHINESE, "简体中文"), (Language.ENGLISH, "English")],
        widget=forms.RadioSelect,
    )

"""What staff type here: the words of a template, and the reason of an act."""

from django import forms
from django.utils.translation import gettext_lazy as _

from repayments.contacts.rendering import PLACEHOLDERS

NAMES = " ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=300)


class WordsForm(forms.Form):
    subject_zh = forms.CharField(label=_("subject in Chinese"), max_length=120, required=False)
    subject_en = forms.CharField(label=_("subject in English"), max_length=120, required=False)
    text_zh = forms.CharField(label=_("text in Chinese"), widget=forms.Textarea, help_text=NAMES)
    text_en = forms.CharField(label=_("text in English"), widget=forms.Textarea, help_text=NAMES)

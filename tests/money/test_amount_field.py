"""One field reads what people type as an amount, wherever they type it."""

import pytest
from django import forms

from repayments.fields import AmountField
from repayments.loans.forms import IllustrationForm
from repayments.payments.forms import PayForm
from repayments.plans.forms import PlanForm, RowForm

SENTENCES = {
    "abc": "Write the amount in digits, such as 1200.50.",
    "1,00": "Write the amount in digits, such as 1200.50.",
    "12.345": "That is finer than the smallest coin. Use fewer decimals.",
    "-5": "The amount must be more than zero.",
    "0": "The amount must be more than zero.",
    "9" * 30: "This amount is too large.",
    "9" * 80: "This amount is too large.",
}


@pytest.mark.parametrize(("typed", "sentence"), SENTENCES.items())
def test_what_is_no_amount_is_said_in_one_sentence(typed: str, sentence: str) -> None:
    with pytest.raises(forms.ValidationError) as refusal:
        AmountField().clean(typed)
    assert refusal.value.messages == [sentence]


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [(" 1,050.50 ", "CNY", 105_050), ("500", "JPY", 500), ("1.505", "KWD", 1_505)],
)
def test_an_amount_is_read_in_its_currency(typed: str, currency: str, minor: int) -> None:
    assert AmountField(currency=currency).clean(typed) == minor


def test_an_optional_amount_may_be_left_out() -> None:
    assert AmountField(required=False).clean(" ") is None


def test_what_was_typed_stays() -> None:
    class Form(forms.Form):
        amount = AmountField()

    form = Form({"amount": "12,5"})
    assert not form.is_valid()
    assert 'value="12,5"' in str(form["amount"])


def test_every_form_that_asks_for_an_amount_has_this_field() -> None:
    for form, name in [
        (IllustrationForm, "principal"),
        (PayForm, "amount"),
        (PlanForm, "amount"),
        (RowForm, "amount"),
    ]:
        assert isinstance(form.base_fields[name], AmountField), form

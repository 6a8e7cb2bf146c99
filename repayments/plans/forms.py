"""What somebody would like to pay, as typed: kept as it is, with words where it makes no plan."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from repayments.dates import add_months
from repayments.fields import AmountField
from repayments.money import decimal_text
from repayments.plans.amounts import (
    AMOUNT,
    COUNT,
    MOST_ROWS,
    ROWS,
    AmountsRefused,
    Debt,
    Given,
    PlanAmounts,
    RowsDoNotAddUp,
    Wish,
    work_out,
)
from repayments.plans.wording import describe_refusal

BLANK_ROWS = 3


def _date_field(label: Any, **options: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": _("Write the date as year-month-day, such as 2026-12-31.")},
        **options,
    )


class PlanForm(forms.Form):
    """Which way, and its numbers; only the chosen way's fields count."""

    use_required_attribute = False

    way = forms.ChoiceField(
        label=_("What fits you?"),
        choices=[
            (COUNT, _("So many months")),
            (AMOUNT, _("So much a month")),
            (ROWS, _("My own dates and amounts")),
        ],
    )
    count = forms.IntegerField(
        label=_("How many months"),
        min_value=1,
        max_value=MOST_ROWS,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"invalid": _("Write a whole number, such as 12.")},
    )
    amount = AmountField(label=_("How much a month"))
    first_due = _date_field(_("First payment on"), help_text=_("The others follow monthly."))
    note = forms.CharField(
        label=_("Something we should know"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Read by a person, if one looks at your plan."),
    )

    NEEDED = {COUNT: ("count", "first_due"), AMOUNT: ("amount", "first_due"), ROWS: ()}  # noqa: RUF012

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        amount = self.fields["amount"]
        assert isinstance(amount, AmountField)
        amount.currency = currency

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        way = cleaned.get("way")
        needed = self.NEEDED.get(way or "", ())
        for name in ("count", "amount", "first_due"):
            if name not in needed:
                # What was typed into another choice, or left out there, is no mistake.
                self.errors.pop(name, None)
        return cleaned


class RowForm(forms.Form):
    """One own payment; left empty it is passed over."""

    due_date = _date_field(_("Date"))
    amount = AmountField(label=_("Amount"))

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        amount = self.fields["amount"]
        assert isinstance(amount, AmountField)
        amount.currency = currency


class BaseRows(forms.BaseFormSet):
    """Rows of which any may be left empty, also one that was filled in before."""

    def initial_form_count(self) -> int:
        return 0 if self.is_bound else super().initial_form_count()


RowFormSet = forms.formset_factory(
    RowForm,
    formset=BaseRows,
    extra=BLANK_ROWS,
    max_num=MOST_ROWS,
    absolute_max=MOST_ROWS + 1,
    validate_max=True,
)


class PlanEntry:
    """The form and its rows as one: read, worked out, refused in words at the right field."""

    def __init__(
        self,
        data: QueryDict | None,
        *,
        debt: Debt,
        currency: str,
        initial: dict[str, Any],
        given: Sequence[Given] = (),
    ) -> None:
        self.debt = debt
        self.currency = currency
        self.form = PlanForm(data, initial=initial, currency=currency)
        filled = [
            {"due_date": row.due_date, "amount": decimal_text(row.amount, currency)}
            for row in given
        ]
        self.rows = RowFormSet(
            data, prefix="rows", initial=filled, form_kwargs={"currency": currency}
        )
        self.fit: RowsDoNotAddUp | None = None
        self.amounts: PlanAmounts | None = None

    @property
    def way(self) -> str:
        chosen = self.form["way"].value()
        return chosen if chosen in PlanForm.NEEDED else COUNT

    def is_valid(self) -> bool:
        """Read what was typed and work it out; ``amounts`` then holds the plan."""
        good = self.form.is_valid()
        if good and self.way == ROWS:
            good = self.rows.is_valid()
        if not good:
            return False
        try:
            self.amounts = work_out(self.debt, self.wish())
        except AmountsRefused as refusal:
            self.refuse(refusal)
            return False
        return True

    def wish(self) -> Wish:
        """Give the wish of a form that was read."""
        cleaned = self.form.cleaned_data
        if self.way == ROWS:
            given = [
                Given(row.cleaned_data["due_date"], row.cleaned_data["amount"])
                for row in self._filled()
            ]
            return Wish(way=ROWS, rows=tuple(given))
        return Wish(
            way=self.way,
            first_due=cleaned.get("first_due"),
            count=cleaned.get("count"),
            amount=cleaned.get("amount"),
        )

    def refuse(self, refusal: AmountsRefused) -> None:
        """Put a refusal at the field it is about."""
        words = describe_refusal(refusal, self.currency)
        self.fit = refusal if isinstance(refusal, RowsDoNotAddUp) else None
        if self.way == ROWS and refusal.row is not None:
            row = list(self._filled())[refusal.row - 1]
            row.add_error("due_date" if "date" in refusal.code else "amount", words)
        elif self.way == ROWS:
            self.form.add_error(None, words)
        elif refusal.code in ("date_not_after_today", "out_of_range"):
            self.form.add_error("first_due", words)
        else:
            self.form.add_error(self.way, words)

    @property
    def errors(self) -> list[tuple[str, str, str]]:
        """All errors for the summary at the top: id of the field, its label, the words."""
        if not self.form.is_bound:
            return []
        found = [("", "", str(error)) for error in self.form.non_field_errors()]
        found += _field_errors(self.form)
        if self.way == ROWS:
            # is_valid has read them; rows that are not asked for are not wrong.
            found += [("", "", str(error)) for error in self.rows.non_form_errors()]
            for row in self.rows.forms:
                found += _field_errors(row)
        return found

    def _filled(self) -> Iterator[forms.Form]:
        return (row for row in self.rows.forms if row.has_changed())


def add_row(data: QueryDict, entry: PlanEntry) -> QueryDict:
    """Give the typed data one more row, filled with what is missing where that can be said."""
    changed = data.copy()
    total = len(entry.rows.forms)
    if total >= MOST_ROWS:
        return changed
    changed["rows-TOTAL_FORMS"] = str(total + 1)
    dates = [row["due_date"].value() for row in entry.rows.forms if row["due_date"].value()]
    try:
        changed[f"rows-{total}-due_date"] = add_months(date.fromisoformat(dates[-1]), 1).isoformat()
    except (IndexError, ValueError, OverflowError):
        return changed
    return _fill_rest(changed, entry, total)


def _fill_rest(changed: QueryDict, entry: PlanEntry, number: int) -> QueryDict:
    """Put what the other rows leave over into the new one, for the borrower to see and change."""
    changed[f"rows-{number}-amount"] = decimal_text(1, entry.currency)
    changed["way"] = ROWS
    probe = PlanEntry(changed, debt=entry.debt, currency=entry.currency, initial={})
    probe.is_valid()
    fits = probe.fit is not None and probe.fit.difference > 0
    if fits and probe.fit is not None:
        rest = decimal_text(probe.fit.last_amount, entry.currency)
    else:
        rest = ""
    changed[f"rows-{number}-amount"] = rest
    return changed


def fit_last_row(data: QueryDict, entry: PlanEntry) -> QueryDict:
    """Put the amount that makes own rows fit where the borrower was told it belongs."""
    changed = data.copy()
    if entry.fit is None or entry.fit.row is None:
        return changed
    filled = [number for number, row in enumerate(entry.rows.forms) if row.has_changed()]
    last = filled[entry.fit.row - 1]
    changed[f"rows-{last}-amount"] = decimal_text(entry.fit.last_amount, entry.currency)
    for number in filled[entry.fit.row :]:
        changed[f"rows-{number}-due_date"] = ""
        changed[f"rows-{number}-amount"] = ""
    return changed


def _field_errors(form: forms.Form) -> list[tuple[str, str, str]]:
    return [
        (field.id_for_label, str(field.label), str(error))
        for field in form
        for error in field.errors
    ]


class ReasonForm(forms.Form):
    """Why a member of staff answers so; the borrower reads it."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The borrower reads this."),
    )

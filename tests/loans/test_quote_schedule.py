"""The command quote_schedule: its JSON, its table, its refusals; it needs no database."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

STANDARD = {
    "principal": "5000",
    "annual_rate": "12",
    "installments": "18",
    "disbursed": "2022-11-01",
    "currency": "USD",
}


def run(*, as_json: bool = True, **changes: Any) -> str:
    out = StringIO()
    options = {**STANDARD, **changes}
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    call_command("quote_schedule", *arguments, *(["--json"] if as_json else []), stdout=out)
    return out.getvalue()


def test_the_json_has_the_agreed_shape() -> None:
    quoted = json.loads(
        run(
            every="1",
            unit="months",
            amortization="equal_installment",
            interest_method="declining",
            interest_period="per_installment",
            day_count="actual_365",
            rounding="half_even",
            principal_grace="0",
            installment_multiple="0.01",
        )
    )
    rows = quoted.pop("rows")
    assert quoted == {
        "currency": "USD",
        "principal": "5000.00",
        "total_interest": "488.41",
        "total_due": "5488.41",
        "annual_cost": {"simple": "12.00", "compound": "12.68"},
    }
    assert len(rows) == 18
    assert rows[0] == {
        "number": 1,
        "due_date": "2022-12-01",
        "days": 30,
        "principal_due": "254.91",
        "interest_due": "50.00",
        "total_due": "304.91",
        "principal_after": "4745.09",
    }
    assert rows[-1]["principal_after"] == "0.00"


def test_defaults_are_those_of_the_standard_loan() -> None:
    assert run() == run(every="1", unit="months", amortization="equal_installment")


def test_a_first_due_date_and_whole_yuan_are_honored() -> None:
    quoted = json.loads(run(first_due="2023-01-31", installment_multiple="1", currency="CNY"))
    assert [row["due_date"] for row in quoted["rows"][:3]] == [
        "2023-01-31",
        "2023-02-28",
        "2023-03-31",
    ]
    assert {row["total_due"] for row in quoted["rows"][:-1]} == {"305.00"}


def test_a_multiple_finer_than_the_currency_rounds_nothing_more() -> None:
    quoted = json.loads(run(currency="JPY", principal="100000", installment_multiple="0.01"))
    assert quoted["rows"][0]["total_due"] == "6098"


def test_without_json_it_prints_a_table() -> None:
    lines = run(as_json=False).splitlines()
    assert lines[0].split()[:2] == ["number", "due_date"]
    assert len(lines) == 1 + 18 + 3
    assert lines[-1] == "annual cost 12.00 % simple, 12.68 % compound"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("principal", "0"),
        ("principal", "-1"),
        ("principal", "1,00"),
        ("principal", "5000.001"),
        ("principal", "NaN"),
        ("principal", "1E400"),
        ("principal", "9" * 40),
        ("annual_rate", "-1"),
        ("annual_rate", "twelve"),
        ("annual_rate", "1000"),
        ("installments", "0"),
        ("installments", "1.5"),
        ("installments", "１８"),
        ("installments", "9" * 5000),
        ("every", "0"),
        ("unit", "years"),
        ("disbursed", "2022-02-30"),
        ("disbursed", "01.11.2022"),
        ("disbursed", "9999-12-01"),
        ("first_due", "2022-11-01"),
        ("first_due", "soon"),
        ("amortization", "custom"),
        ("amortization", "balloon"),
        ("interest_method", "simple"),
        ("interest_period", "weekly"),
        ("day_count", "actual"),
        ("principal_grace", "18"),
        ("rounding", "down"),
        ("installment_multiple", "0"),
        ("installment_multiple", "100000"),
        ("currency", "usd"),
        ("currency", "XXX"),
    ],
)
def test_a_bad_argument_is_refused_in_one_line(option: str, value: str) -> None:
    with pytest.raises(CommandError) as refusal:
        run(**{option: value})
    assert str(refusal.value).startswith("--")
    assert "\n" not in str(refusal.value)

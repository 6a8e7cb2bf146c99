"""Loan tapes as files: a good row, and ways to spoil it."""

import csv
from pathlib import Path
from typing import Any

from repayments.loans.tape import columns

GOOD: dict[str, str] = {
    "loan_number": "L-1001",
    "borrower_reference": "C-77",
    "borrower_kind": "person",
    "legal_name": "王小梅",
    "email": "xiaomei@example.cn",
    "phone": "13800138000",
    "language": "zh-hans",
    "time_zone": "Asia/Shanghai",
    "jurisdiction": "CN",
    "currency": "CNY",
    "principal": "12000.00",
    "annual_rate": "12",
    "installments": "12",
    "every": "1",
    "unit": "months",
    "disbursed_on": "2026-06-15",
    "first_due_on": "2026-07-15",
    "amortization": "equal_installment",
    "interest_method": "declining",
    "interest_period": "per_installment",
    "day_count": "actual_365",
    "rounding": "half_even",
    "installment_multiple": "0.01",
}


def tape_row(number: int = 0, **changes: str) -> dict[str, str]:
    """A row of its own: loan, borrower and address differ by number."""
    row = GOOD | changes
    if number:
        row = {
            **row,
            "loan_number": changes.get("loan_number", f"L-{1001 + number}"),
            "borrower_reference": changes.get("borrower_reference", f"C-{77 + number}"),
            "email": changes.get("email", f"person{number}@example.cn"),
        }
    return row


def write_tape(path: Path, *rows: dict[str, str]) -> Path:
    """Write rows as a tape; columns are those of the rows together."""
    names = dict.fromkeys(columns.REQUIRED)
    for row in rows:
        names |= dict.fromkeys(row)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(names), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_rows(path: Path, *rows: tuple[Any, ...]) -> Path:
    """Write the file of rows: number of the loan, number, date, and up to six amounts."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns.ROW_REQUIRED)
        for row in rows:
            writer.writerow([*row, *[""] * (len(columns.ROW_REQUIRED) - len(row))])
    return path

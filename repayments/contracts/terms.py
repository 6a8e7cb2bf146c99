"""What is agreed, as a snapshot: terms and schedule of a contract, every value text.

Made once, when a contract is issued, and never again read from live rows. What holds: the rows add
up to the terms to the last minor unit, and the annual cost printed is the one solved from these
very rows. The module refuses to know words and pages; `paper` turns a snapshot into a document.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from repayments.clock import lender_zone
from repayments.contracts.deadlines import last_day
from repayments.loans.annual_cost import Flow, UnsolvableCost, annual_cost
from repayments.loans.models import Loan
from repayments.money import decimal_text, parse_amount, round_percent


class AgreedRow(Protocol):
    """One payment agreed on: `loans.services.ScheduleRow` and its like; whole minor units."""

    @property
    def due_date(self) -> date: ...
    @property
    def principal(self) -> int: ...
    @property
    def interest(self) -> int: ...
    @property
    def fee(self) -> int: ...


@dataclass(frozen=True)
class PlainRow:
    due_date: date
    principal: int
    interest: int
    fee: int = 0


@dataclass(frozen=True)
class Snapshot:
    """``terms`` and ``schedule`` as they are stored and hashed."""

    terms: dict[str, str]
    schedule: list[dict[str, str]]

    @property
    def sha256(self) -> str:
        return sha256_of({"terms": self.terms, "schedule": self.schedule})


class TermsDoNotAddUp(ValueError):
    """The rows and the terms say different sums; such a contract is never made."""

    def __init__(self, field: str) -> None:
        super().__init__(_("The schedule does not add up to the terms. Nothing was sent."))
        self.field = field


def sha256_of(value: Any) -> str:
    """Hash plain JSON values in their one canonical form."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def take_snapshot(
    *,
    loan: Loan,
    rows: Iterable[AgreedRow],
    given: Mapping[str, str],
    expires_at: datetime,
    now: datetime,
) -> Snapshot:
    """Write down what is agreed.

    Args:
        loan: with borrower and product.
        rows: what is paid when.
        given: terms the caller knows better; they win over what is read from the loan. The sums
            ``principal``, ``total_interest``, ``total_fees``, ``total_due`` are checked, not
            believed. ``effective_on`` (ISO date) is the day the annual cost is counted from.
    Raises: TermsDoNotAddUp.
    """
    agreed = sorted(rows, key=lambda row: row.due_date)
    currency = loan.currency
    sums = {
        "principal": sum(row.principal for row in agreed),
        "total_interest": sum(row.interest for row in agreed),
        "total_fees": sum(row.fee for row in agreed),
    }
    sums["total_due"] = sum(sums.values())
    if not agreed or min(min(row.principal, row.interest, row.fee) for row in agreed) < 0:
        raise TermsDoNotAddUp("schedule")
    effective_on = given.get("effective_on") or loan.disbursed_on.isoformat()
    totals = [row.principal + row.interest + row.fee for row in agreed]
    terms = {
        **_from_loan(loan),
        **{name: decimal_text(amount, currency) for name, amount in sums.items()},
        **_annual_cost(sums["principal"], date.fromisoformat(effective_on), agreed),
        "effective_on": effective_on,
        "installments": str(len(agreed)),
        "first_due_on": agreed[0].due_date.isoformat(),
        "last_due_on": agreed[-1].due_date.isoformat(),
        "first_installment": decimal_text(totals[0], currency),
        # Empty where the payments differ by more than the last one's rest.
        "level_installment": decimal_text(totals[0], currency) if _level(totals) else "",
        "sign_by": last_day(expires_at).isoformat(),
        "issued_on": now.astimezone(lender_zone()).date().isoformat(),
        **given,
    }
    if not all(isinstance(value, str) for value in terms.values()):
        raise TypeError("terms are text")
    for name, amount in sums.items():
        if parse_amount(terms[name], currency, allow_zero=True) != amount:
            raise TermsDoNotAddUp(name)
    schedule = [
        {
            "number": str(number),
            "due_date": row.due_date.isoformat(),
            "principal": decimal_text(row.principal, currency),
            "interest": decimal_text(row.interest, currency),
            "fee": decimal_text(row.fee, currency),
            "total": decimal_text(total, currency),
        }
        for number, (row, total) in enumerate(zip(agreed, totals, strict=True), start=1)
    ]
    return Snapshot(terms, schedule)


def rows_of_loan(loan: Loan) -> list[PlainRow]:
    """Read the payments of the schedule in force."""
    return [
        PlainRow(row.due_date, row.principal_due, row.interest_due, row.fee_due)
        for row in loan.installments.current().order_by("number")
    ]


def _from_loan(loan: Loan) -> dict[str, str]:
    borrower, product = loan.borrower, loan.product
    return {
        "currency": loan.currency,
        "loan_number": loan.number,
        "borrower_name": borrower.legal_name,
        "borrower_reference": borrower.reference,
        "borrower_kind": borrower.kind,
        "jurisdiction": borrower.jurisdiction,
        "lender_name": settings.LENDER_NAME,
        "lender_phone": settings.LENDER_PHONE,
        "lender_email": settings.LENDER_EMAIL,
        "product_zh": product.name_zh,
        "product_en": product.name_en,
        "allocation_strategy": product.allocation_strategy,
        "annual_rate": rate_text(loan.annual_rate),
        "every": str(loan.every),
        "unit": loan.unit,
        "disbursed_on": loan.disbursed_on.isoformat(),
        "amortization": loan.amortization,
        "interest_method": loan.interest_method,
        "interest_period": loan.interest_period,
        "day_count": loan.day_count,
        "penalty_rate": rate_text(loan.penalty_rate),
        "grace_days": str(loan.grace_days),
    }


def _annual_cost(principal: int, start: date, rows: Sequence[AgreedRow]) -> dict[str, str]:
    try:
        cost = annual_cost(
            [Flow(start, principal)],
            [
                Flow(row.due_date, row.principal + row.interest + row.fee)
                for row in rows
                if row.principal + row.interest + row.fee
            ],
        )
    except UnsolvableCost:
        # Nothing comes back on top of the principal, or there is no principal to count from.
        return {"annual_cost_simple": "", "annual_cost_compound": ""}
    return {
        "annual_cost_simple": str(round_percent(cost.simple)),
        "annual_cost_compound": str(round_percent(cost.compound)),
    }


def rate_text(rate: Decimal) -> str:
    """Write a rate in percent without idle zeros: "12", "7.25"."""
    return f"{Decimal(rate).normalize():f}"


def _level(totals: Sequence[int]) -> bool:
    return len(totals) > 1 and all(total == totals[0] for total in totals[:-1])

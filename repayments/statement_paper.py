"""A loan's statement of a month as a PDF: the same facts as its page, put into words once."""

from dataclasses import astuple
from datetime import UTC, datetime, time

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from repayments.contracts.documents import (
    LabelValue,
    ReceiptData,
    ScheduleTable,
    drop_unprintable,
    labels_for,
    render_receipt,
)
from repayments.loans.statements import Parts, Statement, working_of_statement
from repayments.templatetags.amounts import day, long_day, long_month, money_text


def render_statement(statement: Statement) -> bytes:
    """Render the statement in the reader's language; the same each time.

    Args:
        statement: of a loan with its borrower.
    """
    moment = datetime.combine(statement.last_day, time(12), tzinfo=UTC)
    return render_receipt(_data(statement), timestamp=moment)


def _data(statement: Statement) -> ReceiptData:
    locale = "zh-hans" if (get_language() or "en").startswith("zh") else "en"
    loan = statement.loan
    working = working_of_statement(statement)
    lines: list[LabelValue] = [
        {"label": _("Loan"), "value": loan.number},
        {
            "label": _("Period"),
            "value": f"{long_day(statement.month)} – {long_day(statement.last_day)}",
        },
    ]
    lines += [
        {"label": row.label, "value": money_text(row.amount, loan.currency)} for row in working
    ]
    return {
        "reference": f"{loan.number} {statement.month:%Y-%m}",
        "kind": "statement",
        "locale": locale,
        "title": _("Statement"),
        "subtitle": long_month(statement.month),
        "lender": {"name": drop_unprintable(settings.LENDER_NAME), "lines": []},
        "addressee": drop_unprintable(loan.borrower.legal_name),
        "opening": [],
        "total": {
            "label": _("Owed at the end"),
            "value": money_text(statement.closing.total, loan.currency),
        },
        "lines": lines,
        "table": _table(statement),
        "paragraphs": [
            _(
                "Interest is added on the day it falls due, or when it is paid; what has run up "
                "since is not in here."
            ),
            _("If anything here looks wrong, please tell us: {email} or {phone}.").format(
                email=settings.LENDER_EMAIL, phone=settings.LENDER_PHONE
            ),
        ],
        "dated": long_day(statement.last_day),
        "labels": labels_for(locale),
    }


def _table(statement: Statement) -> ScheduleTable:
    """Every movement, and where it went; the last row is what all of them come to."""
    change = sum((one.parts for one in statement.movements), Parts())
    return {
        "title": _("What happened"),
        "columns": [
            _("Date"),
            _("What"),
            _("Principal"),
            _("Interest"),
            _("Fees and penalty"),
            _("Paid ahead"),
            _("Amount"),
        ],
        "align": ["left", "left", *["right"] * 5],
        "rows": [
            [day(one.date), one.text, *_amounts(one.parts, statement.loan.currency)]
            for one in statement.movements
        ],
        "total": ["", _("In all"), *_amounts(change, statement.loan.currency)],
        "note": "",
    }


def _amounts(parts: Parts, currency: str) -> list[str]:
    principal, interest, fees, penalty, unapplied = astuple(parts)
    amounts = [principal, interest, fees + penalty, unapplied]
    return [
        *(money_text(amount, currency) if amount else "–" for amount in amounts),
        money_text(parts.total, currency),
    ]

"""A template's words on paper, with a made-up person and loan: what an author and an approver see.

The sample is made by the very code that makes contracts, so that what renders here renders there.
Nothing of it is stored, and no row is read.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.conf import settings

from accounts.models import Borrower
from repayments.clock import lender_zone
from repayments.contacts.rendering import SAMPLE_NAMES
from repayments.contracts import documents
from repayments.contracts.paper import build_contract_data, placeholder_values
from repayments.contracts.template_words import Pair
from repayments.contracts.terms import PlainRow, Snapshot, take_snapshot
from repayments.loans.amortization import Terms, amortize
from repayments.loans.models import Loan, Product

REFERENCE = "LC-20260101-SAMPLE"
VERIFY_CODE = "SAMP-LE00-CODE"


def render_sample(*, kind: str, pair: Pair, locale: str, now: datetime) -> bytes:
    """Make the PDF of one language with sample terms.

    Raises: documents.DocumentError, MissingGlyph and ClauseError among them.
    """
    snapshot = _snapshot(kind, locale, now)
    data = build_contract_data(
        kind=kind,
        reference=REFERENCE,
        verify_code=VERIFY_CODE,
        portal_address=_address(),
        locale=locale,
        title=pair.titles[locale],
        governing_language=pair.governing_language,
        body=pair.bodies[locale],
        terms=snapshot.terms,
        schedule=snapshot.schedule,
    )
    return documents.render_contract(data, timestamp=now)


def sample_values(*, kind: str, locale: str, now: datetime) -> Mapping[str, str]:
    """Give what each placeholder becomes in the sample."""
    snapshot = _snapshot(kind, locale, now)
    return placeholder_values(
        kind=kind,
        reference=REFERENCE,
        portal_address=_address(),
        locale=locale,
        terms=snapshot.terms,
        schedule=snapshot.schedule,
    )


def _address() -> str:
    return f"{settings.SITE_URL}/verify/"


def _snapshot(kind: str, locale: str, now: datetime) -> Snapshot:
    loan = _loan(locale, now)
    rows = amortize(
        Terms(
            principal=loan.principal,
            currency=loan.currency,
            annual_rate=loan.annual_rate,
            installments=loan.installments_count,
            disbursed_on=loan.disbursed_on,
        )
    )
    given = {"break_grace_days": "7"} if kind == "plan" else {}
    return take_snapshot(
        loan=loan,
        rows=[PlainRow(row.due_date, row.principal_due, row.interest_due) for row in rows],
        given=given,
        expires_at=now,
        now=now,
    )


def _loan(locale: str, now: datetime) -> Loan:
    """Make up a loan; it is never saved."""
    person = Borrower(
        reference="B-000123", legal_name=SAMPLE_NAMES[locale], language=locale, kind="person"
    )
    return Loan(
        number="L-2026-000123",
        borrower=person,
        product=Product(key="sample", name_zh="个人分期", name_en="Personal installment"),
        currency="CNY",
        principal=1_200_000,
        annual_rate=Decimal(12),
        installments_count=12,
        disbursed_on=now.astimezone(lender_zone()).date(),
        penalty_rate=Decimal(18),
        grace_days=3,
    )

"""Loans that wait for a signature, contracts at every step, and people who sign them."""

import base64
import struct
import zlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from accounts.models import Borrower, User
from repayments.contracts import reading, services
from repayments.contracts.models import Contract
from repayments.contracts.origin import Origin
from repayments.contracts.stored import get_frozen_sha256
from repayments.ledger.models import Book
from repayments.loans.amortization import Terms, amortize
from repayments.loans.models import Installment, Loan, Product, Schedule

# A Tuesday morning in Shanghai.
NOW = datetime(2026, 12, 1, 1, 30, tzinfo=UTC)
TODAY = date(2026, 12, 1)
ORIGIN = Origin("203.0.113.7", "Tests/1.0", "s" * 64)
OTHER_ORIGIN = Origin("203.0.113.8", "Tests/2.0", "t" * 64)
_numbers = count(1)


def make_person(name: str = "王镕", *, language: str = "zh-hans", **fields: Any) -> Borrower:
    """Give a borrower who has activated the account."""
    number = next(_numbers)
    user = User.objects.create_user(
        f"signer{number}@example.com", "correct horse battery", language=language
    )
    values: dict[str, Any] = {
        "reference": f"SB-{number:05d}",
        "legal_name": name,
        "email": user.email,
        "language": language,
        "user": user,
        **fields,
    }
    return Borrower.objects.create(**values)


def make_loan_to_sign(borrower: Borrower | None = None, **fields: Any) -> Loan:
    """Give a loan of 12 months that waits for its signature, with its schedule."""
    number = next(_numbers)
    product, _created = Product.objects.get_or_create(
        key="signed-personal", defaults={"name_zh": "个人分期", "name_en": "Personal installment"}
    )
    values: dict[str, Any] = {
        "principal": 1_200_000,
        "currency": "CNY",
        "annual_rate": Decimal(12),
        "installments_count": 12,
        "disbursed_on": TODAY,
        "first_due_on": date(2027, 1, 1),
        "penalty_rate": Decimal(18),
        "grace_days": 3,
        "status": Loan.Status.PENDING_SIGNATURE,
        **fields,
    }
    loan = Loan.objects.create(
        number=f"SL-{number:05d}",
        borrower=borrower or make_person(),
        product=product,
        book=Book.objects.create(currency=values["currency"]),
        outstanding_principal=values["principal"],
        created_at=NOW,
        **values,
    )
    schedule = Schedule.objects.create(
        loan=loan, version=1, effective_date=loan.disbursed_on, created_at=NOW
    )
    rows = amortize(
        Terms(
            principal=loan.principal,
            currency=loan.currency,
            annual_rate=loan.annual_rate,
            installments=loan.installments_count,
            disbursed_on=loan.disbursed_on,
            first_due_on=loan.first_due_on,
        )
    )
    starts = [loan.disbursed_on, *(row.due_date for row in rows)]
    Installment.objects.bulk_create(
        Installment(
            schedule=schedule,
            loan=loan,
            number=row.number,
            start_date=start,
            due_date=row.due_date,
            principal_due=row.principal_due,
            interest_due=row.interest_due,
        )
        for row, start in zip(rows, starts, strict=False)
    )
    return loan


def make_contract(borrower: Borrower | None = None, *, now: datetime = NOW) -> Contract:
    """Give a loan contract as sent to the borrower."""
    contract = services.issue_loan_contract(loan_id=make_loan_to_sign(borrower).pk, now=now)
    assert contract is not None
    return contract


def signer_of(contract: Contract) -> User:
    user = contract.loan.borrower.user
    assert user is not None
    return user


def note(contract: Contract, page: str, *, origin: Origin = ORIGIN, now: datetime = NOW) -> str:
    return reading.write_note(
        page=page,
        contract=str(contract.public_id),
        doc_sha256=get_frozen_sha256(contract),
        session_hash=origin.session_hash,
        now=now,
    )


def consent(contract: Contract, *, origin: Origin = ORIGIN, now: datetime = NOW) -> None:
    """Walk a sent contract up to the consents, by the services a page calls."""
    who: dict[str, Any] = {
        "contract_id": contract.pk,
        "actor": signer_of(contract),
        "origin": origin,
        "now": now,
    }
    services.open_contract(**who)
    opened = note(contract, "costs", origin=origin, now=now - timedelta(seconds=11))
    services.confirm_costs(token=opened, read_at=now, **who)
    read = note(contract, "read", origin=origin, now=now)
    services.note_reading(token=read, read_at=now, reached_end=True, **who)
    services.record_consent(agreed=["electronic", "terms"], **who)


def sent_code(contract: Contract) -> str:
    """Read the code of the newest challenge out of the outbox."""
    from repayments.contacts.models import Message
    from repayments.contacts.secrets import decrypt

    message = Message.objects.filter(purpose="signing_code").latest("pk")
    return decrypt(message.secret)["code"]


def pass_code(contract: Contract, *, origin: Origin = ORIGIN, now: datetime = NOW) -> None:
    who: dict[str, Any] = {
        "contract_id": contract.pk,
        "actor": signer_of(contract),
        "origin": origin,
        "now": now,
    }
    services.send_code(**who)
    services.check_code(code=sent_code(contract), **who)


def sign(
    contract: Contract,
    *,
    origin: Origin = ORIGIN,
    now: datetime = NOW,
    draft: services.Draft | None = None,
    review: str | None = None,
) -> Contract:
    """Sign a contract whose code was passed."""
    draft = draft or services.Draft("typed", contract.loan.borrower.legal_name)
    if review is None:
        review = services.write_review(contract=contract, draft=draft, origin=origin)
    return services.sign_contract(
        contract_id=contract.pk,
        draft=draft,
        review=review,
        actor=signer_of(contract),
        origin=origin,
        now=now,
        as_of=TODAY,
    )


def make_signed(borrower: Borrower | None = None, **changes: Any) -> Contract:
    """Give a contract that the borrower has signed and nobody has sealed."""
    contract = make_contract(borrower)
    consent(contract)
    pass_code(contract)
    sign(contract, **changes)
    contract.refresh_from_db()
    return contract


def draw_png(width: int = 600, height: int = 200, *, ink: str = "stroke") -> bytes:
    """Draw what a pad sends: RGBA on a clear sheet. ``ink``: "stroke", "dot" or "none"."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    def pixel(x: int, y: int) -> bytes:
        on_stroke = ink == "stroke" and abs(x * height // width - y) < 3
        on_dot = ink == "dot" and abs(x - 40) < 5 and abs(y - 40) < 5
        return b"\0\0\0\xff" if on_stroke or on_dot else b"\0\0\0\0"

    rows = b"".join(b"\0" + b"".join(pixel(x, y) for x in range(width)) for y in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def as_data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()

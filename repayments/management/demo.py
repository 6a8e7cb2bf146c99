"""People in every situation, for a look at the portal. Made by the services that make real ones.

Each person is made in one transaction: a sweep that runs beside it, on today's clock, would end
what is made as if long ago, and so it sees the finished state alone. Dates are relative to
``today``; running it again adds nothing. Passwords are made by chance and said once: there is no
demo account that anybody knows. It refuses to know how pages look.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import Group
from django.db import transaction

from accounts.models import Borrower, User
from repayments.cases.models import Case
from repayments.cases.services import add_note, claim_case
from repayments.clock import lender_zone
from repayments.close import close_day
from repayments.contacts.models import ContactPoint
from repayments.contracts.services import issue_loan_contract
from repayments.dates import add_months
from repayments.loans.amortization import Terms
from repayments.loans.models import Installment, Loan, Product
from repayments.loans.services import create_loan, record_payment
from repayments.management.demo_contracts import sign_and_seal
from repayments.plans.amounts import COUNT, ROWS, Given, Wish, fit_weights
from repayments.plans.queries import get_debt
from repayments.plans.services import issue_agreement, propose_plan

Say = Callable[[str], None]


@dataclass(frozen=True)
class Person:
    """One borrower of the demo and the loan they have.

    Args:
        next_due_in: days from today to the first installment that is not paid; negative is late.
        paid: installments paid, each on its due date.
    """

    key: str
    name: str
    language: str
    principal: int
    installments: int
    paid: int
    next_due_in: int
    annual_rate: Decimal = Decimal(12)
    kind: str = Borrower.Kind.PERSON
    penalty_rate: Decimal = Decimal(0)
    phone: str = "+8613800138000"

    @property
    def email(self) -> str:
        return f"{self.key}@demo.example"


PEOPLE = [
    Person("xiaomei", "王小梅", "zh-hans", 1_200_000, 12, 5, 16, phone="+8613800138001"),
    Person("oliver", "Oliver Grant", "en", 3_600_000, 24, 8, 3, phone="+8613800138002"),
    Person(
        "jianguo",
        "李建国",
        "zh-hans",
        1_890_000,
        18,
        7,
        -12,
        penalty_rate=Decimal(18),
        phone="+8613800138003",
    ),
    Person(
        "lifang",
        "张丽芳",
        "zh-hans",
        2_400_000,
        12,
        4,
        -45,
        penalty_rate=Decimal(18),
        phone="+8613800138004",
    ),
    Person("haoran", "陈浩然", "zh-hans", 2_000_000, 12, 0, 31, phone="+8613800138005"),
    Person("emma", "Emma Clarke", "en", 1_500_000, 12, 3, -20, phone="+8613800138006"),
    Person(
        "factory",
        "宏达机械厂",
        "zh-hans",
        12_000_000,
        12,
        5,
        -9,
        annual_rate=Decimal("10.8"),
        kind=Borrower.Kind.BUSINESS,
        phone="+8613800138007",
    ),
    Person("guiying", "刘桂英", "zh-hans", 600_000, 6, 6, 25, phone="+8613800138008"),
]
# Their loans began with a signature in the portal, sealed like everybody's.
SIGNED_HERE = {"xiaomei", "oliver"}
STAFF = {
    "collector": ("collector", "赵敏"),
    "officer": ("plan_officer", "Sam Lee"),
    "supervisor": ("supervisor", "钱宇"),
}


@dataclass
class Demo:
    """What was made, for the command to say."""

    password: str
    staff: list[str] = field(default_factory=list)
    borrowers: list[str] = field(default_factory=list)


def make_demo(*, today: date, say: Say) -> Demo:
    """Make the people, their loans and what happened to them.

    Args:
        say: told each step, for somebody who waits.
    """
    demo = Demo(password=secrets.token_urlsafe(12))
    staff = {key: _make_staff(key, demo) for key in STAFF}
    loans: dict[str, Loan] = {}
    for person in PEOPLE:
        say(f"{person.email}: {person.name}")
        loans[person.key] = _make_borrower_with_loan(person, today)
        demo.borrowers.append(person.email)
    say("closing the days up to today")
    close_day(as_of=today, now=_at(today, 0, 30))
    say("agreeing plans")
    _propose_beyond_the_limits(loans["emma"], today)
    _agree_uneven_plan(loans["factory"], today)
    _work_the_late_case(loans["lifang"], staff["collector"], today)
    return demo


def _make_staff(key: str, demo: Demo) -> User:
    group, name = STAFF[key]
    email = f"{key}@demo.example"
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, demo.password, name=name, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        TOTP.activate(user, generate_totp_secret())
        RecoveryCodes.activate(user)
    else:
        user.set_password(demo.password)
        user.save(update_fields=["password"])
    demo.staff.append(email)
    return user


def current_code(email: str) -> str:
    """Give the second factor a member of the demo's staff would read off their phone now."""
    from allauth.mfa.totp.internal.auth import (
        format_hotp_value,
        hotp_value,
        yield_hotp_counters_from_time,
    )
    from allauth.mfa.utils import decrypt

    authenticator = Authenticator.objects.get(
        user__email=email, user__is_staff=True, type=Authenticator.Type.TOTP
    )
    counter = next(iter(yield_hotp_counters_from_time()))
    return format_hotp_value(hotp_value(decrypt(authenticator.data["secret"]), counter))


@transaction.atomic
def _make_borrower_with_loan(person: Person, today: date) -> Loan:
    number = f"HL-2026-{PEOPLE.index(person) + 1:05d}"
    existing = Loan.objects.filter(number=number).first()
    if existing:
        return existing
    next_due = today + timedelta(days=person.next_due_in)
    first_due = add_months(next_due, -person.paid)
    disbursed = add_months(first_due, -1)
    to_sign = person.key == "haoran"
    signs_here = person.key in SIGNED_HERE
    if to_sign:
        disbursed = today
    start = _at(disbursed, 10)
    borrower = _make_borrower(person, start)
    loan = create_loan(
        borrower=borrower,
        product=Product.objects.get(key="standard"),
        number=number,
        terms=Terms(
            principal=person.principal,
            currency="CNY",
            annual_rate=person.annual_rate,
            installments=person.installments,
            disbursed_on=disbursed,
            first_due_on=first_due,
        ),
        status=Loan.Status.PENDING_SIGNATURE if to_sign or signs_here else Loan.Status.ACTIVE,
        penalty_rate=person.penalty_rate,
        actor=None,
        now=start,
    )
    if to_sign or signs_here:
        contract = issue_loan_contract(loan_id=loan.pk, now=start)
        if signs_here and contract is not None:
            sign_and_seal(contract, now=start)
    for row in list(Installment.objects.current().filter(loan=loan).order_by("number"))[
        : person.paid
    ]:
        record_payment(
            loan_id=loan.pk,
            amount=row.unpaid,
            effective_date=row.due_date,
            reference=f"demo:{person.key}:{row.number}",
            actor=None,
            now=_at(row.due_date, 9),
        )
    return Loan.objects.get(pk=loan.pk)


def _make_borrower(person: Person, now: datetime) -> Borrower:
    user = User.objects.create_user(
        person.email, name=person.name, phone=person.phone, language=person.language
    )
    borrower = Borrower.objects.create(
        reference=f"C-{PEOPLE.index(person) + 70031}",
        kind=person.kind,
        legal_name=person.name,
        email=person.email,
        phone=person.phone,
        language=person.language,
        user=user,
    )
    ContactPoint.objects.create(
        borrower=borrower, channel="email", address=person.email, verified_at=now, created_at=now
    )
    return borrower


@transaction.atomic
def _propose_beyond_the_limits(loan: Loan, today: date) -> None:
    """Ask for more months than the rules allow, so that an offer comes back."""
    if loan.plans.exists():
        return
    propose_plan(
        loan_id=loan.pk,
        wish=Wish(way=COUNT, count=48, first_due=today + timedelta(days=20)),
        note="I have less work until spring. Could I pay a little each month?",
        actor=loan.borrower.user,
        now=_at(today, 8),
        as_of=today,
    )


@transaction.atomic
def _agree_uneven_plan(loan: Loan, today: date) -> None:
    """A manufacturer pays more in the months when its customers do."""
    if loan.plans.exists():
        return
    first = today + timedelta(days=15)
    weights = [3, 3, 7, 15, 15, 7]
    amounts = fit_weights(
        get_debt(loan=loan, as_of=today),
        dates=[add_months(first, month) for month in range(len(weights))],
        weights=weights,
    )
    rows = tuple(Given(row.due_date, row.amount) for row in amounts.rows)
    plan = propose_plan(
        loan_id=loan.pk,
        wish=Wish(way=ROWS, rows=rows),
        note="年底前回款少，三月起客户结账。",
        actor=loan.borrower.user,
        now=_at(today, 8),
        as_of=today,
    )
    plan = issue_agreement(plan_id=plan.pk, now=_at(today, 8, 5), as_of=today)
    if plan.contract is not None:
        sign_and_seal(plan.contract, now=_at(today, 8, 30))


@transaction.atomic
def _work_the_late_case(loan: Loan, collector: User, today: date) -> None:
    case = Case.objects.filter(loan=loan, kind="collections").exclude(status="closed").first()
    if case is None or case.assignee_id:
        return
    claim_case(case_id=case.pk, actor=collector, now=_at(today, 9))
    add_note(
        case_id=case.pk,
        text="她的店在装修，下月重新开张，想商量分期。",
        actor=collector,
        now=_at(today, 9, 20),
    )


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=lender_zone())

"""The settlement letter's pages, and what staff unfold when they review a plan or stop a charge."""

from tests.browser.look import Look
from tests.browser.test_every_page import address, dashed
from tests.browser.test_money_back import hire_supervisor

OPEN_ALL = """addEventListener("DOMContentLoaded", () =>
    document.querySelectorAll("details").forEach((each) => { each.open = true; }))"""

PAID_OFF = """
from datetime import timedelta
from decimal import Decimal
from accounts.models import Borrower, User
from repayments.clock import now, today
from repayments.loans.amortization import Terms
from repayments.loans.models import Loan, Product
from repayments.loans.queries import get_position
from repayments.loans.services import create_loan, record_payment
user = User.objects.create_user("settled@demo.example", name="Su Wan", language="en")
borrower = Borrower.objects.create(
    reference="C-80002", legal_name="苏婉", email=user.email, language="zh-hans", user=user
)
loan = create_loan(
    borrower=borrower, product=Product.objects.first(), number="L-80002",
    terms=Terms(
        principal=1_200_000, disbursed_on=today() - timedelta(days=20), currency="CNY",
        annual_rate=Decimal(12), installments=12,
    ),
    status=Loan.Status.ACTIVE, actor=None, now=now() - timedelta(days=20),
)
record_payment(
    loan_id=loan.pk, amount=get_position(loan=loan, as_of=today()).payoff_amount,
    effective_date=today(), reference="settled", actor=None, now=now(),
)
result = str(loan.public_id)
"""

LETTER = "SELECT l.public_id, l.status FROM contracts_settlementletter l JOIN loans_loan o"
LETTER += " ON o.id = l.loan_id WHERE o.number = 'L-80002'"


def test_the_settlement_letter(look: Look) -> None:
    demo = look.stack
    loan = f"/loans/{demo.shell(PAID_OFF)}/letter/"
    demo.wait_until(lambda: [row for row in demo.rows(LETTER) if row["status"] == "issued"], 90)
    (row,) = demo.rows(LETTER)
    letter = f"/letters/{dashed(row['public_id'])}/"
    demo.sign_in(look.page, address("settled"))
    look.dark = True

    look.open(loan, lands=letter)
    look.open("/documents/")

    for state in ("waiting", "voided"):
        demo.shell(
            f"""
from datetime import timedelta
from repayments.clock import now
from repayments.contracts.models import SettlementLetter
SettlementLetter.objects.filter(loan__number="L-80002").update(
    status={state!r}, try_again_at=now() + timedelta(days=1), voided_at=now()
)
result = None
"""
        )
        look.open(letter)

    # Until the next sweep makes another, which waits for this look.
    demo.stop("beat")
    look.open(loan)
    demo.start("beat")


def test_what_staff_unfold(look: Look) -> None:
    demo = look.stack
    supervisor, _code = hire_supervisor(demo)
    demo.sign_in(look.page, supervisor, second_factor=True)
    look.page.add_init_script(OPEN_ALL)
    look.dark = True
    (plan,) = demo.rows(
        "SELECT id FROM plans_installmentplan WHERE status = 'proposed' ORDER BY id LIMIT 1"
    )
    (case,) = demo.rows("SELECT id FROM cases_case WHERE kind = 'collections' LIMIT 1")

    look.open(f"/admin/plans/installmentplan/{plan['id']}/decide/")
    look.open(f"/admin/plans/installmentplan/{plan['id']}/decide/counter/")
    look.open(f"/admin/cases/case/{case['id']}/")
    look.open("/admin/payments/mandate/")
    look.open("/admin/payments/autopaycharge/")

"""What services and pages need to know of plans and of the debt they are to repay; no writing."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import Q

from repayments.clock import lender_zone
from repayments.contacts.models import Hold
from repayments.ledger.models import Book, JournalEntry
from repayments.loans.models import Loan
from repayments.loans.queries import Position, get_position
from repayments.plans.amounts import Debt, Given, PlanAmounts, Row, are_even, interest_to_come
from repayments.plans.evaluation import Facts, Limits
from repayments.plans.models import InstallmentPlan, PlanPolicy, PlanRow

HOLDS_FOR_A_PERSON = (
    "dispute",
    "payment_dispute",
    "legal",
    "bankruptcy",
    "breathing_space",
    "deceased",
)
"""Holds under which no rule may agree a plan; hardship is not one: a plan is what helps."""

STANDING_ENTRIES = (JournalEntry.Kind.INTEREST, JournalEntry.Kind.PENALTY)
"""Entries that time alone brings; a plan's rows hold them already, or they are waived for it."""


def get_debt(*, loan: Loan, as_of: date, position: Position | None = None) -> Debt:
    """Read what a plan of this day has to repay; money that waits unapplied is not taken off.

    Args:
        loan: with its product.
        position: of the same loan and day, where the caller has it.
    """
    position = position or get_position(loan=loan, as_of=as_of)
    owed = position.snapshot.payoff(as_of)
    return Debt(
        as_of=as_of,
        principal=owed.principal,
        interest=owed.interest,
        fees=owed.fees + owed.penalty,
        annual_rate=loan.annual_rate,
        day_count=loan.day_count,
        rounding=loan.rounding,
    )


def get_policy(*, loan: Loan) -> PlanPolicy | None:
    """Find the policy row of a loan: its product's, else the one for all products."""
    rows = PlanPolicy.objects.filter(
        Q(product_id=loan.product_id) | Q(product__isnull=True), currency=loan.currency
    )
    return min(rows, key=lambda row: row.product_id is None, default=None)


def limits_of(policy: PlanPolicy, *, product_cap: Decimal) -> Limits:
    """Give a policy's limits; the stricter of its cap and the product's holds."""
    return Limits(
        longest_months=policy.longest_months,
        most_installments=policy.most_installments,
        smallest_installment=policy.smallest_installment,
        first_within_days=policy.first_within_days,
        no_broken_within_days=policy.no_broken_within_days,
        annual_cost_cap=min(Decimal(policy.annual_cost_cap), product_cap),
        person_above=policy.person_above,
    )


def get_facts(*, loan: Loan, debt: Debt, now: datetime) -> Facts:
    """Read what the rules look at besides the proposal."""
    broken_at = (
        InstallmentPlan.objects.filter(
            loan=loan, status=InstallmentPlan.Status.BROKEN, ended_at__isnull=False
        )
        .order_by("-ended_at")
        .values_list("ended_at", flat=True)
        .first()
    )
    holds = (
        Hold.objects.filter(
            borrower_id=loan.borrower_id,
            subject__in=["", loan.stream],
            name__in=HOLDS_FOR_A_PERSON,
            lifted_at__isnull=True,
        )
        .filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now))
        .order_by("name")
    )
    return Facts(
        debt=debt,
        last_broken_on=broken_at.astimezone(lender_zone()).date() if broken_at else None,
        holds=tuple(dict.fromkeys(holds.values_list("name", flat=True))),
    )


def newest_entry(*, loan: Loan) -> int:
    """Number of the newest entry in the loan's books; 0 for empty ones."""
    number: int = Book.objects.values_list("last_seq", flat=True).get(pk=loan.book_id)
    return number


def has_changed(plan: InstallmentPlan) -> bool:
    """Tell whether money moved on the loan since the plan was worked out."""
    return (
        JournalEntry.objects.filter(book_id=plan.loan.book_id, seq__gt=plan.after_seq)
        .exclude(kind__in=STANDING_ENTRIES)
        .exists()
    )


def list_given(plan: InstallmentPlan) -> list[Given]:
    """The plan's dates and amounts."""
    rows = plan.rows.order_by("number").values_list("due_date", "amount")
    return [Given(due_date, amount) for due_date, amount in rows]


def stored_amounts(plan: InstallmentPlan) -> PlanAmounts:
    """A plan's rows as they stand, over the debt they repay."""
    rows = tuple(
        Row(row.number, row.due_date, row.amount, row.principal, row.interest, row.fee)
        for row in plan.rows.order_by("number")
    )
    loan = plan.loan
    debt = Debt(
        as_of=plan.amounts_on or plan.created_at.astimezone(lender_zone()).date(),
        principal=sum(row.principal for row in rows),
        interest=0,
        fees=sum(row.fee for row in rows),
        annual_rate=loan.annual_rate,
        day_count=loan.day_count,
        rounding=loan.rounding,
    )
    # Interest owed at the start is what the rows hold above what accrues on their own dates.
    owed = sum(row.interest for row in rows) - interest_to_come(debt, rows)
    return PlanAmounts(replace(debt, interest=max(owed, 0)), rows)


# --- Pages ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlanFigures:
    """A plan's rows and sums, as pages show them; minor units."""

    rows: tuple[PlanRow, ...]
    total: int
    total_interest: int
    total_fees: int
    annual_cost: Decimal | None

    @property
    def first_due(self) -> date:
        return self.rows[0].due_date

    @property
    def ends_on(self) -> date:
        return self.rows[-1].due_date

    @property
    def is_even(self) -> bool:
        return are_even([row.amount for row in self.rows])


@dataclass(frozen=True)
class Difference:
    """One line that sets an offer beside a proposal; ``kind`` says how to write the values."""

    name: str
    kind: str
    proposed: int | date | Decimal | None
    offered: int | date | Decimal | None

    @property
    def differs(self) -> bool:
        return self.proposed != self.offered


@dataclass(frozen=True)
class PlanPage:
    """A plan as its page shows it; ``proposal`` is what a lender's offer answers, if it is one."""

    plan: InstallmentPlan
    figures: PlanFigures
    proposal: InstallmentPlan | None
    proposal_figures: PlanFigures | None
    differences: tuple[Difference, ...]
    reason: InstallmentPlan
    """The plan whose ``reason_code`` and facts say why it was answered so."""


def get_figures(plan: InstallmentPlan) -> PlanFigures:
    rows = tuple(plan.rows.order_by("number"))
    return PlanFigures(
        rows=rows,
        total=plan.total,
        total_interest=plan.total_interest,
        total_fees=sum(row.fee for row in rows),
        annual_cost=plan.annual_cost,
    )


def get_open_plan(*, loan: Loan) -> InstallmentPlan | None:
    """The one plan of a loan on its way to a signature."""
    return (
        InstallmentPlan.objects.filter(loan=loan)
        .open()
        .select_related("counter_of", "contract")
        .first()
    )


def get_latest_answer(*, loan: Loan, now: datetime) -> InstallmentPlan | None:
    """The last plan of a loan, where it ended with a no in the last 30 days."""
    latest = InstallmentPlan.objects.filter(loan=loan).order_by("-created_at", "-pk").first()
    if latest is None or latest.status != InstallmentPlan.Status.DECLINED:
        return None
    recent = latest.decided_at and latest.decided_at > now - timedelta(days=30)
    return latest if recent else None


def get_plan_page(*, plan: InstallmentPlan) -> PlanPage:
    """Put together what a plan's page shows; an offer comes with what it differs in."""
    figures = get_figures(plan)
    proposal = plan.counter_of
    if proposal is None:
        return PlanPage(plan, figures, None, None, (), plan)
    before = get_figures(proposal)
    return PlanPage(plan, figures, proposal, before, compare(before, figures), proposal)


def compare(proposed: PlanFigures, offered: PlanFigures) -> tuple[Difference, ...]:
    """Set an offer beside a proposal, line by line; equal lines stand there too."""
    return (
        Difference("count", "number", len(proposed.rows), len(offered.rows)),
        Difference("each", "money", proposed.rows[0].amount, offered.rows[0].amount),
        Difference("first", "date", proposed.first_due, offered.first_due),
        Difference("last", "date", proposed.ends_on, offered.ends_on),
        Difference("total", "money", proposed.total, offered.total),
        Difference("interest", "money", proposed.total_interest, offered.total_interest),
    )


def rounded_cost(amounts: PlanAmounts) -> Decimal | None:
    """The annual cost as it is stored and printed: simple, in percent, four decimals."""
    return None if amounts.cost is None else round(amounts.cost.simple, 4)

"""How a proposal is answered: the lender's rules over plain facts, with a reason for each answer.

Pure. The answer is one of three: accepted; another offer, the nearest that the rules accept; or a
person, where no other dates or amounts would help. A rule never says a bare no (PV-6). What holds:
another offer passes the very rules that made it. The module refuses to know rows and words.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from repayments.dates import add_months
from repayments.money import round_percent
from repayments.plans.amounts import MOST_ROWS, AmountsRefused, Debt, PlanAmounts, Row, fit_weights

LONGEST_MONTHS = 60
"""No plan runs longer, whatever a policy row says (CN-11: five years)."""

ACCEPTED, COUNTERED, PERSON = "accepted", "countered", "person"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """A policy row, in plain values; amounts in minor units, the cap in percent a year."""

    longest_months: int
    most_installments: int
    smallest_installment: int
    first_within_days: int
    no_broken_within_days: int
    annual_cost_cap: Decimal
    person_above: int | None

    def last_day(self, start: date) -> date:
        """The last day a plan that starts on a day may end on."""
        return add_months(start, min(self.longest_months, LONGEST_MONTHS))

    def first_day(self, start: date) -> date:
        """The last day the first payment may fall on."""
        return start + timedelta(days=self.first_within_days)

    @property
    def most_rows(self) -> int:
        return min(self.most_installments, MOST_ROWS)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the rules look at besides the proposal itself.

    Attributes:
        last_broken_on: day the newest plan of this loan that was not kept ended.
        holds: names of open holds that only a person may weigh, such as a dispute.
    """

    debt: Debt
    last_broken_on: date | None = None
    holds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One rule that a proposal does not meet; ``facts`` are plain JSON values for its words."""

    code: str
    facts: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """``findings`` holds the rules in their order; the first gives the reason."""

    verdict: str
    findings: tuple[Finding, ...] = ()
    counter: PlanAmounts | None = None

    @property
    def reason_code(self) -> str:
        return self.findings[0].code if self.findings else "within_policy"


Rule = Callable[[PlanAmounts, Limits, Facts], Finding | None]


def evaluate(amounts: PlanAmounts, limits: Limits, facts: Facts) -> Answer:
    """Answer a proposal.

    What only a person can weigh comes first: another offer would be made in vain.
    """
    for_a_person = _broken(PERSON_RULES, amounts, limits, facts)
    if for_a_person:
        return Answer(PERSON, for_a_person)
    findings = _broken(SHAPE_RULES, amounts, limits, facts)
    if not findings:
        return Answer(ACCEPTED)
    counter = nearest(amounts, limits)
    if counter is None or _broken(SHAPE_RULES + PERSON_RULES, counter, limits, facts):
        return Answer(PERSON, findings)
    return Answer(COUNTERED, findings, counter)


def nearest(amounts: PlanAmounts, limits: Limits) -> PlanAmounts | None:
    """Change a proposal as little as the rules ask: dates first, then how many, then how much.

    The rhythm of the payments is kept (even stays even, uneven stays in proportion); what falls
    after the last day the rules allow is spread over the payments before it.

    Returns: None where no plan fits.
    """
    debt = amounts.debt
    days = [row.due_date for row in amounts.rows]
    latest_first = limits.first_day(debt.as_of)
    if days[0] > latest_first:
        days = _moved_forward(amounts.rows, latest_first)
    last_day = limits.last_day(debt.as_of)
    count = sum(day <= last_day for day in days[: limits.most_rows])
    if count == 0:
        return None
    weights = [row.amount for row in amounts.rows][:count]
    if amounts.is_even:
        weights = [1] * count
    try:
        return fit_weights(debt, days[:count], weights, at_least=limits.smallest_installment)
    except AmountsRefused:
        return None


def _moved_forward(rows: tuple[Row, ...], first: date) -> list[date]:
    """Bring the first payment forward, and the others with it where they come at even steps."""
    months = _months_apart(rows)
    if months:
        return [add_months(first, number * months) for number in range(len(rows))]
    return [first, *(row.due_date for row in rows[1:])]


def _months_apart(rows: tuple[Row, ...]) -> int:
    """Count the months between payments; 0 where they do not come every so many months."""
    if len(rows) == 1:
        return 1
    first, second = rows[0].due_date, rows[1].due_date
    months = (second.year - first.year) * 12 + second.month - first.month
    steady = months > 0 and all(
        row.due_date == add_months(first, number * months) for number, row in enumerate(rows)
    )
    return months if steady else 0


# --- Rules: none may look at anything but its arguments -------------------------------------------


def _hold(amounts: PlanAmounts, limits: Limits, facts: Facts) -> Finding | None:
    return Finding("hold", {"hold": facts.holds[0]}) if facts.holds else None


def _above_person_limit(amounts: PlanAmounts, limits: Limits, facts: Facts) -> Finding | None:
    if limits.person_above is None or facts.debt.total <= limits.person_above:
        return None
    return Finding("large_sum", {"limit": limits.person_above})


def _broken_lately(amounts: PlanAmounts, limits: Limits, facts: Facts) -> Finding | None:
    ended = facts.last_broken_on
    if ended is None or (facts.debt.as_of - ended).days >= limits.no_broken_within_days:
        return None
    return Finding("broken_lately", {"ended_on": ended.isoformat()})


def _cost(amounts: PlanAmounts, limits: Limits, facts: Facts) -> Finding | None:
    """CN-R5: 24.00 passes, 24.01 does not."""
    cost = amounts.cost
    if cost is None or round_percent(cost.simple) <= limits.annual_cost_cap:
        return None
    return Finding(
        "annual_cost",
        {"cost": str(round_percent(cost.simple)), "cap": f"{limits.annual_cost_cap.normalize():f}"},
    )


def _whole_debt(amounts: PlanAmounts, limits: Limits, facts: Facts) -> Finding | None:
    principal = sum(row.principal for row in amounts.rows)
    whole = principal == facts.debt.principal and amounts.total_fees == facts.debt.fees
    return None if whole and amounts.total_interest >= facts.debt.interest else Finding("not_whole")


def _term(amounts: PlanAmounts, limits: Limits, facts: Facts) -> Finding | None:
    last_day = limits.last_day(facts.debt.as_of)
    if amounts.ends_on <= last_day:
        return None
    months = min(limits.longest_months, LONGEST_MONTHS)
    return Finding("longest_term", {"months": months, "last_day": last_day.isoformat()})


def _count(amounts: PlanAmounts, limits: Limits, facts: Facts) -> Finding | None:
    if len(amounts.rows) <= limits.most_rows:
        return None
    return Finding("most_installments", {"most": limits.most_rows})


def _smallest(amounts: PlanAmounts, limits: Limits, facts: Facts) -> Finding | None:
    """The last payment takes the rest, however small."""
    if all(row.amount >= limits.smallest_installment for row in amounts.rows[:-1]):
        return None
    return Finding("smallest_installment", {"smallest": limits.smallest_installment})


def _first(amounts: PlanAmounts, limits: Limits, facts: Facts) -> Finding | None:
    latest = limits.first_day(facts.debt.as_of)
    if amounts.first_due <= latest:
        return None
    return Finding("first_payment", {"latest": latest.isoformat()})


PERSON_RULES: tuple[Rule, ...] = (_hold, _above_person_limit, _broken_lately, _cost, _whole_debt)
SHAPE_RULES: tuple[Rule, ...] = (_term, _count, _smallest, _first)


def _broken(
    rules: tuple[Rule, ...], amounts: PlanAmounts, limits: Limits, facts: Facts
) -> tuple[Finding, ...]:
    found = (rule(amounts, limits, facts) for rule in rules)
    return tuple(finding for finding in found if finding is not None)

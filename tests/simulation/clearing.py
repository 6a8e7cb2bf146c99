"""The day's clearing in a story: the gateway's movements held against the books, never posted.

A step may check any day at any moment, so it meets differences that news on its way will end. At
the end, with everything reconciled, no day may differ.
"""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from repayments.cases.models import Case
from repayments.cases.services import open_signaled_cases
from repayments.clock import lender_zone
from repayments.ledger.models import Book
from repayments.payments import services
from repayments.payments.gateway import GatewayError
from repayments.payments.models import ClearingCheck, Payment, Suspense
from tests.simulation.world import Broken, World


def office_checks_the_clearing(world: World) -> str:
    """Check a day; what differs is for a person."""
    day = world.today - timedelta(days=world.rng.choice((0, 0, 1, 1, 2)))
    before, told = _money(), len(world.story)
    try:
        checks = services.check_clearing(day=day, now=world.now)
    except GatewayError as error:
        return f"{day}: {error}"
    differences = sum(len(check.differences) for check in checks)
    if len(world.story) != told:
        # Others acted meanwhile.
        return f"{day}: {differences} differences"
    if _money() != before:
        raise Broken(f"4: checking the clearing of {day} moved money")
    _hold_totals(world, day, checks)
    if differences:
        world.seen["clearing_differs"] += 1
        if world.has_office:
            _become_cases(world, checks)
    return f"{day}: {differences} differences" if checks else ""


def _money() -> Any:
    """All that a posting would change."""
    return (
        list(Book.objects.order_by("pk").values_list("pk", "last_seq")),
        list(Payment.objects.order_by("pk").values_list("pk", "status", "amount_received")),
        list(Suspense.objects.order_by("pk").values_list("pk", "amount", "resolution")),
    )


def _hold_totals(world: World, day: date, checks: list[ClearingCheck]) -> None:
    """What the check says the gateway moved is what it moved."""
    moved: dict[str, int] = defaultdict(int)
    for movement in world.gateway.movements:
        if movement.created_at.astimezone(lender_zone()).date() == day:
            moved[movement.currency] += movement.amount
    for check in checks:
        if check.gateway_total != moved.pop(check.currency, 0):
            raise Broken(f"4: the clearing of {day} says {check.gateway_total} {check.currency}")
    if any(moved.values()):
        raise Broken(f"4: the clearing of {day} leaves {dict(moved)} out")


def _become_cases(world: World, checks: list[ClearingCheck]) -> None:
    open_signaled_cases(now=world.now)
    differing = [check for check in checks if check.differences]
    cases = Case.objects.filter(reason="clearing_differs")
    days = set(cases.values_list("reason_facts__day", "reason_facts__currency"))
    for check in differing:
        if (check.date.isoformat(), check.currency) not in days:
            raise Broken(f"4: {check.date} differs in {check.currency}, and nobody is asked")


def no_day_differs(world: World) -> None:
    """When all news has come, each day on which money moved agrees object by object."""
    days = {one.created_at.astimezone(lender_zone()).date() for one in world.gateway.movements}
    for day in sorted(days)[-2:]:
        checks = services.check_clearing(day=day, now=world.now)
        _hold_totals(world, day, checks)
        for check in checks:
            if check.differences:
                raise Broken(f"4: the clearing of {day} differs for good: {check.differences}")


STEPS = [(office_checks_the_clearing, 4)]

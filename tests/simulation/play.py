"""Play a seed from its first step to the last comparison, and tell its story where it breaks."""

import traceback
from collections.abc import Callable

import pytest
from django.db import transaction

from repayments.payments import services
from tests.simulation import actors, checks, themes
from tests.simulation.world import Broken, World, playing

STEPS = 16
Plant = Callable[[World, pytest.MonkeyPatch], None]


class SeedFailed(AssertionError):
    """A seed broke something; the message is its whole story."""


def play(seed: int, plant: Plant | None = None, theme: str = "") -> World:
    """Play one seed in a transaction that is rolled back.

    Args:
        plant: puts a bug into the product.
        theme: what the story is to be about, instead of what is the seed's turn.
    Raises: SeedFailed.
    """
    with transaction.atomic():
        try:
            world = World(seed)
            with playing(world) as patch:
                if plant is not None:
                    plant(world, patch)
                _run(world, theme)
        finally:
            transaction.set_rollback(True)
    return world


def _run(world: World, theme: str) -> None:
    try:
        themes.prepare(world, theme)
        for _number in range(STEPS):
            world.step()
            checks.after_a_step(world)
        calm_down(world)
        checks.at_the_end(world)
    except Exception as error:
        raise SeedFailed(tell(world, error)) from error


def calm_down(world: World) -> None:
    """No more faults: everything lands, is delivered, worked and reconciled."""
    world.is_calm = True
    world.pass_time(days=5)
    for refund_id in services.list_refunds_to_send(now=world.now):
        services.send_refund(refund_id=refund_id, now=world.now)
    for refund in list(world.gateway.refunds.values()):
        if refund.status == "pending":
            world.gateway.end_refund(refund, succeeds=world.rng.random() < 0.5)
    while any(event.due for event in world.gateway.events.values()):
        for event in world.gateway.events.values():
            event.due = [min(due, world.now) for due in event.due]
        world.run(actors.gateway_delivers)
    while world.queue:
        world.run(actors.worker_takes_a_task)
    for _round in range(2):
        world.run(actors.reconciler_runs)
        checks.after_a_step(world)
        world.pass_time(minutes=20)


def tell(world: World, error: Exception) -> str:
    """The story of a seed that broke, and how to play it alone."""
    loans = "\n".join(
        f"  loan {loan.number}: {loan.principal} {loan.currency} in {loan.installments_count}, "
        f"{loan.product.allocation_strategy}, surplus {loan.product.surplus}, "
        f"parts {loan.product.partial_payments}, penalty {loan.penalty_rate}"
        for loan in world.loans
    )
    where = "" if isinstance(error, Broken) else "".join(traceback.format_exception(error))
    return "\n".join(
        [
            f"seed {world.seed}, {world.theme}, weather {world.strength}: "
            f"{type(error).__name__}: {error}",
            loans,
            *(f"  {line}" for line in world.story),
            where,
            f"Again: make simulate FIRST={world.seed} SEEDS=1",
        ]
    )

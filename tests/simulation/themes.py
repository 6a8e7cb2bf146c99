"""What a seed's story is mostly about: some steps come often in it, others seldom or never.

A short story in which everything may happen reaches nothing deep; stories of few things that meet
each other find more.
"""

from tests.simulation import actors, autopay, bank, checks_autopay, clearing, promises, staff
from tests.simulation.world import World

MIXES = {
    "pages": [(actors.STEPS, 10), (staff.STEPS, 10), (clearing.STEPS, 15)],
    "cards": [(autopay.STEPS, 20), (actors.STEPS, 6), (staff.STEPS, 3), (clearing.STEPS, 10)],
    "transfers": [(bank.STEPS, 20), (staff.STEPS, 8), (actors.STEPS, 4)],
    "promises": [(promises.STEPS, 20), (bank.STEPS, 8), (actors.STEPS, 10), (staff.STEPS, 3)],
    "all": [
        (actors.STEPS, 10),
        (staff.STEPS, 10),
        (autopay.STEPS, 10),
        (bank.STEPS, 6),
        (promises.STEPS, 8),
        (clearing.STEPS, 8),
    ],
}
# By turns, so that a few seeds in a row have met them all.
TURNS = (
    *("pages", "cards", "pages", "all", "transfers", "pages", "promises", "cards"),
    *("pages", "all", "pages", "transfers", "cards", "pages", "promises", "all"),
)


def prepare(world: World, theme: str = "") -> None:
    """Let a story begin that is about what its seed's turn is, unless something else is said."""
    world.theme = theme or TURNS[world.seed % len(TURNS)]
    world.steps = [
        (step, weight * share) for steps, share in MIXES[world.theme] for step, weight in steps
    ]
    world.guards["charge_card"] = checks_autopay.charge_is_allowed
    world.seen[f"theme_{world.theme}"] += 1
    if world.theme == "cards":
        autopay.begin_with_mandates(world)

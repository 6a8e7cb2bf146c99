"""Money under every fault, seed by seed; and bugs put in on purpose, each of which is found.

P4 of the reliability page. A seed that fails prints its story and how to play it alone; a fault it
shows becomes a test of its own beside the code. ``make simulate SEEDS=20000`` plays more.
"""

import re
from collections import Counter

import pytest

from tests.simulation.plants import PLANTS
from tests.simulation.play import Plant, SeedFailed, play
from tests.simulation.world import World

pytestmark = pytest.mark.django_db

SEEDS, LOT = 200, 40
# A simulator in which these do not happen shows nothing; each is met in every lot.
COMMON = {
    "borrower_presses_pay",
    "payer_uses_a_page",
    "gateway_delivers",
    "worker_takes_a_task",
    "reconciler_runs",
    "overtaken",
    "event_delayed",
    "event_doubled",
    "bank_disputes",
    "dashboard_refunds",
    "staff_proposes_a_refund",
    "worker_charges_a_card",
    "days_go_by",
    "staff_take_a_statement_in",
    "borrower_uses_a_quote",
    "borrower_promises",
    "office_checks_the_clearing",
}


@pytest.mark.parametrize("first", range(1, SEEDS + 1, LOT))
def test_p4_money_is_right_whatever_happens(first: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(first, first + LOT):
        seen += play(seed).seen
    assert seen.keys() >= COMMON


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found_within_500_seeds(plant: Plant) -> None:
    theme, words = PLANTS[plant]
    for seed in range(1, 501):
        try:
            play(seed, plant, theme)
        except SeedFailed as failure:
            if re.search(words, str(failure).splitlines()[0]):
                return
    pytest.fail("500 seeds did not see it")


def test_a_seed_tells_the_same_story_each_time() -> None:
    assert play(7).story == play(7).story


def test_a_seed_that_fails_tells_its_story_and_how_to_play_it_again() -> None:
    def break_it(world: World, patch: pytest.MonkeyPatch) -> None:
        world.gateway.misused_keys.append("a key")

    with pytest.raises(SeedFailed, match="seed 7.*\n(.*\n)*.*make simulate FIRST=7 SEEDS=1"):
        play(7, break_it)

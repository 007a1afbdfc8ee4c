"""The short campaign: fixed seeds that cover the kinds of faults."""

import pytest

from tests.chaos.lab import Lab
from tests.chaos.plans import add_pictures, draw_plan
from tests.chaos.trials import try_plan

# The long campaign is `python -m tests.chaos --seeds 200`, with --pictures for those below.
SEEDS = (5, 12, 19, 21)
# With pictures: a process dies while it writes one to S3. One fault, so that it strikes every time: what a killed process
# leaves to do for a second fault depends on how long the others live on.
PICTURE_SEEDS = (340,)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_and_nothing_is_doubled(lab: Lab, seed: int) -> None:
    verdict = try_plan(lab, draw_plan(seed))
    assert verdict.skipped or verdict.struck, "the plan did no harm"


@pytest.mark.parametrize("seed", PICTURE_SEEDS)
def test_every_picture_is_there_once_and_the_same(lab: Lab, seed: int) -> None:
    plan = add_pictures(draw_plan(seed))
    assert try_plan(lab, plan).struck == len(plan.faults), "the plan did less harm than it should"

"""The short campaign: fixed seeds that cover the kinds of faults, and one run of real vLLM whose engine process is killed."""

from collections.abc import Iterator

import pytest

from tests.chaos.campaign import Verdict, run_plan
from tests.chaos.lab import Lab, open_lab
from tests.chaos.plans import Fault, Moment, Plan, add_pictures, draw_plan

# The long campaign is `python -m tests.chaos --seeds 200`, with --pictures for those below.
SEEDS = (5, 12, 19, 21)
# With pictures: a process dies while it writes one to S3. One fault, so that it strikes every time: what a killed process
# leaves to do for a second fault depends on how long the others live on.
PICTURE_SEEDS = (340,)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("chaos")) as lab:
        yield lab


def try_plan(lab: Lab, plan: Plan) -> Verdict:
    with lab.reach_server():
        verdict = run_plan(lab, plan)
    tails = [f"command {number}: {trial.ended}" for number, trial in enumerate(verdict.trials, start=1)]
    assert not verdict.breaches, "\n".join([str(plan), *verdict.breaches, *tails])
    return verdict


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_and_nothing_is_doubled(lab: Lab, seed: int) -> None:
    verdict = try_plan(lab, draw_plan(seed))
    assert verdict.skipped or verdict.struck, "the plan did no harm"


@pytest.mark.parametrize("seed", PICTURE_SEEDS)
def test_every_picture_is_there_once_and_the_same(lab: Lab, seed: int) -> None:
    plan = add_pictures(draw_plan(seed))
    assert try_plan(lab, plan).struck == len(plan.faults), "the plan did less harm than it should"


@pytest.mark.engine
def test_a_killed_engine_process_costs_nothing_but_time(lab: Lab) -> None:
    verdict = try_plan(lab, Plan(0, "local", "vllm", 1, 1, (Fault("kill_engine", Moment(share=0.05)),)))
    assert verdict.struck == 1, "the engine was not killed"
    assert [trial.ended.code for trial in verdict.trials] == [0], "the run did not go on by itself"

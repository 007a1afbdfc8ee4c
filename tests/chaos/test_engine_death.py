"""One run of real vLLM whose engine process is killed: the run continues by itself."""

import pytest

from tests.chaos.lab import Lab
from tests.chaos.plans import Fault, Moment, Plan
from tests.chaos.trials import try_plan


@pytest.mark.engine
def test_a_killed_engine_process_costs_nothing_but_time(lab: Lab) -> None:
    verdict = try_plan(lab, Plan(0, "local", "vllm", 1, 1, (Fault("kill_engine", Moment(share=0.05)),)))
    assert verdict.struck == 1, "the engine was not killed"
    assert [trial.ended.code for trial in verdict.trials] == [0], "the run did not go on by itself"

"""A plan as a test: run it, and fail with everything that is known when it broke something."""

from tests.chaos.campaign import Verdict, run_plan
from tests.chaos.lab import Lab
from tests.chaos.plans import Plan


def try_plan(lab: Lab, plan: Plan) -> Verdict:
    """Run the plan and return what came of it. Raises AssertionError, with how each command ended, for a breach."""
    with lab.reach_server():
        verdict = run_plan(lab, plan)
    tails = [f"command {number}: {trial.ended}" for number, trial in enumerate(verdict.trials, start=1)]
    assert not verdict.breaches, "\n".join([str(plan), *verdict.breaches, *tails])
    return verdict

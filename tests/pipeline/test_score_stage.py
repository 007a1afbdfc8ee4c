"""Scoring a batch: what the text stage has checked is taken at its word."""

from pathlib import Path

from factory.engines.embedders.hashing import HashingEmbedder
from factory.pipeline.score_stage import finish_outcomes
from schemas.outcome import Check, Status
from tests.support.builders import make_candidate, make_fields, make_outcome, make_request
from tests.support.jobs import make_job, plan_job

FAILED = [Check(rule="count", passed=False, detail="too few")]


def test_items_of_the_pool_are_not_checked_again(tmp_path: Path) -> None:
    """The text stage checks an item with its prompt at hand; this stage, which has none, must not think otherwise."""
    spec = plan_job(make_job(tmp_path / "job")).spec
    fields = make_fields()
    pool = {**fields, "headline": [*fields["headline"][:2], "Cures 97% of all blisters!!"]}
    failed = make_candidate(0, fields={"headline": pool["headline"][:1]}, checks=FAILED)
    outcome = make_outcome(request=make_request(placement="google_rsa"), pool=pool, candidates=[failed])
    (finished,) = finish_outcomes([outcome], spec, 0.0, HashingEmbedder())
    (pooled,) = [candidate for candidate in finished.candidates if candidate.status is Status.ACCEPTED]
    assert pooled.pooled and sorted(pooled.fields["headline"]) == sorted(pool["headline"])

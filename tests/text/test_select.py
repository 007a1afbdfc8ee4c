"""Select: the best that differ, sets pooled over candidates, and a reason for every candidate that is no asset."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from factory.engines.base import Embedder
from factory.engines.embedders.hashing import HashingEmbedder
from factory.text.scores.embeddings import embed_texts
from factory.text.scores.scorer import Scoring, score_candidates, score_outcomes
from factory.text.select import Assessor, select_assets
from schemas.job import SelectConfig
from schemas.outcome import Candidate, Check, Fields, Outcome, Status
from schemas.placement import Placement, TextField
from schemas.rubric import Rubric
from tests.support.builders import make_candidate, make_fields, make_outcome, make_placement

OK = [Check(rule="length", passed=True)]
RUBRIC = Rubric(weights={"relevance": 1.0, "specificity": 1.0, "diversity": 1.0, "fluency": 0.5})
HEADLINES = ["Waterproof Leather Boots", "Comfort on Long Walks", "Boots From Daybird", "Cushioned Insole Inside"]
DESCRIPTIONS = ["A durable rubber sole for the trail.", "Save on hiking footwear this autumn."]


def make_single() -> Placement:
    return make_placement(fields=[TextField(name="text", max=200)])


def make_text(index: int, text: str, score: float | None = None, **changes: Any) -> Candidate:
    return make_candidate(index, fields={"text": [text]}, score=score, **changes)


def run_select(
    outcome: Outcome, placement: Placement, checks: list[Check] = OK, embedder: Embedder | None = None, **config: Any
) -> Outcome:
    """Select with the scores that the candidates already have; pooled sets are scored by the real scores."""
    placements = {outcome.request.placement: placement}
    table = embed_texts([outcome], placements, embedder or HashingEmbedder())
    scoring = Scoring(RUBRIC, 0.0, placements)
    assessor = Assessor(
        check=lambda fields: checks if fields else [],
        score=lambda candidates: score_candidates(candidates, outcome.request, scoring, table),
    )
    return select_assets(outcome, placement, SelectConfig(**config), table, assessor)


def explain(outcome: Outcome) -> list[tuple[str, int | None, str]]:
    return [(candidate.status.value, candidate.rank, candidate.reason) for candidate in outcome.candidates]


# --- single texts


def test_the_highest_score_wins_and_the_others_say_why() -> None:
    failed = make_text(
        2, "Broken", checks=[*OK, Check(rule="grounding", passed=False, detail="50 % is not in the brief")]
    )
    candidates = [make_text(0, "Waterproof boots", 0.4), make_text(1, "Leather for the trail", 0.8), failed]
    chosen = run_select(make_outcome(candidates=candidates, pool={}), make_single())
    assert explain(chosen) == [
        ("unselected", None, "others scored higher"),
        ("accepted", 0, ""),
        ("rejected", None, "grounding: 50 % is not in the brief"),
    ]
    assert [candidate.index for candidate in chosen.accepted] == [1]


def test_ties_go_to_the_lower_index() -> None:
    candidates = [make_text(3, "Waterproof boots", 0.5), make_text(1, "Leather for the trail", 0.5)]
    chosen = run_select(make_outcome(candidates=candidates, pool={}), make_single())
    assert [candidate.index for candidate in chosen.accepted] == [1]
    assert chosen.candidates[0].reason == "others scored as high and came first or differed more"


def test_below_the_minimum_score_is_rejected() -> None:
    candidates = [make_text(0, "Boots", 0.434), make_text(1, "Leather", None), make_text(2, "Insole", 0.5)]
    chosen = run_select(make_outcome(candidates=candidates, pool={}), make_single(), minimum_score=0.5)
    assert explain(chosen) == [
        ("rejected", None, "below minimum score 0.50: 0.43"),
        ("rejected", None, "below minimum score 0.50: no score"),
        ("accepted", 0, ""),
    ]


def test_without_a_minimum_a_candidate_without_a_score_may_be_kept() -> None:
    chosen = run_select(make_outcome(candidates=[make_text(0, "Boots")], pool={}), make_single())
    assert chosen.status == "accepted"


def test_kept_assets_differ_and_are_ranked() -> None:
    candidates = [
        make_text(0, "Waterproof leather hiking boots", 0.90),
        make_text(1, "Waterproof leather hiking boots!", 0.89),
        make_text(2, "Comfort on every long walk", 0.70),
        make_text(3, "Save this autumn", 0.20),
    ]
    chosen = run_select(make_outcome(candidates=candidates, pool={}), make_single(), keep=2)
    assert [candidate.index for candidate in chosen.accepted] == [0, 2]
    assert [candidate.rank for candidate in chosen.accepted] == [0, 1]
    assert chosen.candidates[1].status is Status.UNSELECTED
    assert chosen.candidates[1].reason.startswith("too similar to candidate 0 (0.")
    assert chosen.candidates[3].reason == "others scored higher"


def test_the_same_text_is_never_kept_twice() -> None:
    candidates = [make_text(0, "Warm boots", 0.9), make_text(1, "warm  boots", 0.8)]
    chosen = run_select(make_outcome(candidates=candidates, pool={}), make_single(), keep=5, min_distance=0.0)
    assert [candidate.index for candidate in chosen.accepted] == [0]
    assert chosen.candidates[1].reason == "too similar to candidate 0 (1.00)"


def test_nothing_passed_is_a_rejected_outcome_with_reasons() -> None:
    unread = make_candidate(0, checks=[], fields={}, raw="As an AI")
    failed = make_candidate(1, checks=[Check(rule="limits", passed=False)])
    chosen = run_select(make_outcome(candidates=[unread, failed], pool={}), make_single())
    assert chosen.status == "rejected"
    assert [candidate.reason for candidate in chosen.candidates] == ["no check was made", "limits"]


def test_a_quarantined_outcome_passes_through() -> None:
    base = make_outcome().model_dump()
    refusal = {"stage": "prompt", "reason": "unworkable_request", "detail": "too long"}
    quarantined = Outcome.model_validate(base | {"quarantine": refusal})
    assert run_select(quarantined, make_placement()) is quarantined


# --- sets


def test_a_better_pooled_set_wins_and_its_sources_say_so() -> None:
    fields: list[Fields] = [
        {"headline": [HEADLINES[0], "Good Boots", "Great Boots"], "description": [DESCRIPTIONS[0], "Good boots now."]},
        {"headline": [HEADLINES[1], HEADLINES[2], "Nice Boots"], "description": [DESCRIPTIONS[1], "Nice boots now."]},
    ]
    pool = {name: [*fields[0][name], *fields[1][name]] for name in ("headline", "description")}
    candidates = [
        make_candidate(0, fields=fields[0], mean_logprob=-1.0),
        make_candidate(1, fields=fields[1], judge=0.1),
    ]
    outcome = make_outcome(candidates=candidates, pool=pool)
    placements = {"test_search": make_placement()}
    table = embed_texts([outcome], placements, HashingEmbedder())
    outcome = score_outcomes([outcome], Scoring(RUBRIC, 0.0, placements), table)[0]
    chosen = run_select(outcome, make_placement())
    winner = chosen.accepted[0]
    assert winner.pooled and winner.index == 2
    assert set(HEADLINES[:3]) <= set(winner.fields["headline"])
    assert winner.score is not None and winner.score > max(c.score or 0 for c in chosen.candidates[:2])
    assert -1.2 < (winner.mean_logprob or 0) < -1.0  # between those of the candidates its items came from
    assert 0.1 < (winner.judge or 0) < 0.7
    assert {c.reason for c in chosen.candidates[:2]} == {"its items were pooled into candidate 2"}


def test_a_pool_mends_a_request_whose_candidates_all_failed() -> None:
    bad = [Check(rule="limits", passed=False, detail="headline 1 has 34 of 30")]
    fields = make_fields()
    outcome = make_outcome(candidates=[make_candidate(0, checks=bad)], pool=fields)
    chosen = run_select(outcome, make_placement())
    assert [candidate.pooled for candidate in chosen.accepted] == [True]
    assert chosen.candidates[0].reason == "limits: headline 1 has 34 of 30"


def test_a_pooled_set_that_fails_its_checks_is_not_a_candidate() -> None:
    bad = [Check(rule="must_include", passed=False)]
    outcome = make_outcome(pool=make_fields() | {"headline": HEADLINES})
    chosen = run_select(outcome, make_placement(), checks=bad)
    assert [candidate.pooled for candidate in chosen.candidates] == [False, False]
    assert chosen.status == "accepted"


def test_a_pool_that_only_repeats_a_candidate_adds_nothing() -> None:
    chosen = run_select(make_outcome(candidates=[make_candidate(0)], pool=make_fields()), make_placement())
    assert [candidate.index for candidate in chosen.candidates] == [0]
    assert chosen.status == "accepted"


item = st.text(st.sampled_from("ab Z!靴é"), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(item, st.none() | st.floats(0, 1), st.booleans()), max_size=7),
    st.integers(1, 4),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_every_candidate_gets_a_fate(
    drafts: list[tuple[str, float | None, bool]], keep: int, minimum_score: float, min_distance: float
) -> None:
    candidates = [
        make_text(index, text, score, checks=[Check(rule="limits", passed=passed)])
        for index, (text, score, passed) in enumerate(drafts)
    ]
    outcome = make_outcome(candidates=candidates, pool={})
    config = {"keep": keep, "minimum_score": minimum_score, "min_distance": min_distance}
    chosen = run_select(outcome, make_single(), **config)
    assert chosen == run_select(outcome, make_single(), **config)
    assert [c.fields for c in chosen.candidates] == [c.fields for c in candidates]
    assert [c.rank for c in chosen.accepted] == list(range(len(chosen.accepted)))
    good = [c for c in candidates if c.passed and (minimum_score == 0 or (c.score or -1) >= minimum_score)]
    assert bool(chosen.accepted) == bool(good)
    assert len(chosen.accepted) <= keep
    for candidate in chosen.candidates:
        accepted = candidate.status is Status.ACCEPTED
        assert accepted == (candidate.reason == "") == (candidate.rank is not None)
        assert candidate.passed or candidate.status is Status.REJECTED
    if good:
        assert chosen.accepted[0].score == max((c.score for c in good), key=lambda score: score or 0.0)

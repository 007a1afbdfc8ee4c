"""Scores: each measures what it says, all stay within 0..1, and what cannot be computed is named."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.engines.embedders.hashing import HashingEmbedder
from factory.text.scores.embeddings import embed_texts, list_items, summarize_brief
from factory.text.scores.scorer import Scoring, score_outcomes
from schemas.outcome import Candidate, Check, Outcome
from schemas.placement import Placement, TextField
from schemas.rubric import SCORES, Rubric
from tests.support.builders import (
    WEIGHTS,
    make_brief,
    make_candidate,
    make_fields,
    make_outcome,
    make_placement,
    make_request,
    make_rubric,
)

FAILED = [Check(rule="length", passed=False, detail="31 over 30")]


def make_single() -> Placement:
    fields = [TextField(name="headline", max=60), TextField(name="description", max=200)]
    return make_placement(fields=fields)


def score_one(
    outcome: Outcome, rubric: Rubric, judge_weight: float = 1.0, placement: Placement | None = None
) -> Outcome:
    placements = {"test_search": placement or make_placement()}
    table = embed_texts([outcome], placements, HashingEmbedder())
    return score_outcomes([outcome], Scoring(rubric, judge_weight, placements), table)[0]


class CountingEmbedder(HashingEmbedder):
    """Counts how often the model is called, and for which texts."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def embed(self, texts):  # type: ignore[no-untyped-def]
        self.calls.append(list(texts))
        return super().embed(texts)


# --- all scores together


def test_every_score_is_there_and_the_total_is_their_weighted_mean() -> None:
    candidate = score_one(make_outcome(), make_rubric(), judge_weight=3.0).candidates[0]
    assert list(candidate.scores) == list(SCORES)
    assert candidate.missing_scores == []
    weights = WEIGHTS | {"judge": 3.0}
    expected = sum(candidate.scores[name] * weight for name, weight in weights.items()) / sum(weights.values())
    assert candidate.score == pytest.approx(expected, abs=1e-4)
    assert candidate.scores["judge"] == 0.7
    assert candidate.scores["fluency"] == pytest.approx(math.exp(-1.2), abs=1e-4)


def test_missing_scores_are_named_and_leave_the_total() -> None:
    changes = {"mean_logprob": None, "judge": None}
    outcome = make_outcome(request=make_request(locale="ja-JP"), candidates=[make_candidate(0, **changes)])
    candidate = score_one(outcome, make_rubric()).candidates[0]
    assert candidate.missing_scores == ["readability", "fluency", "judge"]
    weights = {name: WEIGHTS[name] for name in candidate.scores}
    expected = sum(candidate.scores[name] * weight for name, weight in weights.items()) / sum(weights.values())
    assert candidate.score == pytest.approx(expected, abs=1e-4)


def test_a_job_without_a_judge_misses_no_judge() -> None:
    outcome = make_outcome(candidates=[make_candidate(0, judge=None)])
    assert score_one(outcome, Rubric(weights=WEIGHTS)).candidates[0].missing_scores == []


def test_a_judge_of_weight_0_is_shown_but_does_not_count() -> None:
    kind, harsh = (make_outcome(candidates=[make_candidate(0, judge=verdict)]) for verdict in (1.0, 0.0))
    totals = [score_one(outcome, make_rubric(), judge_weight=0.0).candidates[0] for outcome in (kind, harsh)]
    assert totals[0].score == totals[1].score
    assert [candidate.scores["judge"] for candidate in totals] == [1.0, 0.0]


def test_only_scores_of_weight_0_give_no_total() -> None:
    outcome = make_outcome(candidates=[make_candidate(0, judge=0.9)])
    candidate = score_one(outcome, make_rubric(judge=1.0), judge_weight=0.0).candidates[0]
    assert candidate.score is None


def test_failed_candidates_stay_unscored_and_are_not_embedded() -> None:
    rejected = make_candidate(1, checks=FAILED, fields={"headline": ["Never looked at"]})
    outcome = make_outcome(candidates=[make_candidate(0), rejected])
    embedder = CountingEmbedder()
    placements = {"test_search": make_placement()}
    table = embed_texts([outcome, outcome], placements, embedder)
    scored = score_outcomes([outcome, outcome], Scoring(make_rubric(), 1.0, placements), table)
    assert scored[0].candidates[1] == rejected
    assert len(embedder.calls) == 1  # one call for the batch
    assert "Never looked at" not in embedder.calls[0]
    assert len(set(embedder.calls[0])) == len(embedder.calls[0])


def test_a_quarantined_outcome_passes_through() -> None:
    quarantined = Outcome.model_validate(
        {
            "request": make_request().model_dump(),
            "quarantine": {"stage": "text", "reason": "r", "detail": "d"},
        }
    )
    assert score_one(quarantined, make_rubric()) == quarantined


def test_what_the_model_did_not_write_is_not_scored() -> None:
    placement = make_placement(
        fields=[
            TextField(name="headline", min_count=2, max_count=5, max=40),
            TextField(name="brand", source="brief.brand", max=40),
        ]
    )
    brief = make_brief(disclaimer="Terms apply.")
    fields = {"headline": ["Boots", "Dry feet Terms apply.", "Terms apply.", ""], "brand": ["Daybird"]}
    assert list_items(fields, placement, brief) == {"headline": ["Boots", "Dry feet"]}


def test_the_summary_names_product_brand_messages_and_segment() -> None:
    summary = summarize_brief(make_request())
    for part in ("Wanderer Black Hiking Boots by Daybird", "Cushioned insole", "For weekend hikers: comfort"):
        assert part in summary


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
anything = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))


@settings(max_examples=150, deadline=None)
@given(
    items=st.lists(
        st.tuples(st.lists(texts, max_size=4), st.lists(texts, max_size=2), anything, anything), max_size=4
    ),
    weights=st.dictionaries(st.sampled_from(SCORES), st.floats(0, 1e9), min_size=1).filter(lambda w: any(w.values())),
    judge_weight=st.floats(0, 1e9),
    locale=st.sampled_from(["en-US", "de-DE", "fr-FR", "es-ES", "it-IT", "nl-NL", "ru-RU", "ja-JP", "ar-EG"]),
    is_set=st.booleans(),
)
def test_no_score_is_ever_nan_or_outside_0_to_1(items, weights, judge_weight, locale, is_set) -> None:  # type: ignore[no-untyped-def]
    candidates = [
        Candidate.model_construct(
            index=index,
            fields={"headline": headlines, "description": descriptions},
            checks=[Check(rule="length", passed=True)],
            mean_logprob=logprob,
            judge=judge,
        )
        for index, (headlines, descriptions, logprob, judge) in enumerate(items)
    ]
    outcome = make_outcome(request=make_request(locale=locale), candidates=[], pool={})
    outcome = outcome.model_copy(update={"candidates": candidates})
    placement = make_placement() if is_set else make_single()
    for candidate in score_one(outcome, make_rubric(**weights), judge_weight, placement).candidates:
        assert set(candidate.scores).isdisjoint(candidate.missing_scores)
        assert set(candidate.scores) | set(candidate.missing_scores) == set(SCORES)
        for value in (*candidate.scores.values(), candidate.score):
            assert value is None or 0.0 <= value <= 1.0
        counted = [name for name in candidate.scores if (weights | {"judge": judge_weight}).get(name, 0) > 0]
        assert (candidate.score is not None) == bool(counted)


def test_single_texts_are_compared_with_the_other_candidates() -> None:
    fields = {"headline": ["Waterproof boots"], "description": ["Leather that lasts."]}
    other = {"headline": ["Comfort all day"], "description": ["Walk further."]}
    outcome = make_outcome(candidates=[make_candidate(i, fields=f) for i, f in enumerate((fields, fields, other))])
    scored = score_one(outcome, make_rubric(), placement=make_single()).candidates
    assert [candidate.scores["diversity"] for candidate in scored] == [0.0, 0.0, 1.0]
    alone = score_one(
        make_outcome(candidates=[make_candidate(0, fields=fields)]), make_rubric(), placement=make_single()
    )
    assert "diversity" in alone.candidates[0].missing_scores


def test_scores_do_not_depend_on_the_batch() -> None:
    outcome, other = make_outcome(), make_outcome(request=make_request(brief=make_brief(product_name="Coffee")))
    placements = {"test_search": make_placement()}
    scoring = Scoring(make_rubric(), 1.0, placements)
    both = score_outcomes([other, outcome], scoring, embed_texts([other, outcome], placements, HashingEmbedder()))
    assert both[1] == score_one(outcome, make_rubric())
    assert both[1].candidates[0].fields == make_fields()

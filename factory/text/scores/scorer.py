"""Outcomes in, outcomes with scores out: every soft score of every candidate that passed, and their weighted mean.

Candidates that failed a check cannot become assets, so they stay without scores: that saves the model's time. A score
that cannot be computed is named in `missing_scores` and leaves the mean; nothing is ever NaN or outside 0..1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from factory.text.scores.diversity import distance_to_others, diversity_of_fields
from factory.text.scores.embeddings import EmbeddingTable, list_embedded, list_items, summarize_brief
from factory.text.scores.fluency import score_fluency
from factory.text.scores.judge import calibrate, fit_auc
from factory.text.scores.readability import score_readability
from factory.text.scores.relevance import score_relevance
from factory.text.scores.specificity import find_facts, score_specificity
from schemas.outcome import Candidate, Outcome
from schemas.placement import Placement
from schemas.request import Request
from schemas.rubric import Rubric

__all__ = ["Scoring", "calibrate", "fit_auc", "score_candidates", "score_outcomes"]

DIGITS = 4  # kept of a score: below that, a model's answer depends on what else was in its batch


@dataclass(frozen=True, slots=True)
class Scoring:
    """What scoring needs to know of a run. `judge_weight` is the calibrated one (`Calibration.weight`)."""

    rubric: Rubric
    judge_weight: float
    placements: Mapping[str, Placement]

    @property
    def weights(self) -> dict[str, float]:
        """The weights that count in the total."""
        return {**self.rubric.weights, "judge": self.judge_weight}


def score_outcomes(outcomes: Sequence[Outcome], scoring: Scoring, table: EmbeddingTable) -> list[Outcome]:
    """Return `outcomes` with scores on every candidate that passed; `table` is `embed_texts` of the same outcomes."""
    return [
        outcome
        if outcome.quarantine is not None
        else outcome.change(candidates=score_candidates(outcome.candidates, outcome.request, scoring, table))
        for outcome in outcomes
    ]


def score_candidates(
    candidates: Sequence[Candidate], request: Request, scoring: Scoring, table: EmbeddingTable
) -> list[Candidate]:
    """Return the candidates of one request, those that passed with `scores`, `missing_scores` and `score` set.

    Diversity of a set is within it; of a single text, against the other candidates given here. Raises KeyError when
    `table` lacks a text.
    """
    placement = scoring.placements[request.placement]
    passed = [candidate for candidate in candidates if candidate.passed]
    if not passed:
        return list(candidates)
    items = {c.index: list_items(c.fields, placement, request.brief) for c in passed}
    texts = {index: [text for found in by_field.values() for text in found] for index, by_field in items.items()}
    about = table.lookup(summarize_brief(request)) if any(texts.values()) else None
    facts = find_facts(request.brief)
    weights = scoring.weights
    scored = {}
    for candidate in passed:
        written = texts[candidate.index]
        found: dict[str, float | None] = {
            "relevance": None,
            "readability": score_readability(written, request.locale),
            "specificity": score_specificity(written, facts) if written else None,
            "diversity": diversity_of_fields(items[candidate.index].values()),
            "fluency": score_fluency(candidate.mean_logprob),
        }
        if written and about is not None:
            vectors = table.lookup_all(list_embedded(items[candidate.index], placement))
            found["relevance"] = score_relevance(vectors, about)
        if not placement.is_set:
            others = [theirs for index, theirs in texts.items() if index != candidate.index]
            found["diversity"] = distance_to_others(written, others)
        if scoring.rubric.judge is not None or candidate.judge is not None:
            found["judge"] = candidate.judge
        scored[candidate.index] = _attach(candidate, found, weights)
    return [scored.get(candidate.index, candidate) for candidate in candidates]


def _attach(candidate: Candidate, found: Mapping[str, float | None], weights: Mapping[str, float]) -> Candidate:
    scores: dict[str, float] = {}
    missing: list[str] = []
    for name, value in found.items():
        if value is None or not math.isfinite(value):
            missing.append(name)
        else:
            scores[name] = round(min(1.0, max(0.0, value)), DIGITS)
    return candidate.change(scores=scores, missing_scores=missing, score=_mean(scores, weights))


def _mean(scores: Mapping[str, float], weights: Mapping[str, float]) -> float | None:
    total = weighted = 0.0
    for name, value in scores.items():
        weight = weights.get(name, 0.0)
        total += weight
        weighted += weight * value
    if total <= 0 or not math.isfinite(total):
        return None
    return round(min(1.0, weighted / total), DIGITS)

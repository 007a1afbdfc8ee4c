"""Outcomes in, outcomes with every candidate's fate out: accepted with a rank, or unselected or rejected and why.

Keeps the best that differ from each other. On set placements, sets pooled over the candidates compete with them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from factory.text.pooling import RELEVANCE_SHARE, SAME, build_sets
from factory.text.scores.embeddings import EmbeddingTable, Vectors, list_embedded, list_items
from schemas.job import SelectConfig
from schemas.outcome import Candidate, Check, Fields, Outcome, Status
from schemas.placement import Placement


@dataclass(frozen=True, slots=True)
class Assessor:
    """How a pooled set of one request is checked and scored: the pipeline's checks and scores, bound to it."""

    check: Callable[[Fields], list[Check]]
    score: Callable[[list[Candidate]], list[Candidate]]


@dataclass(frozen=True, slots=True)
class _Fate:
    status: Status
    reason: str = ""
    rank: int | None = None


def select_assets(
    outcome: Outcome, placement: Placement, config: SelectConfig, table: EmbeddingTable, assessor: Assessor
) -> Outcome:
    """Return `outcome` with status, rank and reason on every candidate, pooled sets that pass their checks added.

    The first asset is the one with the highest score; each next one the best by maximal marginal relevance (Carbonell
    and Goldstein 1998, https://doi.org/10.1145/290941.291025) among those at least `config.min_distance` away from the
    ones before. Ties go to the lower index. `table` is `embed_texts` of this outcome; raises KeyError when it lacks a
    text. A quarantined outcome comes back as it is.
    """
    if outcome.quarantine is not None:
        return outcome
    candidates = list(outcome.candidates)
    if placement.is_set and outcome.pool:
        candidates += _pool_candidates(outcome, build_sets(outcome, placement, config, table), assessor)
    fates: dict[int, _Fate] = {}
    eligible: list[Candidate] = []
    for candidate in candidates:
        refusal = _find_refusal(candidate, config)
        if refusal:
            fates[candidate.index] = _Fate(Status.REJECTED, refusal)
        else:
            eligible.append(candidate)
    if eligible:
        vectors = {}
        if config.keep > 1:
            vectors = {c.index: _look_up(c, outcome, placement, table) for c in eligible}
        fates |= _choose(eligible, config, vectors)
    return outcome.change(candidates=[_mark(c, fates[c.index]) for c in candidates])


def _look_up(candidate: Candidate, outcome: Outcome, placement: Placement, table: EmbeddingTable) -> Vectors:
    items = list_items(candidate.fields, placement, outcome.request.brief)
    return table.lookup_all(list_embedded(items, placement))


def _find_refusal(candidate: Candidate, config: SelectConfig) -> str:
    for check in candidate.checks:
        if not check.passed:
            return f"{check.rule}: {check.detail}" if check.detail else check.rule
    if not candidate.checks:
        return candidate.reason or "no check was made"
    if config.minimum_score > 0 and (candidate.score is None or candidate.score < config.minimum_score):
        scored = "no score" if candidate.score is None else f"{candidate.score:.2f}"
        return f"below minimum score {config.minimum_score:.2f}: {scored}"
    return ""


def _pool_candidates(outcome: Outcome, sets: Sequence[Fields], assessor: Assessor) -> list[Candidate]:
    """Return the sets that pass their checks and are not just a passing candidate again, as scored candidates."""
    known = [_sort_items(candidate.fields) for candidate in outcome.candidates if candidate.passed]
    index = max((candidate.index for candidate in outcome.candidates), default=-1)
    pooled = []
    for fields in sets:
        if _sort_items(fields) in known:
            continue
        checks = assessor.check(fields)
        if checks and all(check.passed for check in checks):
            index += 1
            pooled.append(_make_pooled(index, fields, checks, outcome))
    return assessor.score(pooled) if pooled else []


def _make_pooled(index: int, fields: Fields, checks: list[Check], outcome: Outcome) -> Candidate:
    """Make the pooled candidate. Its log probability and verdict are the means over its items' own candidates.

    Without them it would compete on fewer scores than the single completions do.
    """
    logprobs: list[float] = []
    verdicts: list[float] = []
    for name, items in fields.items():
        for item in sorted(set(items).intersection(outcome.pool.get(name, ()))):
            source = next((c for c in outcome.candidates if item in c.fields.get(name, ())), None)
            if source is not None and source.mean_logprob is not None:
                logprobs.append(source.mean_logprob)
            if source is not None and source.judge is not None:
                verdicts.append(source.judge)
    return Candidate.make(
        index=index,
        pooled=True,
        fields=fields,
        checks=checks,
        mean_logprob=sum(logprobs) / len(logprobs) if logprobs else None,
        judge=sum(verdicts) / len(verdicts) if verdicts else None,
        seed=outcome.request.seed,
    )


def _choose(eligible: Sequence[Candidate], config: SelectConfig, vectors: dict[int, Vectors]) -> dict[int, _Fate]:
    fates: dict[int, _Fate] = {}
    accepted: list[Candidate] = []
    left = sorted(eligible, key=lambda candidate: (-(candidate.score or 0.0), candidate.index))
    limit = min(1.0 - config.min_distance, SAME)
    nearest: dict[int, tuple[float, int]] = {candidate.index: (0.0, -1) for candidate in left}
    while left and len(accepted) < config.keep:
        best = max(left, key=lambda c: (_value(c, nearest), -c.index))
        fates[best.index] = _Fate(Status.ACCEPTED, rank=len(accepted))
        accepted.append(best)
        left.remove(best)
        if len(accepted) == config.keep:
            break
        for candidate in list(left):
            similarity = _compare(vectors[candidate.index], vectors[best.index])
            nearest[candidate.index] = max(nearest[candidate.index], (similarity, best.index))
            if similarity > limit:
                fates[candidate.index] = _Fate(
                    Status.UNSELECTED, f"too similar to candidate {best.index} ({similarity:.2f})"
                )
                left.remove(candidate)
    for candidate in left:
        fates[candidate.index] = _Fate(Status.UNSELECTED, _explain_loss(candidate, accepted))
    return fates


def _value(candidate: Candidate, nearest: dict[int, tuple[float, int]]) -> float:
    similarity = nearest[candidate.index][0]
    return RELEVANCE_SHARE * (candidate.score or 0.0) - (1 - RELEVANCE_SHARE) * similarity


def _explain_loss(candidate: Candidate, accepted: Sequence[Candidate]) -> str:
    for winner in accepted:
        if winner.pooled and not candidate.pooled and _shares_item(candidate.fields, winner.fields):
            return f"its items were pooled into candidate {winner.index}"
    if (candidate.score or 0.0) < min(winner.score or 0.0 for winner in accepted):
        return "others scored higher"
    return "others scored as high and came first or differed more"


def _compare(first: Vectors, second: Vectors) -> float:
    """Return the likeness of two candidates: the mean, over the texts of both, of the cosine to the nearest."""
    if not len(first) or not len(second):
        return 0.0
    cosines = first @ second.T
    mean = (float(cosines.max(axis=1).sum()) + float(cosines.max(axis=0).sum())) / (len(first) + len(second))
    return round(mean, 4)


def _shares_item(ours: Fields, theirs: Fields) -> bool:
    return any(not set(items).isdisjoint(theirs.get(name, ())) for name, items in ours.items())


def _sort_items(fields: Fields) -> dict[str, list[str]]:
    return {name: sorted(items) for name, items in fields.items() if items}


def _mark(candidate: Candidate, fate: _Fate) -> Candidate:
    return candidate.change(status=fate.status, reason=fate.reason, rank=fate.rank)

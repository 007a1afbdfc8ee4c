"""Chooses among variants: of those that passed every check, the best that differ from each other are kept."""

from collections.abc import Mapping, Sequence

from factory.images.checks.fingerprints import measure_distance
from schemas.creative import Variant
from schemas.outcome import Status


def choose_pictures(
    variants: Sequence[Variant],
    fingerprints: Mapping[int, str],
    keep: int,
    min_distance: float,
    min_score: float = 0.0,
) -> list[Variant]:
    """Return the variants, in their order, each with status, reason and rank.

    Greedy: the best score first, then each next one that is at least `min_distance` from all kept so far. Of equal scores
    the lower index comes first. At most `keep` are accepted. `fingerprints` are by a variant's index. Raises KeyError when a
    variant that passed has no fingerprint, and ValueError when it has no score.
    """
    decided: dict[int, Variant] = {}
    passed: list[Variant] = []
    for variant in variants:
        if (reason := _find_refusal(variant, min_score)) is not None:
            decided[variant.index] = variant.change(status=Status.REJECTED, reason=reason, rank=None)
        else:
            passed.append(variant)
    kept: list[int] = []
    for variant in sorted(passed, key=lambda each: (-_read_score(each), each.index)):
        own = fingerprints[variant.index]
        twin = next((index for index in kept if measure_distance(own, fingerprints[index]) < min_distance), None)
        if twin is not None or len(kept) >= keep:
            reason = f"too similar to variant {twin}" if twin is not None else "better ones were kept"
            decided[variant.index] = variant.change(status=Status.UNSELECTED, reason=reason, rank=None)
            continue
        kept.append(variant.index)
        decided[variant.index] = variant.change(status=Status.ACCEPTED, reason="", rank=len(kept))
    return [decided[variant.index] for variant in variants]


def _find_refusal(variant: Variant, min_score: float) -> str | None:
    if not variant.passed:
        failed = next((f"{check.rule}: {check.detail}" for check in variant.checks if not check.passed), "")
        return variant.reason or failed or "no checks were made"
    if _read_score(variant) < min_score:
        return "below minimum score"
    return None


def _read_score(variant: Variant) -> float:
    if variant.score is None:
        raise ValueError(f"variant {variant.index} passed its checks and has no score")
    return variant.score

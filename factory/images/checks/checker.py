"""A creative becomes checks and scores: laid-out boxes and pixels in, verdicts with reasons out; then the best are chosen.

`check_creative` and `score_creative` before encoding, `check_file` on the finished bytes, `choose_pictures` over variants.
The rules themselves are in functions in the files of this folder, by id in `registry.py`.
"""

from collections.abc import Mapping

from factory.errors import JobError
from factory.images.checks import channel, files
from factory.images.checks.context import LookContext
from factory.images.checks.fingerprints import make_fingerprint, measure_distance
from factory.images.checks.geometry import find_wrong_size
from factory.images.checks.nsfw import check_safety
from factory.images.checks.pixels import shrink_composition
from factory.images.checks.registry import CHECKS, SCORES
from factory.images.checks.select import choose_pictures
from factory.images.types import Composition
from schemas.asset import Check
from schemas.creative import Slot

__all__ = [
    "WEIGHTS",
    "check_creative",
    "check_file",
    "check_safety",
    "choose_pictures",
    "fingerprint_composition",
    "judge_creative",
    "measure_distance",
    "score_creative",
    "total_score",
]

WEIGHTS: dict[str, float] = {name: score.weight for name, score in SCORES.items()}


def check_creative(composition: Composition, slot: Slot) -> list[Check]:
    """Return one check for every rule that holds for the picture before it is encoded, passed or failed, in a stable order.

    First `size`; a picture of another size gets no other verdict. Then what holds for all, then the slot's own rules that
    are judged on the picture; those on the file are `check_file`'s. Raises JobError for a rule that nobody knows.
    """
    _refuse_unknown_rules(slot)
    if fault := find_wrong_size(composition, slot):
        return [_make_check("size", fault)]
    return _check(LookContext(composition, slot))


def check_file(data: bytes, slot: Slot, composition: Composition | None = None) -> list[Check]:
    """Return one check for every rule on a finished file, decoded again from its bytes. Never raises for bad bytes.

    First `file_readable` (decodes whole, in the slot's exact pixels); what does not gets no other verdict. With the
    `composition` it is also compared with what was composed. Raises JobError for a rule that nobody knows.
    """
    _refuse_unknown_rules(slot)
    opened = files.open_file(data, slot)
    if isinstance(opened, str):
        return [_make_check("file_readable", opened)]
    rules = files.ALWAYS | {f"file_{rule}": files.RULES[rule] for rule in slot.rules if rule in files.RULES}
    checks = [_make_check("file_readable", ""), *(_make_check(rule, find(opened)) for rule, find in rules.items())]
    if composition is not None:
        checks.append(_make_check("file_likeness", files.find_difference(opened, composition)))
    return checks


def score_creative(composition: Composition, slot: Slot) -> dict[str, float]:
    """Return every score that applies, each 0..1, rounded to four digits. The picture must have the slot's size.

    Raises ValueError for one of another size: `check_creative` tells that first.
    """
    if fault := find_wrong_size(composition, slot):
        raise ValueError(fault)
    return _score(LookContext(composition, slot))


def judge_creative(composition: Composition, slot: Slot) -> tuple[list[Check], dict[str, float]]:
    """Return what `check_creative` and, when all passed, `score_creative` return, else no scores. Cheaper than both alone."""
    _refuse_unknown_rules(slot)
    if fault := find_wrong_size(composition, slot):
        return [_make_check("size", fault)], {}
    ctx = LookContext(composition, slot)
    checks = _check(ctx)
    return checks, _score(ctx) if all(check.passed for check in checks) else {}


def fingerprint_composition(composition: Composition) -> str:
    """Return the fingerprint of a picture, of 64 hexadecimal digits: see `factory/images/checks/fingerprints.py`."""
    return make_fingerprint(shrink_composition(composition))


def total_score(scores: Mapping[str, float], weights: Mapping[str, float] = WEIGHTS) -> float:
    """Return the weighted mean, 0..1, of the scores that have a weight; those that do not apply do not count.

    Raises JobError for a weight of a score that nobody knows, a negative one, and weights of which none counts.
    """
    unknown = sorted(set(weights) - set(SCORES))
    if unknown or any(weight < 0 for weight in weights.values()):
        what = f"no picture score is called {unknown[0][:60]!r}" if unknown else "a weight is below 0"
        raise JobError(f"weights: {what}", f"give weights of 0 or more to {', '.join(SCORES)}")
    total = sum(weights.get(name, 0.0) for name in scores)
    if total <= 0:
        raise JobError("weights: no score that applies has a weight", f"give one to {', '.join(scores) or 'a score'}")
    return round(sum(value * weights.get(name, 0.0) for name, value in scores.items()) / total, 4)


def _check(ctx: LookContext) -> list[Check]:
    rules = CHECKS | {rule: channel.RULES[rule] for rule in ctx.slot.rules if rule in channel.RULES}
    return [_make_check("size", ""), *(_make_check(rule, find(ctx)) for rule, find in rules.items())]


def _score(ctx: LookContext) -> dict[str, float]:
    found = {name: score.measure(ctx) for name, score in SCORES.items()}
    return {name: round(min(1.0, max(0.0, value)), 4) for name, value in found.items() if value is not None}


def _refuse_unknown_rules(slot: Slot) -> None:
    for rule in slot.rules:
        if rule not in channel.RULES and rule not in files.RULES:
            known = sorted({*channel.RULES, *files.RULES})
            raise JobError(f"picture slot {slot.name}: unknown rule {rule[:60]!r}", f"choose from {', '.join(known)}")


def _make_check(rule: str, fault: str) -> Check:
    return Check(rule=rule, passed=not fault, detail=fault)

"""Checks and scores of a creative: laid-out boxes and pixels in, verdicts with reasons out; then the best are chosen.

`check_creative` and `score_creative` come before encoding, `check_file` judges the finished bytes, `choose_pictures` the
variants. Each rule is a function in a file of this folder; `registry.py` lists them by id.
"""

from collections.abc import Mapping

from factory.errors import JobError
from factory.images.checks import channel, files
from factory.images.checks.context import CheckContext
from factory.images.checks.fingerprints import make_fingerprint, measure_distance
from factory.images.checks.geometry import find_wrong_size
from factory.images.checks.nsfw import check_safety
from factory.images.checks.pixels import shrink_composition
from factory.images.checks.registry import CHECKS, SCORES
from factory.images.checks.select import choose_pictures
from factory.images.types import Composition
from schemas.creative import Slot
from schemas.outcome import Check

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
    """Return one check for every rule on the picture before it is encoded, passed or failed, in a stable order.

    `size` comes first; a picture of another size gets no other verdict. Then come the rules for all pictures, then the
    slot's own rules on the picture; `check_file` has those on the file. Raises JobError for an unknown rule.
    """
    _refuse_unknown_rules(slot)
    if fault := find_wrong_size(composition, slot):
        return [_make_check("size", fault)]
    return _check(CheckContext(composition, slot))


def check_file(data: bytes, slot: Slot, composition: Composition | None = None) -> list[Check]:
    """Return one check for every rule on a finished file, decoded again from its bytes. Never raises for bad bytes.

    `file_readable` comes first: the file decodes completely, in the slot's exact size. If not, there is no other verdict.
    With the `composition`, the file is also compared with what was composed. Raises JobError for an unknown rule.
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

    Raises ValueError for one of another size; `check_creative` finds that first.
    """
    if fault := find_wrong_size(composition, slot):
        raise ValueError(fault)
    return _score(CheckContext(composition, slot))


def judge_creative(composition: Composition, slot: Slot) -> tuple[list[Check], dict[str, float]]:
    """Return what `check_creative` does, and the scores if all passed, else none. Cheaper than two calls."""
    _refuse_unknown_rules(slot)
    if fault := find_wrong_size(composition, slot):
        return [_make_check("size", fault)], {}
    ctx = CheckContext(composition, slot)
    checks = _check(ctx)
    return checks, _score(ctx) if all(check.passed for check in checks) else {}


def fingerprint_composition(composition: Composition) -> str:
    """Return the fingerprint of a picture, of 64 hexadecimal digits: see `factory/images/checks/fingerprints.py`."""
    return make_fingerprint(shrink_composition(composition))


def total_score(scores: Mapping[str, float], weights: Mapping[str, float] = WEIGHTS) -> float:
    """Return the weighted mean, 0..1, of the scores that have a weight. Scores that do not apply do not count.

    Raises JobError for a weight of an unknown score, for a negative one, and when no weight counts.
    """
    unknown = sorted(set(weights) - set(SCORES))
    if unknown or any(weight < 0 for weight in weights.values()):
        what = f"no picture score is called {unknown[0][:60]!r}" if unknown else "a weight is below 0"
        raise JobError(f"weights: {what}", f"give weights of 0 or more to {', '.join(SCORES)}")
    total = sum(weights.get(name, 0.0) for name in scores)
    if total <= 0:
        raise JobError("weights: no score that applies has a weight", f"give one to {', '.join(scores) or 'a score'}")
    return round(sum(value * weights.get(name, 0.0) for name, value in scores.items()) / total, 4)


def _check(ctx: CheckContext) -> list[Check]:
    rules = CHECKS | {rule: channel.RULES[rule] for rule in ctx.slot.rules if rule in channel.RULES}
    return [_make_check("size", ""), *(_make_check(rule, find(ctx)) for rule, find in rules.items())]


def _score(ctx: CheckContext) -> dict[str, float]:
    found = {name: score.measure(ctx) for name, score in SCORES.items()}
    return {name: round(min(1.0, max(0.0, value)), 4) for name, value in found.items() if value is not None}


def _refuse_unknown_rules(slot: Slot) -> None:
    for rule in slot.rules:
        if rule not in channel.RULES and rule not in files.RULES:
            known = sorted({*channel.RULES, *files.RULES})
            raise JobError(f"picture slot {slot.name}: unknown rule {rule[:60]!r}", f"choose from {', '.join(known)}")


def _make_check(rule: str, fault: str) -> Check:
    return Check(rule=rule, passed=not fault, detail=fault)

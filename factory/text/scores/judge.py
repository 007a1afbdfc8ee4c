"""Judge: the rubric's verdict by the language model, and whether that verdict can be trusted at all."""

from collections.abc import Sequence

from schemas.rubric import Calibration, Rubric


def fit_auc(good: Sequence[float], bad: Sequence[float]) -> float:
    """Return the chance that a value of `good` is above one of `bad`, ties counting half: the area under the ROC
    curve. That area is the Mann-Whitney statistic over the number of pairs: Hanley and McNeil 1982,
    https://doi.org/10.1148/radiology.143.1.7063747. Raises ValueError when a side is empty.
    """
    if not good or not bad:
        raise ValueError("the area under the curve needs at least one good and one bad value")
    wins = sum((g > b) + 0.5 * (g == b) for g in good for b in bad)
    return wins / (len(good) * len(bad))


def calibrate(model: str, scores_good: Sequence[float], scores_bad: Sequence[float], rubric: Rubric) -> Calibration:
    """Return whether `model`, as the judge, tells the gold texts from the bad ones, and the weight it gets for that.

    The scores are its verdicts (0..1) on `rubric.judge.gold`. Raises ValueError when the rubric has no judge, or when
    there is no verdict on a side.
    """
    if rubric.judge is None:
        raise ValueError("the rubric has no judge to calibrate")
    auc = fit_auc(scores_good, scores_bad)
    minimum = rubric.judge.minimum_auc
    wanted = rubric.weights.get("judge", 0.0)
    num_pairs = min(len(scores_good), len(scores_bad))
    seen = f"put the good text above the bad one in {auc:.0%} of the comparisons over {num_pairs} gold pairs"
    if auc < minimum:
        note = f"The judge {seen}; {minimum:.0%} are needed, so its verdicts do not count in this run."
    elif wanted == 0:
        note = f"The judge {seen}, but the rubric gives it no weight, so its verdicts do not count."
    else:
        note = f"The judge {seen}; its verdicts count with weight {wanted:g}."
    return Calibration(
        model=model,
        num_pairs=num_pairs,
        auc=auc,
        minimum_auc=minimum,
        weight=wanted if auc >= minimum else 0.0,
        note=note,
    )

"""The rubric: what good copy is, as weighted soft criteria, and the gold rows that tell whether the judge can see it."""

from typing import Annotated

from pydantic import Field, model_validator

from schemas.base import Config
from schemas.outcome import Fields

SCORES = ("relevance", "readability", "specificity", "diversity", "fluency", "judge")


class Criterion(Config):
    """One question that the judge answers with a digit from 1 (no) to 5 (fully)."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    question: str
    weight: float = Field(default=1.0, gt=0)


class GoldPair(Config):
    """A brief in short, one text that a good editor would run and one that he would not."""

    brief: str
    good: Fields
    bad: Fields


class JudgeConfig(Config):
    """The judge's criteria and its calibration. Below `minimum_auc` on the gold pairs, the judge's weight becomes 0."""

    criteria: Annotated[list[Criterion], Field(min_length=1)]
    gold: Annotated[list[GoldPair], Field(min_length=4)]
    minimum_auc: float = Field(default=0.7, ge=0.5, le=1)


class Rubric(Config):
    """Weights of the scores in the total, and the judge. A score that could not be computed leaves the total, by name."""

    weights: dict[str, Annotated[float, Field(ge=0)]]
    judge: JudgeConfig | None = None

    @model_validator(mode="after")
    def _check_names(self) -> "Rubric":
        unknown = sorted(set(self.weights) - set(SCORES))
        if unknown:
            raise ValueError(f"weights names unknown scores {unknown}; there are {list(SCORES)}")
        if not any(self.weights.values()):
            raise ValueError("weights are all 0: at least one score must count")
        return self


class Calibration(Config):
    """What the gold pairs said about the judge on one model. `auc` is the chance that a good text outranks a bad one."""

    model: str
    num_pairs: int
    auc: float
    minimum_auc: float
    weight: float  # the weight that counts in this run: the rubric's, or 0
    note: str

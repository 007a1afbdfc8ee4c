"""What becomes of a request: checks, candidates, the outcome with its assets, or the refusal of a row."""

from enum import StrEnum
from typing import Literal

from schemas.base import Record, digest
from schemas.request import Request

Fields = dict[str, list[str]]  # field name -> its texts, in order


class Check(Record):
    """One hard rule's verdict. `detail` says what was found, and is empty when the rule passed."""

    rule: str
    passed: bool
    detail: str = ""


class Status(StrEnum):
    """What became of a candidate."""

    ACCEPTED = "accepted"  # passed every check and was selected: an asset
    UNSELECTED = "unselected"  # passed every check, but others were better or too alike
    REJECTED = "rejected"  # failed a check or the minimum score


class Candidate(Record):
    """One completion of a request, or a set pooled from several.

    `attempt` 0 is the first try, 1.. are repairs of candidate `repaired_from`. `pooled` marks a set that select put
    together from the passing items of many completions.
    """

    index: int
    attempt: int = 0
    repaired_from: int | None = None
    pooled: bool = False
    fields: Fields = {}
    raw: str = ""  # the model's text when it could not be read as fields, cut to 2,000 characters
    checks: list[Check] = []
    scores: dict[str, float] = {}
    missing_scores: list[str] = []
    score: float | None = None
    status: Status = Status.REJECTED
    reason: str = ""  # why it is not an asset: the first failed rule, "below minimum score", "too similar to …"
    rank: int | None = None
    mean_logprob: float | None = None
    judge: float | None = None  # expected rubric verdict, 0..1
    seed: int = 0
    output_tokens: int = 0

    @property
    def passed(self) -> bool:
        """Every check passed (and at least one was made)."""
        return bool(self.checks) and False not in [check.passed for check in self.checks]


class Outcome(Record):
    """All that the text phase made of one request. `quarantine` is set when the request could not be worked on at all."""

    request: Request
    candidates: list[Candidate] = []
    pool: Fields = {}  # set placements only: every different item, of any candidate, that passed its item checks
    prompt_tokens: int = 0
    output_tokens: int = 0
    engine_seconds: float = 0.0  # wall seconds in the engine divided by the requests that shared it
    quarantine: "Refusal | None" = None

    @property
    def key(self) -> str:
        """What its row in a segment file is known by."""
        return self.request.request_id

    @property
    def accepted(self) -> list[Candidate]:
        """The candidates that became assets, best first."""
        chosen = [candidate for candidate in self.candidates if candidate.status is Status.ACCEPTED]
        return sorted(chosen, key=lambda candidate: candidate.rank or 0)

    @property
    def status(self) -> Literal["accepted", "rejected", "quarantined", "failed"]:
        """The request's place in the conservation law; a failed one will be tried again, so it is still remaining."""
        if self.quarantine is not None:
            return "failed" if self.quarantine.pending else "quarantined"
        return "accepted" if self.accepted else "rejected"


class Refusal(Record):
    """Why a row was refused: the stage that refused it, a short reason code, and what to do about it.

    A `retryable` one was not refused for what it says but failed on the way: after `attempt` tries, counted again by each
    of the `retries` that a user asked for. While it is `pending` the factory tries again by itself.
    """

    stage: Literal["read", "prepare", "prompt", "text", "score", "images"]
    reason: str
    detail: str
    retryable: bool = False
    attempt: int = 1
    retries: int = 0
    pending: bool = False
    brief_id: str = ""
    request_id: str = ""
    creative_id: str = ""  # of the images stage
    source: str = ""  # file and row, for example "night.parquet row 17"
    record: str = ""  # the source row as JSON, cut to 20,000 characters


def make_asset_id(request_id: str, rank: int) -> str:
    """Return the id of the text asset that is `rank`-th best (from 0) of its request."""
    return digest([request_id, rank])


Outcome.model_rebuild()

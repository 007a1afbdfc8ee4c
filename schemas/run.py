"""A run: one execution of a job over its briefs, as it is written to `manifest.json` and `report.json`."""

from typing import Any, Literal

from schemas.base import Record
from schemas.rubric import Calibration

SCHEME = "1"  # version of the output's layout and of how request ids are made


class Receipt(Record):
    """The small note that the driver gets for a committed segment file; all numbers are of that file's rows."""

    segment: str
    rows_read: int = 0
    briefs: int = 0
    refused: int = 0
    planned: int = 0
    skipped: int = 0
    accepted: int = 0
    accepted_without_repair: int = 0
    rejected: int = 0
    quarantined: int = 0
    failed: int = 0  # they will be tried again
    assets: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    engine_seconds: float = 0.0
    creatives_planned: int = 0
    creatives_skipped: int = 0
    creatives_accepted: int = 0
    creatives_rejected: int = 0
    creatives_quarantined: int = 0
    creatives_failed: int = 0  # they will be tried again
    pictures: int = 0
    picture_seconds: float = 0.0  # of the processes that made them
    engine_load_seconds: float = 0.0  # of the engines that became ready with this batch
    engine_ready_at: float = 0.0  # Unix time, 0 when none did

    @property
    def finished(self) -> int:
        """Requests that came to an end in these rows."""
        return self.accepted + self.rejected + self.quarantined

    @property
    def finished_creatives(self) -> int:
        """Creatives that came to an end in these rows."""
        return self.creatives_accepted + self.creatives_rejected + self.creatives_quarantined

    def add(self, other: "Receipt") -> "Receipt":
        """Return the sum of two receipts; the engine is ready when the first one is."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in _SUMMED}
        ready = [at for at in (self.engine_ready_at, other.engine_ready_at) if at]
        load = max(self.engine_load_seconds, other.engine_load_seconds)
        return Receipt(
            **sums, segment=other.segment, engine_load_seconds=load, engine_ready_at=min(ready, default=0.0)
        )


_SUMMED = (
    "rows_read briefs refused planned skipped accepted accepted_without_repair rejected quarantined failed "
    "assets prompt_tokens output_tokens engine_seconds creatives_planned creatives_skipped creatives_accepted "
    "creatives_rejected creatives_quarantined creatives_failed pictures picture_seconds"
).split()


class UnitCount(Record):
    """What became of one unit of input rows, counted where it was read: the conservation law's other side."""

    unit: str
    rows: int
    briefs: int
    refused: int
    planned: int
    skipped: int
    replaced: int = 0  # rows that a corrected one takes the place of


class RunState(Record):
    """`run.json`: what this output belongs to. Written when the run starts, before anything else."""

    scheme: str = SCHEME
    run_id: str
    job_name: str
    job: dict[str, Any]  # the whole job as it was loaded: settings, template, rubric, placements
    job_digest: str  # of what decides the output
    model_digest: str
    briefs_uri: str
    # Corrected briefs, from `factory retry --briefs`: their rows replace those of the same brief_id.
    fixes: list[str] = []
    started_at: str
    versions: dict[str, str]


class Attempt(Record):
    """`attempts/<id>.json`: what one command did to the output. A killed command leaves none."""

    attempt: str
    started_at: str
    finished_at: str
    phase_seconds: dict[str, float]  # start, engine load, generation, rest; wall seconds
    totals: Receipt
    gpus: float
    cpus: float


class Manifest(Record):
    """`manifest.json`, written last: its existence says that the output is complete."""

    scheme: str = SCHEME
    run_id: str
    job_name: str
    job_digest: str
    images_digest: str = ""  # of what decides the pictures; "" without an images phase
    pictures_digest: str = ""  # of which request has which product picture
    status: Literal["done", "stopped"]
    started_at: str
    finished_at: str
    counts: dict[str, int]
    files: dict[str, int]  # path below the output -> rows
    calibration: Calibration | None = None
    versions: dict[str, str]

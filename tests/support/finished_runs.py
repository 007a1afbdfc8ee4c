"""A planned run whose requests a test finishes one by one, to see how it ends."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from factory.briefs.splits import InputSplit
from factory.config.job import RunSpec
from factory.journal.phases import TEXT_PHASE
from factory.journal.records import make_outcome_row, make_refused_row
from factory.journal.segments import write_segment
from factory.journal.split_records import make_record, write_record
from factory.output.finalize import EndedRun, Ending, finalize
from factory.output.publish import Guard
from factory.runs.state import open_run
from factory.storage.store import Store
from schemas.outcome import Outcome, Status
from schemas.run import Attempt, Receipt, UnitCount
from tests.support.builders import make_candidate, make_outcome, make_refusal, make_request
from tests.support.jobs import make_job, plan_job

NOW = datetime(2026, 11, 23, 5, 40, tzinfo=UTC)
IDS = ["r-0", "r-1", "r-2", "r-3"]


def make_finished(request_id: str) -> Outcome:
    request = make_request(request_id=request_id, placement="google_rsa")
    return make_outcome(request=request, candidates=[make_candidate(0, status=Status.ACCEPTED, rank=0)])


def make_split(name: str, rows: int) -> InputSplit:
    return InputSplit(name, "a.parquet", "a.parquet", 0, 0, rows, 0, 0)


class Run:
    """An output with one split of four requests and one refused row planned, nothing finished yet."""

    def __init__(self, tmp_path: Path, ids: Sequence[str] = IDS, output: str = "") -> None:
        self.store = Store(output or str(tmp_path / "out"))
        prepared = plan_job(make_job(tmp_path / "job"))
        self.state = open_run(self.store, prepared.spec.loaded, "digest", "scripted", lambda: NOW)
        self.spec: RunSpec = replace(prepared.spec, run_id=self.state.run_id)
        self.refused = make_refused_row(make_refusal())
        count = UnitCount(unit="u-1", rows=5, briefs=4, refused=1, planned=len(ids), skipped=0)
        write_record(make_record(count, [*ids, self.refused.request_id]), self.spec, self.store)

    def finish(self, ids: Sequence[str], refused: bool = True) -> None:
        rows = [make_outcome_row(make_finished(request_id)) for request_id in ids]
        write_segment(self.store, TEXT_PHASE, rows + [self.refused] * refused, self.spec.run_id, NOW)

    @property
    def attempt(self) -> Attempt:
        return Attempt(
            attempt=self.spec.attempt,
            started_at="",
            finished_at="",
            phase_seconds={"start": 1.0},
            totals=Receipt(segment=""),
            gpus=0.0,
            cpus=1.0,
        )

    def end(self, splits: Sequence[InputSplit] = (), guard: Guard = lambda: None) -> Ending:
        splits = [make_split("u-1", 5), *splits]
        return finalize(EndedRun(self.store, self.spec, self.state, self.attempt, splits), guard)

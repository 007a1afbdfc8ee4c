"""An output as runs over the splits of an input leave it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from factory.briefs.read import read_split
from factory.briefs.requests import make_requests
from factory.briefs.splits import InputSplit
from factory.journal.phases import TEXT_PHASE
from factory.journal.records import make_refused_id, make_refused_row
from factory.journal.segments import SegmentRow, read_finished, write_segment
from factory.journal.split_records import Progress, digest_basis, find_progress, make_record, write_record
from factory.runs.planning import Prepared
from factory.storage.store import Store
from schemas.outcome import Refusal
from schemas.run import UnitCount
from tests.support.jobs import make_job, make_product_rows, plan_job

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


class Output:
    """A job of 40 rows in 4 splits, and its output as runs leave it: `read` is what a command does with each split."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "job"
        rows = make_product_rows(40)
        rows[3]["price"] = -1.0  # refused
        rows[25]["brief_id"] = "b-1"  # repeats one of the first split
        make_job(self.folder, rows)
        self.store = Store(str(tmp_path / "out"))
        self.prepared = self.spec()

    def spec(self, *overrides: str, attempt: str = "first") -> Prepared:
        """The job as it is now."""
        prepared = plan_job(self.folder, "execution.unit_rows=10", *overrides)
        return replace(prepared, spec=replace(prepared.spec, run_id="r1", attempt=attempt))

    def read(self, prepared: Prepared, splits: Sequence[InputSplit] | None = None) -> None:
        """Record each split and write all that it came to."""
        spec = prepared.spec
        for split in prepared.source.splits if splits is None else splits:
            requests, refusals = read_ids(split, prepared)
            count = UnitCount(
                unit=split.id,
                rows=10,
                briefs=10 - len(refusals),
                refused=len(refusals),
                planned=len(requests),
                skipped=0,
            )
            basis = digest_basis(split, spec, prepared.duplicates, refusals)
            ids = requests + [make_refused_id(each) for each in refusals]
            write_record(make_record(count, ids, basis), spec, self.store)
            rows = [SegmentRow(each, "accepted", "", "google_rsa", "en-US", "{}") for each in requests]
            rows += [make_refused_row(each) for each in refusals]
            write_segment(self.store, TEXT_PHASE, rows, "r1", NOW, name=f"rows-{split.id}")

    def split(self, prepared: Prepared) -> Progress:
        """What a command finds when it starts."""
        finished = read_finished(self.store, TEXT_PHASE)
        return find_progress(prepared.source.splits, prepared.spec, self.store, prepared.duplicates, finished)


def read_ids(split: InputSplit, prepared: Prepared) -> tuple[list[str], list[Refusal]]:
    """Ids of the split's requests, and its refused rows."""
    loaded, identity = prepared.spec.loaded, prepared.spec.identity
    items = list(read_split(split, loaded.job.columns, prepared.duplicates))
    briefs = [item for item in items if not isinstance(item, Refusal)]
    placements = list(loaded.placements.values())
    requests = [made for brief in briefs for made in make_requests(brief, placements, loaded.job.locales, identity)]
    return [request.request_id for request in requests], [item for item in items if isinstance(item, Refusal)]

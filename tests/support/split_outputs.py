"""An output as runs over the splits of an input leave it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from factory.briefs.read import read_unit
from factory.briefs.requests import make_requests
from factory.briefs.splits import Unit
from factory.journal.committer import PHASE
from factory.journal.records import commit_unit, make_refused_id, make_refused_row
from factory.journal.segments import SegmentRow, read_finished, write_segment
from factory.journal.split_records import Split, digest_basis, split_finished_units
from factory.runs.planning import Prepared
from factory.storage.store import Store
from schemas.asset import Refusal
from schemas.run import UnitCount
from tests.support.jobs import make_job, make_product_rows, plan_job

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


class Output:
    """A job of 40 rows in 4 units, and its output as runs leave it: `read` is what a command does with each unit."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "job"
        rows = make_product_rows(40)
        rows[3]["price"] = -1.0  # refused
        rows[25]["brief_id"] = "b-1"  # repeats one of the first unit
        make_job(self.folder, rows)
        self.store = Store(str(tmp_path / "out"))
        self.prepared = self.plan()

    def plan(self, *overrides: str, attempt: str = "first") -> Prepared:
        """The job as it is now."""
        prepared = plan_job(self.folder, "execution.unit_rows=10", *overrides)
        return replace(prepared, plan=replace(prepared.plan, run_id="r1", attempt=attempt))

    def read(self, prepared: Prepared, units: Sequence[Unit] | None = None) -> None:
        """Record each unit and write all that it came to."""
        plan = prepared.plan
        for unit in prepared.source.units if units is None else units:
            requests, refusals = read_ids(unit, prepared)
            count = UnitCount(
                unit=unit.id,
                rows=10,
                briefs=10 - len(refusals),
                refused=len(refusals),
                planned=len(requests),
                skipped=0,
            )
            basis = digest_basis(unit, plan, prepared.duplicates, refusals)
            commit_unit(count, requests + [make_refused_id(each) for each in refusals], plan, self.store, basis)
            rows = [SegmentRow(each, "accepted", "", "google_rsa", "en-US", "{}") for each in requests]
            rows += [make_refused_row(each) for each in refusals]
            write_segment(self.store, PHASE, rows, "r1", NOW, name=f"rows-{unit.id}")

    def split(self, prepared: Prepared) -> Split:
        """What a command finds when it starts."""
        finished = read_finished(self.store, PHASE)
        return split_finished_units(prepared.source.units, prepared.plan, self.store, prepared.duplicates, finished)


def read_ids(unit: Unit, prepared: Prepared) -> tuple[list[str], list[Refusal]]:
    """Ids of the unit's requests, and its refused rows."""
    loaded, identity = prepared.plan.loaded, prepared.plan.identity
    items = list(read_unit(unit, loaded.job.columns, prepared.duplicates))
    briefs = [item for item in items if not isinstance(item, Refusal)]
    placements = list(loaded.placements.values())
    requests = [made for brief in briefs for made in make_requests(brief, placements, loaded.job.locales, identity)]
    return [request.request_id for request in requests], [item for item in items if isinstance(item, Refusal)]

"""A unit that is finished is not read again; a unit that may hold anything new is. The law stays provable either way."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from factory.briefs.read import read_unit
from factory.briefs.requests import make_requests
from factory.briefs.splits import Unit
from factory.journal.committer import PHASE, PLAN_PHASE
from factory.journal.records import Planned, commit_unit, make_refused_id, make_refused_row, read_planned
from factory.journal.segments import SegmentRow, list_segments, read_finished, set_aside, write_segment
from factory.journal.split_records import Split, digest_basis, split_finished_units, take_over
from factory.runs.planning import Prepared
from factory.storage.store import Store
from schemas.asset import Refusal
from schemas.run import UnitCount
from tests.jobs import make_job, make_product_rows, plan_job
from tests.parquet import write_briefs

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


@pytest.fixture
def output(tmp_path: Path) -> Output:
    """Every unit was read and finished by the command `first`."""
    made = Output(tmp_path)
    made.read(made.prepared)
    return made


def test_finished_units_are_taken_over_and_the_law_is_proved_without_reading(output: Output) -> None:
    first = read_planned(output.store, "first")
    for attempt in ("second", "third"):
        again = output.plan(attempt=attempt)
        split = output.split(again)
        assert (split.left, split.num_new, split.unknown_rows) == ([], 0, 0)
        counts = take_over(split, again.plan, output.store)
        assert [(sum(count.rows for count in counts), sum(count.refused for count in counts))] == [(40, 2)]
        assert all(count.skipped == count.planned for count in counts)
        planned = read_planned(output.store, attempt)
        assert (planned.keys, planned.refused, planned.units) == (first.keys, first.refused, first.units)
        assert planned.count.planned == planned.count.skipped == first.count.planned == 76


def test_resumes_do_not_pile_up(output: Output) -> None:
    infos = {info.path: info.size for info in list_segments(output.store, PLAN_PHASE)}
    again = output.plan(attempt="second")
    take_over(output.split(again), again.plan, output.store)
    added = [info for info in list_segments(output.store, PLAN_PHASE) if info.path not in infos]
    assert len(added) == 1, "one file, however many units"
    assert added[0].size < sum(infos.values())


def test_units_without_a_record_or_with_work_left_are_read(tmp_path: Path) -> None:
    output = Output(tmp_path)
    units = output.prepared.source.units
    output.read(output.prepared, units[:3])
    output.store.delete(f"segments/{PHASE}/rows-{units[1].id}.parquet")  # died between record and rows
    split = output.split(output.plan(attempt="second"))
    assert split.left == [units[1], units[3]]
    assert (split.num_new, split.unknown_rows) == (20, 10)


def test_a_refused_row_that_is_not_on_storage_yet_makes_its_unit_read(output: Output) -> None:
    first = output.prepared.source.units[0]
    requests, refusals = read_ids(first, output.prepared)
    assert len(refusals) == 1
    output.store.delete(f"segments/{PHASE}/rows-{first.id}.parquet")
    write_segment(
        output.store, PHASE, [SegmentRow(each, "accepted", "", "", "", "{}") for each in requests], "r1", NOW
    )
    assert output.split(output.prepared).left == [first]


@pytest.mark.parametrize("damage", ["ids", "payloads", "record"])
def test_a_unit_whose_segment_or_record_is_damaged_is_read(output: Output, damage: str) -> None:
    unit = output.prepared.source.units[2]
    path = f"segments/{PHASE}/rows-{unit.id}.parquet"
    if damage == "record":
        path = list_segments(output.store, PLAN_PHASE)[2].path
    if damage == "payloads":  # found when everything was read
        set_aside(output.store, [(path, "bad page")])
    else:
        output.store.write_bytes(path, output.store.read_bytes(path)[:-9])
    assert output.split(output.plan(attempt="second")).left == [unit]


def test_a_record_whose_original_is_lost_leaves_its_unit_unread(output: Output) -> None:
    again = output.plan(attempt="second")
    take_over(output.split(again), again.plan, output.store)
    output.store.delete(list_segments(output.store, PLAN_PHASE)[0].path)
    planned: Planned = read_planned(output.store, "second")
    units = {unit.id for unit in output.prepared.source.units}
    assert len(planned.units) == 3 and planned.units < units
    assert planned.count.planned + len(planned.refused) == len(planned.keys)
    assert len(output.split(output.plan(attempt="third")).left) == 1


@pytest.mark.parametrize(
    "override", ["text.candidates=3", "seed=8", "placements=[google_rsa]", "locales=[en-GB]", "columns.category=brand"]
)
def test_an_edited_job_reads_everything(output: Output, override: str) -> None:
    edited = output.plan(override, attempt="second")
    assert output.split(edited).left == edited.source.units


def test_what_only_decides_speed_reads_nothing(output: Output) -> None:
    assert output.split(output.plan("execution.commit_rows=3", attempt="second")).left == []


def test_rows_that_changed_are_read(output: Output) -> None:
    write_briefs(output.folder / "briefs.parquet", make_product_rows(40, price=99.5))
    edited = output.plan(attempt="second")
    assert output.split(edited).left == edited.source.units


def test_more_files_are_read_and_the_old_ones_are_not(output: Output) -> None:
    more = output.folder / "more"
    more.mkdir()
    (output.folder / "briefs.parquet").rename(more / "briefs.parquet")  # the same file, for all that it says of itself
    folder = output.plan("briefs=more", attempt="second")
    output.read(folder)
    write_briefs(more / "later.parquet", make_product_rows(20, first=100))
    grown = output.plan("briefs=more", attempt="third")
    assert {unit.name for unit in output.split(grown).left} == {"later.parquet"}


def test_a_unit_whose_rows_another_file_repeats_by_now_is_read(output: Output) -> None:
    more = output.folder / "more"
    more.mkdir()
    (output.folder / "briefs.parquet").rename(more / "briefs.parquet")
    output.read(output.plan("briefs=more", attempt="second"))
    write_briefs(more / "a.parquet", make_product_rows(1, first=35))  # before the other in order of names
    grown = output.plan("briefs=more", attempt="third")
    left = output.split(grown).left
    assert [(unit.name, unit.first_row) for unit in left] == [("a.parquet", 0), ("briefs.parquet", 30)]


def test_a_unit_that_broke_off_is_read_every_time(output: Output) -> None:
    prepared = output.prepared
    broken = Refusal(stage="read", reason="corrupt_file", detail="7 rows could not be read")
    assert digest_basis(prepared.source.units[0], prepared.plan, prepared.duplicates, [broken]) == ""


def test_keys_that_end_in_zeros_are_not_cut(tmp_path: Path) -> None:
    store, prepared = Store(str(tmp_path / "out")), Output(tmp_path).prepared
    ids = ["ab" * 15 + "00", "cd" * 14 + "0000"]
    commit_unit(UnitCount(unit="u", rows=2, briefs=1, refused=1, planned=1, skipped=0), ids, prepared.plan, store)
    planned = read_planned(store, "first")
    assert planned.keys == {bytes.fromhex(each) for each in ids} and planned.refused == {bytes.fromhex(ids[1])}

"""A split that is finished is not read again; a split that may hold anything new is. The law stays provable either way."""

from pathlib import Path

import pytest

from factory.journal.phases import PLAN_PHASE, TEXT_PHASE
from factory.journal.planned import Planned, read_planned
from factory.journal.segments import SegmentRow, list_segments, set_aside, write_segment
from factory.journal.split_records import digest_basis, make_record, take_over, write_record
from factory.storage.store import Store
from schemas.outcome import Refusal
from schemas.run import UnitCount
from tests.support.jobs import make_product_rows
from tests.support.parquet import write_briefs
from tests.support.split_outputs import NOW, Output, read_ids


@pytest.fixture
def output(tmp_path: Path) -> Output:
    """Every split was read and finished by the command `first`."""
    made = Output(tmp_path)
    made.read(made.prepared)
    return made


def test_finished_splits_are_taken_over_and_the_law_is_proved_without_reading(output: Output) -> None:
    first = read_planned(output.store, "first")
    for attempt in ("second", "third"):
        again = output.spec(attempt=attempt)
        split = output.split(again)
        assert (split.left, split.num_new, split.unknown_rows) == ([], 0, 0)
        counts = take_over(split, again.spec, output.store)
        assert [(sum(count.rows for count in counts), sum(count.refused for count in counts))] == [(40, 2)]
        assert all(count.skipped == count.planned for count in counts)
        planned = read_planned(output.store, attempt)
        assert (planned.keys, planned.refused, planned.splits) == (first.keys, first.refused, first.splits)
        assert planned.count.planned == planned.count.skipped == first.count.planned == 76


def test_resumes_do_not_pile_up(output: Output) -> None:
    infos = {info.path: info.size for info in list_segments(output.store, PLAN_PHASE)}
    again = output.spec(attempt="second")
    take_over(output.split(again), again.spec, output.store)
    added = [info for info in list_segments(output.store, PLAN_PHASE) if info.path not in infos]
    assert len(added) == 1, "one file, however many units"
    assert added[0].size < sum(infos.values())


def test_splits_without_a_record_or_with_work_left_are_read(tmp_path: Path) -> None:
    output = Output(tmp_path)
    splits = output.prepared.source.splits
    output.read(output.prepared, splits[:3])
    output.store.delete(f"segments/{TEXT_PHASE}/rows-{splits[1].id}.parquet")  # died between record and rows
    split = output.split(output.spec(attempt="second"))
    assert split.left == [splits[1], splits[3]]
    assert (split.num_new, split.unknown_rows) == (20, 10)


def test_a_refused_row_that_is_not_on_storage_yet_makes_its_split_read(output: Output) -> None:
    first = output.prepared.source.splits[0]
    requests, refusals = read_ids(first, output.prepared)
    assert len(refusals) == 1
    output.store.delete(f"segments/{TEXT_PHASE}/rows-{first.id}.parquet")
    write_segment(
        output.store, TEXT_PHASE, [SegmentRow(each, "accepted", "", "", "", "{}") for each in requests], "r1", NOW
    )
    assert output.split(output.prepared).left == [first]


@pytest.mark.parametrize("damage", ["ids", "payloads", "record"])
def test_a_split_whose_segment_or_record_is_damaged_is_read(output: Output, damage: str) -> None:
    split = output.prepared.source.splits[2]
    path = f"segments/{TEXT_PHASE}/rows-{split.id}.parquet"
    if damage == "record":
        path = list_segments(output.store, PLAN_PHASE)[2].path
    if damage == "payloads":  # found when everything was read
        set_aside(output.store, [(path, "bad page")])
    else:
        output.store.write_bytes(path, output.store.read_bytes(path)[:-9])
    assert output.split(output.spec(attempt="second")).left == [split]


def test_a_record_whose_original_is_lost_leaves_its_split_unread(output: Output) -> None:
    again = output.spec(attempt="second")
    take_over(output.split(again), again.spec, output.store)
    output.store.delete(list_segments(output.store, PLAN_PHASE)[0].path)
    planned: Planned = read_planned(output.store, "second")
    splits = {split.id for split in output.prepared.source.splits}
    assert len(planned.splits) == 3 and planned.splits < splits
    assert planned.count.planned + len(planned.refused) == len(planned.keys)
    assert len(output.split(output.spec(attempt="third")).left) == 1


@pytest.mark.parametrize(
    "override", ["text.candidates=3", "seed=8", "placements=[google_rsa]", "locales=[en-GB]", "columns.category=brand"]
)
def test_an_edited_job_reads_everything(output: Output, override: str) -> None:
    edited = output.spec(override, attempt="second")
    assert output.split(edited).left == edited.source.splits


def test_what_only_decides_speed_reads_nothing(output: Output) -> None:
    assert output.split(output.spec("execution.commit_rows=3", attempt="second")).left == []


def test_rows_that_changed_are_read(output: Output) -> None:
    write_briefs(output.folder / "briefs.parquet", make_product_rows(40, price=99.5))
    edited = output.spec(attempt="second")
    assert output.split(edited).left == edited.source.splits


def test_more_files_are_read_and_the_old_ones_are_not(output: Output) -> None:
    more = output.folder / "more"
    more.mkdir()
    (output.folder / "briefs.parquet").rename(more / "briefs.parquet")  # the same file, for all that it says of itself
    folder = output.spec("briefs=more", attempt="second")
    output.read(folder)
    write_briefs(more / "later.parquet", make_product_rows(20, first=100))
    grown = output.spec("briefs=more", attempt="third")
    assert {split.name for split in output.split(grown).left} == {"later.parquet"}


def test_a_split_whose_rows_another_file_repeats_by_now_is_read(output: Output) -> None:
    more = output.folder / "more"
    more.mkdir()
    (output.folder / "briefs.parquet").rename(more / "briefs.parquet")
    output.read(output.spec("briefs=more", attempt="second"))
    write_briefs(more / "a.parquet", make_product_rows(1, first=35))  # before the other in order of names
    grown = output.spec("briefs=more", attempt="third")
    left = output.split(grown).left
    assert [(split.name, split.first_row) for split in left] == [("a.parquet", 0), ("briefs.parquet", 30)]


def test_a_split_that_broke_off_is_read_every_time(output: Output) -> None:
    prepared = output.prepared
    broken = Refusal(stage="read", reason="corrupt_file", detail="7 rows could not be read")
    assert digest_basis(prepared.source.splits[0], prepared.spec, prepared.duplicates, [broken]) == ""


def test_keys_that_end_in_zeros_are_not_cut(tmp_path: Path) -> None:
    store, prepared = Store(str(tmp_path / "out")), Output(tmp_path).prepared
    ids = ["ab" * 15 + "00", "cd" * 14 + "0000"]
    count = UnitCount(unit="u", rows=2, briefs=1, refused=1, planned=1, skipped=0)
    write_record(make_record(count, ids), prepared.spec, store)
    planned = read_planned(store, "first")
    assert planned.keys == {bytes.fromhex(each) for each in ids} and planned.refused == {bytes.fromhex(ids[1])}

"""The end of a run proves its counts by id, and writes the manifest last or not at all."""

from pathlib import Path

import pytest

from factory.errors import ConservationError
from factory.output.finalize import check_conservation
from factory.runs.state import read_manifest
from tests.support.finished_runs import IDS, Run, make_split
from tests.support.jobs import read_rows


def test_a_complete_run_is_done(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.finish(IDS)
    counts = run.end().counts
    assert (counts["rows_read"], counts["briefs"], counts["refused"], counts["unread"]) == (5, 4, 1, 0)
    assert (counts["planned"], counts["accepted"], counts["remaining"]) == (4, 4, 0)
    manifest = read_manifest(run.store)
    assert manifest is not None and manifest.status == "done" and manifest.counts == counts
    assert {row["request_id"] for row in read_rows(tmp_path / "out", "assets")} == set(IDS)


def test_what_no_segment_holds_is_remaining_by_id(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.finish(["r-0", "r-1"])
    counts = run.end().counts
    assert (counts["accepted"], counts["remaining"], counts["refused"]) == (2, 2, 1)
    manifest = read_manifest(run.store)
    assert manifest is not None and manifest.status == "stopped"


def test_a_refused_row_that_was_not_written_yet_is_unread_not_lost(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.finish(IDS, refused=False)
    counts = run.end().counts
    assert (counts["rows_read"], counts["unread"], counts["refused"], counts["remaining"]) == (4, 1, 0, 0)
    manifest = read_manifest(run.store)
    assert manifest is not None and manifest.status == "stopped"


def test_units_that_were_not_read_keep_a_run_from_being_done(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.finish(IDS)
    counts = run.end([make_split("u-2", 7)]).counts
    assert (counts["unread"], counts["remaining"]) == (7, 0)
    manifest = read_manifest(run.store)
    assert manifest is not None and manifest.status == "stopped"


def test_work_done_twice_counts_once(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.finish(IDS)
    run.finish(IDS)
    assert run.end().counts["accepted"] == 4
    assert len(read_rows(tmp_path / "out", "assets")) == 4


def test_what_nobody_asked_for_any_more_stays_in_its_segment(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.finish(["of-an-older-brief"], refused=False)  # a file of which nothing is left
    run.finish([*IDS, "of-an-older-template"])
    assert run.end().counts["accepted"] == 4
    assert {row["request_id"] for row in read_rows(tmp_path / "out", "candidates")} == set(IDS)


def test_ending_twice_gives_the_same_files(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.finish(IDS)
    assert run.end().counts == run.end().counts
    assert len(read_rows(tmp_path / "out", "assets")) == 4


def test_counts_that_do_not_add_up_leave_no_manifest(tmp_path: Path) -> None:
    run = Run(tmp_path, ids=["r-0", "r-0", "r-1"])  # one request planned twice: a defect
    run.finish(["r-0", "r-1"])
    with pytest.raises(ConservationError, match="do not add up") as caught:
        run.end()
    assert caught.value.exit_code == 1 and "report it" in caught.value.hint
    assert read_manifest(run.store) is None


@pytest.mark.parametrize(
    "name",
    ["planned", "accepted", "rejected", "quarantined", "remaining", "rows_read", "briefs", "refused", "replaced"],
)
def test_the_law_notices_every_count(name: str) -> None:
    counts = {"planned": 10, "accepted": 4, "rejected": 3, "quarantined": 2, "remaining": 1}
    counts |= {"rows_read": 8, "briefs": 5, "refused": 2, "replaced": 1}
    check_conservation(counts)
    for change in (-1, 1):
        with pytest.raises(ConservationError):
            check_conservation(counts | {name: counts[name] + change})

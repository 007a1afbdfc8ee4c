"""Rows that kill, block, hang or raise, in one real run: each ends in quarantine with its cause, its neighbours unharmed.

Then the user asks again, with corrected briefs for some of them.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import call_here
from tests.support.jobs import (
    Ended,
    check_law,
    drop_run,
    make_job,
    make_product_rows,
    read_manifest,
    read_rows,
)
from tests.support.parquet import write_briefs

pytestmark = pytest.mark.slow

POISON = {"b-3": "KILLER", "b-9": "BLOCKER", "b-14": "HANGER", "b-20": "RAISER"}
ENGINE = {"kill_on": "KILLER", "block_on": "BLOCKER", "hang_on": "HANGER", "raise_on": "RAISER", "delay_ms": 20}
EXECUTION = {
    "commit_seconds": 1,
    "max_quarantine_rate": 1.0,
    "text": {
        "batch_rows": 4,
        "batches_in_flight": 4,
        "timeout_seconds": 6,
        "stall_seconds": 7,
        "engine_options": ENGINE,
    },
}
ROWS = 24


@dataclass(frozen=True)
class Night:
    """The same briefs with poison and without, and what each command said."""

    poisoned: Path
    clean: Path
    ended: Ended
    after: list[dict[str, object]]  # the quarantine after the first run
    retried: Ended
    fixed: Ended
    again: Ended


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, ray_cluster: str) -> Night:
    folder = tmp_path_factory.mktemp("poison")
    rows = make_product_rows(ROWS)
    good = [row for row in rows if row["brief_id"] not in POISON]
    clean = make_job(folder / "clean", good, placements=["meta_feed"])
    assert call_here("run", clean, RAY_ADDRESS=ray_cluster).code == 0
    for row in rows:
        row["product_name"] = POISON.get(row["brief_id"], row["product_name"])
    job = make_job(folder / "poisoned", rows, placements=["meta_feed"], execution=EXECUTION)
    ended = call_here("run", job, "--json", timeout=400, RAY_ADDRESS=ray_cluster)
    after = read_rows(job / "out", "quarantine") if ended.code == 0 else []
    retried = call_here("retry", job / "out", "--reason", "raised", "--json", RAY_ADDRESS=ray_cluster)
    corrected = [row for row in make_product_rows(ROWS) if row["brief_id"] in POISON]
    write_briefs(folder / "corrected.parquet", corrected)
    corrections = ("--briefs", folder / "corrected.parquet")
    fixed = call_here("retry", job / "out", *corrections, "--json", RAY_ADDRESS=ray_cluster)
    return Night(job / "out", clean / "out", ended, after, retried, fixed, call_here("run", job, "--json"))


def test_every_poisonous_row_ends_in_quarantine_with_its_cause(night: Night) -> None:
    assert night.ended.code == 0, night.ended.err
    causes = {str(row["brief_id"]): (row["reason"], row["attempt"], row["retryable"]) for row in night.after}
    assert causes == {
        "b-3": ("process_died", 3, True),
        "b-9": ("process_died", 3, True),
        "b-14": ("timeout", 3, True),
        "b-20": ("raised", 3, True),
    }
    counts = night.ended.data["counts"]
    assert (counts["planned"], counts["quarantined"], counts["remaining"]) == (ROWS, len(POISON), 0)


def test_the_neighbours_are_what_they_are_without_poison(night: Night) -> None:
    unharmed = [row for row in read_rows(night.poisoned, "assets") if row["brief_id"] not in POISON]
    assert drop_run(unharmed) == drop_run(read_rows(night.clean, "assets"))


def test_retry_replays_what_it_is_asked_for_and_nothing_else(night: Night) -> None:
    assert night.retried.code == 0, night.retried.err
    assert (night.retried.data["asked"], night.retried.data["saved"]) == (1, 0)
    assert night.retried.data["counts"]["quarantined"] == len(POISON)


def test_corrected_briefs_take_the_place_of_the_bad_ones_for_good(night: Night) -> None:
    assert night.fixed.code == 0, night.fixed.err
    counts = night.fixed.data["counts"]
    assert (night.fixed.data["saved"], counts["replaced"], counts["quarantined"]) == (len(POISON), len(POISON), 0)
    assert (counts["planned"], counts["accepted"], counts["briefs"]) == (ROWS, ROWS, ROWS)
    check_law(counts | {"refused": counts["refused"] + counts["replaced"]})
    assert len(read_rows(night.poisoned, "assets")) == ROWS
    assert night.again.data["generated"] == 0 and "Nothing to do" in night.again.out
    assert read_manifest(night.poisoned)["counts"] == counts

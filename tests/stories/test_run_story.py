"""One job through its whole life, as a user lives it: run, run again, change the briefs, look at it, spend a budget."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from factory.config.placements import load_placements
from factory.journal.columns import ASSET_FILES, ASSETS, CANDIDATES, QUARANTINE
from factory.text.lengths import count, describe_misfit
from tests.support.commands import call_here
from tests.support.jobs import (
    Ended,
    call_factory,
    check_law,
    check_message,
    make_job,
    make_product_rows,
    read_manifest,
    read_rows,
)
from tests.support.parquet import write_briefs

pytestmark = pytest.mark.integration

FAULTY = {"text": {"engine_options": {"fault_rate": 0.4}}, "commit_seconds": 2}


@dataclass(frozen=True)
class Night:
    """A job folder, the output after its first run, and what each command said."""

    job: Path
    first_output: Path  # a copy, as it was after the first run
    first: Ended
    again: Ended
    changed: Ended

    @property
    def output(self) -> Path:
        """The output after the briefs changed."""
        return self.job / "out"


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, ray_cluster: str) -> Night:
    """Three briefs, run as a user does; run again; then b-1 is edited, b-2 withdrawn, b-3 added, and it runs once more."""
    folder = tmp_path_factory.mktemp("night")
    rows = make_product_rows(3)
    rows[0] |= {"segments": ["hikers", "families"]}
    job = make_job(folder / "job", rows, execution=FAULTY)
    first = call_factory("run", job, "--json")
    assert first.code == 0, first.err
    shutil.copytree(job / "out", folder / "first")
    again = call_here("run", job, "--json")
    edited = rows[1] | {"description": "Light jacket with taped seams and deep pockets for windy days."}
    write_briefs(job / "briefs.parquet", [rows[0], edited, *make_product_rows(1, first=3)])
    changed = call_here("run", job, "--json", RAY_ADDRESS=ray_cluster)
    return Night(job, folder / "first", first, again, changed)


def list_times(folder: Path) -> list[tuple[int, str]]:
    """Files by when they were written, but for the lease's: who drives is no part of what comes out."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "lease"]
    return sorted((path.stat().st_mtime_ns, path.name) for path in paths)


def read_segments(output: Path) -> dict[str, bytes]:
    return {str(path.relative_to(output)): path.read_bytes() for path in (output / "segments").rglob("*.parquet")}


def test_the_first_run_makes_everything_and_says_so(night: Night) -> None:
    assert night.first.code == 0, night.first.err
    data = night.first.data
    assert data["generated"] == 8  # (2 segments + 1 + 1) x 2 placements
    check_law(data["counts"])
    assert data["counts"]["planned"] == 8 and data["counts"]["remaining"] == data["counts"]["unread"] == 0
    assert "accepted" in night.first.out.lower() and "report.html" in night.first.out
    assert {"start", "engine load", "generation", "rest"} == set(data["phase_seconds"])
    assert "Traceback" not in night.first.err


def test_assets_open_in_pandas_duckdb_and_arrow(night: Night) -> None:
    folder = night.first_output / "assets"
    frame = pd.read_parquet(folder)
    assert set(frame.columns) == set(ASSETS.names)
    assert frame["asset_id"].is_unique and len(frame) == night.first.data["counts"]["assets"]
    sql = f"SELECT count(*), count(DISTINCT asset_id), min(score), max(score) FROM '{folder}/*/*.parquet'"
    rows, ids, lowest, highest = duckdb.sql(sql).fetchall()[0]
    assert rows == ids == len(frame) and 0 <= lowest <= highest <= 1
    for path in folder.rglob("*.parquet"):
        assert pq.read_schema(path).equals(ASSET_FILES)
    assert pq.read_schema(night.first_output / "candidates/part-00000.parquet").equals(CANDIDATES)
    assert pq.read_schema(night.first_output / "quarantine/part-00000.parquet").equals(QUARANTINE)


def test_every_asset_fits_its_channel_and_says_where_it_comes_from(night: Night) -> None:
    placements = load_placements([])
    assets = read_rows(night.first_output, "assets")
    for asset in assets:
        for name, items in asset["fields"].items():
            field = placements[asset["placement"]].field(name)
            assert field.min_count <= len(items) <= field.max_count
            for item in items:
                assert not describe_misfit(item, field), (item, count(item, field.counting))
        assert all(check["passed"] for check in asset["checks"]) and asset["checks"]
        assert asset["model"] == "scripted" and asset["template"] == "ad.j2" and asset["kind"] == "text"
        assert asset["prompt_tokens"] > 0 and asset["output_tokens"] > 0 and asset["campaign_id"] == "autumn"
    segments = Counter(asset["segment"] for asset in assets if asset["brief_id"] == "b-0")
    assert set(segments) <= {"hikers", "families"} and segments


def test_losers_are_kept_with_their_reasons(night: Night) -> None:
    rows = read_rows(night.first_output, "candidates")
    by_status = Counter(row["status"] for row in rows)
    assert by_status["accepted"] == night.first.data["counts"]["assets"]
    assert by_status["rejected"] and by_status["unselected"]
    for row in rows:
        assert bool(row["reason"]) != (row["status"] == "accepted"), row
        if row["status"] == "rejected":
            assert any(not check["passed"] and check["detail"] for check in row["checks"])
    repaired = [row for row in rows if row["attempt"]]
    assert all(row["repaired_from"] is not None for row in repaired)


def test_the_manifest_is_last_and_counts_the_files(night: Night) -> None:
    assert list_times(night.output)[-1][1] == "manifest.json"
    manifest = read_manifest(night.first_output)
    assert manifest["status"] == "done" and manifest["counts"] == night.first.data["counts"]
    for name, rows in manifest["files"].items():
        assert pq.read_metadata(night.first_output / name).num_rows == rows
    page = (night.first_output / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html") or "<html" in page[:500].lower()
    reported = json.loads((night.first_output / "report.json").read_text())["counts"]
    assert reported.items() <= manifest["counts"].items() and {"planned", "accepted", "rows_read"} <= set(reported)


def test_a_second_run_generates_nothing_and_says_so(night: Night) -> None:
    assert night.again.code == 0
    assert "Nothing" in night.again.out and "generated" in night.again.out
    assert night.again.data["generated"] == 0
    assert night.again.data["counts"] == night.first.data["counts"]


def test_changed_briefs_generate_only_their_own_requests(night: Night) -> None:
    assert night.changed.code == 0, night.changed.err
    assert night.changed.data["generated"] == 4  # b-1 edited and b-3 added, two placements each
    before, after = read_segments(night.first_output), read_segments(night.output)
    assert before.items() < after.items()
    check_law(night.changed.data["counts"])
    assert night.changed.data["counts"]["planned"] == 8


def test_assets_of_edited_and_withdrawn_briefs_leave(night: Night) -> None:
    before, after = read_rows(night.first_output, "assets"), read_rows(night.output, "assets")
    assert {row["brief_id"] for row in after} == {"b-0", "b-1", "b-3"}
    old = {row["asset_id"] for row in before if row["brief_id"] in ("b-1", "b-2")}
    assert old and not old & {row["asset_id"] for row in after}
    assert [row for row in before if row["brief_id"] == "b-0"] == [row for row in after if row["brief_id"] == "b-0"]


def test_status_and_report_tell_of_the_output(night: Night) -> None:
    status = call_here("status", night.first_output, "--json")
    assert status.code == 0 and status.data["state"] == "done"
    assert status.data["requests"] == 8 and status.data["accepted"] == night.first.data["counts"]["accepted"]
    assert (status.data["waiting"], status.data["driven_by"]) == (0, "")
    page = night.first_output / "report.html"
    wanted = page.read_bytes()
    page.unlink()
    report = call_here("report", night.first_output, "--json")
    assert report.code == 0 and report.data["report"] == str(page)
    assert page.read_bytes() == wanted


def test_another_job_may_not_write_here(night: Night, tmp_path: Path) -> None:
    other = make_job(tmp_path / "other", name="other-job")
    before = list_times(night.output)
    ended = call_here("run", other, "--output", night.output)
    check_message(ended, 2, str(night.output), "'test-job'", "'other-job'", "--output")
    assert list_times(night.output) == before


def test_a_damaged_run_file_is_no_crash(night: Night, tmp_path: Path) -> None:
    output = tmp_path / "out"
    shutil.copytree(night.first_output, output)
    (output / "run.json").write_text('{"scheme": "0"}')
    check_message(call_here("status", output), 2, "run.json")
    shutil.copy(night.first_output / "run.json", output / "run.json")
    (output / "manifest.json").write_text("{")
    check_message(call_here("status", output), 2, "manifest.json")


@pytest.fixture(scope="module")
def spent(
    tmp_path_factory: pytest.TempPathFactory, ray_cluster: str
) -> Iterator[tuple[Path, Ended, list[dict[str, Any]], Ended]]:
    """A job of forty units whose budget is spent by the first answers, some rows refused; then run without a budget."""
    execution = {"commit_seconds": 0.1, "unit_rows": 1, "max_quarantine_rate": 1.0}
    execution |= {"text": {"batch_rows": 2, "engine_options": {"delay_ms": 50}}}
    job = make_job(tmp_path_factory.mktemp("spent") / "job", budget={"tokens": 1}, execution=execution)
    rows = make_product_rows(40)
    for row in rows[::4]:
        row["currency"] = "EURO"
    write_briefs(job / "briefs.parquet", rows, group_rows=1)
    stopped = call_here("run", job, "--json", RAY_ADDRESS=ray_cluster)
    assert stopped.code == 3, stopped.err
    assets = read_rows(job / "out", "assets")
    resumed = call_here("run", job, "--set", "budget.tokens=null", "--json", RAY_ADDRESS=ray_cluster)
    yield job, stopped, assets, resumed


def test_a_spent_budget_stops_with_3_and_an_honest_count(spent: tuple[Path, Ended, list[Any], Ended]) -> None:
    _, stopped, assets, _ = spent
    assert stopped.code == 3, stopped.out + stopped.err
    counts = stopped.data["counts"]
    check_law(counts)
    assert counts["remaining"] + counts["unread"] > 0
    assert 0 < counts["accepted"] < 60 and len(assets) == counts["assets"]
    assert "1 tokens are spent" in stopped.err and "Go on with: factory run" in stopped.out


def test_a_stopped_run_goes_on_and_repeats_nothing(spent: tuple[Path, Ended, list[Any], Ended]) -> None:
    job, stopped, assets, resumed = spent
    assert resumed.code == 0, resumed.err
    counts = resumed.data["counts"]
    check_law(counts)
    assert (counts["rows_read"], counts["refused"], counts["planned"]) == (40, 10, 60)
    assert counts["remaining"] == counts["unread"] == 0 and read_manifest(job / "out")["status"] == "done"
    done_before = sum(stopped.data["counts"][name] for name in ("accepted", "rejected", "quarantined"))
    assert resumed.data["generated"] == 60 - done_before, "what was in flight came to its end before the count"
    after = read_rows(job / "out", "assets")
    assert len({row["asset_id"] for row in after}) == len(after)
    assert {row["asset_id"] for row in assets} <= {row["asset_id"] for row in after}

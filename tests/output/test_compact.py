"""The tables that users read: right rows, right columns, readable by the usual tools, the same when made again."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from factory.errors import OutputError
from factory.journal.columns import ASSET_FILES, ASSETS, CANDIDATES, QUARANTINE
from factory.journal.segments import SegmentRow, write_segment
from factory.output.tables import writer
from factory.output.tables.compact import compact
from factory.output.tables.rows import RunLabels
from factory.storage.store import Store
from schemas.base import digest
from schemas.outcome import Check, Outcome, Refusal, Status
from tests.support.builders import make_brief, make_candidate, make_outcome, make_request
from tests.support.output_builders import make_row

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
LABELS = RunLabels("smollm2", "ad.j2", {"Daybird": "s3://lora/daybird"}, ("google_rsa", "meta_feed", "email"))


def make_accepted(number: int, placement: str = "google_rsa") -> Outcome:
    """An outcome with one asset and one loser."""
    brief = make_brief(brief_id=f"b-{number:03d}")
    best = make_candidate(1, status=Status.ACCEPTED, rank=1, score=0.8, scores={"relevance": 0.7}, seed=2**40)
    other = make_candidate(0, reason="too similar", status=Status.UNSELECTED, missing_scores=["judge"])
    request = make_request(request_id=digest([number, placement]), brief=brief, placement=placement)
    return make_outcome(request=request, candidates=[other, best])


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An output with 3 accepted, 1 rejected and 1 quarantined request, 1 refused row and 1 unit, in two segments."""
    store = Store(str(tmp_path / "out"))
    accepted = [make_accepted(2), make_accepted(1), make_accepted(1, "meta_feed")]
    losers = [make_candidate(0, checks=[Check(rule="length", passed=False, detail="31 > 30")], raw="{", fields={})]
    rejected = make_outcome(request=make_request(request_id=digest("rejected"), placement="email"), candidates=losers)
    fault = Refusal(stage="text", reason="prompt_too_long", detail="4,000 tokens", retryable=True, attempt=2)
    request = make_request(request_id=digest("quarantined"), placement="email")
    broken = make_outcome(request=request, candidates=[], quarantine=fault)
    refused = Refusal(stage="read", reason="invalid_price", detail="price: -5", source="f.parquet row 3", record="{}")
    rows = [make_row(outcome) for outcome in (*accepted, rejected, broken)]
    rows.append(SegmentRow(digest("refused"), "refused", "b-9", "", "", refused.model_dump_json()))
    rows.append(SegmentRow(digest("unit"), "unit", "", "", "", "{}"))
    write_segment(store, "text", rows[:4], "r1", NOW)
    write_segment(store, "text", [rows[0], *rows[4:]], "r1", NOW)
    return tmp_path / "out"


def test_every_table_has_its_rows(output: Path) -> None:
    files = compact(Store(str(output)), Store(str(output)), "text", LABELS).files
    assert files == {
        "assets/placement=email/part-00000.parquet": 0,
        "assets/placement=google_rsa/part-00000.parquet": 2,
        "assets/placement=meta_feed/part-00000.parquet": 1,
        "candidates/part-00000.parquet": 7,
        "quarantine/part-00000.parquet": 2,
    }
    assert {path: pq.read_metadata(output / path).num_rows for path in files} == files


def test_columns_are_the_declared_ones_in_order(output: Path) -> None:
    files = compact(Store(str(output)), Store(str(output)), "text", LABELS).files
    tables = {"assets": ASSET_FILES, "candidates": CANDIDATES, "quarantine": QUARANTINE}
    for path in files:
        assert pq.read_schema(output / path).equals(tables[path.split("/")[0]]), path


def test_an_asset_says_all_that_is_known(output: Path) -> None:
    files = compact(Store(str(output)), Store(str(output)), "text", LABELS).files
    path = next(path for path in files if "google_rsa" in path)
    rows = pq.read_table(output / path).to_pylist(maps_as_pydicts="strict")
    assert [row["brief_id"] for row in rows] == ["b-001", "b-002"]
    row = rows[0]
    request_id = digest([1, "google_rsa"])
    assert (row["request_id"], row["asset_id"], row["rank"]) == (request_id, digest([request_id, 1]), 1)
    assert (row["campaign_id"], row["segment"], row["locale"]) == ("autumn", "weekend hikers", "en-US")
    assert (row["kind"], row["model"], row["template"], row["adapter"]) == (
        "text",
        "smollm2",
        "ad.j2",
        "s3://lora/daybird",
    )
    assert row["fields"]["headline"][0] == "Waterproof Leather Boots"
    assert (row["score"], row["scores"], row["seed"]) == (0.8, {"relevance": 0.7}, 2**40)
    assert row["checks"] == [{"rule": "length", "passed": True, "detail": ""}]
    assert (row["prompt_tokens"], row["output_tokens"], row["engine_seconds"]) == (400, 120, 0.5)
    assert (row["run_id"], row["created_at"], row["image_uri"], row["width"]) == ("r1", NOW, None, None)


def test_candidates_keep_losers_with_their_reasons(output: Path) -> None:
    compact(Store(str(output)), Store(str(output)), "text", LABELS)
    table = pq.read_table(output / "candidates/part-00000.parquet")
    rows = {(row["request_id"], row["candidate"]): row for row in table.to_pylist()}
    assert len(rows) == 7
    loser = rows[digest([1, "meta_feed"]), 0]
    assert (loser["status"], loser["reason"], loser["missing_scores"]) == ("unselected", "too similar", ["judge"])
    assert (loser["placement"], loser["rank"], loser["output_tokens"]) == ("meta_feed", None, 60)
    failed = rows[digest("rejected"), 0]
    assert (failed["raw"], failed["checks"][0]["detail"]) == ("{", "31 > 30")
    assert [row["brief_id"] for row in table.to_pylist()] == sorted(table["brief_id"].to_pylist())


def test_quarantine_holds_requests_and_refused_rows(output: Path) -> None:
    compact(Store(str(output)), Store(str(output)), "text", LABELS)
    request, row = pq.read_table(output / "quarantine/part-00000.parquet").to_pylist()
    assert (request["request_id"], request["brief_id"]) == (digest("quarantined"), "b-1")
    assert (request["reason"], request["retryable"], request["attempt"]) == ("prompt_too_long", True, 2)
    assert (row["request_id"], row["brief_id"], row["source"]) == (None, "b-9", "f.parquet row 3")
    assert (row["stage"], row["reason"], row["created_at"]) == ("read", "invalid_price", NOW)


def test_the_usual_tools_read_the_assets(output: Path) -> None:
    compact(Store(str(output)), Store(str(output)), "text", LABELS)
    frame = pd.read_parquet(output / "assets")
    assert sorted(frame["placement"].astype(str)) == ["google_rsa", "google_rsa", "meta_feed"]
    assert list(frame.columns) == [*(name for name in ASSETS.names if name != "placement"), "placement"]
    query = f"select placement, count(*) from read_parquet('{output}/assets/**/*.parquet', hive_partitioning=true)"
    found = duckdb.sql(query + " group by 1 order by 1").fetchall()
    assert found == [("google_rsa", 2), ("meta_feed", 1)]
    fields = duckdb.sql(
        f"select fields['headline'] from read_parquet('{output}/assets/**/*.parquet') limit 1"
    ).fetchall()
    assert "Waterproof Leather Boots" in str(fields)
    assert ds.dataset(output / "assets", partitioning="hive").to_table().num_rows == 3


def test_compacting_again_makes_the_same_files_and_touches_no_others(output: Path) -> None:
    store = Store(str(output))
    before = [info.path for info in store.list()]
    first, second = store.enter("staging/one"), store.enter("staging/two")
    files = compact(store, first, "text", LABELS).files
    assert compact(store, second, "text", LABELS).files == files
    assert {path: first.read_bytes(path) for path in files} == {path: second.read_bytes(path) for path in files}
    assert [info.path for info in store.list() if not info.path.startswith("staging/")] == before


def test_large_tables_become_parts_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "CHUNK_ROWS", 10)
    monkeypatch.setattr(writer, "PART_BYTES", 20_000)
    monkeypatch.setattr(writer, "TOTAL_BYTES", 30_000)
    store = Store(str(tmp_path))
    placements = ("google_rsa", "meta_feed", "email")
    rows = [make_row(make_accepted(n, placements[n % 3])) for n in range(300)]
    write_segment(store, "text", rows, "r1", NOW)
    files = compact(store, store, "text", LABELS).files
    assert len(files) > 12
    assert sum(rows for path, rows in files.items() if path.startswith("assets/")) == 300
    assert sum(rows for path, rows in files.items() if path.startswith("candidates/")) == 600
    assert len(set(pd.read_parquet(tmp_path / "assets")["asset_id"])) == 300
    for path in files:
        ids = pq.read_table(tmp_path / path)["brief_id"].to_pylist()
        assert ids == sorted(ids)


def test_a_run_without_any_asset_still_has_tables(tmp_path: Path) -> None:
    files = compact(Store(str(tmp_path)), Store(str(tmp_path)), "text", LABELS).files
    assert set(files.values()) == {0} and len(files) == 5
    assert len(pd.read_parquet(tmp_path / "assets")) == 0


@pytest.mark.parametrize(("placement", "payload"), [("../evil", None), ("google_rsa", "[1]"), ("google_rsa", "{")])
def test_a_payload_that_is_none_of_ours_is_an_error(tmp_path: Path, placement: str, payload: str | None) -> None:
    row = make_row(make_accepted(1, placement))
    odd = SegmentRow(row.request_id, row.status, row.brief_id, placement, row.locale, payload or row.payload)
    write_segment(Store(str(tmp_path)), "text", [odd], "r1", NOW)
    with pytest.raises(OutputError):
        compact(Store(str(tmp_path)), Store(str(tmp_path)), "text", LABELS)


@pytest.mark.s3
def test_pandas_reads_the_assets_from_s3(bucket: str) -> None:
    store = Store(f"{bucket}/night1")
    write_segment(store, "text", [make_row(make_accepted(1))], "r1", NOW)
    compact(store, store, "text", LABELS)
    assert len(pd.read_parquet(f"{bucket}/night1/assets")) == 1

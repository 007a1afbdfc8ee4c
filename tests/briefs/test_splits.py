"""Files that are torn, damaged inside, changed during the run or of another shape: named, and the rest is read."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from factory.briefs.duplicates import Duplicates
from factory.briefs.read import read_split, split_input
from factory.errors import InputError, JobError
from schemas.brief import Brief
from schemas.outcome import Refusal
from tests.support.parquet import make_rows, read_all, write_briefs


def test_a_corrupt_file_is_named_and_the_others_run(tmp_path: Path) -> None:
    write_briefs(tmp_path / "good.parquet", make_rows(3))
    (tmp_path / "torn.parquet").write_bytes((tmp_path / "good.parquet").read_bytes()[:-40])
    (tmp_path / "empty.parquet").write_bytes(b"")
    (tmp_path / "text.parquet").write_text("brief_id,product_name\n")
    rows = read_all(tmp_path)
    refused = [(row.source, row.reason) for row in rows if isinstance(row, Refusal)]
    assert refused == [(f"{name}.parquet", "corrupt_file") for name in ("empty", "text", "torn")]
    assert sum(isinstance(row, Brief) for row in rows) == 3
    for name in ("good", "empty"):
        (tmp_path / f"{name}.parquet").unlink()
    with pytest.raises(InputError, match=r"text\.parquet cannot be read as Parquet"):
        split_input(str(tmp_path), {}, 100)


def test_a_file_that_is_damaged_inside_loses_only_what_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    names = [{"brief_id": f"b-{n}", "product_name": f"name {n * 7919}"} for n in range(3000)]
    write_briefs(path, names, group_rows=1000)
    data = bytearray(path.read_bytes())
    group = pq.ParquetFile(path).metadata.row_group(1).column(1)
    start = group.dictionary_page_offset or group.data_page_offset
    data[start : start + group.total_compressed_size] = bytes(group.total_compressed_size)
    path.write_bytes(bytes(data))
    rows = read_all(path)
    briefs = [row for row in rows if isinstance(row, Brief)]
    assert {brief.brief_id for brief in briefs} == {f"b-{n}" for n in (*range(1000), *range(2000, 3000))}
    (refusal,) = [row for row in rows if isinstance(row, Refusal)]
    assert refusal.source == "f.parquet rows 1001 to 2000" and refusal.reason == "corrupt_file"
    assert "1000 rows could not be read" in refusal.detail


def test_a_file_that_vanishes_or_shrinks_during_the_run_is_named(tmp_path: Path) -> None:
    path = write_briefs(tmp_path / "f.parquet", make_rows(10))
    plan = split_input(str(path), {}, 100)
    write_briefs(path, make_rows(4))
    rows = [row for split in plan.splits for row in read_split(split, {}, Duplicates())]
    assert [type(row) for row in rows] == [Brief] * 4 + [Refusal]
    assert isinstance(rows[4], Refusal) and rows[4].source == "f.parquet rows 5 to 10"
    path.unlink()
    (refusal,) = [row for split in plan.splits for row in read_split(split, {})]
    assert isinstance(refusal, Refusal) and "does not exist" in refusal.detail


def test_a_file_without_the_needed_columns_is_refused_among_good_ones(tmp_path: Path) -> None:
    write_briefs(tmp_path / "good.parquet", make_rows(1))
    write_briefs(tmp_path / "odd.parquet", [{"id": "1", "product_name": "x"}])
    first, second = read_all(tmp_path)
    assert isinstance(first, Refusal) and (first.source, first.reason) == ("odd.parquet", "missing_columns")
    assert "no column gives brief_id" in first.detail and isinstance(second, Brief)
    (tmp_path / "good.parquet").unlink()
    with pytest.raises(JobError, match=r"odd\.parquet: no column gives brief_id") as caught:
        split_input(str(tmp_path), {}, 100)
    assert "brief_id: id" in caught.value.hint

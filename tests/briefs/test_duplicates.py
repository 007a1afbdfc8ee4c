"""A brief_id that is used twice: the second row is refused, and no other."""

import pickle
from pathlib import Path

import pytest

from factory.briefs.duplicates import scan_ids
from factory.briefs.read import split_input
from schemas.brief import Brief
from schemas.outcome import Refusal
from tests.support.parquet import make_rows, read_all, write_briefs


def test_duplicates_are_refused_across_files_and_types(tmp_path: Path) -> None:
    write_briefs(tmp_path / "a.parquet", [*make_rows(3), *make_rows(1)], group_rows=2)
    write_briefs(tmp_path / "b.parquet", [*make_rows(2), *make_rows(1, brief_id="b-9"), *make_rows(2, brief_id=None)])
    rows = read_all(tmp_path, unit_rows=1)
    twice = [row for row in rows if isinstance(row, Refusal) and row.reason == "duplicate_brief_id"]
    assert [(row.source, row.brief_id) for row in twice] == [
        ("a.parquet row 4", "b-0"),
        ("b.parquet row 1", "b-0"),
        ("b.parquet row 2", "b-1"),
    ]
    assert all("already used by a.parquet row" in row.detail for row in twice)
    assert sum(isinstance(row, Brief) for row in rows) == 4
    assert sum(row.reason == "missing_brief_id" for row in rows if isinstance(row, Refusal)) == 2


def test_ids_are_compared_as_the_brief_will_have_them(tmp_path: Path) -> None:
    ids = ["é", "e\u0301", " x ", "x", "x\x07"]
    write_briefs(tmp_path / "f.parquet", [{"k": each, "product_name": "p"} for each in ids])
    rows = read_all(tmp_path, {"brief_id": "{{ k }}"})
    assert [isinstance(row, Brief) for row in rows] == [True, False, True, False, False]


def test_equal_hashes_alone_refuse_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_briefs(tmp_path / "f.parquet", [*make_rows(20), *make_rows(1)])
    plan = split_input(str(tmp_path), {}, 7)
    monkeypatch.setattr("factory.briefs.duplicates.hash", lambda _: 5, raising=False)
    found = scan_ids(plan, {})
    assert found.positions.tolist() == [20] and found.firsts.tolist() == [0]


def test_no_duplicates_cost_nothing_to_send(tmp_path: Path) -> None:
    found = scan_ids(split_input(str(write_briefs(tmp_path / "f.parquet", make_rows(5000))), {}, 1000), {})
    assert len(found) == 0 and len(pickle.dumps(found)) < 1000

"""Rows of Parquet files become briefs or refusals; nothing is lost, and nothing that is in a row raises."""

import datetime
import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.briefs.duplicates import scan_ids
from factory.briefs.input_files import split_file
from factory.briefs.read import read_split, split_input
from factory.errors import StorageError
from schemas.brief import Brief
from schemas.outcome import Refusal
from tests.support.parquet import make_rows, read_all, write_briefs
from tests.support.s3_server import S3Server


def read_one(tmp_path: Path, **changes: Any) -> Brief | Refusal:
    """What one row with `changes` becomes."""
    rows = read_all(write_briefs(tmp_path / "f.parquet", make_rows(1, **changes)))
    assert len(rows) == 1
    return rows[0]


def test_rows_become_briefs_in_order(tmp_path: Path) -> None:
    path = write_briefs(tmp_path / "night.parquet", make_rows(2500), group_rows=1000)
    plan = split_input(str(path), {}, 400)
    assert plan.num_rows == 2500 and plan.num_files == 1
    assert [split.num_rows for split in plan.splits] == [334, 334, 332] * 2 + [250, 250]
    found = read_all(path, unit_rows=400)
    assert [brief.brief_id for brief in found] == [f"b-{index}" for index in range(2500)]
    first = found[0]
    assert isinstance(first, Brief) and first.price == Decimal("109.5")


def test_a_huge_row_group_is_not_cut_to_shreds(tmp_path: Path) -> None:
    path = write_briefs(tmp_path / "f.parquet", make_rows(3000))
    assert len(split_input(str(path), {}, 10).splits) == 16


def test_unit_ids_are_stable_and_follow_the_content(tmp_path: Path) -> None:
    here = write_briefs(tmp_path / "a" / "f.parquet", make_rows(50), group_rows=20)
    there = tmp_path / "b" / "f.parquet"
    there.parent.mkdir()
    shutil.copy2(here, there)
    other = write_briefs(tmp_path / "c" / "f.parquet", make_rows(50, price=110.5), group_rows=20)
    ids = [[split.id for split in split_input(str(path.parent), {}, 10).splits] for path in (here, there, other)]
    assert ids[0] == ids[1] and len(set(ids[0])) == len(ids[0]) == 5
    assert not set(ids[0]) & set(ids[2])


def test_a_file_written_anew_has_new_units_though_its_end_is_the_same(tmp_path: Path) -> None:
    file = write_briefs(tmp_path / "f.parquet", make_rows(50))
    before = [split.id for split in split_input(str(file), {}, 10).splits]
    write_briefs(file, make_rows(50))
    assert [split.id for split in split_input(str(file), {}, 10).splits] != before


def test_arrow_types_of_all_kinds_are_read(tmp_path: Path) -> None:
    day = datetime.datetime(2026, 11, 30, 23, 30, tzinfo=datetime.UTC)
    row = {
        "brief_id": 17,
        "product_name": "Boots",
        "brand": "Daybird",
        "price": Decimal("12.30"),
        "currency": "eur",
        "priority": 3.0,
        "key_messages": ["Light", None, "Dry"],
        "must_include": "one; two",
        "segments": [{"name": "hikers", "needs": None}],
        "claims": ["tested"],
        "offer": {"text": "Now", "starts": datetime.date(2026, 11, 1), "ends": day, "code": None},
        "attributes": [("weight", 480), ("colour", None)],
    }
    types = {
        "brief_id": pa.int64(),
        "product_name": pa.large_string(),
        "brand": pa.dictionary(pa.int8(), pa.string()),
        "price": pa.decimal128(12, 4),
        "attributes": pa.map_(pa.string(), pa.int32()),
    }
    (brief,) = read_all(write_briefs(tmp_path / "f.parquet", [row], **types))
    assert isinstance(brief, Brief), brief
    assert (brief.brief_id, brief.price, brief.currency, brief.priority) == ("17", Decimal("12.3000"), "EUR", 3)
    assert brief.key_messages == ["Light", "Dry"] and brief.must_include == ["one", "two"]
    assert brief.offer.ends == datetime.date(2026, 11, 30) and brief.offer.code == ""
    assert brief.segments[0].needs == "" and brief.attributes == {"weight": "480"}


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"price": -5.0}, "invalid_price", "price: should be greater than or equal to 0 (found"),
        ({"price": float("nan")}, "invalid_price", "nan"),
        ({"price": "12,50 €"}, "invalid_price", "12,50 €"),
        ({"sale_price": 200.0}, "invalid_sale_price", "sale_price 200.0 is above price 109.5"),
        ({"currency": None}, "missing_currency", "currency is missing"),
        ({"currency": "EURO"}, "unknown_currency", "'EURO' is not an ISO 4217"),
        ({"locale": "english"}, "unknown_locale", "'english' is not a BCP 47"),
        ({"product_name": None}, "missing_product_name", "product_name: is missing or empty"),
        ({"product_name": " \n "}, "missing_product_name", "product_name: is missing or empty"),
        ({"brief_id": None}, "missing_brief_id", "brief_id: is missing or empty"),
        ({"brief_id": ""}, "missing_brief_id", "brief_id: is missing or empty"),
        ({"description": "x" * 1_000_000}, "text_too_long", "description: has 1000000 characters, and at most 20000"),
        ({"brand": b"\x00\x01"}, "invalid_brand", "binary data of 2 bytes"),
        ({"description": ["a"]}, "invalid_description", "valid string"),
        ({"url": "javascript:alert(1)"}, "invalid_url", "does not start with http"),
        ({"priority": 5000}, "invalid_priority", "(found 5000)"),
        ({"offer": {"ends": "soon"}}, "invalid_offer", "offer.ends"),
        ({"price": datetime.date(2026, 1, 1)}, "invalid_price", "2026"),
    ],
)
def test_a_bad_row_becomes_a_refusal(tmp_path: Path, changes: dict[str, Any], reason: str, detail: str) -> None:
    refusal = read_one(tmp_path, **changes)
    assert isinstance(refusal, Refusal)
    assert (refusal.stage, refusal.reason) == ("read", reason)
    assert detail in refusal.detail and len(refusal.detail) < 1000
    assert refusal.source == "f.parquet row 1"
    assert len(refusal.record) <= 20_000
    record = json.loads(refusal.record)
    assert set(record) == {"brief_id", "product_name", "description", "price", "currency"} | set(changes)
    assert refusal.brief_id == ("" if "brief_id" in changes else "b-0")


def test_every_fault_of_a_row_is_told(tmp_path: Path) -> None:
    refusal = read_one(tmp_path, price=-1.0, currency="??", locale="klingon")
    assert isinstance(refusal, Refusal)
    assert all(name in refusal.detail for name in ("price:", "currency:", "locale:"))


def test_surrogates_and_broken_utf8_cost_only_their_row(tmp_path: Path) -> None:
    names = pa.array([b"good", b"lone \xed\xa0\x80 surrogate", b"broken \xff", b"also good"])
    table = pa.table({"brief_id": pa.array("abcd"), "product_name": names.view(pa.binary())})
    text = pa.Array.from_buffers(pa.string(), 4, table["product_name"].chunk(0).buffers())
    pq.write_table(table.set_column(1, "product_name", text), tmp_path / "f.parquet")
    rows = read_all(tmp_path / "f.parquet")
    assert [getattr(row, "reason", "brief") for row in rows] == ["brief", *["invalid_product_name"] * 2, "brief"]
    assert [row.brief_id for row in rows] == list("abcd")
    assert all(row.model_dump_json() for row in rows)


def test_control_characters_are_removed(tmp_path: Path) -> None:
    brief = read_one(tmp_path, product_name="Boo\x00ts\x1b[31m")
    assert isinstance(brief, Brief) and brief.product_name == "Boots[31m"


def test_a_timestamp_beyond_python_costs_only_its_row(tmp_path: Path) -> None:
    rows = make_rows(2)
    far = pa.array([0, 2**62], pa.timestamp("us"))
    table = pa.Table.from_pylist(rows).append_column("offer", pa.StructArray.from_arrays([far], ["ends"]))
    pq.write_table(table, tmp_path / "f.parquet")
    good, bad = read_all(tmp_path / "f.parquet")
    assert isinstance(good, Brief) and isinstance(bad, Refusal) and bad.reason == "invalid_offer"


def test_a_file_without_rows_is_no_error(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(make_rows(1)).slice(0, 0)
    pq.write_table(table, tmp_path / "f.parquet")
    plan = split_input(str(tmp_path), {}, 100)
    assert (plan.splits, plan.num_rows, len(scan_ids(plan, {}))) == ([], 0, 0)


def test_plan_says_which_columns_are_read(tmp_path: Path) -> None:
    path = write_briefs(tmp_path / "f.parquet", make_rows(1, Extra="x", Title="t"))
    plan = split_input(str(path), {"product_name": "{{ Title }}"}, 100)
    assert plan.columns_read == ["Title", "brief_id", "currency", "description", "price"]
    assert plan.columns_ignored == ["Extra", "product_name"]


@pytest.mark.s3
def test_s3_and_local_give_the_same(bucket: str, tmp_path: Path) -> None:
    for name, rows in (("a", [*make_rows(5), *make_rows(1, price=-1.0)]), ("sub/b", make_rows(2))):
        path = write_briefs(tmp_path / "in" / f"{name}.parquet", rows)
        store, file_name = split_file(f"{bucket}/in/{name}.parquet")
        store.write_bytes(file_name, path.read_bytes())
    assert read_all(f"{bucket}/in/") == read_all(tmp_path / "in")


@pytest.mark.s3
def test_a_large_object_streams(bucket: str, tmp_path: Path) -> None:
    rows = [row | {"description": f"{n} {'x' * 4000} {n * 7919}"} for n, row in enumerate(make_rows(6000))]
    path = write_briefs(tmp_path / "big.parquet", rows, group_rows=3000)
    pq.write_table(pq.read_table(path), path, compression="none", row_group_size=3000, use_dictionary=False)
    assert path.stat().st_size > 20_000_000
    store, _ = split_file(f"{bucket}/big.parquet")
    store.write_bytes("big.parquet", path.read_bytes())
    assert sum(isinstance(row, Brief) for row in read_all(f"{bucket}/big.parquet")) == 6000


@pytest.mark.s3
def test_a_store_that_is_down_is_an_error_and_no_refusal(
    s3: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, name = split_file(f"{bucket}/f.parquet")
    store.write_bytes(name, write_briefs(tmp_path / "f.parquet", make_rows(3)).read_bytes())
    plan = split_input(f"{bucket}/f.parquet", {}, 10)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    rows: Iterator[Brief | Refusal] = read_split(plan.splits[0], {})
    with pytest.raises(StorageError, match="cannot be reached"):
        list(rows)

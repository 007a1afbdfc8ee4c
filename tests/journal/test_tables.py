"""Type texts become Arrow types, rows become tables of the declared columns."""

import pyarrow as pa
import pytest

from factory.journal.tables import arrow_schema, parse_type, to_table
from schemas.columns import ASSET_COLUMNS, CANDIDATE_COLUMNS, QUARANTINE_COLUMNS, SEGMENT_COLUMNS


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("string", pa.string()),
        ("timestamp[us, UTC]", pa.timestamp("us", tz="UTC")),
        ("map<string, list<string>>", pa.map_(pa.string(), pa.list_(pa.string()))),
        (
            "list<struct<a: string, b: list<int32>>>",
            pa.list_(pa.struct([("a", pa.string()), ("b", pa.list_(pa.int32()))])),
        ),
    ],
)
def test_type_texts_are_parsed(text: str, kind: pa.DataType) -> None:
    assert parse_type(text) == kind


@pytest.mark.parametrize(
    "text", ["", "text", "list<string", "list<>", "map<string>", "string>", "struct<a string>", "int32 !"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_type(text)


@pytest.mark.parametrize("columns", [ASSET_COLUMNS, CANDIDATE_COLUMNS, QUARANTINE_COLUMNS, SEGMENT_COLUMNS])
def test_every_declared_table_has_a_schema(columns: dict[str, str]) -> None:
    assert arrow_schema(columns).names == list(columns)
    assert to_table([], columns).num_rows == 0


def test_rows_are_taken_by_name_and_gaps_are_null() -> None:
    columns = {"a": "string", "m": "map<string, double>", "b": "int64"}
    table = to_table([{"b": 1, "m": {"x": 0.5}, "other": 2}, {"a": "t"}], columns)
    assert table.to_pylist() == [{"a": None, "m": [("x", 0.5)], "b": 1}, {"a": "t", "m": None, "b": None}]


def test_lone_surrogates_are_replaced_at_any_depth() -> None:
    row = {"f": {"k\udc00": ["ok", "a\ud83d"]}, "c": [{"rule": "\ud800", "detail": "🥾"}]}
    columns = {"f": "map<string, list<string>>", "c": "list<struct<rule: string, detail: string>>"}
    assert to_table([row], columns).to_pylist() == [
        {"f": [("k\ufffd", ["ok", "a\ufffd"])], "c": [{"rule": "\ufffd", "detail": "🥾"}]}
    ]


def test_a_value_of_another_type_is_an_error() -> None:
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError)):
        to_table([{"n": "seven"}], {"n": "int64"})

"""The tables on storage: their promised columns and types, and rows that become tables of a schema."""

import pyarrow as pa
import pytest

from factory.journal.columns import ASSET_FILES, ASSETS, CANDIDATES, CREATIVES, QUARANTINE, SEGMENTS
from factory.journal.tables import to_table

# What readers of an output rely on, in words of its own: a change here changes what is on storage.
PROMISED = {
    "assets": """
        asset_id: string; request_id: string; brief_id: string; campaign_id: string; placement: string;
        locale: string; segment: string; rank: int32; kind: string; fields: map<string, list<string>>;
        image_uri: string; slot: string; text_asset_id: string; layout: string; layout_digest: string;
        colorway: string; backdrop_engine: string; backdrop_model: string; backdrop_seed: int64;
        backdrop_prompt: string; source_uri: string; source_digest: string; digital_source_type: string;
        sha256: string; phash: string; signed: bool; width: int32; height: int32; num_bytes: int64;
        mime: string; score: double; scores: map<string, double>;
        checks: list<struct<rule: string, passed: bool, detail: string>>; model: string; adapter: string;
        template: string; seed: int64; prompt_tokens: int32; output_tokens: int32; engine_seconds: double;
        run_id: string; created_at: timestamp[us, UTC]
    """,
    "candidates": """
        request_id: string; brief_id: string; campaign_id: string; placement: string; locale: string;
        segment: string; candidate: int32; attempt: int32; repaired_from: int32; pooled: bool;
        status: string; reason: string; rank: int32; fields: map<string, list<string>>; raw: string;
        score: double; scores: map<string, double>; missing_scores: list<string>;
        checks: list<struct<rule: string, passed: bool, detail: string>>; mean_logprob: double;
        judge: double; seed: int64; output_tokens: int32; run_id: string; created_at: timestamp[us, UTC]
    """,
    "creatives": """
        creative_id: string; request_id: string; text_asset_id: string; brief_id: string;
        campaign_id: string; placement: string; locale: string; segment: string; slot: string;
        width: int32; height: int32; variant: int32; layout: string; colorway: string;
        texts: map<string, string>; fit: double; status: string; reason: string; rank: int32;
        score: double; scores: map<string, double>;
        checks: list<struct<rule: string, passed: bool, detail: string>>; image_uri: string;
        thumbnail: string; run_id: string; created_at: timestamp[us, UTC]
    """,
    "quarantine": """
        request_id: string; creative_id: string; brief_id: string; stage: string; reason: string;
        detail: string; attempt: int32; retryable: bool; source: string; record: string; run_id: string;
        created_at: timestamp[us, UTC]
    """,
    "segments": """
        payload: string; created_at: timestamp[us, UTC]; brief_id: string; placement: string;
        locale: string; status: string; request_id: string
    """,
}
SCHEMAS = {
    "assets": ASSETS,
    "candidates": CANDIDATES,
    "creatives": CREATIVES,
    "quarantine": QUARANTINE,
    "segments": SEGMENTS,
}


@pytest.mark.parametrize("table", SCHEMAS)
def test_every_table_has_its_promised_columns(table: str) -> None:
    found = "; ".join(f"{field.name}: {spell(field.type)}" for field in SCHEMAS[table])
    assert found == " ".join(PROMISED[table].split())
    assert to_table([], SCHEMAS[table]).schema.equals(SCHEMAS[table])


def test_the_placement_of_an_asset_is_its_folder_and_not_in_its_file() -> None:
    assert ASSET_FILES.names == [name for name in ASSETS.names if name != "placement"]


def spell(kind: pa.DataType) -> str:
    """The type as the promise spells it."""
    if pa.types.is_list(kind):
        return f"list<{spell(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"map<{spell(kind.key_type)}, {spell(kind.item_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{field.name}: {spell(field.type)}' for field in kind)}>"
    return {"timestamp[us, tz=UTC]": "timestamp[us, UTC]"}.get(str(kind), str(kind))


def test_rows_are_taken_by_name_and_gaps_are_null() -> None:
    schema = pa.schema([("a", pa.string()), ("m", pa.map_(pa.string(), pa.float64())), ("b", pa.int64())])
    table = to_table([{"b": 1, "m": {"x": 0.5}, "other": 2}, {"a": "t"}], schema)
    assert table.to_pylist() == [{"a": None, "m": [("x", 0.5)], "b": 1}, {"a": "t", "m": None, "b": None}]


def test_lone_surrogates_are_replaced_at_any_depth() -> None:
    row = {"f": {"k\udc00": ["ok", "a\ud83d"]}, "c": [{"rule": "\ud800", "detail": "🥾"}]}
    texts = pa.map_(pa.string(), pa.list_(pa.string()))
    checks = pa.list_(pa.struct([("rule", pa.string()), ("detail", pa.string())]))
    schema = pa.schema([("f", texts), ("c", checks)])
    assert to_table([row], schema).to_pylist() == [
        {"f": [("k\ufffd", ["ok", "a\ufffd"])], "c": [{"rule": "\ufffd", "detail": "🥾"}]}
    ]


def test_a_value_of_another_type_is_an_error() -> None:
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError)):
        to_table([{"n": "seven"}], pa.schema([("n", pa.int64())]))

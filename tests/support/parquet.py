"""Parquet files for tests: rows of plain Python values in, files of briefs out, and all that a run would read of them."""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from factory.briefs.duplicates import scan_ids
from factory.briefs.read import read_split, split_input
from schemas.brief import Brief
from schemas.outcome import Refusal


def make_rows(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Valid rows with ids b-0, b-1, …; `changes` hold for every row."""
    values = {
        "product_name": "Wanderer Hiking Boots",
        "description": "Waterproof leather.",
        "price": 109.5,
        "currency": "USD",
    }
    return [{"brief_id": f"b-{index}"} | values | changes for index in range(count)]


def write_briefs(
    path: Path, rows: Sequence[dict[str, Any]], group_rows: int = 1_000_000, **types: pa.DataType
) -> Path:
    """Write `rows` to `path`, whose folder is made; the columns are those of any row. `types` overrides column types."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: pa.array([row.get(name) for row in rows], type=types.get(name)) for name in names}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=group_rows)
    return path


def read_all(uri: Path | str, columns: dict[str, str] | None = None, unit_rows: int = 1000) -> list[Brief | Refusal]:
    """Everything that a run would read, duplicates found, units pickled as Ray does."""
    plan = split_input(str(uri), columns or {}, unit_rows)
    duplicates = pickle.loads(pickle.dumps(scan_ids(plan, columns or {})))
    splits = pickle.loads(pickle.dumps(plan.splits))
    return [*plan.refusals, *(row for split in splits for row in read_split(split, columns or {}, duplicates))]

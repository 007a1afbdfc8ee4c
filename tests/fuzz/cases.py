"""A case of the fuzz: a table of briefs with odd columns, and what the engine answers. Plain JSON, so that it can be kept.

A long text or list of repeated pieces is `{"$repeat": [piece, times]}`, so that a kept case stays small.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.base import clean_surrogates

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Case:
    """`columns` are {name: [kind of KINDS, values]}, all of one length. `answers` are used in turn, see `answers.py`."""

    columns: dict[str, list[Any]]
    answers: list[dict[str, Any]] = field(default_factory=lambda: [{"good": True}])
    placements: list[str] = field(default_factory=lambda: ["google_rsa", "meta_feed"])
    mapping: dict[str, str] = field(default_factory=dict)

    @property
    def num_rows(self) -> int:
        """Rows of the table."""
        return len(next(iter(self.columns.values()))[1])

    def dump(self) -> str:
        """The case as a file of the corpus holds it."""
        return json.dumps(asdict(self), indent=1) + "\n"


def load_case(path: Path) -> Case:
    """Read a file of the corpus."""
    return Case(**json.loads(path.read_text(encoding="utf-8")))


def expand(value: Any) -> Any:
    """Write repeated texts and lists out, anywhere in a value."""
    if isinstance(value, dict):
        if list(value) == ["$repeat"]:
            piece, times = value["$repeat"]
            return expand(piece) * times
        return {key: expand(item) for key, item in value.items()}
    return [expand(item) for item in value] if isinstance(value, list) else value


def write_case(case: Case, path: Path) -> None:
    """Write the case's table as Parquet, a broken text as the broken bytes that an exporter would write."""
    arrays = {name: make_array(kind, expand(values)) for name, (kind, values) in case.columns.items()}
    pq.write_table(pa.table(arrays), path)


def make_array(kind: str, values: list[Any]) -> Any:
    """Return the values, as JSON has them, as a column of that kind."""
    make = KINDS[kind]
    return make(values)


def _make_texts(values: list[Any]) -> Any:
    raw = [None if value is None else str(value).encode("utf-8", "surrogatepass") for value in values]
    return pa.array(raw, pa.binary()).view(pa.string())


def _make(kind: Any, convert: Callable[[Any], Any], values: list[Any]) -> Any:
    return pa.array([None if value is None else convert(value) for value in values], kind)


def _scrub(value: Any) -> Any:
    """Lone surrogates cannot get into a nested column through Python."""
    if isinstance(value, str):
        return clean_surrogates(value)
    if isinstance(value, dict):
        return {_scrub(key): _scrub(item) for key, item in value.items()}
    return [_scrub(item) for item in value] if isinstance(value, list) else value


def _pairs(value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(_scrub(key), _scrub(item)) for key, item in value.items()]


_NAMED = pa.struct([("name", pa.string()), ("needs", pa.string())])
_CLAIM = pa.struct([("text", pa.string()), ("evidence", pa.string())])
_OFFER = pa.struct([("text", pa.string()), ("code", pa.string()), ("starts", pa.date32()), ("ends", pa.string())])
_DEEP = pa.map_(pa.string(), pa.list_(pa.map_(pa.string(), pa.list_(pa.struct([("a", pa.list_(pa.int8()))])))))
_EPOCH = date(1970, 1, 1)


def _read_offer(value: Mapping[str, Any]) -> dict[str, Any]:
    days = value.get("starts")
    offer: dict[str, Any] = _scrub(dict(value))
    return offer | {"starts": None if days is None else _EPOCH + timedelta(days=days)}


def _nest(value: str) -> Any:
    return [(_scrub(value), [[("k", [{"a": [1, None]}])], []])]


KINDS: dict[str, Callable[[list[Any]], Any]] = {
    "text": _make_texts,
    "large_text": partial(_make, pa.large_string(), _scrub),
    "dictionary": partial(_make, pa.dictionary(pa.int32(), pa.string()), _scrub),
    "binary": partial(_make, pa.binary(), lambda value: str(value).encode("utf-8", "surrogatepass")),
    "int64": partial(_make, pa.int64(), int),
    "uint64": partial(_make, pa.uint64(), lambda value: abs(int(value))),
    "double": partial(_make, pa.float64(), float),
    "half": partial(_make, pa.float16(), float),
    "bool": partial(_make, pa.bool_(), bool),
    "decimal": partial(_make, pa.decimal128(38, 10), Decimal),
    "huge_decimal": partial(_make, pa.decimal256(76, 2), Decimal),
    "date": lambda values: pa.array(values, pa.int32()).view(pa.date32()),
    "timestamp": lambda values: pa.array(values, pa.int64()).view(pa.timestamp("us", tz="UTC")),
    "nanoseconds": lambda values: pa.array(values, pa.int64()).view(pa.timestamp("ns")),
    "duration": lambda values: pa.array(values, pa.int64()).view(pa.duration("us")),
    "time": lambda values: pa.array(values, pa.int32()).view(pa.time32("s")),
    "null": lambda values: pa.nulls(len(values)),
    "texts": partial(_make, pa.list_(pa.string()), _scrub),
    "numbers": partial(_make, pa.list_(pa.float64()), lambda value: [float(item) for item in value]),
    "named": partial(_make, pa.list_(_NAMED), _scrub),
    "claims": partial(_make, pa.list_(_CLAIM), _scrub),
    "offer": partial(_make, _OFFER, _read_offer),
    "map": partial(_make, pa.map_(pa.string(), pa.string()), _pairs),
    "deep": partial(_make, _DEEP, _nest),
}

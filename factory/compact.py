"""Segment files in, the tables that users read out: assets by placement, candidates, quarantine. Streaming, memory flat.

Rows gather as Arrow tables until a part is full, then the part is sorted and written whole. Compacting again writes the same
files. Nothing here is visible to readers yet: `publish.py` switches the tables into place.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic_core import from_json

from factory.errors import OutputError
from factory.failures import iterate_final
from factory.segments import Damage, SegmentRow, iterate_rows
from factory.storage import Store
from factory.tables import arrow_schema, to_table
from schemas.asset import ASSET_COLUMNS, CANDIDATE_COLUMNS, QUARANTINE_COLUMNS
from schemas.base import digest
from schemas.run import Receipt

PART_BYTES = 32 * 1024 * 1024  # of Arrow memory; zstd makes about a tenth of it on disk
TOTAL_BYTES = 128 * 1024 * 1024  # of all parts together that are still being gathered
CHUNK_ROWS = 512  # rows held as Python values
GROUP_ROWS = 16_384

FOLDERS = ("assets", "candidates", "quarantine")
_PLACEMENT = re.compile(r"[a-z][a-z0-9_]{0,60}")

Row = dict[str, Any]
Show = Callable[[Mapping[str, Any], Mapping[str, Any]], None] | None


@dataclass(frozen=True, slots=True)
class RunLabels:
    """What the rows say about their run: the model, the template, the adapter by brand. Each of `placements` gets a file."""

    model: str
    template: str
    adapters: dict[str, str] = field(default_factory=dict)
    placements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compacted:
    """What the tables hold: rows by file below their place, what became of the requests; segment files that are no good."""

    files: dict[str, int]
    totals: Receipt
    damaged: Damage


def compact(
    store: Store, into: Store, phase: str, labels: RunLabels, wanted: set[bytes] | None = None, show: Show = None
) -> Compacted:
    """Write the tables of a phase of `store` into an empty place, and `show` each asset's row with the brief of its request.

    One row per `request_id` counts, and only the `wanted` ones, as in `segments.iterate_rows`: what an edited job no longer
    asks for leaves the tables. Raises StorageError, and OutputError for a payload that the factory never wrote.
    """
    parts: dict[str, _Part] = {}
    for folder in (*map(_locate_assets, labels.placements), *FOLDERS[1:]):
        _open_part(parts, into, folder)
    totals, damaged = defaultdict[str, float](float), Damage()
    given_up = iterate_final(store, wanted) if wanted is not None else ()
    for row in chain(iterate_rows(store, phase, damaged, wanted), given_up):
        if row.status == "unit":
            continue
        payload = _read_payload(row)
        _count(row, payload, totals)
        for folder, made in _make_rows(row, payload, labels):
            _open_part(parts, into, folder).add(made)
            if show is not None and "asset_id" in made:
                show(made, payload["request"]["brief"])
        if sum(part.num_bytes for part in parts.values()) > TOTAL_BYTES:
            max(parts.values(), key=lambda part: part.num_bytes).write()
    files: dict[str, int] = {}
    for part in parts.values():
        files |= part.close()
    return Compacted(dict(sorted(files.items())), Receipt(segment="", **totals), damaged)


def encode_part(table: pa.Table) -> bytes:
    """Return the Parquet file of one part."""
    buffer = BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=GROUP_ROWS)
    return buffer.getvalue()


class _Part:
    """One folder's growing part: rows, then chunks, then files of a bounded size, each sorted."""

    def __init__(self, store: Store, folder: str, columns: Mapping[str, str]) -> None:
        self._store = store
        self._folder = folder
        self._columns = columns
        self._rows: list[Row] = []
        self._chunks: list[pa.Table] = []
        self._files: dict[str, int] = {}
        self.num_bytes = 0

    def add(self, row: Row) -> None:
        """Take one row."""
        self._rows.append(row)
        if len(self._rows) >= CHUNK_ROWS:
            self._pack()
            if self.num_bytes >= PART_BYTES:
                self.write()

    def write(self) -> None:
        """Write what was gathered as the next file, sorted."""
        self._pack()
        table = pa.concat_tables([arrow_schema(self._columns).empty_table(), *self._chunks])
        keys = [name for name in ("brief_id", "request_id", "rank", "candidate", "source") if name in self._columns]
        table = table.sort_by([(name, "ascending") for name in keys])
        path = f"{self._folder}/part-{len(self._files):05d}.parquet"
        self._store.write_bytes(path, encode_part(table))
        self._files[path] = table.num_rows
        self._chunks, self.num_bytes = [], 0

    def close(self) -> dict[str, int]:
        """Write the rest, or an empty file when there was nothing at all; return {file: rows}."""
        if self._rows or self._chunks or not self._files:
            self.write()
        return self._files

    def _pack(self) -> None:
        if self._rows:
            chunk = to_table(self._rows, self._columns)
            self._chunks.append(chunk)
            self.num_bytes += chunk.nbytes
            self._rows = []


def _open_part(parts: dict[str, _Part], store: Store, folder: str) -> _Part:
    if folder not in parts:
        columns = {"candidates": CANDIDATE_COLUMNS, "quarantine": QUARANTINE_COLUMNS}.get(folder)
        if columns is None:  # the folder says the placement: a column of that name as well would clash
            columns = {name: text for name, text in ASSET_COLUMNS.items() if name != "placement"}
        parts[folder] = _Part(store, folder, columns)
    return parts[folder]


def _locate_assets(placement: str) -> str:
    if not _PLACEMENT.fullmatch(placement):
        raise OutputError(
            f"{placement!r} is not a placement's id", "report this: ids are checked when the job is loaded"
        )
    return f"assets/placement={placement}"


def _read_payload(row: SegmentRow) -> Mapping[str, Any]:
    try:
        payload = from_json(row.payload)
        return {"candidates": (), **payload}
    except (ValueError, TypeError) as error:
        raise _unreadable(row, error) from error


def _count(row: SegmentRow, payload: Mapping[str, Any], totals: "defaultdict[str, float]") -> None:
    """Add one row to the run's totals, by the names of Receipt's fields."""
    totals[row.status] += 1
    if row.status == "refused":
        return
    candidates = payload["candidates"]
    accepted = sum([candidate.get("status") == "accepted" for candidate in candidates])
    totals["assets"] += accepted
    totals["accepted_without_repair"] += bool(accepted) and any(map(_is_first_pass, candidates))
    for name in ("prompt_tokens", "output_tokens", "engine_seconds"):
        totals[name] += payload.get(name, 0)


def _is_first_pass(candidate: Mapping[str, Any]) -> bool:
    checks = candidate.get("checks") or ()
    first = not candidate.get("attempt") and not candidate.get("pooled")
    return first and bool(checks) and False not in [check["passed"] for check in checks]


def _make_rows(row: SegmentRow, payload: Mapping[str, Any], labels: RunLabels) -> Iterator[tuple[str, Row]]:
    """Yield (folder, row) for all that one segment row becomes."""
    try:
        if row.status == "refused":
            yield "quarantine", _make_quarantine(row, payload, payload.get("request_id") or None)
            return
        shared = _share(row, payload["request"])
        for candidate in payload["candidates"]:
            yield "candidates", shared | _make_candidate(candidate)
            if candidate.get("status") == "accepted":
                yield _locate_assets(row.placement), shared | _make_asset(candidate, payload, labels)
        if row.status == "quarantined":
            yield "quarantine", _make_quarantine(row, payload["quarantine"], row.request_id)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(row, error) from error


def _unreadable(row: SegmentRow, error: Exception) -> OutputError:
    message = f"the payload of {row.status} row {row.request_id} cannot be read: {type(error).__name__} {error}"
    return OutputError(message, "it was written by another version of the factory: use that one")


def _share(row: SegmentRow, request: Mapping[str, Any]) -> Row:
    brief, segment = request["brief"], request.get("segment")
    return {
        "request_id": row.request_id,
        "brief_id": row.brief_id,
        "campaign_id": brief.get("campaign_id", ""),
        "placement": row.placement,
        "locale": row.locale,
        "segment": segment["name"] if segment else "",
        "run_id": row.run_id,
        "created_at": row.created_at,
    }


def _make_candidate(candidate: Mapping[str, Any]) -> Row:
    """The candidate under its column names; `index` is called `candidate` there. Defaults are the schema's."""
    defaults: Row = {"attempt": 0, "pooled": False, "status": "rejected", "reason": "", "raw": "", "seed": 0}
    defaults |= {"fields": {}, "scores": {}, "missing_scores": [], "checks": [], "output_tokens": 0}
    return defaults | dict(candidate) | {"candidate": candidate["index"]}


def _make_asset(candidate: Mapping[str, Any], outcome: Mapping[str, Any], labels: RunLabels) -> Row:
    """An accepted candidate as an asset. Tokens and seconds are of its whole request: losers and repairs were paid for."""
    request = outcome["request"]
    rank = candidate.get("rank") or 0
    return _make_candidate(candidate) | {
        "asset_id": digest([request["request_id"], rank]),
        "rank": rank,
        "kind": "text",
        "model": labels.model,
        "adapter": labels.adapters.get(request["brief"].get("brand", ""), ""),
        "template": labels.template,
        "prompt_tokens": outcome.get("prompt_tokens", 0),
        "output_tokens": outcome.get("output_tokens", 0),
        "engine_seconds": outcome.get("engine_seconds", 0.0),
    }


def _make_quarantine(row: SegmentRow, refusal: Mapping[str, Any], request_id: str | None) -> Row:
    defaults: Row = {"attempt": 1, "retryable": False, "source": "", "record": ""}
    own: Row = {"request_id": request_id, "run_id": row.run_id, "created_at": row.created_at}
    own["brief_id"] = refusal.get("brief_id") or row.brief_id or None
    return defaults | dict(refusal) | own

"""Segment files: the only place that knows exactly-once.

A segment file is a small immutable Parquet file of finished work. It is written whole, under a name that nobody else uses,
and its existence is its commit. Work that was done twice is two rows with one `request_id`: every reader here keeps the
first, in the order of the files' names. A file that is damaged or not ours is set aside by name, and counts for nothing.
"""

import hashlib
import json
import secrets
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from factory.row_keys import Keys, make_keys, measure_texts, view_texts
from factory.storage import FileInfo, Store
from factory.tables import arrow_schema, to_table
from schemas.asset import SEGMENT_COLUMNS
from schemas.run import SCHEME

DONE = ("accepted", "rejected", "quarantined")  # statuses of a request that needs no more work
STATUSES = (*DONE, "refused", "unit")
FILES_AHEAD = 8  # fetched while one is worked on; each is a few MB
ROWS_AHEAD = 64  # turned into Python values at a time

_KEY = b"factory.segment"  # where the file's description lies in the Parquet metadata

Damage = list[tuple[str, str]]  # (file, what is wrong with it)


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One finished request, refused input row or finished unit.

    `request_id` is the row's key: of a request its id, of a unit the unit's id, of a refused row a digest of its source
    and reason. `payload` is the Outcome, Refusal or UnitCount as JSON. The last two are filled in by the readers.
    """

    request_id: str
    status: str
    brief_id: str
    placement: str
    locale: str
    payload: str
    run_id: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """What the segment files of a phase hold: the requests that are done, rows by status, and files set aside."""

    keys: Keys  # of done requests, sorted
    counts: dict[str, int] = field(default_factory=dict)
    num_files: int = 0
    damaged: Damage = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.keys)

    def __contains__(self, request_id: str) -> bool:
        return bool(self.contains([request_id])[0])

    def contains(self, request_ids: Sequence[str]) -> npt.NDArray[np.bool_]:
        """For each id, whether its request is done."""
        wanted = make_keys(pa.array(request_ids, type=pa.string()))
        found = np.zeros(len(wanted), np.bool_)
        if len(self.keys):
            places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
            found[:] = self.keys[places] == wanted
        return found


def make_name(millis: int, random_hex: str) -> str:
    """Return a segment's name: `millis` (since 1970, UTC) puts names in order of time, `random_hex` makes them unique."""
    return f"{millis:013d}-{random_hex}"


def write_segment(
    store: Store, phase: str, rows: Sequence[SegmentRow], run_id: str, created_at: datetime, name: str | None = None
) -> str:
    """Commit the rows as one file and return its name. When this returns they are finished; before, nothing is there.

    `created_at` has a time zone; `name` is made from it and a random number when it is not given. Raises ValueError when
    there is nothing to commit, StorageError when it could not be written: then calling again with the same rows is safe.
    """
    if not rows:
        raise ValueError("a segment needs at least one row")
    name = name or make_name(int(created_at.timestamp() * 1000), secrets.token_hex(6))
    columns = [column for column in SEGMENT_COLUMNS if column != "created_at"]
    table = to_table(
        [{c: getattr(row, c) for c in columns} | {"created_at": created_at} for row in rows], SEGMENT_COLUMNS
    )
    about = {
        "scheme": SCHEME,
        "run_id": run_id,
        "phase": phase,
        "counts": dict(Counter(row.status for row in rows)),
        "checksum": _digest_rows(table),
    }
    buffer = BytesIO()
    described = table.replace_schema_metadata({_KEY: json.dumps(about)})
    pq.write_table(described, buffer, compression="zstd", write_page_checksum=True)
    store.write_bytes(f"segments/{phase}/{name}.parquet", buffer.getvalue())
    return name


def list_segments(store: Store, phase: str) -> list[FileInfo]:
    """Return the phase's segment files in the order of their names. Nothing is known yet about what they hold."""
    return store.list(f"segments/{phase}", ".parquet")


def read_finished(store: Store, phase: str) -> Finished:
    """Return what is done. Every file is verified whole: what is trusted here is never missed when it is read later."""
    keys: list[Keys] = []
    statuses: list[npt.NDArray[np.int8]] = []
    damaged: Damage = []
    num_files = 0
    for table, _ in _iterate_tables(store, phase, damaged):
        keys.append(make_keys(table["request_id"].combine_chunks()))
        found = pc.index_in(table["status"], value_set=pa.array(STATUSES))
        statuses.append(found.to_numpy().astype(np.int8))
        num_files += 1
    every = np.concatenate(keys) if keys else np.empty(0, "S16")
    unique, first = np.unique(every, return_index=True)
    status = (np.concatenate(statuses) if statuses else np.empty(0, np.int8))[first]
    counts = {name: int((status == index).sum()) for index, name in enumerate(STATUSES)}
    return Finished(unique[status < len(DONE)], counts, num_files, damaged)


def iterate_rows(
    store: Store, phase: str, damaged: Damage | None = None, wanted: set[bytes] | None = None
) -> Iterator[SegmentRow]:
    """Yield exactly one row per `request_id`, in the order of files and rows; files set aside are added to `damaged`.

    With `wanted` (keys as `make_keys` gives them) only those rows come, and what has come is taken out of the set: what
    is left in it at the end was nowhere. Holds 16-byte digests of ids and a few files, not the rows.
    """
    seen: set[bytes] = set()
    for table, about in _iterate_tables(store, phase, [] if damaged is None else damaged):
        raw = make_keys(table["request_id"].combine_chunks()).tobytes()
        fresh: list[int] = []
        for index in range(table.num_rows):
            key = raw[16 * index : 16 * index + 16]
            if wanted is not None:
                if key not in wanted:
                    continue
                wanted.remove(key)
            elif key in seen:
                continue
            else:
                seen.add(key)
            fresh.append(index)
        for batch in table.take(pa.array(fresh, pa.int64())).to_batches(ROWS_AHEAD):
            for row in batch.to_pylist():
                yield SegmentRow(**row, run_id=about["run_id"])


def _iterate_tables(store: Store, phase: str, damaged: Damage) -> Iterator[tuple[pa.Table, dict[str, Any]]]:
    """Yield each good file's rows and description in the order of names; name the others in `damaged`."""
    for info, loading in _load_ahead(store, phase):
        try:
            yield loading.result()
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
            damaged.append((info.path, " ".join(str(error).split())[:300] or type(error).__name__))


def _load_ahead(store: Store, phase: str) -> Iterator[tuple[FileInfo, "Future[tuple[pa.Table, dict[str, Any]]]"]]:
    """Load files in order and in parallel: fetching, unpacking and digesting all leave the interpreter to others."""
    waiting: deque[tuple[FileInfo, Future[tuple[pa.Table, dict[str, Any]]]]] = deque()
    with ThreadPoolExecutor(FILES_AHEAD) as pool:
        for info in list_segments(store, phase):
            waiting.append((info, pool.submit(_load, store, info.path, phase)))
            if len(waiting) >= FILES_AHEAD:
                yield waiting.popleft()
        yield from waiting


def _load(store: Store, path: str, phase: str) -> tuple[pa.Table, dict[str, Any]]:
    return _verify(store.read_bytes(path), phase)


def _verify(data: bytes, phase: str) -> tuple[pa.Table, dict[str, Any]]:
    """The file's rows and description. Raises ValueError and Arrow's errors when it is damaged, or not of this phase."""
    table = pq.read_table(BytesIO(data), page_checksum_verification=True)
    text = (table.schema.metadata or {}).get(_KEY)
    if text is None or not table.schema.equals(arrow_schema(SEGMENT_COLUMNS)):
        raise ValueError("not a segment file of the factory")
    about = cast(dict[str, Any], json.loads(text))
    if (about["scheme"], about["phase"]) != (SCHEME, phase):
        raise ValueError(
            f"of scheme {about['scheme']}, phase {about['phase']}; this is scheme {SCHEME}, phase {phase}"
        )
    if about["checksum"] != _digest_rows(table):
        raise ValueError("the checksum does not fit its rows")
    return table, about


def _digest_rows(table: pa.Table) -> str:
    """blake2b of ids, statuses and payloads, lengths included, straight from Arrow's buffers."""
    sink = hashlib.blake2b(digest_size=16)
    for name in ("request_id", "status", "payload"):
        column = table[name].combine_chunks()
        sink.update(measure_texts(column).astype("<i4").tobytes())
        sink.update(view_texts(column))
    return sink.hexdigest()

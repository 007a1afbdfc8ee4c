"""Segment files: the only place that knows exactly-once.

A segment file is a small immutable Parquet file of finished work. It is written whole, under a name that nobody else uses,
and its existence is its commit. Work that was done twice is two rows with one `request_id`: what reads a phase
(`iterate_rows`, `read_finished`) keeps the first, in the order of the files' names. A file that is damaged or not ours is
set aside by name, and counts for nothing.

A resume reads only the ends of the files, where ids and statuses are, and trusts what these say. A file whose payloads
turn out damaged when everything is read in the end is set aside for good by a mark beside it (`set_aside`): its requests
are missing then, are counted as remaining, and the next run makes them again.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from factory.journal.columns import SEGMENTS
from factory.journal.keys import Keys, find_keys, iterate_keys, load_keys, make_keys
from factory.journal.prefetch import ENDS_AHEAD, FILES_AHEAD, Load, load_ahead, load_end, load_whole
from factory.journal.segment_file import DAMAGE, About, decode_segment, encode_segment, explain_damage
from factory.journal.tables import to_table
from factory.storage.store import FileInfo, Store

DONE = ("accepted", "rejected", "quarantined")  # statuses of a request that needs no more work
STATUSES = (*DONE, "refused", "unit")
ROWS_AHEAD = 64  # turned into Python values at a time

Damage = list[tuple[str, str]]  # (file, what is wrong with it)
_MARK = ".aside"  # behind the name of a file that was found damaged: its mark


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One finished request, refused input row or finished split.

    `request_id` is the row's key: of a request its id, of a split the split's id, of a refused row a digest of its source
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


def _make_empty() -> Keys:
    return load_keys(b"")


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """What the segment files of a phase hold: the requests that are done, rows by status, and files set aside."""

    keys: Keys  # of done requests, sorted
    refused: Keys = field(default_factory=_make_empty)  # of refused rows, sorted
    counts: dict[str, int] = field(default_factory=dict)
    num_files: int = 0
    damaged: Damage = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.keys)

    def __contains__(self, request_id: str) -> bool:
        return bool(self.contains([request_id])[0])

    def contains(self, request_ids: Sequence[str]) -> npt.NDArray[np.bool_]:
        """For each id, whether its request is done."""
        return find_keys(make_keys(pa.array(request_ids, type=pa.string())), self.keys)

    def with_ids(self, request_ids: Sequence[str]) -> "Finished":
        """Return the same with these requests counted as done."""
        added = make_keys(pa.array(request_ids, type=pa.string()))
        return replace(self, keys=np.union1d(self.keys, added))


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
    columns = [column for column in SEGMENTS.names if column != "created_at"]
    table = to_table([{c: getattr(row, c) for c in columns} | {"created_at": created_at} for row in rows], SEGMENTS)
    store.write_bytes(f"segments/{phase}/{name}.parquet", encode_segment(table, phase, run_id))
    return name


def list_segments(store: Store, phase: str) -> list[FileInfo]:
    """Return the phase's segment files in the order of their names, without those set aside for good.

    Nothing is known yet about what they hold.
    """
    return _list_files(store, phase)[0]


def set_aside(store: Store, damaged: Damage) -> None:
    """Mark files that were found damaged: from now on nobody reads them, and what they held is to be made again.

    The files themselves stay for whoever wants to look at them. Raises StorageError.
    """
    for path, reason in damaged:
        if not store.exists(path + _MARK):
            store.write_bytes(path + _MARK, json.dumps({"reason": reason}, ensure_ascii=False).encode())


def read_finished(store: Store, phase: str) -> Finished:
    """Return what is done. Reads and verifies the ends of the files only: ids and statuses, not payloads."""
    keys: list[Keys] = []
    statuses: list[npt.NDArray[np.int8]] = []
    damaged: Damage = []
    for _, table in iterate_ends(store, phase, damaged):
        keys.append(make_keys(table["request_id"].combine_chunks()))
        found = pc.index_in(table["status"], value_set=pa.array(STATUSES)).fill_null(len(STATUSES))
        statuses.append(found.to_numpy().astype(np.int8))
    every = np.concatenate(keys) if keys else _make_empty()
    unique, first = np.unique(every, return_index=True)
    status = (np.concatenate(statuses) if statuses else np.empty(0, np.int8))[first]
    counts = {name: int((status == index).sum()) for index, name in enumerate(STATUSES)}
    refused = unique[status == STATUSES.index("refused")]
    return Finished(unique[status < len(DONE)], refused, counts, len(keys), damaged)


def iterate_rows(
    store: Store, phase: str, damaged: Damage | None = None, wanted: set[bytes] | None = None
) -> Iterator[SegmentRow]:
    """Yield exactly one row per `request_id`, in the order of files and rows; files set aside are added to `damaged`.

    With `wanted` (keys as `make_keys` gives them) only those rows come, and what has come is taken out of the set: what
    is left in it at the end was nowhere. Holds 16-byte digests of ids and a few files, not the rows.
    """
    seen: set[bytes] = set()
    for _, table, about in _iterate_tables(store, phase, [] if damaged is None else damaged):
        fresh: list[int] = []
        for index, key in enumerate(iterate_keys(make_keys(table["request_id"].combine_chunks()))):
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


def iterate_ends(store: Store, phase: str, damaged: Damage | None = None) -> Iterator[tuple[str, pa.Table]]:
    """Yield (path, table of request_id and status) of each good file in the order of names: only their ends are read."""
    for path, table, _ in _iterate_tables(store, phase, [] if damaged is None else damaged, load_end, ENDS_AHEAD):
        yield path, table


def read_file(store: Store, phase: str, path: str, keys: Keys) -> Iterator[SegmentRow]:
    """Yield the rows of one file whose request is one of `keys`, which are sorted; nothing when the file is damaged."""
    try:
        table, about = decode_segment(store.read_bytes(path), phase)
    except DAMAGE:
        return  # compacting finds it too, sets it aside and says so
    own = find_keys(make_keys(table["request_id"].combine_chunks()), keys)
    for batch in table.filter(pa.array(own)).to_batches(ROWS_AHEAD):
        for row in batch.to_pylist():
            yield SegmentRow(**row, run_id=about["run_id"])


def _iterate_tables(
    store: Store, phase: str, damaged: Damage, load: Load = load_whole, ahead: int = FILES_AHEAD
) -> Iterator[tuple[str, pa.Table, About]]:
    """Yield each good file's path, rows and description in the order of names; name the others in `damaged`."""
    files, aside = _list_files(store, phase)
    damaged += [(info.path, _read_mark(store, info)) for info in aside]
    for info, loading in load_ahead(store, phase, files, load, ahead):
        try:
            yield info.path, *loading.result()
        except DAMAGE as error:
            damaged.append((info.path, explain_damage(error)))


def _list_files(store: Store, phase: str) -> tuple[list[FileInfo], list[FileInfo]]:
    """The phase's files in the order of names: (those that count, those set aside for good)."""
    infos = {info.path: info for info in store.list(f"segments/{phase}")}
    files = [info for path, info in infos.items() if path.endswith(".parquet")]
    aside = [info for info in files if info.path + _MARK in infos]
    return [info for info in files if info.path + _MARK not in infos], aside


def _read_mark(store: Store, info: FileInfo) -> str:
    try:
        return f"set aside: {json.loads(store.read_bytes(info.path + _MARK))['reason']}"
    except (ValueError, KeyError, TypeError):
        return "set aside"

"""All brief ids of the input in, the rows that repeat one out: found in one cheap pass, 16 bytes of memory a row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np
import numpy.typing as npt

from factory.briefs.coerce import to_text
from factory.briefs.columns import ColumnMap, compile_columns
from factory.briefs.splits import DamagedError, InputSplit, InputSplits, iterate_rows
from schemas.brief import clean_line

SCAN_THREADS = 8  # files whose ids are read at a time

Positions = npt.NDArray[np.int64]


def _make_empty() -> Positions:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Duplicates:
    """The rows whose brief_id an earlier row has: as good as empty in most inputs, and cheap to send to every worker.

    Positions count rows over the whole input. `files` and `offsets` (rows before each file) give them names.
    """

    positions: Positions = field(default_factory=_make_empty)  # ascending
    firsts: Positions = field(default_factory=_make_empty)  # where each one's id was used first
    files: tuple[str, ...] = ()
    offsets: Positions = field(default_factory=_make_empty)
    num_replacing: int = 0  # rows at the start of the input that correct later ones of the same id

    def __len__(self) -> int:
        return len(self.positions)

    def list_within(self, split: InputSplit) -> dict[int, tuple[str, bool]]:
        """Return {row within the split: ("file row N" of the first use, whether that is a correction of this row)}."""
        low, high = np.searchsorted(self.positions, [split.position, split.position + split.num_rows])
        pairs = zip(self.positions[low:high].tolist(), self.firsts[low:high].tolist(), strict=True)
        corrected = split.position >= self.num_replacing
        return {
            position - split.position: (self._name(first), corrected and first < self.num_replacing)
            for position, first in pairs
        }

    def _name(self, position: int) -> str:
        index = int(np.searchsorted(self.offsets, position, side="right")) - 1
        return f"{self.files[index]} row {position - int(self.offsets[index]) + 1}"


def scan_ids(source: InputSplits, columns: Mapping[str, str]) -> Duplicates:
    """Return every second and later row with the same brief_id. Reads only the columns that decide the id.

    Raises StorageError when the store cannot be reached. Rows that cannot be read, or have no id, repeat nothing.
    """
    mapping = compile_columns(columns)
    files = [_join_groups(splits) for _, splits in groupby(source.splits, key=lambda split: split.uri)]
    hashes = np.zeros(source.num_rows, np.int64)  # 0: no id
    with ThreadPoolExecutor(SCAN_THREADS) as pool:
        for found in pool.map(lambda splits: _hash_ids(splits, mapping), files):
            for start, part in found:
                hashes[start : start + len(part)] = part
    ordered = np.sort(hashes)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    suspects = np.isin(hashes, repeated[repeated != 0])
    if not suspects.any():
        return Duplicates()
    positions, firsts = _confirm(files, mapping, suspects)
    names = tuple(splits[0].name for splits in files)
    offsets = np.array([splits[0].position for splits in files], np.int64)
    return Duplicates(positions, firsts, names, offsets)


def _join_groups(splits: Iterable[InputSplit]) -> list[InputSplit]:
    """One split per row group: an id column is small, and reading a group in parts would decode it many times."""
    groups = [list(parts) for _, parts in groupby(splits, key=lambda split: split.row_group)]
    return [replace(parts[0], stop=parts[-1].stop) for parts in groups]


def _hash_ids(splits: Sequence[InputSplit], mapping: ColumnMap) -> list[tuple[int, Positions]]:
    """The hashes of one file's ids, with the position of each batch. Python's own hash: 64 bits, 0 for no id."""
    return [(start, np.fromiter(map(hash, ids), np.int64, len(ids))) for start, ids in _iterate_ids(splits, mapping)]


def _confirm(
    files: list[list[InputSplit]], mapping: ColumnMap, suspects: npt.NDArray[np.bool_]
) -> tuple[Positions, Positions]:
    """Read the ids of the suspects again and compare them as text, so that equal hashes alone refuse no row."""
    seen: dict[str, int] = {}
    positions: list[int] = []
    firsts: list[int] = []
    for splits in files:
        hit = [split for split in splits if suspects[split.position : split.position + split.num_rows].any()]
        for start, ids in _iterate_ids(hit, mapping):
            for index in np.flatnonzero(suspects[start : start + len(ids)]).tolist():
                first = seen.setdefault(ids[index], start + index)
                if first != start + index:
                    positions.append(start + index)
                    firsts.append(first)
    return np.array(positions, np.int64), np.array(firsts, np.int64)


def _iterate_ids(splits: Sequence[InputSplit], mapping: ColumnMap) -> Iterator[tuple[int, list[str]]]:
    """Yield (position, ids) of a file's rows in batches, "" for a row without an id; leaves out what is damaged."""
    for split in splits:
        position = split.position
        try:
            for bound, rows in iterate_rows(split, mapping, only_id=True):
                yield position, [_clean_id(bound.read_id(row)) for row in rows]
                position += len(rows)
        except DamagedError:  # reading the rows will say so
            continue


def _clean_id(value: object) -> str:
    """The id as the brief will have it, "" when it will be refused anyway."""
    text = to_text(value)
    if not isinstance(text, str):
        return ""
    if text.isascii() and text.isprintable():
        return text.strip()
    try:
        return clean_line(text)
    except ValueError:
        return ""

"""Splits of input rows: which part of which Parquet file one task reads, and how its rows come out of it.

A split is a range of rows of one row group. Rows stream in small batches, and only the columns that are needed are read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from factory.briefs.coerce import Unreadable
from factory.briefs.columns import BoundColumns, ColumnMap
from factory.briefs.input_files import InputFile, split_file
from factory.errors import JobError
from schemas.base import digest
from schemas.outcome import Refusal

BATCH_ROWS = 256
# A part of a row group can only be read by decoding the rows before it, so cutting one into n splits costs n / 2 times
# its decoding. Exports often hold a million rows in one row group.
MAX_PARTS = 16
BUFFER_BYTES = 4 * 1024 * 1024  # read ahead per column
DAMAGE = (pa.ArrowException, OSError, ValueError)  # what Arrow raises for a file that breaks off or lies


@dataclass(frozen=True, slots=True)
class InputSplit:
    """Rows `start` to `stop` (not included) of one row group. `id` stays the same as long as the file does."""

    id: str
    uri: str
    name: str  # the file's name below the input, for messages
    row_group: int
    start: int
    stop: int
    first_row: int  # rows of the file before this split
    position: int  # rows of the whole input before this split

    @property
    def num_rows(self) -> int:
        """Rows in the split."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class InputSplits:
    """What is to be read. `refusals` name files that could not be opened or lack columns; their rows are not counted."""

    splits: list[InputSplit]
    refusals: list[Refusal]
    num_rows: int
    num_files: int
    columns_read: list[str]
    columns_ignored: list[str]


def limit_splits(source: InputSplits, limit: int) -> InputSplits:
    """Return the plan of the first `limit` rows only."""
    splits: list[InputSplit] = []
    left = limit
    for split in source.splits:
        if left <= 0:
            break
        kept = min(left, split.num_rows)
        splits.append(
            split if kept == split.num_rows else replace(split, id=f"{split.id}-{kept}", stop=split.start + kept)
        )
        left -= kept
    return replace(source, splits=splits, num_rows=limit - left)


def join_splits(sources: Sequence[InputSplits]) -> InputSplits:
    """Return one plan of several inputs, in this order."""
    splits: list[InputSplit] = []
    num_rows = 0
    for source in sources:
        splits += [replace(split, position=split.position + num_rows) for split in source.splits]
        num_rows += source.num_rows
    return InputSplits(
        splits=splits,
        refusals=[refusal for source in sources for refusal in source.refusals],
        num_rows=num_rows,
        num_files=sum(source.num_files for source in sources),
        columns_read=sorted({name for source in sources for name in source.columns_read}),
        columns_ignored=sorted({name for source in sources for name in source.columns_ignored}),
    )


class DamagedError(Exception):
    """A file that cannot be read on. Callers make data of it; it never leaves the reading of briefs."""


def cut_file(file: InputFile, version: str, group_rows: list[int], position: int, unit_rows: int) -> list[InputSplit]:
    """Return the splits of one file: about `unit_rows` rows each, and at most MAX_PARTS of them per row group.

    `version` marks the file's content, `group_rows` are the rows of its row groups, `position` the rows of the input
    before it.
    """
    splits: list[InputSplit] = []
    first_row = 0
    for group, rows in enumerate(group_rows):
        parts = min(MAX_PARTS, -(-rows // unit_rows))
        step = -(-rows // parts) if parts else 1
        for start in range(0, rows, step):
            stop = min(start + step, rows)
            name = digest([file.name, version, group, start, stop])
            before = first_row + start
            splits.append(InputSplit(name, file.uri, file.name, group, start, stop, before, position + before))
        first_row += rows
    return splits


def open_parquet(file: BinaryIO) -> pq.ParquetFile:
    """Open a Parquet file for streaming: a few MB per column are held, however large a row group is."""
    return pq.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False)


def iterate_rows(
    split: InputSplit, mapping: ColumnMap, only_id: bool = False
) -> Iterator[tuple[BoundColumns, list[dict[str, Any]]]]:
    """Yield the split's source rows in batches, with the mapping bound to its file.

    With `only_id` just the columns that decide brief_id are read. Raises DamagedError when the file breaks off, and
    StorageError when the store cannot be reached.
    """
    left, before = split.num_rows, split.start
    try:
        store, name = split_file(split.uri)
        with store.open_input(name) as file, open_parquet(file) as parquet:
            bound = mapping.bind(parquet.schema_arrow.names, split.name)
            sources = bound.id_sources if only_id else bound.sources
            for batch in parquet.iter_batches(BATCH_ROWS, [split.row_group], sources, use_threads=False):
                skipped = min(before, batch.num_rows)
                before -= skipped
                part = batch.slice(skipped, left)
                left -= part.num_rows
                if part.num_rows:
                    yield bound, _to_rows(part)
                if not left:
                    return
    except (*DAMAGE, JobError) as error:
        raise DamagedError(shorten(error)) from error
    raise DamagedError("the file is shorter than it was when the run was planned")


def shorten(error: BaseException) -> str:
    """An error's words in one line of at most 300 characters."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def _to_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """The batch as Python rows. A cell that Python cannot hold (broken UTF-8, a year beyond 9999) costs only itself."""
    try:
        return batch.to_pylist()
    except (ValueError, OverflowError):
        names = batch.schema.names
        columns = [[_to_cell(cell) for cell in column] for column in batch.columns]
        return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _to_cell(cell: "pa.Scalar[Any]") -> Any:
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        return Unreadable("text that is not valid UTF-8")
    except (ValueError, OverflowError) as error:
        return Unreadable(f"a value that cannot be read ({shorten(error)})")

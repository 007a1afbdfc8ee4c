"""Units of input rows: which part of which Parquet file one task reads, and how its rows come out of it.

A unit is a range of rows of one row group. Rows stream in small batches, and only the columns that are needed are read.
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
from schemas.asset import Refusal
from schemas.base import digest

BATCH_ROWS = 256
# A part of a row group can only be read by decoding the rows before it, so cutting one into n units costs n / 2 times
# its decoding. Exports often hold a million rows in one row group.
MAX_PARTS = 16
BUFFER_BYTES = 4 * 1024 * 1024  # read ahead per column
DAMAGE = (pa.ArrowException, OSError, ValueError)  # what Arrow raises for a file that breaks off or lies


@dataclass(frozen=True, slots=True)
class Unit:
    """Rows `start` to `stop` (not included) of one row group. `id` stays the same as long as the file does."""

    id: str
    uri: str
    name: str  # the file's name below the input, for messages
    row_group: int
    start: int
    stop: int
    first_row: int  # rows of the file before this unit
    position: int  # rows of the whole input before this unit

    @property
    def num_rows(self) -> int:
        """Rows in the unit."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class InputPlan:
    """What is to be read. `refusals` name files that could not be opened or lack columns; their rows are not counted."""

    units: list[Unit]
    refusals: list[Refusal]
    num_rows: int
    num_files: int
    columns_read: list[str]
    columns_ignored: list[str]


def cut_plan(plan: InputPlan, limit: int) -> InputPlan:
    """Return the plan of the first `limit` rows only."""
    units: list[Unit] = []
    left = limit
    for unit in plan.units:
        if left <= 0:
            break
        kept = min(left, unit.num_rows)
        units.append(unit if kept == unit.num_rows else replace(unit, id=f"{unit.id}-{kept}", stop=unit.start + kept))
        left -= kept
    return replace(plan, units=units, num_rows=limit - left)


def join_plans(plans: Sequence[InputPlan]) -> InputPlan:
    """Return one plan of several inputs, in this order."""
    units: list[Unit] = []
    num_rows = 0
    for plan in plans:
        units += [replace(unit, position=unit.position + num_rows) for unit in plan.units]
        num_rows += plan.num_rows
    return InputPlan(
        units=units,
        refusals=[refusal for plan in plans for refusal in plan.refusals],
        num_rows=num_rows,
        num_files=sum(plan.num_files for plan in plans),
        columns_read=sorted({name for plan in plans for name in plan.columns_read}),
        columns_ignored=sorted({name for plan in plans for name in plan.columns_ignored}),
    )


class DamagedError(Exception):
    """A file that cannot be read on. Callers make data of it; it never leaves the reading of briefs."""


def cut_units(file: InputFile, version: str, group_rows: list[int], position: int, unit_rows: int) -> list[Unit]:
    """Return the units of one file: about `unit_rows` rows each, and at most MAX_PARTS of them per row group.

    `version` marks the file's content, `group_rows` are the rows of its row groups, `position` the rows of the input
    before it.
    """
    units: list[Unit] = []
    first_row = 0
    for group, rows in enumerate(group_rows):
        parts = min(MAX_PARTS, -(-rows // unit_rows))
        step = -(-rows // parts) if parts else 1
        for start in range(0, rows, step):
            stop = min(start + step, rows)
            name = digest([file.name, version, group, start, stop])
            before = first_row + start
            units.append(Unit(name, file.uri, file.name, group, start, stop, before, position + before))
        first_row += rows
    return units


def open_parquet(file: BinaryIO) -> pq.ParquetFile:
    """Open a Parquet file for streaming: a few MB per column are held, however large a row group is."""
    return pq.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False)


def iterate_rows(
    unit: Unit, mapping: ColumnMap, only_id: bool = False
) -> Iterator[tuple[BoundColumns, list[dict[str, Any]]]]:
    """Yield the unit's source rows in batches, with the mapping bound to its file.

    With `only_id` just the columns that decide brief_id are read. Raises DamagedError when the file breaks off, and
    StorageError when the store cannot be reached.
    """
    left, before = unit.num_rows, unit.start
    try:
        store, name = split_file(unit.uri)
        with store.open_input(name) as file, open_parquet(file) as parquet:
            bound = mapping.bind(parquet.schema_arrow.names, unit.name)
            sources = bound.id_sources if only_id else bound.sources
            for batch in parquet.iter_batches(BATCH_ROWS, [unit.row_group], sources, use_threads=False):
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

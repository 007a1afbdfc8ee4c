"""The job's briefs in, validated briefs and refusals out, split by split. Nothing raises for a row: a bad row is data."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from pydantic import ValidationError

from factory.briefs.columns import BoundColumns, ColumnMap, compile_columns
from factory.briefs.duplicates import Duplicates
from factory.briefs.input_files import InputFile, list_inputs, split_file
from factory.briefs.refusals import explain_faults, refuse_row
from factory.briefs.splits import (
    DAMAGE,
    DamagedError,
    InputSplit,
    InputSplits,
    cut_file,
    iterate_rows,
    open_parquet,
    shorten,
)
from factory.errors import FactoryError, InputError, JobError
from schemas.brief import Brief
from schemas.outcome import Refusal

PLAN_THREADS = 16  # files whose ends are read at a time
# Stands for a row that a corrected one replaces: it is neither a brief nor refused, and only counted.
REPLACED = Refusal(stage="read", reason="replaced", detail="a corrected row takes its place")


@dataclass(frozen=True, slots=True)
class _Inspected:
    """What a file's end says about it, or why it cannot be used."""

    file: InputFile
    names: list[str]
    group_rows: list[int]
    version: str = ""  # S3's mark, or a digest of the end of a local file
    bound: BoundColumns | None = None
    fault: FactoryError | None = None


def split_input(uri: str, columns: Mapping[str, str], unit_rows: int) -> InputSplits:
    """Return the splits that `uri` (file, folder, glob, local or s3://) holds; only the ends of the files are read.

    `columns` is the job's mapping; a split has about `unit_rows` rows. Raises JobError when the mapping fits no file and
    InputError when no file can be read; one bad file among good ones becomes a refusal.
    """
    mapping = compile_columns(columns)
    with ThreadPoolExecutor(PLAN_THREADS) as pool:
        inspected = list(pool.map(partial(_inspect, mapping), list_inputs(uri)))
    bad = [(each.file.name, each.fault) for each in inspected if each.fault]
    good = [(each, each.bound) for each in inspected if each.bound]
    if not good:
        raise next((fault for _, fault in bad if not isinstance(fault, InputError)), bad[0][1])
    splits: list[InputSplit] = []
    position = 0
    for each, _ in good:
        splits += cut_file(each.file, each.version, each.group_rows, position, unit_rows)
        position += sum(each.group_rows)
    read = {name for _, bound in good for name in bound.sources}
    ignored = {name for each, _ in good for name in each.names} - read
    refusals = [_refuse_file(name, fault) for name, fault in bad]
    return InputSplits(splits, refusals, position, len(good), sorted(read), sorted(ignored))


def read_split(
    split: InputSplit, columns: Mapping[str, str], duplicates: Duplicates | None = None
) -> Iterator[Brief | Refusal]:
    """Yield each row of the split as a Brief or as the Refusal that says what is wrong with it, in order.

    A row that a correction replaces is the constant REPLACED. When the file breaks off, one refusal stands for the rest
    of the split's rows. Raises StorageError when the store
    cannot be reached, so that the split can be read again.
    """
    repeated = duplicates.list_within(split) if duplicates else {}
    done = 0
    try:
        for bound, rows in iterate_rows(split, compile_columns(columns)):
            for row in rows:
                first, is_replaced = repeated.get(done, ("", False))
                done += 1
                source = f"{split.name} row {split.first_row + done}"
                yield REPLACED if is_replaced else _read_row(row, bound, source, first)
    except DamagedError as error:
        first_lost, last = split.first_row + done + 1, split.first_row + split.num_rows
        detail = f"{last - first_lost + 1} rows could not be read: {error}"
        yield refuse_row(f"{split.name} rows {first_lost} to {last}", {}, "", "corrupt_file", detail)


def _read_row(row: dict[str, Any], bound: BoundColumns, source: str, first: str) -> Brief | Refusal:
    values = bound.assemble(row)
    if first:
        detail = f"brief_id {str(values.get('brief_id'))[:80]!r} was already used by {first}"
        return refuse_row(source, row, values.get("brief_id"), "duplicate_brief_id", detail)
    try:
        return Brief.model_validate(values)
    except ValidationError as error:
        return refuse_row(source, row, values.get("brief_id"), *explain_faults(error))


def _inspect(mapping: ColumnMap, file: InputFile) -> _Inspected:
    try:
        store, name = split_file(file.uri)
        with store.open_input(name) as raw, open_parquet(raw) as parquet:
            metadata = parquet.metadata
            group_rows = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
            names = parquet.schema_arrow.names
            version = file.etag or _digest_end(raw, file.size)
    except InputError as error:
        return _Inspected(file, [], [], fault=error)
    except DAMAGE as error:
        message = f"{file.name} cannot be read as Parquet: {shorten(error)}"
        return _Inspected(file, [], [], fault=InputError(message, "write the file again, or remove it"))
    try:
        return _Inspected(file, names, group_rows, version, mapping.bind(names, file.name))
    except JobError as error:
        return _Inspected(file, names, [], fault=error)


def _digest_end(file: BinaryIO, size: int) -> str:
    """A digest of a Parquet file's footer, which holds the sizes and the least and greatest values of every column.

    A local file's time of change is in it too: other rows may have the same sizes and bounds.
    """
    file.seek(max(0, size - 8))
    length = int.from_bytes(file.read(4), "little")
    file.seek(max(0, size - 8 - length))
    sink = hashlib.blake2b(file.read(), digest_size=16)
    with suppress(OSError):  # what has no file descriptor
        sink.update(str(os.fstat(file.fileno()).st_mtime_ns).encode())
    return sink.hexdigest()


def _refuse_file(name: str, fault: FactoryError) -> Refusal:
    """A whole file that is left out. Its rows are in no count: they were never seen."""
    reason = "corrupt_file" if isinstance(fault, InputError) else "missing_columns"
    detail = f"{fault.message}; none of this file's rows are in this run"
    return refuse_row(name, {}, "", reason, detail)

"""Growing Parquet files of the tables that users read: rows gather until a part is full, then it is sorted and written whole."""

from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from factory.journal.columns import ASSET_FILES, CANDIDATES, CREATIVES, QUARANTINE
from factory.journal.tables import to_table
from factory.storage.store import Store

PART_BYTES = 32 * 1024 * 1024  # of Arrow memory; zstd makes about a tenth of it on disk
TOTAL_BYTES = 128 * 1024 * 1024  # of all parts together that are still being gathered
CHUNK_ROWS = 512  # rows held as Python values
GROUP_ROWS = 16_384

FOLDERS = ("assets", "candidates", "creatives", "quarantine")
_SCHEMAS = {"candidates": CANDIDATES, "creatives": CREATIVES, "quarantine": QUARANTINE}
_ORDER = ("brief_id", "request_id", "kind", "slot", "rank", "candidate", "creative_id", "variant", "source")

Row = dict[str, Any]


class TableWriters:
    """The tables of one run below `store`. A folder that was opened gets a file, be there rows or not."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._parts: dict[str, TableWriter] = {}

    def open(self, folder: str) -> "TableWriter":
        """Return the folder's growing part: one of FOLDERS, or `assets/placement=…`."""
        if folder not in self._parts:
            self._parts[folder] = TableWriter(self._store, folder, _SCHEMAS.get(folder, ASSET_FILES))
        return self._parts[folder]

    def add(self, folder: str, row: Row) -> None:
        """Take one row of a folder."""
        self.open(folder).add(row)

    def bound(self) -> None:
        """Write the largest part when all together hold too much memory."""
        if sum(part.num_bytes for part in self._parts.values()) > TOTAL_BYTES:
            max(self._parts.values(), key=lambda part: part.num_bytes).write()

    def close(self) -> dict[str, int]:
        """Write the rest; return the rows of each file by its path below the store."""
        files: dict[str, int] = {}
        for part in self._parts.values():
            files |= part.close()
        return dict(sorted(files.items()))


def encode_part(table: pa.Table) -> bytes:
    """Return the Parquet file of one part."""
    buffer = BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=GROUP_ROWS)
    return buffer.getvalue()


class TableWriter:
    """One folder's growing part: rows, then chunks, then files of a bounded size, each sorted."""

    def __init__(self, store: Store, folder: str, schema: pa.Schema) -> None:
        self._store = store
        self._folder = folder
        self._schema = schema
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
        table = pa.concat_tables([self._schema.empty_table(), *self._chunks])
        table = table.sort_by([(name, "ascending") for name in _ORDER if name in self._schema.names])
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
            chunk = to_table(self._rows, self._schema)
            self._chunks.append(chunk)
            self.num_bytes += chunk.nbytes
            self._rows = []

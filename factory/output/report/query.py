"""How the report reads an output's tables: columns streamed through SQL in bounded memory, few rows ever loaded."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from factory.errors import StorageError
from factory.journal.columns import ASSETS, CANDIDATES, CREATIVES, QUARANTINE
from factory.storage.store import Store

MEMORY = "1GB"  # what SQL may hold before it spills to a temporary folder

# The defaults read ahead up to 16 batches of 131,072 rows in each of 4 files: gigabytes of text.
_GENTLY: dict[str, Any] = {"batch_size": 8192, "batch_readahead": 2, "fragment_readahead": 1}
_SCHEMAS = {
    "assets": ASSETS,
    "pictures": ASSETS,
    "candidates": CANDIDATES,
    "creatives": CREATIVES,
    "quarantine": QUARANTINE,
}
# Both kinds of assets lie in one table; the report asks for them apart.
_KINDS = {"assets": "text", "pictures": "image"}
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

Row = dict[str, Any]


class Tables:
    """The tables of one output. Made by `open_tables`; a table that is not there counts as empty.

    `assets` are the texts, `pictures` the other rows of assets/.
    """

    def __init__(self, store: Store, connection: duckdb.DuckDBPyConnection) -> None:
        self._store = store
        self._filesystem, root = store.arrow_filesystem()
        self._root = root.rstrip("/")
        self._connection = connection

    def scan(self, table: str, columns: list[str], sql: str, values: Iterable[Any] = ()) -> list[Row]:
        """Run `sql` over one pass of `columns` of `table`, which it calls `source` and may name only once.

        Raises StorageError when the table cannot be read.
        """
        with self._name_damage(table):
            scanner = self._open(table).scanner(columns=columns, filter=_keep_kind(table), **_GENTLY)
            self._connection.register("source", scanner.to_reader())
            try:
                return self.select(sql, values)
            finally:
                self._connection.unregister("source")

    def select(self, sql: str, values: Iterable[Any] = ()) -> list[Row]:
        """Run `sql` over tables that earlier statements made, and return its rows."""
        cursor = self._connection.execute(sql, list(values))
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def load(self, table: str, key: str, values: list[str], columns: list[str] | None = None) -> list[Row]:
        """Return the rows whose `key` is one of a few `values`, whole or only `columns`; maps become dicts.

        Raises StorageError when the table cannot be read.
        """
        if not values:
            return []
        columns = columns or [name for name in _SCHEMAS[table].names if name != "created_at"]
        wanted = pc.field(key).isin(values)
        if (kind := _keep_kind(table)) is not None:
            wanted &= kind
        with self._name_damage(table):
            found = self._open(table).to_table(columns=columns, filter=wanted, **_GENTLY | {"batch_size": 1024})
        maps = [name for name in ("fields", "scores", "texts") if name in columns]
        return [row | {name: dict(row[name] or []) for name in maps} for row in found.to_pylist()]

    @contextmanager
    def _name_damage(self, table: str) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowInvalid, duckdb.InvalidInputException, duckdb.IOException) as error:
            place, words = self._store.locate(_locate(table)), " ".join(str(error).split())[:400]
            raise StorageError(
                f"{place} cannot be read: {words}",
                "run the same command again: it rebuilds the tables from segments/",
            ) from error

    def _open(self, table: str) -> ds.Dataset:
        schema = _SCHEMAS[table]
        folder = _locate(table)
        paths = [f"{self._root}/{info.path}" for info in self._store.list(folder, ".parquet")]
        if not paths:
            return ds.dataset(schema.empty_table())
        dataset: ds.Dataset = ds.dataset(
            paths,
            schema=schema,
            format="parquet",
            filesystem=self._filesystem,
            partitioning=ds.partitioning(pa.schema([("placement", pa.string())]), flavor="hive"),
            partition_base_dir=f"{self._root}/{folder}",
        )
        return dataset


def _locate(table: str) -> str:
    return "assets" if table in _KINDS else table


def _keep_kind(table: str) -> Any:
    return pc.field("kind") == _KINDS[table] if table in _KINDS else None


@contextmanager
def open_tables(store: Store) -> Iterator[Tables]:
    """Open the tables of the output in `store` for as long as the block runs."""
    with TemporaryDirectory(prefix="factory-report-") as spill:
        config: dict[str, Any] = {"memory_limit": MEMORY, "threads": 1, "temp_directory": spill}
        # Nothing here needs an extension, and a report never reaches for the network.
        config |= {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        connection = duckdb.connect(config=config)
        try:
            yield Tables(store, connection)
        finally:
            connection.close()


def clip(text: object, limit: int = 300) -> str:
    """Return `text` with unprintable characters shown as U+FFFD, cut to `limit` characters with an ellipsis."""
    clean = _UNPRINTABLE.sub("\ufffd", str(text or ""))
    return clean if len(clean) <= limit else clean[: limit - 1].rstrip() + "…"


def clip_fields(fields: dict[str, list[str]], limit: int = 4000) -> dict[str, list[str]]:
    """Return `fields` with each text clipped to `limit` characters, and without empty fields."""
    return {clip(name, 60): [clip(text, limit) for text in texts or []] for name, texts in fields.items() if texts}

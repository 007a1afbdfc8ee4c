"""Siblings: how unlike an asset is to the other assets of its brief, which is known only when the whole run is there.

`compact` shows every asset as it writes it. Its words wait in a database in a temporary folder until they are sorted by
brief; then the `scores` of the compacted files get `sibling_diversity`. Memory is flat, and the order of work no matter.
"""

import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from hashlib import blake2b
from io import BytesIO
from itertools import groupby
from operator import itemgetter
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from factory.errors import StorageError
from factory.output.tables.writer import encode_part
from factory.storage.store import Store
from factory.text.scores.embeddings import strip_disclaimer
from factory.text.scores.scorer import DIGITS
from factory.text.scores.words import split_words
from schemas.locales import get_language
from schemas.placement import Placement

NAME = "sibling_diversity"
BATCH_ROWS = 2048  # assets held as Python values, and those of one brief

_ASSETS = re.compile(r"assets/placement=[^/]+/")
# SQLite and not the report's SQL engine: the data lies on disk from the start, so that no size of a run meets a memory
# limit. Nothing in the file outlives the block that opened it, hence no journal. The cache is in KiB.
_TABLES = """
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -32768;
    CREATE TABLE texts (kin BLOB, asset_id TEXT, words TEXT);
    CREATE TABLE ratings (asset_id TEXT PRIMARY KEY, value REAL) WITHOUT ROWID;
    BEGIN;
"""

Row = Mapping[str, Any]


class BriefUniqueness:
    """Gathers the words of a run's assets and scores them against one another. Made by `open_brief_uniqueness`.

    `sibling_diversity` is 1 minus the likeness of an asset to the most similar other asset of its brief in its language:
    of another placement, segment or rank. Likeness is that of `scores.diversity`, the Jaccard index of content words
    (Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900), of what the model wrote. It says how varied the copy of a
    brief is and has no part in the total `score`: assets are selected long before their siblings are known. An asset
    without siblings, or without a word, has no such score.
    """

    def __init__(self, connection: sqlite3.Connection, placements: Mapping[str, Placement]) -> None:
        self._connection = connection
        self._written = {id: [field.name for field in placement.written] for id, placement in placements.items()}
        self._rows: list[tuple[bytes, str, str]] = []
        connection.executescript(_TABLES)

    def add(self, asset: Row, brief: Row) -> None:
        """Take an asset as `compact` makes it, and the brief of its request as it is stored."""
        fields: Mapping[str, Sequence[str]] = asset["fields"]
        legal = brief.get("disclaimer") or ""
        items = [text for name in self._written.get(asset["placement"], fields) for text in fields.get(name) or ()]
        words = join_words([strip_disclaimer(text, legal) for text in items])
        kin = f"{get_language(asset['locale'])} {asset['brief_id']}".encode("utf-8", "surrogatepass")
        self._rows.append((blake2b(kin, digest_size=16).digest(), asset["asset_id"], " ".join(words)))
        if len(self._rows) >= BATCH_ROWS:
            self._flush()

    def rate(self, store: Store, files: Mapping[str, int]) -> int:
        """Write the score into the compacted `files` ({path: rows}); return how many assets have it.

        Each file is replaced whole, rows and order as they were. None is touched when no brief has two assets. Doing it
        again gives the same bytes. Raises StorageError.
        """
        self._flush()
        find = "SELECT 1 FROM texts GROUP BY kin HAVING count(*) > 1 LIMIT 1"
        if self._connection.execute(find).fetchone() is None:
            return 0
        self._connection.execute("DELETE FROM ratings")
        self._connection.executemany("INSERT INTO ratings VALUES (?, ?)", self._rate_briefs())
        for path, num_rows in files.items():
            if num_rows and _ASSETS.match(path):
                self._rewrite(store, path)
        return int(self._connection.execute("SELECT count(*) FROM ratings").fetchone()[0])

    def _rate_briefs(self) -> Iterator[tuple[str, float]]:
        rows = self._connection.execute("SELECT kin, asset_id, words FROM texts ORDER BY kin")
        for _, group in groupby(rows, key=itemgetter(0)):
            uniqueness = list(group)
            nearest = find_nearest([words.split() for _, _, words in uniqueness])
            for (_, asset_id, _), found in zip(uniqueness, nearest, strict=True):
                if found is not None:
                    yield asset_id, round(1.0 - found[0], DIGITS)

    def _rewrite(self, store: Store, path: str) -> None:
        table = _read_part(store, path)
        values = [self._look_up(asset_id) for asset_id in table["asset_id"].to_pylist()]
        if any(value is not None for value in values):
            index = table.schema.get_field_index("scores")
            scores = _set_scores(table["scores"].combine_chunks(), values)
            store.write_bytes(path, encode_part(table.set_column(index, table.schema.field(index), scores)))

    def _look_up(self, asset_id: str | None) -> float | None:
        row = self._connection.execute("SELECT value FROM ratings WHERE asset_id = ?", (asset_id,)).fetchone()
        return float(row[0]) if row else None

    def _flush(self) -> None:
        # Words hold no space, so that one text keeps them.
        self._connection.executemany("INSERT INTO texts VALUES (?, ?, ?)", self._rows)
        self._rows = []


@contextmanager
def open_brief_uniqueness(placements: Mapping[str, Placement]) -> Iterator[BriefUniqueness]:
    """Gather the assets of one output for as long as the block runs.

    Fields that `placements` fill from the brief do not count. Raises StorageError when the temporary folder is full.
    """
    with TemporaryDirectory(prefix="factory-siblings-") as folder:
        try:
            with closing(sqlite3.connect(f"{folder}/words.sqlite", isolation_level=None)) as connection:
                yield BriefUniqueness(connection, placements)
        except sqlite3.Error as error:
            raise StorageError(
                f"comparing the assets of each brief in {folder} failed: {error}",
                "make room there, or set TMPDIR to a folder with more; then run the same command again",
            ) from error


def join_words(items: Iterable[str]) -> frozenset[str]:
    """Return the content words of an asset, all its items taken as one text."""
    return frozenset().union(*map(split_words, items))


def find_nearest(assets: Sequence[Collection[str]]) -> list[tuple[float, int] | None]:
    """Return, for the words of each asset, how like the most similar other one is (0..1) and which that is.

    None for an asset without words, and for one that is alone. Of equally similar ones the first counts.
    """
    bits: dict[str, int] = {}  # sets as numbers: several times as fast, which counts where a brief has hundreds
    masks = [sum([1 << bits.setdefault(word, len(bits)) for word in set(words)]) for words in assets]
    sizes = [mask.bit_count() for mask in masks]
    nearest: list[tuple[float, int] | None] = [None] * len(masks)
    best = [-1.0] * len(masks)
    for i, mask in enumerate(masks):
        for j in range(i):
            common = (mask & masks[j]).bit_count()
            likeness = common / (sizes[i] + sizes[j] - common or 1)
            if likeness > best[i]:
                best[i], nearest[i] = likeness, (likeness, j)
            if likeness > best[j]:
                best[j], nearest[j] = likeness, (likeness, i)
    return [found if size else None for found, size in zip(nearest, sizes, strict=True)]


def _read_part(store: Store, path: str) -> pa.Table:
    try:
        return pq.read_table(BytesIO(store.read_bytes(path)))
    except pa.ArrowInvalid as error:
        raise StorageError(
            f"{store.locate(path)} cannot be read: {error}",
            "run the same command again: it rebuilds the tables from segments/",
        ) from error


def _set_scores(scores: Any, values: Sequence[float | None]) -> Any:
    """Return the maps of `scores`, each with its value, where there is one, as the last entry of this name."""
    chunks = []
    for start in range(0, len(scores), BATCH_ROWS):
        maps = scores.slice(start, BATCH_ROWS).to_pylist()
        for number, value in enumerate(values[start : start + BATCH_ROWS]):
            if value is not None:
                maps[number] = [entry for entry in maps[number] or () if entry[0] != NAME] + [(NAME, value)]
        chunks.append(pa.array(maps, scores.type))
    return pa.chunked_array(chunks, scores.type)

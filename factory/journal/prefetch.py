"""Fetches segment files ahead of their reader, in parallel: whole, or only the ends that hold ids and statuses."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa

from factory.journal.segment_file import About, decode_end, decode_segment, measure_end
from factory.storage.store import FileInfo, Store

FILES_AHEAD = 8  # fetched while one is worked on; each is a few MB
ENDS_AHEAD = 32  # the same for the ends of files, which are small: over a network only the round trips count
END_BYTES = 32 * 1024  # read of a file to know its ids: enough for about 1,000 rows at once

Load = Callable[[Store, FileInfo, str], tuple[pa.Table, About]]


def load_ahead(
    store: Store, phase: str, files: Sequence[FileInfo], load: Load, ahead: int
) -> Iterator[tuple[FileInfo, Future[tuple[pa.Table, About]]]]:
    """Load files in order and in parallel: fetching, unpacking and digesting all leave the interpreter to others."""
    waiting: deque[tuple[FileInfo, Future[tuple[pa.Table, About]]]] = deque()
    with ThreadPoolExecutor(ahead) as pool:
        for info in files:
            waiting.append((info, pool.submit(load, store, info, phase)))
            if len(waiting) >= ahead:
                yield waiting.popleft()
        yield from waiting


def load_whole(store: Store, info: FileInfo, phase: str) -> tuple[pa.Table, About]:
    """Return all rows of a file and its description. Raises one of DAMAGE, or StorageError."""
    return decode_segment(store.read_bytes(info.path), phase)


def load_end(store: Store, info: FileInfo, phase: str) -> tuple[pa.Table, About]:
    """Return the ids and statuses of a file and its description, from its end alone. Raises one of DAMAGE, or StorageError."""
    end = store.read_end(info, END_BYTES)
    needed = measure_end(end)
    if needed > len(end):  # at most twice: first the whole footer, then the columns that it names
        end = store.read_end(info, needed)
        end = store.read_end(info, max(needed, measure_end(end)))
    return decode_end(end, info.size, phase)

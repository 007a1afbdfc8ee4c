"""Brings a folder from a store onto this machine's disk, whole or not at all."""

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from factory.errors import StorageError
from factory.storage.failures import name_failure
from factory.storage.store import FileInfo, Store, check_relative

PIECE_BYTES = 32 * 1024 * 1024  # what is fetched again when a connection breaks
PIECES_AT_ONCE = 4


def fetch_folder(uri: str, folder: Path) -> None:
    """Copy every file below `uri` into `folder`, which appears only when all of them are there; nothing if it exists.

    Raises StorageError when there are no files below `uri`, or too little room for them.
    """
    if folder.exists():
        return
    store = Store(uri)
    infos = store.list()
    if not infos:
        raise StorageError(f"{store.uri} holds no files", "check bucket and path, capitals included")
    with name_failure(str(folder)):
        folder.parent.mkdir(parents=True, exist_ok=True)
        needed, free = sum(info.size for info in infos), shutil.disk_usage(folder.parent).free
    if needed > free:
        message = f"{store.uri} needs {needed / 1e9:.1f} GB and {folder.parent} has {free / 1e9:.1f} GB free"
        raise StorageError(message, "free some space there, or choose another cache folder")
    with name_failure(f"{folder} (from {store.uri})"), tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        filling = Path(temporary) / folder.name
        for info in infos:
            _copy(store, info, filling / check_relative(info.path))
        try:
            filling.rename(folder)
        except OSError:
            if not folder.exists():  # otherwise another process was faster: its copy is as good
                raise


def _copy(store: Store, info: FileInfo, target: Path) -> None:
    """Copy one file in pieces: a connection that breaks costs one of them and not gigabytes."""
    target.parent.mkdir(parents=True, exist_ok=True)

    def fetch(start: int) -> bytes:
        return store.read_range(info.path, start, min(start + PIECE_BYTES, info.size))

    with target.open("wb") as file, ThreadPoolExecutor(PIECES_AT_ONCE) as pool:
        starts = range(0, info.size, PIECE_BYTES)
        for first in range(0, len(starts), PIECES_AT_ONCE):
            for piece in pool.map(fetch, starts[first : first + PIECES_AT_ONCE]):
                file.write(piece)
    if target.stat().st_size != info.size:
        raise OSError(f"{info.path} changed while it was fetched")

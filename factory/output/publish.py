"""Makes a finished run's results visible: everything was written under `staging/` before, and now takes its place.

The manifest goes first and comes back last. Whoever finds it finds a complete output, the old or the new one; whoever finds none
knows that the run is not finished. A crash anywhere in between is fixed by doing all of it again.
"""

from collections.abc import Callable, Mapping

from factory.errors import OutputError
from factory.output.tables.writer import FOLDERS
from factory.storage.store import Store
from schemas.run import Manifest

STAGING = "staging"
MANIFEST = "manifest.json"

Guard = Callable[[], None]


def open_staging(store: Store, attempt: str, now: float) -> Store:
    """Return the place where `attempt` prepares its tables. What killed commands left is removed: their tables, and the
    temporary files that nobody writes any more, those last written before `now` (Unix time).
    """
    store.delete_folder(STAGING)
    store.delete_temporary(now)
    return store.enter(_locate(attempt))


def publish(store: Store, attempt: str, pages: Mapping[str, bytes], manifest: Manifest, guard: Guard) -> None:
    """Switch the tables of `attempt` into place, write `pages` (bytes by path) and, last of all, the manifest.

    `guard` raises when this process may not publish any more: it is called before each step that cannot be taken back.
    Raises StorageError, and OutputError when another command has meddled with the tables: then there is no manifest.
    """
    guard()
    store.delete(MANIFEST)
    for folder in FOLDERS:
        guard()
        store.replace_folder(f"{_locate(attempt)}/{folder}", folder)
    for path, data in pages.items():
        store.write_bytes(path, data)
    store.delete_folder(STAGING)
    found = {info.path for folder in FOLDERS for info in store.list(folder)}
    if found != manifest.files.keys():
        odd = ", ".join(sorted(found ^ manifest.files.keys())[:3])
        raise OutputError(f"{store.uri}: the tables are not those just written ({odd})", "run the same command again")
    guard()
    store.write_bytes(MANIFEST, manifest.model_dump_json(indent=1).encode())


def _locate(attempt: str) -> str:
    return f"{STAGING}/{attempt}"

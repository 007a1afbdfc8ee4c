"""Makes a finished run's results visible: everything was written under `staging/` before, and now takes its place.

The manifest goes first and comes back last. Whoever finds it finds a complete output, the old or the new one; whoever finds none
knows that the run is not finished. A crash anywhere in between is mended by doing all of it again.
"""

from collections.abc import Callable, Mapping

from factory.compact import FOLDERS
from factory.storage import Store

STAGING = "staging"
MANIFEST = "manifest.json"

Guard = Callable[[], None]


def open_staging(store: Store, attempt: str) -> Store:
    """Return the place where `attempt` prepares its tables; what earlier ones left in theirs is removed."""
    store.delete_folder(STAGING)
    return store.enter(_locate(attempt))


def publish(
    store: Store, attempt: str, pages: Mapping[str, bytes], manifest: bytes, guard: Guard, cleared: float
) -> None:
    """Switch the tables of `attempt` into place, write `pages` (bytes by path) and, last of all, the manifest.

    `guard` raises when this process may not publish any more: it is called before the old manifest goes and before the new
    one is written. Temporary files that killed writers left before the Unix time `cleared` are removed. Raises StorageError.
    """
    guard()
    store.delete(MANIFEST)
    for folder in FOLDERS:
        store.replace_folder(f"{_locate(attempt)}/{folder}", folder)
    for path, data in pages.items():
        store.write_bytes(path, data)
    store.delete_folder(STAGING)  # before the manifest: a finished output has no leftovers
    store.delete_temporary(cleared)
    guard()
    store.write_bytes(MANIFEST, manifest)


def _locate(attempt: str) -> str:
    return f"{STAGING}/{attempt}"

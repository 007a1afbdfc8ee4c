"""The cache of models on this node's disk: room for what comes, and one process at a time that brings it."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory.errors import JobError


def require_room(cache: Path, num_bytes: int, what: str, variable: str = "FACTORY_CACHE") -> None:
    """Raise JobError when `cache` has no room for `num_bytes` of the model `what`; `variable` names what moves the cache."""
    free = shutil.disk_usage(cache).free
    if free < num_bytes:
        raise JobError(
            f"model {what} needs {num_bytes:,} bytes in {cache} and {free:,} are free",
            f"free some space, or set {variable} to a folder on another disk",
        )


@contextmanager
def lock_model(cache: Path, name: str) -> Iterator[None]:
    """Let one process of this node at a time work on `name`. The system frees the lock of a process that dies.

    Raises JobError when the cache cannot be written to.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        file = (cache / f".{name}.lock").open("w")
    except OSError as error:
        raise JobError(f"cannot write to the model cache {cache}: {error.strerror}", "set FACTORY_CACHE") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

"""One door to files, local or on S3: the only file that touches fsspec, s3fs or pyarrow's file systems.

S3 is set up by the standard AWS_* variables alone, AWS_ENDPOINT_URL included. What fails for a passing reason is tried again
for a bounded time (`retries.py`); what still fails becomes StorageError, or InputError where the user's input is at fault.
"""

import builtins
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from factory.errors import InputError, StorageError
from factory.storage.failures import name_failure
from factory.storage.local import LocalFiles
from factory.storage.retries import has_answered, note_answer
from factory.storage.s3 import S3Files, find_endpoint

CONNECT_SECONDS = 5
READ_SECONDS = 30  # between two pieces of an answer, or from the end of a request to its first


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file: its path (relative to the store, or a whole URI where said so), bytes, and S3's version mark."""

    path: str
    size: int
    etag: str = ""


class _Files(Protocol):
    """What both homes of files can do; paths are relative."""

    def read(self, rel: str) -> bytes: ...
    def read_from(self, rel: str, start: int, end: int) -> bytes: ...
    def write(self, rel: str, data: bytes) -> None: ...
    def put_if_absent(self, rel: str, data: bytes) -> bool: ...
    def stat(self, rel: str) -> tuple[str, int, str] | None: ...
    def walk(self, folder: str) -> Iterator[tuple[str, int, str]]: ...
    def names(self, folder: str) -> list[str] | None: ...
    def delete(self, rel: str) -> None: ...
    def open(self, rel: str) -> BinaryIO: ...
    def replace_folder(self, source: str, target: str) -> None: ...
    def delete_folder(self, folder: str) -> None: ...
    def delete_temporary(self, before: float) -> int: ...


class Store:
    """A local folder or `s3://bucket/prefix`. Picklable: connections are made where they are used.

    One that has had an answer tells the process it is sent to, which then is as patient with the store from the start.

    Every method takes paths relative to the store, with '/', and raises StorageError naming the whole path; with
    `is_input` it is InputError where the user named something that is not there or denied.
    """

    def __init__(self, uri: str, is_input: bool = False) -> None:
        self.files: _Files
        self.is_input = is_input
        if uri.startswith(("s3://", "s3a://")):
            path = uri.split("://", 1)[1].strip("/")
            if not path:
                raise InputError(f"{uri!r} names no bucket", "write it as s3://bucket/folder")
            self.uri = f"s3://{path}"
            self.files = S3Files(path, _connect_now)
        else:
            root = Path(unquote(urlsplit(uri).path) if uri.startswith("file://") else uri).absolute()
            self.uri = str(root)
            self.files = LocalFiles(root)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "has_answered": has_answered(find_endpoint())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state.pop("has_answered"):
            note_answer(find_endpoint())
        self.__dict__.update(state)

    def __repr__(self) -> str:
        return f"Store({self.uri!r})"

    @property
    def is_remote(self) -> bool:
        """Whether the files are reached over the network."""
        return isinstance(self.files, S3Files)

    def locate(self, rel: str) -> str:
        """The whole path or URI of `rel`."""
        return f"{self.uri.rstrip('/')}/{rel}" if rel else self.uri

    def read_bytes(self, rel: str) -> bytes:
        """The whole file."""
        with self._guard(rel):
            return self.files.read(check_relative(rel))

    def read_end(self, info: FileInfo, num_bytes: int) -> bytes:
        """The last `num_bytes` of a file that `list` has shown, all of it when it is smaller; on S3 by one request."""
        with self._guard(info.path):
            return self.files.read_from(check_relative(info.path), max(0, info.size - num_bytes), info.size)

    def write_bytes(self, rel: str, data: bytes) -> None:
        """Create or replace the file: readers see the old bytes or all of the new ones, never a part."""
        with self._guard(rel):
            self.files.write(check_relative(rel), data)

    def put_if_absent(self, rel: str, data: bytes) -> bool:
        """Create the file unless there is one. Of many callers at once exactly one gets True.

        `data` must be unique to the caller, by a random token for example: when a connection broke after the store had
        written, its own data is how a call knows that it won. After a StorageError the file may or may not be there.
        """
        with self._guard(rel):
            return self.files.put_if_absent(check_relative(rel), data)

    def stat(self, rel: str) -> FileInfo | None:
        """The file's size and version mark, None when there is no file (a folder is none) of that name."""
        with self._guard(rel):
            found = self.files.stat(check_relative(rel))
            return FileInfo(*found) if found else None

    def exists(self, rel: str) -> bool:
        """Whether there is a file (not a folder) of that name."""
        return self.stat(rel) is not None

    def size(self, rel: str) -> int:
        """Bytes of the file. Raises StorageError when there is none."""
        found = self.stat(rel)
        if found is None:
            raise StorageError(f"{self.locate(rel)} does not exist", "check the path")
        return found.size

    def list(self, folder: str = "", suffix: str = "") -> list[FileInfo]:
        """Files at any depth below `folder` whose names end in `suffix`, sorted by path; not hidden ones (".name").

        A folder that does not exist is empty; a bucket that does not exist is an error.
        """
        with self._guard(folder):
            found = self.files.walk(check_relative(folder))
            return sorted((FileInfo(*each) for each in found if each[0].endswith(suffix)), key=lambda info: info.path)

    def list_names(self, folder: str = "") -> "builtins.list[str] | None":
        """Names of files and folders right below `folder`, sorted, at most 1,000; None when there is no such folder."""
        with self._guard(folder):
            names = self.files.names(check_relative(folder))
            return None if names is None else sorted(names)[:1000]

    def delete(self, rel: str) -> None:
        """Remove the file; no error when it is gone already."""
        with self._guard(rel):
            self.files.delete(check_relative(rel))

    def read_range(self, rel: str, start: int, end: int) -> bytes:
        """The bytes `start` to `end` (not included) of the file; fewer when it ends before."""
        with self._guard(rel):
            return self.files.read_from(check_relative(rel), start, end)

    def enter(self, folder: str) -> "Store":
        """A store of what lies below `folder`."""
        return Store(self.locate(check_relative(folder)), self.is_input)

    def replace_folder(self, source: str, target: str) -> None:
        """Make `target` hold what `source` holds and nothing else; `source` is gone then.

        Locally two renames, on S3 copies inside the store. Whoever reads meanwhile may find old and new files, each whole. A
        crash may leave some of both, and nothing of `source` is lost before `target` is complete.
        """
        with self._guard(target):
            self.files.replace_folder(check_relative(source), check_relative(target))

    def delete_folder(self, folder: str) -> None:
        """Remove every file below `folder`; no error when there is none."""
        with self._guard(folder):
            self.files.delete_folder(check_relative(folder))

    def delete_temporary(self, before: float) -> int:
        """Remove what killed writers left: hidden temporary files last written before that Unix time; return how many.

        On S3 nothing is ever left: every write is one request.
        """
        with self._guard(""):
            return self.files.delete_temporary(before)

    def open_input(self, rel: str) -> BinaryIO:
        """The file, open for reading and seeking. A connection that fails during a later read raises StorageError too."""
        with self._guard(rel):
            return self.files.open(check_relative(rel))

    def arrow_filesystem(self) -> tuple[Any, str]:
        """A pyarrow file system and this store's root in it, for `pyarrow.dataset`."""
        from pyarrow import fs as arrow_fs

        if isinstance(self.files, S3Files):
            handler = arrow_fs.FSSpecHandler(self.files.arrow_view())  # type: ignore[abstract]  # the stubs miss its methods
            return arrow_fs.PyFileSystem(handler), self.uri.removeprefix("s3://")
        return arrow_fs.LocalFileSystem(), self.uri

    def _guard(self, rel: str) -> AbstractContextManager[None]:
        return name_failure(self.locate(rel), self.is_input)


def check_relative(rel: str) -> str:
    """Refuse a path that leaves the store: that would be a defect of the caller, or somebody's trick."""
    path = PurePosixPath(rel)
    if path.is_absolute() or ".." in path.parts or "\0" in rel:
        raise StorageError(f"{rel!r} is not a path inside the store", "report this: paths are made by the factory")
    return rel


def _connect_now() -> Any:
    """The s3fs instance for the environment as it is now; one per process and set of AWS_* values."""
    return _connect(os.getpid(), tuple(sorted(each for each in os.environ.items() if each[0].startswith("AWS_"))))


@lru_cache(maxsize=4)
def _connect(_process: int, variables: tuple[tuple[str, str], ...]) -> Any:
    from s3fs import S3FileSystem

    values = dict(variables)
    region = values.get("AWS_REGION") or values.get("AWS_DEFAULT_REGION")
    fs = S3FileSystem(
        skip_instance_cache=True,
        use_listings_cache=False,
        endpoint_url=find_endpoint() or None,
        client_kwargs={"region_name": region} if region else {},
        config_kwargs={
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "retries": {"total_max_attempts": 1, "mode": "standard"},
        },
    )
    fs.retries = 1  # `retries.py` alone repeats: hidden repeats would multiply, and make a conditional PUT lie
    return fs

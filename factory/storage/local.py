"""Files below a local folder, each written whole or not at all. One of the two homes behind `storage.Store`."""

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

_NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.tmp")
_ASIDE = ".old"


class LocalFiles:
    """Reads and writes below `root`. Methods take paths relative to it and raise OSError."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, rel: str) -> bytes:
        """The whole file."""
        return (self.root / rel).read_bytes()

    def read_from(self, rel: str, start: int, end: int) -> bytes:
        """The bytes `start` to `end` (not included) of the file; fewer when it ends before."""
        with (self.root / rel).open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def write(self, rel: str, data: bytes) -> None:
        """Replace the file. A crash leaves the old one, or none, and perhaps a hidden temporary file."""
        target = self.root / rel
        temporary = self._write_temporary(target, data)
        try:
            temporary.replace(target)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)

    def put_if_absent(self, rel: str, data: bytes) -> bool:
        """Write the file unless there is one; True when this call wrote it. Of many callers exactly one gets True."""
        target = self.root / rel
        temporary = self._write_temporary(target, data)
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            return _create_exclusively(target, data)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)
        return True

    def stat(self, rel: str) -> tuple[str, int, str] | None:
        """(path, bytes, "") of the file, None when there is no file of that name."""
        try:
            found = (self.root / rel).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return (rel, found.st_size, "") if S_ISREG(found.st_mode) else None

    def walk(self, folder: str) -> Iterator[tuple[str, int, str]]:
        """Every visible file below `folder` as (path, bytes, ""); nothing when there is no such folder."""
        for parent, folders, files in os.walk(self.root / folder, onerror=_raise_unless_missing, followlinks=True):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                if name.startswith("."):
                    continue
                found = self.stat((Path(parent) / name).relative_to(self.root).as_posix())
                if found is not None:
                    yield found

    def names(self, folder: str) -> list[str] | None:
        """Names right below `folder`, None when it is not a folder."""
        path = self.root / folder
        return [each.name for each in path.iterdir() if not each.name.startswith(".")] if path.is_dir() else None

    def delete(self, rel: str) -> None:
        """Remove the file; no error when it is gone already."""
        (self.root / rel).unlink(missing_ok=True)

    def open(self, rel: str) -> BinaryIO:
        """The file, open for reading."""
        return (self.root / rel).open("rb")

    def replace_folder(self, source: str, target: str) -> None:
        """Rename `source` to `target`; what was there goes aside first and is removed last. No `source`: no `target`."""
        old = self.root / f"{source}{_ASIDE}"
        (self.root / target).parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            (self.root / target).rename(old)
        with suppress(FileNotFoundError):
            (self.root / source).rename(self.root / target)
        _sync_folder((self.root / target).parent)
        self.delete_folder(f"{source}{_ASIDE}")

    def delete_folder(self, folder: str) -> None:
        """Remove the folder and all that is in it; no error when it is gone already."""
        if (self.root / folder).exists():
            shutil.rmtree(self.root / folder)

    def delete_temporary(self, before: float) -> int:
        """Remove temporary files below the root that were last written before `before` (Unix time); return how many."""
        removed = 0
        for parent, _, files in os.walk(self.root):
            for path in [Path(parent) / name for name in files if _TEMPORARY.fullmatch(name)]:
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < before:
                        path.unlink()
                        removed += 1
        return removed

    def _write_temporary(self, target: Path, data: bytes) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / f".{uuid.uuid4().hex}.tmp"
        _create_exclusively(temporary, data)
        return temporary


def _create_exclusively(path: Path, data: bytes) -> bool:
    try:
        with path.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return False
    except OSError:
        path.unlink(missing_ok=True)  # half a file is none
        raise
    return True


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut: https://man7.org/linux/man-pages/man2/fsync.2.html (directory entries)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error

"""Files that a job names, local or on S3: where a name leads from the file it stands in, and its bytes, never too many."""

import posixpath
from pathlib import PurePosixPath

from factory.errors import JobError
from factory.storage.store import Store


def join_uri(folder: str, name: str) -> str:
    """Return where `name` leads from `folder`: both a path or s3://; what is absolute or has a scheme stands for itself."""
    if "://" in name or name.startswith("/"):
        return name
    scheme, slashes, path = folder.rpartition("://")
    return scheme + slashes + posixpath.normpath(posixpath.join(path, name))


def split_uri(uri: str) -> tuple[str, str]:
    """Return the folder that a file lies in and the file's name there."""
    folder, _, name = uri.rpartition("/")
    return folder or ("/" if uri.startswith("/") else "."), name


def read_job_file(folder: str, name: str, max_bytes: int, what: str) -> bytes:
    """Return the bytes of the file `name` below `folder`.

    `what` names it in messages ("the logo of brands/acme.yaml"). Raises JobError when it lies outside the folder, is not
    there, may not be read, or has more than `max_bytes`; StorageError when the store is down.
    """
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or "://" in name or "\0" in name or not name.strip():
        raise JobError(
            f"{what}: {name[:120]!r} is no path below {folder}", "keep the file in that folder, or below it"
        )
    store = Store(folder, is_input=True)
    found = store.stat(name)
    if found is None:
        near = store.list_names(str(place.parent) if place.parent.name else "") or []
        listing = f"; there are {', '.join(near[:8])}" if near else ""
        raise JobError(f"{what}: there is no file {store.locate(name)}{listing}", "fix the name, or add the file")
    if found.size > max_bytes:
        message = f"{what}: {store.locate(name)} has {found.size:,} bytes, above the {max_bytes:,} that are read"
        raise JobError(message, "make the file smaller")
    return store.read_range(name, 0, max_bytes)


def read_job_text(folder: str, name: str, max_bytes: int, what: str) -> str:
    """Return the text of the file `name` below `folder`, in UTF-8, a byte order mark left out. Raises as `read_job_file`."""
    try:
        return read_job_file(folder, name, max_bytes, what).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JobError(f"{what}: {name} is not UTF-8 text (byte {error.start})", "save the file as UTF-8") from error

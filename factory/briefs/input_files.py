"""A user's URI in, the Parquet files it names out: a file, a folder, a glob, local or on S3."""

import difflib
import re
from dataclasses import dataclass

from factory.errors import FactoryError, InputError
from factory.storage.store import FileInfo, Store

SUFFIXES = (".parquet", ".pq", ".parq")
_GLOB = re.compile(r"[*?\[]")
_ROOTS = (".", "/")  # the folder of a path without '/', and of one whose only '/' leads


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of briefs. `name` is its path below the input, the same wherever the input lies; `etag` only on S3."""

    uri: str
    name: str
    size: int
    etag: str = ""


def list_inputs(uri: str) -> list[InputFile]:
    """Return the Parquet files that `uri` names, sorted by name.

    A folder is searched to any depth; names that begin with '_' or '.' are left out: writers of data sets use them for
    notes of their own. Raises InputError when there is nothing or access is denied, StorageError when it is down.
    """
    if not uri.strip():
        raise InputError(
            "the job names no briefs", "set briefs: to a Parquet file, a folder, a glob or an s3:// address"
        )
    parent, _, name = uri.rstrip("/").rpartition("/")
    if name not in ("", "..") and not parent.endswith(":/"):
        store = Store(parent or _ROOTS[uri.startswith("/")], is_input=True)
        info = store.stat(name)
        if info is not None:
            return [_as_input(store, info)]
    if _GLOB.search(uri):
        return _match(uri)
    store = Store(uri, is_input=True)
    found = [info for info in store.list() if _is_data(info.path)]
    if not found:
        raise _explain_nothing(uri, store)
    return [_as_input(store, info) for info in found]


def split_file(uri: str) -> tuple[Store, str]:
    """The store that holds the file `uri`, and the file's name in it."""
    parent, _, name = uri.rpartition("/")
    return Store(parent or _ROOTS[uri.startswith("/")], is_input=True), name


def _match(uri: str) -> list[InputFile]:
    """The files that a glob names; '*' stays within one folder name, '**' does not."""
    head = _GLOB.split(uri, maxsplit=1)[0]
    base, slash, _ = head.rpartition("/")
    pattern = re.compile(_translate(uri[len(base + slash) :]))
    store = Store(base or _ROOTS[bool(slash)], is_input=True)
    found = [info for info in store.list() if pattern.fullmatch(info.path) and _is_data(info.path)]
    if not found:
        raise InputError(
            f"{uri} matches no Parquet file", _list_nearby(store) or f"{store.uri} holds nothing to match"
        )
    return [_as_input(store, info) for info in found]


def _translate(glob: str) -> str:
    """A glob as a regular expression over '/'-separated paths."""
    parts: list[str] = []
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", glob, re.DOTALL):
        if token == "**/":
            parts.append("(?:.*/)?")
        elif token == "**":
            parts.append(".*")
        elif token in "*?":
            parts.append("[^/]*" if token == "*" else "[^/]")
        elif token.startswith("[") and len(token) > 2:
            body = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            parts.append(f"[{'^' + body[1:] if body.startswith('!') else body}]")
        else:
            parts.append(re.escape(token))
    return "".join(parts)


def _is_data(path: str) -> bool:
    hidden = any(part.startswith(("_", ".")) for part in path.split("/"))
    return path.lower().endswith(SUFFIXES) and not hidden


def _as_input(store: Store, info: FileInfo) -> InputFile:
    return InputFile(store.locate(info.path), info.path, info.size, info.etag)


def _explain_nothing(uri: str, store: Store) -> InputError:
    """What to say when there is no Parquet file at `uri`: nothing at all, an empty folder, or other files."""
    inside = _list_nearby(store)
    if inside:
        return InputError(f"{uri} holds no Parquet file", f"{inside}; briefs are read from .parquet files only")
    parent, name = split_file(store.uri)
    near = _list_nearby(parent, name)
    if store.is_remote:
        return InputError(
            f"{uri} does not exist, or holds nothing", near or "check bucket and path, capitals included"
        )
    if store.list_names() is not None:
        return InputError(
            f"{uri} is an empty folder", "put the .parquet files of your briefs there, or name another folder"
        )
    return InputError(f"{uri} does not exist", near or f"{parent.uri} does not exist either: check the path")


def _list_nearby(store: Store, wanted: str = "") -> str:
    """Up to five names in the store's folder, those most like `wanted` first; "" when there are none."""
    try:
        names = store.list_names() or []
    except FactoryError:  # a hint is worth no error of its own
        names = []
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5) if wanted else []
    shown = [*close, *[name for name in names if name not in close]][:5]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{store.uri} holds {', '.join(shown)}{more}" if shown else ""

"""The product picture of a brief: located, fetched, decoded and cut out, once for all creatives that a process makes of it."""

import posixpath
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Lock
from urllib.parse import unquote, urlsplit

from factory.errors import FactoryError, PictureError
from factory.images.product.cutout import make_cutter
from factory.images.product.decode import decode_picture
from factory.images.product.fetch import Fetcher, read_url, show_url
from factory.images.types import Cutout
from factory.storage.store import Store
from schemas.images import CutoutConfig, Sources

MEMORY_BYTES = 192 * 1024 * 1024  # of pixels that a process keeps: about twenty products of the largest size

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_CONTROL = re.compile(r"[\0-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class _File:
    """A file below a root: the root, and the path from there."""

    root: str
    path: str


def load_product(uri: str, sources: Sources, folder: str, cutout: CutoutConfig) -> Cutout:
    """Return the product picture at `uri`, ready to be placed; its pixels are read-only and shared.

    Relative addresses and roots start from `folder` (a local path or s3://). Local files and objects are read only below
    `sources.roots`, wherever links and dots lead; http(s) only from `hosts` and `private_hosts`. `cutout` names the engine
    that cuts the product out. Raises PictureError, whose `retryable` says whether a later try may succeed. Its reasons are
    those of `Fetcher.fetch` and `decode_picture`, and for files bad_address, outside_roots, missing, unreadable and
    too_large. A refusal that is final is remembered too. Raises JobError as `make_cutter` does.
    """
    place = _locate(uri, sources, folder)
    key = (place, sources.model_dump_json(), cutout, _mark(place))
    return _MEMORY.recall(key, lambda: _load(place, sources, cutout))


def _load(place: "_File | str", sources: Sources, cutout: CutoutConfig) -> Cutout:
    if isinstance(place, str):
        data, shown = Fetcher(sources).fetch(place), show_url(read_url(place))
    else:
        data, shown = _read_file(place, sources), _show(place)
    cut = make_cutter(cutout).cut(decode_picture(data, sources))
    cut.pixels.flags.writeable = False
    return Cutout(cut.pixels, cut.mode, cut.confidence, sha256(data).hexdigest(), shown, cut.doubt)


def _locate(uri: str, sources: Sources, folder: str) -> "_File | str":
    """The file that an address names, or the address itself if it is http(s)."""
    text = uri.strip()
    if not text or _CONTROL.search(text) or len(text) > 8000:
        raise PictureError("bad_address", "the picture's address is empty or holds control characters", "correct it")
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else ""
    if scheme in ("http", "https"):
        return text
    if scheme in ("s3", "s3a"):
        return _find_object(text.split(":", 1)[1].removeprefix("//"), sources, folder)
    if scheme == "file":
        return _find_local(_read_file_uri(text), sources, folder)
    if scheme:
        hint = "use http(s), s3:// or a path below images.sources.roots"
        raise PictureError("bad_address", f"pictures are not read from {scheme}: addresses", hint)
    if _is_s3(folder) and not text.startswith("/"):
        return _find_object(f"{_strip(folder)}/{text.removeprefix('./')}", sources, folder)
    return _find_local(text, sources, folder)


def _read_file_uri(uri: str) -> str:
    """RFC 8089: file:/path, file:///path, file://localhost/path; file:path is relative here."""
    parts = urlsplit(uri)
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost") or not path or _CONTROL.search(path):
        raise PictureError("bad_address", f"{uri[:200]} names no local file", "write it as file:///folder/name")
    return path


def _find_local(path: str, sources: Sources, folder: str) -> _File:
    """The file, with links and dots followed, if it is below a local root."""
    base = Path("/" if _is_s3(folder) else folder)
    try:
        found = (base / path).resolve()
        roots = [(base / root).resolve() for root in sources.roots if _is_local(root, folder)]
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name too long
        raise PictureError("bad_address", f"{path[:200]} cannot be followed: {error}"[:400]) from error
    for root in roots:
        if found.is_relative_to(root):
            return _File(str(root), found.relative_to(root).as_posix())
    raise _refuse_place(path)


def _find_object(path: str, sources: Sources, folder: str) -> _File:
    """The object, if it is below an s3:// root."""
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise PictureError("bad_address", f"s3://{path[:200]} holds empty or dotted parts", "write the whole key")
    for root in sources.roots:
        prefix = _strip(root) if _is_s3(root) else ""
        if not prefix and _is_s3(folder) and not root.startswith("/"):
            prefix = posixpath.normpath(f"{_strip(folder)}/{root}")
        if prefix and not prefix.startswith("..") and path.startswith(f"{prefix}/"):
            return _File(f"s3://{prefix}", path[len(prefix) + 1 :])
    raise _refuse_place(f"s3://{path}")


def _refuse_place(shown: str) -> PictureError:
    hint = "add its folder or s3:// prefix to images.sources.roots if its pictures may be used"
    return PictureError("outside_roots", f"{shown[:200]} is outside the folders that the job allows", hint)


def _read_file(place: _File, sources: Sources) -> bytes:
    try:
        store = Store(place.root, is_input=True)
        info = store.stat(place.path)
        if info is None:
            raise PictureError("missing", f"{_show(place)} is no file", "check the path, capitals included")
        if info.size > sources.max_bytes:
            message = f"{_show(place)} has {info.size} bytes, more than max_bytes {sources.max_bytes}"
            raise PictureError("too_large", message, "give a smaller file, or raise images.sources.max_bytes")
        return store.read_range(place.path, 0, sources.max_bytes) if info.size else b""
    except PictureError:
        raise
    except FactoryError as error:
        raise PictureError("unreadable", error.message, error.hint, error.retryable) from error


def _mark(place: "_File | str") -> tuple[int, ...]:
    """What changes when a local file is replaced; nothing for other places: a run uses what it read there first."""
    if isinstance(place, _File) and not _is_s3(place.root):
        with suppress(OSError):
            stat = (Path(place.root) / place.path).stat()
            return stat.st_mtime_ns, stat.st_size, stat.st_ino
    return ()


def _show(place: _File) -> str:
    return posixpath.join(place.root, place.path)


def _is_s3(text: str) -> bool:
    return text.startswith(("s3://", "s3a://"))


def _is_local(root: str, folder: str) -> bool:
    return not _is_s3(root) and (not _is_s3(folder) or root.startswith("/"))


def _strip(uri: str) -> str:
    return uri.split("://", 1)[1].strip("/")


@dataclass(slots=True)
class _Memory:
    """The last results of loading, up to `limit` bytes of pixels. Threads that want the same one wait for the first of them."""

    limit: int
    results: "OrderedDict[Hashable, Cutout | PictureError]" = field(default_factory=OrderedDict)
    pending: dict[Hashable, Lock] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    size: int = 0

    def recall(self, key: Hashable, load: Callable[[], Cutout]) -> Cutout:
        """Return what `load` returned for the key, or raise what it raised."""
        with self.lock:
            turn = self.pending.setdefault(key, Lock())
        with turn:
            result = self.results.get(key)
            try:
                result = result or load()
            except PictureError as error:
                if error.retryable:
                    raise
                result = error
            finally:
                with self.lock:
                    self.pending.pop(key, None)
                    if result is not None:
                        self._keep(key, result)
        if isinstance(result, PictureError):
            raise PictureError(*result.args)
        return result

    def _keep(self, key: Hashable, result: "Cutout | PictureError") -> None:
        if key not in self.results:
            self.size += _weigh(result)
        self.results[key] = result
        self.results.move_to_end(key)
        while self.size > self.limit and len(self.results) > 1:
            self.size -= _weigh(self.results.popitem(last=False)[1])


def _weigh(result: "Cutout | PictureError") -> int:
    return 2000 + (result.pixels.nbytes if isinstance(result, Cutout) else 0)


_MEMORY = _Memory(MEMORY_BYTES)

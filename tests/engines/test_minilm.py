"""The embedding model: unpacked once and safely, offline, and able to tell relevant copy from the rest."""

import multiprocessing
import shutil
import subprocess
import sys
import zipfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from factory.engines.embedders.minilm import DIMENSIONS, MiniLM, unpack_model, unpack_packaged_model
from factory.errors import EngineError
from factory.text.scores.embeddings import summarize_brief
from factory.text.scores.relevance import score_relevance
from tests.support.builders import make_request

pytestmark = pytest.mark.integration  # the real model

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def minilm(cache: Path) -> MiniLM:
    return MiniLM(cache)


def make_archive(folder: Path, **members: str) -> Path:
    archive = folder / "model.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        for name, text in members.items():
            bundle.writestr(name, text)
    return archive


def test_rows_are_unit_vectors_and_repeats_are_equal(minilm: MiniLM) -> None:
    vectors = minilm.embed(["Warm boots", "Cold drinks", "Warm boots", "", "bad \ud800 text"])
    assert vectors.shape == (5, DIMENSIONS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[2])
    assert minilm.embed([]).shape == (0, DIMENSIONS)


def test_a_full_cache_forgets_the_oldest_and_stays_right(cache: Path) -> None:
    small = MiniLM(cache, cached_texts=2)
    texts = ["one boot", "two boots", "three boots", "four boots"]
    first = small.embed(texts)
    np.testing.assert_allclose(small.embed(texts[::-1])[::-1], first, atol=1e-5)
    assert len(small._cache) == 2


def test_several_threads_may_embed_at_once(cache: Path) -> None:
    small = MiniLM(cache, cached_texts=3)
    batches = [[f"boot {number % 7}", f"boot {number % 5}"] for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(small.embed, batches))
    for batch, vectors in zip(batches, together, strict=True):
        np.testing.assert_allclose(vectors, small.embed(batch), atol=1e-5)


@pytest.mark.parametrize(
    ("relevant", "unrelated"),
    [
        ("Waterproof leather hiking boots with a cushioned insole", "Fresh roasted coffee beans at your door"),
        ("Comfort on Long Walks", "Great quality for everyone. Order today."),
        ("Footwear made for the trail", "The bank's annual report shows growing profits"),
    ],
)
def test_relevant_copy_scores_higher(minilm: MiniLM, relevant: str, unrelated: str) -> None:
    vectors = minilm.embed([summarize_brief(make_request()), relevant, unrelated])
    high, low = score_relevance(vectors[1:2], vectors[0]), score_relevance(vectors[2:3], vectors[0])
    assert high > low + 0.2
    assert 0.0 <= low < 0.25


def test_loading_prints_nothing_to_stdout_and_needs_no_network(cache: Path) -> None:
    code = f"""
import socket, sys
def refuse(*args, **kwargs): raise AssertionError("network was asked")
socket.getaddrinfo = refuse
socket.socket.connect = refuse
from pathlib import Path
from factory.engines.embedders.minilm import MiniLM
print(MiniLM(Path({str(cache)!r})).embed(["boots"]).shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"(1, {DIMENSIONS})\n"
    assert "%|" not in done.stderr  # no progress bars in the logs


def test_many_processes_may_unpack_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        folders = pool.map(unpack_packaged_model, [tmp_path] * 6)
    assert len(set(folders)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [folders[0].name]  # nothing left over
    assert (folders[0] / "model.safetensors").stat().st_size > 80_000_000


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/outside.txt", "a/../../outside.txt", "C:\\outside.txt"])
def test_a_member_outside_the_cache_is_refused(tmp_path: Path, name: str) -> None:
    archive = make_archive(tmp_path, **{"config.json": "{}", name: "x"})
    with pytest.raises(EngineError, match="outside the cache"):
        unpack_model(archive, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "outside.txt").exists()


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make_archive(tmp_path, **{"config.json": "{}"})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 10**6))
    with pytest.raises(EngineError, match="no room") as caught:
        unpack_model(archive, tmp_path / "cache")
    assert "free some space" in caught.value.hint
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_broken_archive_a_damaged_cache_and_a_bad_folder_are_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"not a zip")
    with pytest.raises(EngineError, match="not a readable zip"):
        unpack_model(broken, tmp_path / "cache")

    archive = make_archive(tmp_path, **{"config.json": "{}"})
    folder = unpack_model(archive, tmp_path / "cache")
    (folder / "config.json").write_text("{ half")
    with pytest.raises(EngineError, match="damaged") as caught:
        unpack_model(archive, tmp_path / "cache")
    assert str(folder) in caught.value.hint

    blocked = tmp_path / "a_file"
    blocked.write_text("")
    with pytest.raises(EngineError, match="could not be unpacked"):
        unpack_model(archive, blocked / "cache")


def test_another_archive_gets_another_folder(tmp_path: Path) -> None:
    first = unpack_model(make_archive(tmp_path, **{"config.json": "{}"}), tmp_path / "cache")
    second = unpack_model(make_archive(tmp_path, **{"config.json": "{ }"}), tmp_path / "cache")
    assert first != second
    assert first.is_dir() and second.is_dir()

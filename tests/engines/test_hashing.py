"""The embedder without a model: unit rows, the same whatever else is in the batch, closer for likelier texts."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.engines.embedders.hashing import DIMENSIONS, HashingEmbedder

ANY_TEXT = st.text(st.characters(), max_size=60)  # lone surrogates and controls included


@given(st.lists(ANY_TEXT, max_size=12))
def test_rows_are_unit_vectors(texts: list[str]) -> None:
    vectors = HashingEmbedder().embed(texts)
    assert vectors.shape == (len(texts), DIMENSIONS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=4), st.lists(ANY_TEXT, max_size=4))
def test_a_vector_does_not_depend_on_its_neighbours(text: str, before: list[str], after: list[str]) -> None:
    embedder = HashingEmbedder()
    alone = embedder.embed([text])[0]
    among = embedder.embed([*before, text, *after])[len(before)]
    np.testing.assert_array_equal(alone, among)


def test_vectors_are_the_same_in_another_process() -> None:
    code = (
        "from factory.engines.embedders.hashing import *; "
        "print(HashingEmbedder().embed(['Boots für alle 靴']).tobytes().hex())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == HashingEmbedder().embed(["Boots für alle 靴"]).tobytes().hex()


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("Waterproof leather boots", "Leather boots, waterproof", "Fresh coffee at your door"),
        ("Waterproof leather boots", "WATERPROOF   LEATHER BOOT", "Noise cancelling headphones"),
        ("防水レザーブーツ", "防水のレザーブーツ", "焼きたてのコーヒー豆"),
    ],
)
def test_shared_spelling_is_closer(text: str, near: str, far: str) -> None:
    vectors = HashingEmbedder().embed([text, near, far])
    assert vectors[0] @ vectors[1] > 0.5 > 0.3 > vectors[0] @ vectors[2]

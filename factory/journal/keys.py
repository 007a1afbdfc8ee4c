"""A column of ids in, 16 bytes for each out, so that millions of finished requests fit in memory. Only this file slices keys."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

KEY_BYTES = 16

Keys = npt.NDArray[np.bytes_]  # of KEY_BYTES each; numpy compares all of them, zeros included

_HEX = "0123456789abcdef"
_NIBBLES = np.full(256, 255, np.uint8)
_NIBBLES[np.frombuffer(_HEX.encode(), np.uint8)] = np.arange(16, dtype=np.uint8)


def make_keys(ids: Any) -> Keys:
    """Return the key of each text of a pyarrow StringArray: itself when it is 32 lower-case hex digits, else a digest."""
    if len(ids) and (measure_texts(ids) == 32).all():
        nibbles = _NIBBLES[np.frombuffer(view_texts(ids), np.uint8).reshape(-1, 32)]
        if nibbles.max() < 16:
            return np.ascontiguousarray(nibbles[:, ::2] << 4 | nibbles[:, 1::2]).view(f"S{KEY_BYTES}").ravel()
    return np.array([_make_key(text) for text in ids.to_pylist()], f"S{KEY_BYTES}")


def load_keys(raw: bytes) -> Keys:
    """Return the keys that lie in `raw` one after the other: what `keys.tobytes()` gives."""
    return np.frombuffer(raw, f"S{KEY_BYTES}")


def iterate_keys(keys: Keys) -> Iterator[bytes]:
    """Yield each key as bytes. Numpy's own items lose the zeros at their end."""
    raw = keys.tobytes()
    return (raw[start : start + KEY_BYTES] for start in range(0, len(raw), KEY_BYTES))


def find_keys(wanted: Keys, known: Keys) -> npt.NDArray[np.bool_]:
    """Return for each of `wanted` whether it is one of `known`, which are sorted."""
    if not len(known):
        return np.zeros(len(wanted), np.bool_)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    found: npt.NDArray[np.bool_] = known[places] == wanted
    return found


def measure_texts(column: Any) -> npt.NDArray[np.int32]:
    """Return the bytes of each text of a pyarrow StringArray."""
    return np.diff(_read_offsets(column))


def view_texts(column: Any) -> memoryview:
    """Return the bytes of all texts of a pyarrow StringArray, one after the other. Raises ValueError when one is null."""
    if column.null_count:
        raise ValueError("a text is null")
    offsets = _read_offsets(column)
    return memoryview(column.buffers()[2] or b"")[int(offsets[0]) : int(offsets[-1])]


def _read_offsets(column: Any) -> npt.NDArray[np.int32]:
    if not len(column):
        return np.zeros(1, np.int32)
    return np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]


def _make_key(text: str) -> bytes:
    if len(text) == 32 and not set(text) - set(_HEX):
        return bytes.fromhex(text)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()

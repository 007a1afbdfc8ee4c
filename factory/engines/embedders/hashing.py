"""An embedder without a model: character n-grams hashed into 256 signed buckets. Goes with the scripted engine.

It sees spelling, not meaning: texts that share words are close, synonyms are not. Same text, same vector, everywhere.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

DIMENSIONS = 256
MAX_CHARACTERS = 2000  # of one text; more would not change the direction much
_BORDER = 3  # spaces between texts, so that no n-gram spans two of them
_SIZES = (3, 4)


class HashingEmbedder:
    """An Embedder by feature hashing (Weinberger et al. 2009, https://arxiv.org/abs/0902.2206) of casefolded n-grams.

    The n-grams are of 3 and 4 characters, borders included; a text without any gets a fixed direction. Unrelated
    English texts have a cosine between -0.1 and 0.15, copy and its brief 0.4 to 0.6.
    """

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return an array of shape (len(texts), 256) with rows of length 1."""
        counts = np.zeros((len(texts), DIMENSIONS))
        if texts:
            codes, rows = _join_codes(texts)
            for size in _SIZES:
                _add_grams(counts, codes, rows, size)
        lengths = np.sqrt(np.einsum("ij,ij->i", counts, counts))
        counts[lengths == 0, 0] = 1.0  # nothing to count, or the signs cancelled out
        lengths[lengths == 0] = 1.0
        unit: npt.NDArray[np.float32] = (counts / lengths[:, None]).astype(np.float32)
        return unit


def _join_codes(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Return the code points of all texts, bordered by spaces, and for each the row of its text."""
    border = " " * _BORDER
    padded = [f"{' '.join(text[:MAX_CHARACTERS].casefold().split())}{border}" for text in texts]
    data = (" " + "".join(padded)).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(data, dtype="<u4").astype(np.uint64)
    rows = np.repeat(np.arange(len(texts)), [len(text) for text in padded])
    return codes, np.concatenate([np.zeros(1, dtype=np.int64), rows])


def _add_grams(
    counts: npt.NDArray[np.float64], codes: npt.NDArray[np.uint64], rows: npt.NDArray[np.int64], size: int
) -> None:
    width = len(codes) - size + 1
    if width <= 0:
        return
    value = np.full(width, size, dtype=np.uint64)
    blank = np.ones(width, dtype=bool)
    for offset in range(size):
        value = value * np.uint64(0x100000001B3) + codes[offset : offset + width]  # wraps at 64 bits, as FNV does
        blank &= codes[offset : offset + width] == 32
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)  # MurmurHash3's finaliser: spreads every bit over the word
    value ^= value >> np.uint64(33)
    # A gram belongs to the text of its second character, which is never a space: the border keeps others out.
    owner = rows[1 : 1 + width]
    column = (value & np.uint64(DIMENSIONS - 1)).astype(np.int64)
    sign = np.where((value >> np.uint64(40)) & np.uint64(1), 1.0, -1.0)
    keep = ~blank & (codes[1 : 1 + width] != 32)
    flat = owner[keep] * DIMENSIONS + column[keep]
    counts += np.bincount(flat, weights=sign[keep], minlength=counts.size).reshape(counts.shape)

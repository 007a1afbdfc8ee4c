"""Fingerprints of pictures, and how different two of them look: structure by pHash, colour by a coarse grid."""

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.images.checks.pixels import shrink

_SIDE, _KEPT = 32, 8  # sides of the grey picture, and of the block of lowest frequencies that are kept: 64 bits
_GRID = 4  # cells of the colour grid in each direction
_LEVELS = 16  # of each channel of a cell: one hexadecimal digit
COLOR_SHARE = 0.4  # of colour in the distance
COLOR_SCALE = 3.0  # stretches the mean difference of two grids: those of two colourways differ by about a fifth


def make_fingerprint(pixels: Pixels) -> str:
    """Return the fingerprint of an RGB picture, or of its small copy, as 64 hexadecimal digits.

    The first 16 are its pHash (Zauner 2010, https://www.phash.org/docs/pubs/thesis_zauner.pdf): the grey picture at 32x32
    goes through a discrete cosine transform, and each of the 64 lowest frequencies gives one bit, whether it is above their
    median. pHash sees no colour. So the other 48 are a 4x4 grid of mean colours, row by row, red, green and blue at 16 levels.
    """
    small = shrink(pixels)
    gray = cv2.resize(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    low = cv2.dct(gray.astype(np.float32))[:_KEPT, :_KEPT]
    bits = (low > np.median(low)).ravel()
    grid = cv2.resize(small, (_GRID, _GRID), interpolation=cv2.INTER_AREA).ravel()
    digits = "".join(f"{int(value) * _LEVELS // 256:x}" for value in grid)
    return np.packbits(bits).tobytes().hex() + digits


def measure_distance(one: str, other: str) -> float:
    """Return how different two fingerprints are, 0 (the same) to 1.

    Three fifths are the share of pHash bits that differ (about half for unrelated pictures), two fifths the mean difference
    of the colour grids, times three and at most 1.
    """
    bits = (int(one[:16], 16) ^ int(other[:16], 16)).bit_count() / 64
    colors = [abs(int(a, 16) - int(b, 16)) for a, b in zip(one[16:], other[16:], strict=True)]
    color = min(1.0, COLOR_SCALE * sum(colors) / (len(colors) * (_LEVELS - 1)))
    return (1 - COLOR_SHARE) * bits + COLOR_SHARE * color

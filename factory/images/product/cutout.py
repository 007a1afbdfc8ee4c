"""Product picture -> the product on nothing (cutout), or the whole picture (card) where a cut would be a guess.

No model: a plain ground is flooded from the border (`ground.py`), the edge is made soft by how far each of its pixels lies
between the colours on both sides, and freed of the ground's colour. Pixels inside the product stay as they were.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.images.product.background import ANALYSIS_SIDE, find_ground
from factory.images.product.confidence import Doubts
from factory.images.product.edge import paint_edge

_TRANSPARENT = 0.02  # share of a picture from which its alpha is a cut-out made by somebody


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """RGBA pixels, "cutout" or "card", and how sure (0..1) the cut is; of a card, how sure it would be at most."""

    pixels: Pixels
    mode: str
    confidence: float


def cut_out(pixels: Pixels) -> Cut:
    """Return the product of an RGBA picture, trimmed to what can be seen of it.

    One with an alpha of its own is taken as it is. One without a plain ground comes back whole.
    """
    alpha = cv2.extractChannel(pixels, 3)
    if np.count_nonzero(alpha < 128) > _TRANSPARENT * alpha.size:
        return Cut(_trim(pixels), "cutout", 1.0)
    small = _shrink(pixels)
    doubts = Doubts()
    ground = find_ground(small, doubts)
    if ground is None:
        return Cut(pixels, "card", doubts.confidence)
    return Cut(_trim(paint_edge(pixels, small, ground)), "cutout", doubts.confidence)


def _shrink(pixels: Pixels) -> Pixels:
    """RGB at most `ANALYSIS_SIDE` long. Halving is much faster than other shrinking, so that comes first."""
    height, width = pixels.shape[:2]
    longest = max(height, width)
    if longest >= 2 * ANALYSIS_SIDE and min(height, width) > 1:
        pixels = np.asarray(cv2.resize(pixels, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
    rgb = cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB)
    if longest > ANALYSIS_SIDE:
        scale = ANALYSIS_SIDE / longest
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return np.asarray(rgb, np.uint8)


def _trim(pixels: Pixels) -> Pixels:
    """Without its transparent margin; unchanged where nothing can be seen."""
    seen = pixels[..., 3] > 8
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not len(rows):
        return pixels
    return np.ascontiguousarray(pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])

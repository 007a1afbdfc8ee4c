"""The cut-out engine `plain`: removes a plain background, and leaves a picture whole where a cut would be a guess.

No model: the background is flooded from the border (`background.py`), the edge is made soft by how far each of its pixels
lies between the colours on both sides, and freed of the background's colour. Pixels inside the product stay as they were.
"""

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.errors import JobError
from factory.images.product.background import ANALYSIS_SIDE, find_background
from factory.images.product.confidence import Confidence
from factory.images.product.cutter import Cut
from factory.images.product.edge import paint_edge
from schemas.images import CutoutConfig

_TRANSPARENT = 0.02  # share of a picture from which its alpha is a cut-out made by somebody


class PlainCutter:
    """Cuts by `cut_out`. Raises JobError when the job names a model for it."""

    digest = ""

    def __init__(self, config: CutoutConfig) -> None:
        if config.model is not None:
            raise JobError("images.product.cutout.model: the engine plain takes no model", "leave the model out")

    def cut(self, pixels: Pixels) -> Cut:
        """Return what `cut_out` does."""
        return cut_out(pixels)


def cut_out(pixels: Pixels) -> Cut:
    """Return the product of an RGBA picture, trimmed to what can be seen of it.

    A picture with an alpha channel in use is taken as it is. One without a plain background comes back whole.
    """
    alpha = cv2.extractChannel(pixels, 3)
    if np.count_nonzero(alpha < 128) > _TRANSPARENT * alpha.size:
        return Cut(_trim(pixels), "cutout", 1.0)
    small = _shrink(pixels)
    confidence = Confidence()
    background = find_background(small, confidence)
    if background is None:
        return Cut(pixels, "card", confidence.total, confidence.explain())
    return Cut(_trim(paint_edge(pixels, small, background)), "cutout", confidence.total, confidence.explain())


def _shrink(pixels: Pixels) -> Pixels:
    """RGB at most `ANALYSIS_SIDE` long. Halving comes first: it is much faster than other ratios."""
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

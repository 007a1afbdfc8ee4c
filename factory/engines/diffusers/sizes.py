"""The size that a pipeline draws for a picture, and the way from there to exactly the picture's size."""

from math import ceil

import cv2
import numpy as np

from factory.engines.base import Pixels

NARROWEST = 4  # the longer side is at most this many times the shorter: models know no narrower pictures


def find_bucket(width: int, height: int, max_side: int, step: int = 16) -> tuple[int, int]:
    """Return the width and height to draw for a picture: multiples of `step`, the longer side as near below `max_side` as
    they come, whatever the picture's own size: models draw well near the size they were taught, and badly far below.
    """
    longest = max(step, max_side // step * step)
    shortest = longest * min(width, height) / max(width, height)
    short = min(longest, max(step, round(max(shortest, longest / NARROWEST) / step) * step))
    return (longest, short) if width >= height else (short, longest)


def fit_picture(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return RGB pixels scaled to cover `width` x `height` and cut to exactly that around the middle."""
    scale = max(width / pixels.shape[1], height / pixels.shape[0])
    if scale != 1:
        size = (max(width, ceil(pixels.shape[1] * scale - 1e-6)), max(height, ceil(pixels.shape[0] * scale - 1e-6)))
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LANCZOS4
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)
    left, top = (pixels.shape[1] - width) // 2, (pixels.shape[0] - height) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])

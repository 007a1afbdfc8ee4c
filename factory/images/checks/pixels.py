"""Arrays of pixels: boxes in whole pixels, equal pixels, small copies, differences of colours as the eye sees them."""

from functools import lru_cache
from math import ceil

import cv2
import numpy as np
import numpy.typing as npt

from factory.engines.base import Pixels
from factory.images.types import Box, Composition

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]  # 255 where it holds, else 0

SMALL_SIDE = 256  # pixels of the longer side of the small copies that scores are measured on
OPAQUE = 250  # alpha from which a pixel is the product itself and not its shadow or soft edge
_BLACK = (0, 0, 0)


def clip_box(box: Box, frame: Box) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom, in whole pixels, of the part of `box` inside `frame`."""
    left, top = max(int(frame.x), int(np.floor(box.x))), max(int(frame.y), int(np.floor(box.y)))
    right, bottom = min(int(frame.right), ceil(box.right)), min(int(frame.bottom), ceil(box.bottom))
    return left, top, max(left, right), max(top, bottom)


def find_same(one: Pixels, other: Pixels) -> Mask:
    """Return 255 where two RGB pictures of one size have the same colour, else 0."""
    return np.asarray(cv2.inRange(cv2.absdiff(one, other), _BLACK, _BLACK), np.uint8)


def add_channels(values: Floats) -> Floats:
    """Return the sum over the channels of an array of shape (height, width, 3)."""
    return np.asarray(cv2.transform(values, np.ones((1, 3), np.float32)), np.float32)


def find_percentile(values: Floats, percent: float) -> float:
    """Return a percentile of a flat array that is not empty: always one of its values, never one between two."""
    place = int((values.size - 1) * percent / 100)
    return float(np.partition(values, place)[place])


def measure_difference(lab: Floats, color: Floats) -> Floats:
    """Return the distance (CIE76) of every pixel of a picture in CIE Lab to one colour, of shape (height, width)."""
    # cv2 wants four numbers, one for each possible channel.
    apart = cv2.subtract(lab, np.append(color, 0.0).astype(np.float64))
    return np.sqrt(add_channels(np.asarray(cv2.multiply(apart, apart), np.float32)))


def convert_lab(pixels: Pixels) -> Floats:
    """Return an RGB picture in CIE Lab (L 0..100), of shape (height, width, 3), as exact as 8 bits a channel allow."""
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.float32)
    lab *= np.array((100 / 255, 1, 1), np.float32)
    lab -= np.array((0, 128, 128), np.float32)
    return np.asarray(lab, np.float32)


def find_reduction(width: int, height: int, side: int = SMALL_SIDE) -> int:
    """Return the factor by which `shrink` reduces a picture."""
    return ceil(max(height, width) / side)


def shrink(pixels: Pixels, side: int = SMALL_SIDE) -> Pixels:
    """Return the picture reduced by the least whole factor that brings its longer side to at most `side` pixels.

    A whole factor averages whole blocks of pixels, which is many times as fast as other ratios.
    """
    height, width = pixels.shape[:2]
    times = find_reduction(width, height, side)
    if times == 1:
        return pixels
    high, wide = max(1, height // times), max(1, width // times)
    whole = pixels[: high * times, : wide * times] if min(height, width) >= times else pixels
    return np.asarray(cv2.resize(whole, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)


@lru_cache(maxsize=2)  # the scores of a try and the check of its file both need it
def shrink_composition(composition: Composition) -> Pixels:
    """Return the composition's picture as `shrink` does. It is shared: do not write to it."""
    return shrink(composition.pixels)

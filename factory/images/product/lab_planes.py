"""A picture as three CIELAB planes, and what is measured on them pixel by pixel: fine detail, light, distance; and filling in.

Planes and not pixels of three channels: arithmetic on contiguous float32 is several times as fast, and there are many pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from factory.engines.base import Pixels

Mask = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float32]
Slices = tuple[slice, slice]  # of rows and columns
Planes = Sequence[Plane]  # lightness 0..100, a and b, each (height, width)

# Share of the background's lightness below which nothing is taken for its shadow: black products stand in shadows too.
_DARKEST = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """Each pixel as a given colour in another light: `ratio` of lightness, `off` the squared distance of chroma from that."""

    ratio: Plane
    off: Plane

    def fits(self, chroma: float) -> Mask:
        """Return where a pixel is that colour in full or in less light, give or take `chroma` CIELAB units."""
        return np.asarray((self.ratio > _DARKEST) & (self.off < chroma * chroma))


def read_lab(rgb: Pixels) -> Planes:
    """Return the CIELAB planes of sRGB pixels (height, width, 3)."""
    lab = cv2.cvtColor(rgb.astype(np.float32) * np.float32(1 / 255), cv2.COLOR_RGB2LAB)
    return [np.asarray(cv2.extractChannel(lab, channel), np.float32) for channel in range(3)]


def label_parts(mask: Mask, connectivity: int) -> tuple[npt.NDArray[np.int32], int]:
    """Return for each pixel the number of its connected part, 0 outside of all, and how many numbers there are."""
    count, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=connectivity)
    return np.asarray(labels, np.int32), count


def pick_parts(labels: npt.NDArray[np.int32], keep: Mask) -> Mask:
    """Return the pixels of the parts whose numbers are to be kept. A few numbers are compared one by one: that is faster."""
    numbers = np.flatnonzero(keep)
    if len(numbers) > 3:
        return np.take(keep, labels)
    found = np.zeros(labels.shape, bool)
    for number in numbers:
        found |= labels == np.int32(number)
    return found


def read_light(planes: Planes, color: Planes | npt.NDArray[np.float32]) -> Light:
    """Return the planes compared with `color` (planes of the same size, or three numbers), whose chroma falls with lightness."""
    ratio = np.maximum(color[0], np.float32(1), out=np.empty_like(planes[0]))
    np.divide(planes[0], ratio, out=ratio)
    least = np.minimum(ratio, np.float32(1))
    off = np.zeros_like(ratio)
    for plane, other in zip(planes[1:], color[1:], strict=True):
        apart = least * other
        np.subtract(plane, apart, out=apart)
        cv2.accumulateSquare(apart, off)
    return Light(ratio, off)


def measure_distance(planes: Planes, color: Planes) -> Plane:
    """Return the squared CIELAB distance of each pixel from `color`."""
    total = np.zeros_like(planes[0])
    apart = np.empty_like(total)
    for plane, other in zip(planes, color, strict=True):
        cv2.accumulateSquare(cv2.subtract(plane, other, dst=apart), total)
    return total


def measure_detail(planes: Planes) -> Plane:
    """Return how much a blur of 2 pixels takes away, averaged over a pixel around: in the middle of an edge it takes nothing."""
    blurred = [np.asarray(cv2.GaussianBlur(plane, (0, 0), 2.0), np.float32) for plane in planes]
    total = measure_distance(planes, blurred)
    return np.asarray(cv2.sqrt(cv2.GaussianBlur(total, (0, 0), 1.0)), np.float32)


def spread(planes: Planes, known: Mask, box: Slices) -> Planes:
    """Return a box of the planes with unknown pixels filled smoothly from the nearest known ones.

    Push-pull (Gortler et al., The Lumigraph, 1996, 3.4): halved until all is known, then put under the finer levels.
    """
    where = known.view(np.uint8)
    under = _fill_under([_float(cv2.copyTo(plane, where)) for plane in planes], where.astype(np.float32))
    pairs = zip(planes, under, strict=True)
    return [_float(cv2.copyTo(plane[box], where[box], each[box])) for plane, each in pairs]


def _fill_under(planes: Planes, weight: Plane) -> Planes:
    """What fills the planes where they are unknown. They are given multiplied by their weights 0..1."""
    height, width = weight.shape
    if min(height, width) < 2 or weight.min() >= 1:
        total = max(float(weight.sum()), 1e-6)
        return [np.full(weight.shape, each.sum() / total, np.float32) for each in planes]
    size = ((width + 1) // 2, (height + 1) // 2)
    small = _float(cv2.resize(weight, size, interpolation=cv2.INTER_AREA))
    share = np.minimum(small * 4, np.float32(1))  # a quarter known is enough
    gain = share / np.maximum(small, np.float32(1e-6))
    halves = [_float(cv2.resize(each, size, interpolation=cv2.INTER_AREA)) * gain for each in planes]
    rest = 1 - share
    coarse = (half + below * rest for half, below in zip(halves, _fill_under(halves, share), strict=True))
    return [_float(cv2.resize(each, (width, height), interpolation=cv2.INTER_LINEAR)) for each in coarse]


def _float(found: npt.NDArray[Any]) -> Plane:
    """The same pixels as float32: OpenCV's signatures do not say that floats stay floats."""
    return np.asarray(found, np.float32)

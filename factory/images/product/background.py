"""Finds the plain background of a product: what was flooded from the border, and shadows, holes and specks besides.

Only the part around the product is examined closely, and only as long as a cut is not ruled out.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.images.product.confidence import Confidence
from factory.images.product.flood_fill import CHROMA, DETAIL, flood_border
from factory.images.product.lab_planes import (
    Light,
    Mask,
    Plane,
    Planes,
    Slices,
    label_parts,
    measure_distance,
    pick_parts,
    read_light,
    spread,
)

ANALYSIS_SIDE = 640  # pixels of the longer side of the reduced picture: all lengths in this file are in its pixels
_MARGIN = 24  # background kept around the product
_STEP = 32  # the corners of the box around the product are multiples of this
_SHADOW_DETAIL = 3.0
# CIELAB distance from the background around, up to which an enclosed part is, or may be, background.
_HOLE, _MAYBE_HOLE = 2.5, 9.0
_RIM = 3.0  # CIELAB distance from the background, up to which what is right beside it belongs to it
_CLEAR = 25.0  # CIELAB distance of product and background, some pixels inside the outline, that is a clear difference
_SMALLEST = 0.0004  # share of the picture: smaller parts are specks

_SQUARES = {size: np.ones((size, size), np.uint8) for size in (3, 5, 7, 9)}
_DISCS = {size: np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8) for size in (13, 17)}
_CROSS = np.asarray(cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """What was found, in pixels of the reduced picture. `mask` is the background, shadows and holes included.

    The product with some background around it lies in `box`. For that part, `color` (CIELAB) is the background's colour,
    continued behind the product, and `distance` is the squared distance of the product's pixels from it, 0 elsewhere.
    """

    mask: Mask
    box: Slices
    color: Planes
    distance: Plane


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """The parts of the background beside what was flooded, and what may belong to it."""

    mask: Mask
    shadow: Mask
    specks: Mask
    holes: Mask
    maybe: Mask


def find_background(rgb: Pixels, confidence: Confidence) -> Background | None:
    """Return the background of a picture (height, width, 3; at most `ANALYSIS_SIDE`), and add to the confidence.

    None as soon as this rules a cut out.
    """
    flood = flood_border(rgb, confidence)
    if flood is None:
        return None
    box = _surround(~flood.mask)
    lab, detail, flooded = [plane[box] for plane in flood.lab], flood.detail[box], flood.mask[box].copy()
    color = spread(flood.lab, flood.mask, box)
    parts = _find_parts(lab, color, detail, flooded, _SMALLEST * flood.mask.size)
    flood.mask[box] = parts.mask
    product = ~parts.mask
    size = max(1, int(np.count_nonzero(product)))
    if _add_parts(parts, size, flood.mask.size, confidence):
        return None
    color = spread(flood.lab, flood.mask, box)
    distance = np.where(product, measure_distance(lab, color), np.float32(0))
    outline = product & ~cv2.erode(product.view(np.uint8), _SQUARES[3]).view(np.bool_)
    if confidence.add(contrast=_measure_contrast(distance, outline), soft=_measure_softness(detail, outline)):
        return None
    pale = int(np.count_nonzero(_find_pale(read_light(lab, color), detail, product))) / size
    if confidence.add(pale=pale) or confidence.add(foreign=_count_foreign(lab, product, flooded) / size):
        return None
    return Background(flood.mask, box, color, distance)


def _surround(left: Mask) -> Slices:
    """The box around what the flood left, with some background. Its sides keep to the grid on which `spread` halves pictures."""
    x, y, width, height = cv2.boundingRect(left.view(np.uint8))
    return _widen(y, y + height), _widen(x, x + width)


def _widen(start: int, stop: int) -> slice:
    return slice(max(0, start - _MARGIN) // _STEP * _STEP, -(-(stop + _MARGIN) // _STEP) * _STEP)


def _find_parts(lab: Planes, color: Planes, detail: Plane, flooded: Mask, least: float) -> _Parts:
    darker = (lab[0] < color[0] + 2) & read_light(lab, color).fits(CHROMA)
    shadow = _find_shadow(darker & (lab[0] < color[0] - 3) & (detail < _SHADOW_DETAIL), flooded)
    mask = flooded | shadow
    ghosts = _find_ghosts(darker, mask)
    mask |= ghosts
    distance = measure_distance(lab, color)
    holes, maybe = _find_holes(distance, detail, mask, least)
    mask |= holes
    specks = _find_specks(mask, least)
    mask |= specks
    mask |= _find_rim(distance, mask)
    return _Parts(mask, shadow | ghosts, specks, holes, maybe)


def _add_parts(parts: _Parts, size: int, picture: int, confidence: Confidence) -> bool:
    return confidence.add(
        area=size / picture,
        filled=size / picture,
        whole=np.count_nonzero(parts.specks) / size,
        shadow=np.count_nonzero(parts.shadow) / size,
        holes=np.count_nonzero(parts.holes) / size,
        maybe=np.count_nonzero(parts.maybe) / size,
    )


def _grow(mask: Mask, more: Mask) -> Mask:
    """What is connected with the mask through `more`, without the mask."""
    more = more & ~mask
    labels, count = label_parts(more, 4)
    touching = cv2.dilate(mask.view(np.uint8), _CROSS).view(np.bool_) & more
    keep = np.zeros(count, bool)
    keep[labels[touching]] = True
    return pick_parts(labels, keep)


def _find_shadow(fits: Mask, mask: Mask) -> Mask:
    """Darker parts beside the background that have its hue and hardly any texture: the hard core of a shadow."""
    return _grow(mask, cv2.morphologyEx(fits.view(np.uint8), cv2.MORPH_OPEN, _SQUARES[3]).view(np.bool_))


def _find_ghosts(fits: Mask, mask: Mask) -> Mask:
    """Thin parts in shades of the background that stick out: the remains of a shadow's rim."""
    thick = cv2.morphologyEx((~mask).view(np.uint8), cv2.MORPH_OPEN, _DISCS[13])
    return np.asarray(~mask & (cv2.dilate(thick, _SQUARES[3]) == 0) & fits)


def _find_holes(distance: Plane, detail: Plane, mask: Mask, least: float) -> tuple[Mask, Mask]:
    """Enclosed smooth parts of the colour that the background would have there, as inside a handle: certain and possible ones."""
    labels, count = label_parts((detail < DETAIL) & (distance < (1.5 * _MAYBE_HOLE) ** 2) & ~mask, 4)
    places = np.flatnonzero(labels)
    numbers = labels.ravel()[places]
    areas = np.bincount(numbers, minlength=count)
    means = np.bincount(numbers, np.sqrt(distance.ravel()[places]), count) / np.maximum(areas, 1)
    large = areas > least
    sure, unsure = large & (means < _HOLE), large & (means >= _HOLE) & (means < _MAYBE_HOLE)
    return pick_parts(labels, sure), pick_parts(labels, unsure)


def _find_specks(mask: Mask, least: float) -> Mask:
    """Parts of the product that are small compared with the picture, or with its largest part."""
    labels, count = label_parts(~mask, 8)
    areas = np.bincount(labels.ravel(), minlength=count)
    areas[0] = 0
    return ~mask & ~pick_parts(labels, areas >= max(least, 0.02 * areas.max()))


def _find_rim(distance: Plane, mask: Mask) -> Mask:
    """The background's colour right beside it: a strong edge shows some pixels away, and stopped the flood too soon."""
    near = cv2.dilate(mask.view(np.uint8), _DISCS[17]).view(np.bool_)
    return _grow(mask, near & (distance < _RIM**2))


def _count_foreign(lab: Planes, product: Mask, flooded: Mask) -> int:
    """How much was flooded inside the product's hull though it is no shade of the background: most probably product.

    Every second pixel of every second row is examined: only an area is wanted.
    """
    hull = _fill_hull(product)
    outside, bites = ~(product | hull)[::2, ::2], (hull & flooded)[::2, ::2]
    lab = [np.ascontiguousarray(plane[::2, ::2]) for plane in lab]
    around = spread(lab, outside, np.s_[:, :])
    red, blue = lab[1] - around[1], lab[2] - around[2]
    return 4 * int(np.count_nonzero(bites & ((lab[0] > around[0] + 4) | (red * red + blue * blue > 6**2))))


def _fill_hull(product: Mask) -> Mask:
    """The convex hull, from each row's first and last pixel: those between add nothing."""
    rows = np.flatnonzero(product.any(1))
    if not len(rows):
        return np.zeros_like(product)
    first, last = product[rows].argmax(1), product.shape[1] - 1 - product[rows, ::-1].argmax(1)
    points = np.concatenate([np.stack([first, rows], 1), np.stack([last, rows], 1)]).astype(np.int32)
    return cv2.fillConvexPoly(np.zeros(product.shape, np.uint8), cv2.convexHull(points), 1).view(np.bool_)


def _find_pale(light: Light, detail: Plane, product: Mask) -> Mask:
    """Smooth parts of the product that could as well be background, or a tinted shadow on it."""
    pale = light.fits(2.5 * CHROMA) & (light.ratio > 0.45) & (detail < DETAIL) & product
    return cv2.morphologyEx(pale.view(np.uint8), cv2.MORPH_OPEN, _SQUARES[5]).view(np.bool_)


def _measure_contrast(distance: Plane, outline: Mask) -> float:
    """Share of the outline at which product and background clearly differ: next to nothing for a white product on white."""
    strongest = cv2.dilate(distance, _SQUARES[9])[outline]
    return float((strongest > _CLEAR**2).mean()) if strongest.size else 0.0


def _measure_softness(detail: Plane, outline: Mask) -> float:
    """Share of the outline with hardly any detail near it: there a dark shadow stopped the flood, not an edge."""
    near = cv2.dilate(detail, _SQUARES[7])[outline]
    return float((near < _SHADOW_DETAIL).mean()) if near.size else 1.0

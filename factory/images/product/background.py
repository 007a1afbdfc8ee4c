"""Finds the plain ground behind a product: what was flooded from the border, and its shadows, holes and leavings.

Only the part of the picture around the product is looked at closely, and that only as long as a cut may come of it.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.images.product.confidence import Doubts
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

ANALYSIS_SIDE = 640  # pixels of the longer side that all lengths in this file belong to
_MARGIN, _STEP = (
    24,
    32,
)  # analysis pixels of ground that are kept around the product, and what its corner is a multiple of
_SHADOW_DETAIL = 3.0
_HOLE, _MAYBE_HOLE = (
    2.5,
    9.0,
)  # CIELAB distances from the ground around, of an enclosed part that is, or may be, ground
_RIM = 3.0  # CIELAB distance from the ground, of what right beside it is taken for it
_CLEAR = 25.0  # CIELAB distance between product and ground, some pixels inside
_SMALLEST = 0.0004  # share of the picture: smaller parts are specks

_SQUARES = {size: np.ones((size, size), np.uint8) for size in (3, 5, 7, 9)}
_DISCS = {size: np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8) for size in (13, 17)}
_CROSS = np.asarray(cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What was found, in analysis pixels. `mask` is the ground, shadows and holes included.

    The product with some ground around it lies in `box`. For that part, `color` (CIELAB) is the ground's and what it would
    be behind the product, and `distance` the square of what the product's pixels are away from it, 0 on the ground.
    """

    mask: Mask
    box: Slices
    color: Planes
    distance: Plane


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """What the ground is made of, besides what was flooded, and what may belong to it."""

    mask: Mask
    shadow: Mask
    specks: Mask
    holes: Mask
    maybe: Mask


def find_ground(rgb: Pixels, doubts: Doubts) -> Ground | None:
    """Return the ground of a picture (height, width, 3; at most `ANALYSIS_SIDE`), and fill in the doubts.

    None as soon as these leave no chance of a cut.
    """
    flood = flood_border(rgb, doubts)
    if flood is None:
        return None
    box = _surround(~flood.mask)
    lab, detail, flooded = [plane[box] for plane in flood.lab], flood.detail[box], flood.mask[box].copy()
    color = spread(flood.lab, flood.mask, box)
    parts = _find_parts(lab, color, detail, flooded, _SMALLEST * flood.mask.size)
    flood.mask[box] = parts.mask
    product = ~parts.mask
    size = max(1, int(np.count_nonzero(product)))
    if _weigh_parts(parts, size, flood.mask.size, doubts):
        return None
    color = spread(flood.lab, flood.mask, box)
    distance = np.where(product, measure_distance(lab, color), np.float32(0))
    outline = product & ~cv2.erode(product.view(np.uint8), _SQUARES[3]).view(np.bool_)
    if doubts.weigh(contrast=_measure_contrast(distance, outline), soft=_measure_softness(detail, outline)):
        return None
    pale = int(np.count_nonzero(_find_pale(read_light(lab, color), detail, product))) / size
    if doubts.weigh(pale=pale) or doubts.weigh(foreign=_count_foreign(lab, product, flooded) / size):
        return None
    return Ground(flood.mask, box, color, distance)


def _surround(left: Mask) -> Slices:
    """The box around what the flood left, with some ground. Its sides keep the grid on which `spread` halves pictures."""
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


def _weigh_parts(parts: _Parts, size: int, picture: int, doubts: Doubts) -> bool:
    return doubts.weigh(
        area=size / picture,
        filled=size / picture,
        whole=np.count_nonzero(parts.specks) / size,
        shadow=np.count_nonzero(parts.shadow) / size,
        holes=np.count_nonzero(parts.holes) / size,
        maybe=np.count_nonzero(parts.maybe) / size,
    )


def _grow(mask: Mask, more: Mask) -> Mask:
    """What hangs together with the mask through `more`, without the mask."""
    more = more & ~mask
    labels, count = label_parts(more, 4)
    touching = cv2.dilate(mask.view(np.uint8), _CROSS).view(np.bool_) & more
    keep = np.zeros(count, bool)
    keep[labels[touching]] = True
    return pick_parts(labels, keep)


def _find_shadow(fits: Mask, mask: Mask) -> Mask:
    """Darker parts beside the ground that have its hue and hardly a texture: the hard core of a shadow."""
    return _grow(mask, cv2.morphologyEx(fits.view(np.uint8), cv2.MORPH_OPEN, _SQUARES[3]).view(np.bool_))


def _find_ghosts(fits: Mask, mask: Mask) -> Mask:
    """Thin parts in shades of the ground that stick out: what the rim of a shadow leaves."""
    thick = cv2.morphologyEx((~mask).view(np.uint8), cv2.MORPH_OPEN, _DISCS[13])
    return np.asarray(~mask & (cv2.dilate(thick, _SQUARES[3]) == 0) & fits)


def _find_holes(distance: Plane, detail: Plane, mask: Mask, least: float) -> tuple[Mask, Mask]:
    """Enclosed smooth parts of the colour that the ground would have there, such as inside a handle: sure and unsure ones."""
    labels, count = label_parts((detail < DETAIL) & (distance < (1.5 * _MAYBE_HOLE) ** 2) & ~mask, 4)
    places = np.flatnonzero(labels)
    numbers = labels.ravel()[places]
    areas = np.bincount(numbers, minlength=count)
    means = np.bincount(numbers, np.sqrt(distance.ravel()[places]), count) / np.maximum(areas, 1)
    large = areas > least
    sure, unsure = large & (means < _HOLE), large & (means >= _HOLE) & (means < _MAYBE_HOLE)
    return pick_parts(labels, sure), pick_parts(labels, unsure)


def _find_specks(mask: Mask, least: float) -> Mask:
    """Parts of the product that are small for a picture, or beside its largest part."""
    labels, count = label_parts(~mask, 8)
    areas = np.bincount(labels.ravel(), minlength=count)
    areas[0] = 0
    return ~mask & ~pick_parts(labels, areas >= max(least, 0.02 * areas.max()))


def _find_rim(distance: Plane, mask: Mask) -> Mask:
    """The ground's colour right beside it: a strong edge is seen some pixels off, and stopped the flood too soon."""
    near = cv2.dilate(mask.view(np.uint8), _DISCS[17]).view(np.bool_)
    return _grow(mask, near & (distance < _RIM**2))


def _count_foreign(lab: Planes, product: Mask, flooded: Mask) -> int:
    """How much was flooded inside the product's hull and is no shade of the ground outside: a bite, most probably.

    Every second pixel of every second row is looked at: it is only an area.
    """
    hull = _fill_hull(product)
    outside, bites = ~(product | hull)[::2, ::2], (hull & flooded)[::2, ::2]
    lab = [np.ascontiguousarray(plane[::2, ::2]) for plane in lab]
    around = spread(lab, outside, np.s_[:, :])
    red, blue = lab[1] - around[1], lab[2] - around[2]
    return 4 * int(np.count_nonzero(bites & ((lab[0] > around[0] + 4) | (red * red + blue * blue > 6**2))))


def _fill_hull(product: Mask) -> Mask:
    """The convex hull: of each row's first and last pixel, for those between add nothing."""
    rows = np.flatnonzero(product.any(1))
    if not len(rows):
        return np.zeros_like(product)
    first, last = product[rows].argmax(1), product.shape[1] - 1 - product[rows, ::-1].argmax(1)
    points = np.concatenate([np.stack([first, rows], 1), np.stack([last, rows], 1)]).astype(np.int32)
    return cv2.fillConvexPoly(np.zeros(product.shape, np.uint8), cv2.convexHull(points), 1).view(np.bool_)


def _find_pale(light: Light, detail: Plane, product: Mask) -> Mask:
    """Smooth parts of the product that could as well be ground, or a tinted shadow on it."""
    pale = light.fits(2.5 * CHROMA) & (light.ratio > 0.45) & (detail < DETAIL) & product
    return cv2.morphologyEx(pale.view(np.uint8), cv2.MORPH_OPEN, _SQUARES[5]).view(np.bool_)


def _measure_contrast(distance: Plane, outline: Mask) -> float:
    """Share of the outline at which product and ground clearly differ. Of a white product on white hardly any does."""
    strongest = cv2.dilate(distance, _SQUARES[9])[outline]
    return float((strongest > _CLEAR**2).mean()) if strongest.size else 0.0


def _measure_softness(detail: Plane, outline: Mask) -> float:
    """Share of the outline with hardly any detail near it: there the flood was stopped by a shadow's depth, not by an edge."""
    near = cv2.dilate(detail, _SQUARES[7])[outline]
    return float((near < _SHADOW_DETAIL).mean()) if near.size else 1.0

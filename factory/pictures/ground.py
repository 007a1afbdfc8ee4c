"""Finds the plain ground behind a product, flooding from the picture's border. Measures what speaks for it, judges nothing.

A ground may fade, darken to its corners and carry soft shadows: on it, colour runs straight over some pixels. The outline of
a product does not. So the flood is stopped by fine detail (the difference to a blurred copy), which is near zero on a
ramp of any slope, and not by a distance from one colour.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from factory.composition import Pixels

Mask = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float32]

ANALYSIS_SIDE = 640  # pixels of the longer side that all lengths in this file belong to
_DETAIL = 1.5  # CIELAB units of fine detail that a ground may have
_CALM, _LOUDEST = 0.75, 2.0  # detail of a ground as usual; up to so many times more is taken for noise of the camera
_DETAIL_STRICT, _DETAIL_LOOSE = 1.1, 2.2  # the same flood with these shows how sure its result is
_SHADOW_DETAIL = 3.0
_CHROMA = 8.0  # how far hue and saturation may be from the ground's
_DARKEST = 0.3  # share of the ground's lightness below which nothing is taken for it: black products stand in shadows
_HOLE, _MAYBE_HOLE = (
    2.5,
    9.0,
)  # CIELAB distances from the ground around, of an enclosed part that is, or may be, ground
_RIM = 3.0  # CIELAB distance from the ground, of what right beside it is taken for it
_SMALLEST = 0.0004  # share of the picture: smaller parts are specks


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What was found, in analysis pixels. `mask` is the ground, shadows and holes included; `color` (CIELAB) continues it.

    `border` and `stable` are shares 0..1: of the border that it reached, and of the product that a loose flood leaves as a
    strict one does. The others are areas as shares of the product's: `shadow` that was taken for the ground's, `lost`
    parts dropped as specks, `holes` cut, `maybe` enclosed parts that may be holes too but were left, `foreign` parts
    flooded inside the product's hull that are lighter or of another hue than the ground around it, `pale` smooth parts of
    the product in shades near the ground's. `soft` is the share of the outline where no edge is seen.
    """

    lab: Plane
    mask: Mask
    color: Plane
    border: float
    stable: float
    shadow: float
    lost: float
    holes: float
    maybe: float
    foreign: float
    pale: float
    soft: float


def find_ground(rgb: Pixels) -> Ground | None:
    """Return the ground of a picture (height, width, 3; at most `ANALYSIS_SIDE`), None where none reaches the border."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).astype(np.float32)
    detail = _measure_detail(lab)
    frame = _frame(detail.shape)
    detail /= np.float32(np.clip(np.median(detail[frame]) / _CALM, 1, _LOUDEST))
    flooded = _flood(lab, detail, frame, _DETAIL)
    border = float(flooded[frame].mean())
    if border < 0.25 or flooded.mean() > 0.995:
        return None
    stable = _compare(*(_flood(lab, detail, frame, limit) for limit in (_DETAIL_STRICT, _DETAIL_LOOSE)))
    color = spread(lab, flooded)
    shadow = _find_shadow(lab, detail, color, flooded)
    mask = flooded | shadow
    ghosts = _find_ghosts(lab, color, mask)
    mask |= ghosts
    holes, maybe = _find_holes(lab, detail, color, mask)
    mask |= holes
    specks = _find_specks(mask)
    mask |= specks
    mask |= _find_rim(lab, color, mask)
    product = max(1, int((~mask).sum()))
    color = spread(lab, mask)
    foreign, pale = _find_foreign(lab, mask, flooded), _find_pale(lab, detail, color, mask)
    return Ground(
        lab=lab,
        mask=mask,
        color=color,
        border=border,
        stable=stable,
        shadow=float((shadow | ghosts).sum() / product),
        lost=float(specks.sum() / product),
        holes=float(holes.sum() / product),
        maybe=float(maybe.sum() / product),
        foreign=float(foreign.sum() / product),
        pale=float(pale.sum() / product),
        soft=_measure_softness(detail, mask),
    )


def spread(values: Plane, known: Mask) -> Plane:
    """Return `values` (height, width, 3) with the unknown ones filled smoothly from the known ones around, near ones first.

    Push-pull (Gortler et al., The Lumigraph, 1996, 3.4): halved until all is known, then laid under the finer levels.
    """
    weight = known.astype(np.float32)[..., None]
    return _pull(values.astype(np.float32) * weight, weight)


def _pull(values: Plane, weight: Plane) -> Plane:
    """`values` are multiplied with their weights 0..1, and come back filled."""
    height, width = values.shape[:2]
    if min(height, width) < 2 or weight.min() >= 1:
        total = max(float(weight.sum()), 1e-6)
        mean = np.broadcast_to(values.sum((0, 1)) / total, values.shape)
        return np.where(weight > 0, values / np.maximum(weight, 1e-6), mean).astype(np.float32)
    size = ((width + 1) // 2, (height + 1) // 2)
    packed = cv2.resize(np.dstack([values, weight]), size, interpolation=cv2.INTER_AREA)
    share = np.minimum(packed[..., 3:] * 4, 1)  # a quarter known is enough
    coarse = _pull(packed[..., :3] / np.maximum(packed[..., 3:], 1e-6) * share, share)
    under = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(values + under * (1 - weight), np.float32)


def _measure_detail(lab: Plane) -> Plane:
    """Size of what a blur of 2 pixels takes away, averaged over a pixel around (the middle of an edge has none itself)."""
    rest = lab - cv2.GaussianBlur(lab, (0, 0), 2.0)
    return np.asarray(np.sqrt(cv2.GaussianBlur((rest * rest).sum(-1), (0, 0), 1.0)), np.float32)


def _frame(shape: tuple[int, ...]) -> Mask:
    frame = np.ones(shape, bool)
    frame[2:-2, 2:-2] = False
    return frame


def _flood(lab: Plane, detail: Plane, frame: Mask, limit: float) -> Mask:
    """Pixels that a smooth way leads to from a fair length of the border."""
    calm = frame & (detail < limit)
    base = np.median(lab[calm if calm.any() else frame], axis=0)
    fits = _fits_ground(lab, np.broadcast_to(base, lab.shape), 1.6 * _CHROMA)
    _, labels = cv2.connectedComponents(((detail < limit) & fits).astype(np.uint8), connectivity=4)
    counts = np.bincount(labels[frame], minlength=int(labels.max()) + 1)
    keep = counts > 0.01 * frame.sum()
    keep[0] = False
    return np.asarray(keep[labels])


def _fits_ground(lab: Plane, color: npt.NDArray[np.floating], chroma: float) -> Mask:
    """Whether a pixel is the ground's colour, or that colour with less light on it: chroma falls with lightness then."""
    ratio = lab[..., 0] / np.maximum(color[..., 0], 1)
    least = np.minimum(ratio, 1)
    off = np.hypot(lab[..., 1] - color[..., 1] * least, lab[..., 2] - color[..., 2] * least)
    return np.asarray((ratio > _DARKEST) & (off < chroma))


def _find_shadow(lab: Plane, detail: Plane, color: Plane, mask: Mask) -> Mask:
    """Darker parts beside the ground that have its hue and hardly a texture: the hard core of a shadow."""
    fits = _fits_ground(lab, color, _CHROMA) & (lab[..., 0] < color[..., 0] - 3) & (detail < _SHADOW_DETAIL)
    opened = cv2.morphologyEx(fits.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, labels = cv2.connectedComponents(opened | mask.astype(np.uint8), connectivity=4)
    keep = np.zeros(int(labels.max()) + 1, bool)
    keep[np.unique(labels[mask])] = True
    return np.asarray(keep[labels] & ~mask)


def _find_ghosts(lab: Plane, color: Plane, mask: Mask) -> Mask:
    """Thin parts in shades of the ground that stick out: what the rim of a shadow leaves."""
    product = (~mask).astype(np.uint8)
    thick = cv2.morphologyEx(product, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13)))
    thick = cv2.dilate(thick, np.ones((3, 3), np.uint8))
    return np.asarray(~mask & (thick == 0) & _fits_ground(lab, color, _CHROMA) & (lab[..., 0] < color[..., 0] + 2))


def _find_holes(lab: Plane, detail: Plane, color: Plane, mask: Mask) -> tuple[Mask, Mask]:
    """Enclosed smooth parts of the colour that the ground would have there, such as inside a handle: sure and unsure ones."""
    distance = np.sqrt(((lab - color) ** 2).sum(-1))
    candidates = (detail < _DETAIL) & (distance < 1.5 * _MAYBE_HOLE) & ~mask
    count, labels, stats, _ = cv2.connectedComponentsWithStats(candidates.astype(np.uint8), connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA]
    means = np.bincount(labels.ravel(), distance.ravel(), count) / np.maximum(areas, 1)
    large = areas > _SMALLEST * mask.size
    large[0] = False
    return np.asarray((large & (means < _HOLE))[labels]), np.asarray(
        (large & (means >= _HOLE) & (means < _MAYBE_HOLE))[labels]
    )


def _find_specks(mask: Mask) -> Mask:
    """Parts of the product that are small for a picture, or beside its largest part."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    small = areas < max(_SMALLEST * mask.size, 0.02 * areas.max())
    small[0] = False
    return np.asarray(small[labels])


def _find_rim(lab: Plane, color: Plane, mask: Mask) -> Mask:
    """The ground's colour right beside it: a strong edge is seen some pixels off, and stopped the flood too soon."""
    near = cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (17, 17))).astype(bool)
    alike = near & (((lab - color) ** 2).sum(-1) < _RIM**2)
    _, labels = cv2.connectedComponents((alike | mask).astype(np.uint8), connectivity=4)
    keep = np.zeros(int(labels.max()) + 1, bool)
    keep[np.unique(labels[mask])] = True
    return np.asarray(keep[labels] & ~mask)


def _find_foreign(lab: Plane, mask: Mask, flooded: Mask) -> Mask:
    """What was flooded inside the product's hull and is no shade of the ground outside: a bite, most probably."""
    points = cv2.findNonZero((~mask).astype(np.uint8))
    if points is None:
        return np.zeros_like(mask)
    hull = cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), cv2.convexHull(points), 1).astype(bool)
    around = spread(lab, mask & ~hull) if (mask & ~hull).any() else lab
    lighter = lab[..., 0] > around[..., 0] + 4
    off = np.hypot(lab[..., 1] - around[..., 1], lab[..., 2] - around[..., 2]) > 6
    return np.asarray(hull & flooded & (lighter | off))


def _find_pale(lab: Plane, detail: Plane, color: Plane, mask: Mask) -> Mask:
    """Smooth parts of the product that could as well be ground, or a tinted shadow on it."""
    pale = _fits_ground(lab, color, 2.5 * _CHROMA) & (lab[..., 0] > 0.45 * color[..., 0]) & (detail < _DETAIL) & ~mask
    return cv2.morphologyEx(pale.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)).astype(bool)


def _measure_softness(detail: Plane, mask: Mask) -> float:
    """Share of the outline with hardly any detail near it: there the flood was stopped by a shadow's depth, not by an edge."""
    product = (~mask).astype(np.uint8)
    outline = (product - cv2.erode(product, np.ones((3, 3), np.uint8))).astype(bool)
    near = cv2.dilate(detail, np.ones((7, 7), np.uint8))[outline]
    return float((near < _SHADOW_DETAIL).mean()) if near.size else 1.0


def _compare(strict: Mask, loose: Mask) -> float:
    """Intersection over union of the two products that the floods left."""
    union = (~strict | ~loose).sum()
    return float((~strict & ~loose).sum() / union) if union else 0.0

"""Product picture -> the product on nothing (cutout), or the whole picture (card) where a cut would be a guess.

No model: a plain ground is flooded from the border (`ground.py`), the edge is made soft by how far each of its pixels lies
between the colours on both sides, and freed of the ground's colour. Pixels inside the product stay as they were.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from factory.composition import Pixels
from factory.pictures.ground import ANALYSIS_SIDE, Ground, Mask, Plane, find_ground

MIN_CONFIDENCE = 0.6  # below it a picture is shown whole: a wrong cut is worse than a frame
_TRANSPARENT = 0.02  # share of a picture from which its alpha is a cut-out made by somebody
_CLEAR = 25.0  # CIELAB units between product and ground, some pixels inside
_BAND = 5  # analysis pixels on each side of the outline that may be mixed of product and ground


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """RGBA pixels, "cutout" or "card", and how sure (0..1) the cut was, taken or not."""

    pixels: Pixels
    mode: str
    confidence: float


def cut_out(pixels: Pixels) -> Cut:
    """Return the product of an RGBA picture, trimmed to what can be seen of it.

    One with an alpha of its own is taken as it is. One without a plain ground comes back whole.
    """
    alpha = pixels[..., 3]
    if (alpha < 128).mean() > _TRANSPARENT:
        return Cut(_trim(pixels), "cutout", 1.0)
    rgb = np.ascontiguousarray(pixels[..., :3])
    ground = find_ground(_shrink(rgb))
    confidence = judge_ground(ground) if ground is not None else 0.0
    if ground is None or confidence < MIN_CONFIDENCE:
        return Cut(pixels, "card", confidence)
    return Cut(_trim(_paint_edge(rgb, ground)), "cutout", confidence)


def list_doubts(ground: Ground) -> dict[str, float]:
    """Return what speaks for the cut by name, each 0 (certainly wrong) to 1 (nothing to object to)."""
    product = ~ground.mask
    area = float(product.mean())
    return {
        "border": _ramp(ground.border, 0.88, 0.98),  # a product that the picture's edge cuts must not float
        "area": min(_ramp(area, 0.01, 0.04), _ramp(area, 0.90, 0.75)),
        "stable": _ramp(ground.stable, 0.80, 0.96),
        "contrast": _ramp(_measure_contrast(ground, product), 0.74, 0.90),
        "whole": _ramp(ground.lost, 0.04, 0.005),
        "shadow": _ramp(ground.shadow, 0.10, 0.04),
        "holes": _ramp(ground.holes, 0.45, 0.2),
        "maybe": _ramp(ground.maybe, 0.10, 0.02),
        "foreign": _ramp(ground.foreign, 0.10, 0.01),
        "pale": _ramp(ground.pale, 0.25, 0.05),
        "soft": _ramp(ground.soft, 0.20, 0.06),
    }


def judge_ground(ground: Ground) -> float:
    """Return the confidence 0..1: the product of all doubts."""
    return float(np.prod(list(list_doubts(ground).values())))


def _ramp(value: float, zero: float, one: float) -> float:
    return float(np.clip((value - zero) / (one - zero), 0, 1))


def _measure_contrast(ground: Ground, product: Mask) -> float:
    """Share of the outline at which product and ground clearly differ. Of a white product on white hardly any does."""
    outline = product & ~cv2.erode(product.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    distance = np.sqrt(((ground.lab - ground.color) ** 2).sum(-1))
    distance[~product] = 0
    strongest = cv2.dilate(distance, np.ones((9, 9), np.uint8))[outline]
    return float((strongest > _CLEAR).mean()) if outline.any() else 0.0


def _paint_edge(rgb: Pixels, ground: Ground) -> Pixels:
    """RGBA of the picture's own size: alpha 0 on the ground, 1 inside, and between by colour."""
    height, width = rgb.shape[:2]
    scale = max(height, width) / max(ground.mask.shape)
    mask = ground.mask.astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _BAND + 1,) * 2)
    inner, outer = cv2.erode(1 - mask, kernel), cv2.erode(mask, np.ones((3, 3), np.uint8))
    small = cv2.cvtColor(ground.color, cv2.COLOR_LAB2RGB) * 255
    certain, outside, behind = (
        cv2.resize(each, (width, height), interpolation=how)
        for each, how in ((inner, cv2.INTER_NEAREST), (outer, cv2.INTER_NEAREST), (small, cv2.INTER_LINEAR))
    )
    band = (outside == 0) & (certain == 0)
    color = rgb.astype(np.float32)
    away = color - behind
    front = _find_front(color, np.sqrt((away**2).sum(-1)), outside == 0, scale)
    axis = front - behind
    length = (axis**2).sum(-1)
    alpha = np.where(length > 64, (away * axis).sum(-1) / np.maximum(length, 1), 0)
    alpha = np.clip((alpha - 0.08) / 0.8, 0, 1)  # noise of the ground is not product, nor that of the product ground
    alpha[certain == 1] = 1
    alpha[outside == 1] = 0
    mixed = band & (alpha < 1)
    share = alpha[mixed][:, None]
    freed = (color[mixed] - (1 - share) * behind[mixed]) / np.maximum(share, 0.1)
    color[mixed] = freed * share + front[mixed] * (1 - share)
    painted = np.dstack([np.clip(color, 0, 255), alpha * 255])
    return np.asarray(np.rint(painted), np.uint8)


def _find_front(color: Plane, distance: Plane, inside: Mask, scale: float) -> Plane:
    """The product's colour near each pixel: of those around, the ones farthest from the ground."""
    size = 2 * round(_BAND * scale) + 1
    distance = np.where(inside, distance, 0).astype(np.float32)
    reach = cv2.dilate(distance, np.ones((size, size), np.uint8))
    weight = (inside & (distance > 0.75 * reach) & (distance > 12)).astype(np.float32)
    near = cv2.GaussianBlur(weight, (0, 0), 2 * scale)
    mean = cv2.GaussianBlur(color * weight[..., None], (0, 0), 2 * scale)
    return np.where((near > 1e-4)[..., None], mean / np.maximum(near, 1e-4)[..., None], color).astype(np.float32)


def _shrink(rgb: Pixels) -> Pixels:
    height, width = rgb.shape[:2]
    scale = ANALYSIS_SIDE / max(height, width)
    if scale >= 1:
        return rgb
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _trim(pixels: Pixels) -> Pixels:
    """Without its transparent margin; unchanged where nothing can be seen."""
    seen = pixels[..., 3] > 8
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not len(rows):
        return pixels
    return np.ascontiguousarray(pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])

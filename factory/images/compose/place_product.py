"""The product in a creative: scaled once, never redrawn, on a soft shadow (cut-out) or in a frame (card)."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.images.compose.layers import contain, count_halvings, fade, halve, premultiply, scale, trim
from factory.images.types import MOST_ENLARGED, Box, Color, Cutout, PlacedProduct

_SHADE: Color = (12, 14, 18)
_DROP, _CONTACT = 0.30, 0.42  # how dark the shadows are, 0..1: behind the product, and where it stands
_COARSE = 4  # shadows are drawn at a quarter of the size: they are blurred anyway
_TINTS = np.rint(np.outer(_SHADE, np.arange(256)) / 255).astype(np.uint8)  # of each channel, by strength


@dataclass(frozen=True, slots=True)
class Fitting:
    """Where a product stands in its box, in whole pixels of the picture. `frame` is the width of a card's frame."""

    x: int
    y: int
    width: int
    height: int
    frame: int

    @property
    def box(self) -> Box:
        """All that it covers, frame included."""
        pad = self.frame
        return Box(self.x - pad, self.y - pad, self.width + 2 * pad, self.height + 2 * pad)


@dataclass(frozen=True, slots=True, eq=False)
class RenderedProduct:
    """A product in its final size, and its shadow or frame, `margin` wider on each side: both RGBA, premultiplied alpha."""

    pixels: Pixels
    under: Pixels
    margin: int


class _Key:
    """A cut-out with its size and frame, equal to another one when their pictures are equal."""

    def __init__(self, cutout: Cutout, width: int, height: int, frame: int, radius: int) -> None:
        self.cutout, self.width, self.height, self.frame, self.radius = cutout, width, height, frame, radius
        sample = cutout.pixels[::16, ::16].tobytes()
        self._parts = (cutout.digest, cutout.mode, cutout.pixels.shape, sample, width, height, frame, radius)

    def __hash__(self) -> int:
        return hash(self._parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._parts == other._parts


def fit_product(cutout: Cutout, box: Box, unit: float, align: tuple[str, str]) -> Fitting:
    """Return where the product stands in `box`: whole, and enlarged 1.5 times at most."""
    frame = round(0.9 * unit) if cutout.mode == "card" else 0
    inner = Box(box.x + frame, box.y + frame, box.width - 2 * frame, box.height - 2 * frame)
    high, wide = _trim(cutout).shape[:2]
    return Fitting(*contain(wide, high, inner, MOST_ENLARGED, align), frame)


def show_product(cutout: Cutout, fitting: Fitting, radius: float) -> tuple[PlacedProduct, RenderedProduct]:
    """Return the product in its place, and with its shadow or frame. `radius` of a card's corners is in pixels."""
    shown = _show(_Key(cutout, fitting.width, fitting.height, fitting.frame, round(radius)))
    return PlacedProduct(shown.pixels, fitting.x, fitting.y, cutout.mode), shown


@lru_cache(maxsize=8)
def _show(key: _Key) -> RenderedProduct:
    high, wide = _trim(key.cutout).shape[:2]
    near = _halve(key.cutout, count_halvings(wide, high, key.width, key.height))
    pixels = scale(near, key.width, key.height)
    if key.cutout.mode == "card":
        return _frame(pixels, key.frame, key.radius)
    under, margin = _cast_shadow(np.ascontiguousarray(pixels[..., 3]), contact=True)
    return RenderedProduct(pixels, under, margin)


# One product is worked on at a time: each step of fitting asks for its shape, each size for a reduced copy.
@lru_cache(maxsize=2)
def _trim(cutout: Cutout) -> Pixels:
    return trim(cutout.pixels) if cutout.mode == "cutout" else cutout.pixels


@lru_cache(maxsize=8)
def _halve(cutout: Cutout, times: int) -> Pixels:
    """Return the trimmed product, with premultiplied alpha, halved `times` times."""
    return halve(_halve(cutout, times - 1)) if times else premultiply(_trim(cutout))


def _cast_shadow(alpha: Pixels, contact: bool) -> tuple[Pixels, int]:
    """Return the shadow of what `alpha` covers, premultiplied RGBA with a margin on every side, and that margin."""
    high, wide = alpha.shape
    side = max(high, wide)
    margin = _COARSE * (1 + side // (6 * _COARSE))
    low_w, low_h = max(1, wide // _COARSE), max(1, high // _COARSE)
    pad = margin // _COARSE
    small = np.zeros((low_h + 2 * pad, low_w + 2 * pad), np.uint8)
    body: Pixels = np.asarray(cv2.resize(alpha, (low_w, low_h), interpolation=cv2.INTER_AREA), np.uint8)
    down = max(1, round(side * 0.02 / _COARSE))
    small[pad + down : pad + down + low_h, pad : pad + low_w] = body
    shade = cv2.GaussianBlur(small, (0, 0), max(0.8, side * 0.025 / _COARSE)).astype(np.float32) * _DROP
    if contact:
        shade = np.maximum(shade, _touch_ground(body, small.shape, pad, side / _COARSE) * _CONTACT)
    full = cv2.resize(
        cv2.convertScaleAbs(shade), (wide + 2 * margin, high + 2 * margin), interpolation=cv2.INTER_CUBIC
    )
    return _tint(np.asarray(full, np.uint8)), margin


def _touch_ground(body: Pixels, shape: tuple[int, ...], pad: int, side: float) -> Pixels:
    """Return the dark line on which the product stands: as wide as its lowest part, flat, and blurred along the ground."""
    high, wide = body.shape
    foot = body[-max(1, round(high * 0.07)) :].max(0)
    line = np.zeros(shape, np.uint8)
    thick = max(1, round(side * 0.012))
    line[pad + high - thick : pad + high + thick, pad : pad + wide] = foot
    blurred = cv2.GaussianBlur(line, (0, 0), sigmaX=max(0.8, side * 0.03), sigmaY=max(0.6, side * 0.011))
    return np.asarray(blurred)


def _tint(strength: Pixels) -> Pixels:
    """Return the shade in `strength` (0..255) as RGBA with premultiplied alpha."""
    return np.asarray(cv2.merge([*(cv2.LUT(strength, tints) for tints in _TINTS), strength]))


def _frame(pixels: Pixels, frame: int, radius: int) -> RenderedProduct:
    """Return a photo with round corners, on a shadow, in a frame of its own background's colour."""
    high, wide = pixels.shape[:2]
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])[:, :3]
    color = np.median(edge, axis=0).astype(np.uint8)
    photo = fade(pixels, _round(wide, high, max(0, radius - frame)))
    mask = _round(wide + 2 * frame, high + 2 * frame, radius)
    under, margin = _cast_shadow(mask, contact=False)
    board = np.empty((*mask.shape, 4), np.uint8)
    board[..., :3], board[..., 3] = color, mask
    board = premultiply(board)
    place = under[margin : margin + mask.shape[0], margin : margin + mask.shape[1]]
    rest = cv2.cvtColor(255 - mask, cv2.COLOR_GRAY2RGBA)
    place[:] = cv2.add(board, cv2.multiply(place, rest, scale=1 / 255))
    return RenderedProduct(photo, under, margin + frame)


def _round(width: int, height: int, radius: int) -> Pixels:
    """Return the alpha of a rectangle with round corners, smooth at the edge."""
    mask = np.full((height, width), 255, np.uint8)
    radius = min(radius, width // 2, height // 2)
    if radius < 1:
        return mask
    fine = 4
    quarter = np.zeros((radius * fine, radius * fine), np.uint8)
    cv2.circle(quarter, (radius * fine, radius * fine), radius * fine, 255, -1)
    corner = cv2.resize(quarter, (radius, radius), interpolation=cv2.INTER_AREA)
    mask[:radius, :radius] = corner
    mask[:radius, -radius:] = corner[:, ::-1]
    mask[-radius:, :radius] = corner[::-1]
    mask[-radius:, -radius:] = corner[::-1, ::-1]
    return mask

"""The ink of one text: which pixels were painted for it, how opaque, and how well they stand out from their ground."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.images.checks.pixels import Floats, add_channels, find_percentile
from factory.images.colors import compare_luminance, measure_luminance
from factory.images.types import Box, Color, Placed

# In ems. A letter cannot be read where the ground has no contrast over the width of a letter. Where that happens there is no
# ink, so the ground beside the ink is measured too, as far as beyond a gap between two words.
BESIDE, LETTER = 0.75, 0.4
WORST_PERCENTILE = 5  # of the contrast over a text's ground: one pixel in twenty is ignored


@dataclass(frozen=True, slots=True, eq=False)
class Ink:
    """What was painted for one text. `box` is the smallest one around all its pixels.

    The arrays reach an em farther to the sides and two pixels farther up and down, but not beyond the text's own box. They
    hold every `step`-th pixel: `cover` is the share of the text's colour in it (0..1), `painted` the RGB picture, `ground`
    the same without the text.
    """

    text: Placed
    box: Box
    step: int
    cover: Floats
    painted: Pixels
    ground: Pixels


def measure_contrast(ink: Ink) -> float:
    """Return the worst contrast of a text's colour with its ground.

    The ground around the glyphs counts, three quarters of an em to the sides and two pixels up and down. The worst is the
    lower one of the 5th percentile over that ground and the lowest mean over the width of a letter.
    """
    font = ink.text.font_px / ink.step
    side, letter = max(1, round(BESIDE * font)), max(3, round(LETTER * font))
    glyphs = np.asarray(ink.cover > 0.25, np.uint8)
    around = cv2.dilate(glyphs, np.ones((5, 2 * side + 1), np.uint8)).astype(np.float32)
    if not around.any():
        return 1.0
    contrast = contrast_with(measure_light(ink.ground), ink.text.color)
    window = (letter, letter)
    total = cv2.boxFilter(contrast * around, -1, window, normalize=False)
    by_letter: Floats = total / np.maximum(cv2.boxFilter(around, -1, window, normalize=False), 1.0)
    counted = around > 0
    return min(find_percentile(contrast[counted], WORST_PERCENTILE), float(by_letter[counted].min()))


def measure_cover(painted: Pixels, ground: Pixels, color: Color) -> Floats:
    """Return how far each pixel lies on the way from its ground's colour to `color`, 0..1: the alpha of the glyph there."""
    under = ground.astype(np.float32)
    moved, way = painted - under, np.array(color, np.float32) - under
    length = np.maximum(add_channels(way * way), 1.0)
    return np.asarray(np.clip(add_channels(moved * way) / length, 0.0, 1.0), np.float32)


def measure_light(pixels: Pixels) -> Floats:
    """Return the relative luminance of an RGB picture, as `measure_luminance` does, in a fraction of the time."""
    curve, weights = _make_curve()
    return np.asarray(cv2.transform(cv2.LUT(np.ascontiguousarray(pixels), curve), weights), np.float32)


def contrast_with(light: Floats, color: Color) -> Floats:
    """Return the contrast ratio (1..21, WCAG 2.2) of `color` with each luminance."""
    return compare_luminance(light, float(measure_luminance(np.array(color, np.uint8))))


@cache
def _make_curve() -> tuple[Floats, Floats]:
    """Linear light of each of the 256 levels, and the weights of red, green and blue in luminance."""
    levels = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    weights = measure_luminance(np.diag([255, 255, 255]).astype(np.uint8))
    return measure_luminance(levels).astype(np.float32), weights.astype(np.float32)[None, :]

"""The few operations that backdrops are painted with: soft parts are drawn small and enlarged, sharp edges at full size.

Pixels are uint8 RGB; a mask is uint8, 0..255, of one channel. cv2 runs on one thread: many processes share the machine, and
the bytes must not depend on the number of threads.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import cv2
import numpy as np
import numpy.typing as npt

from factory.engines.base import Pixels
from factory.images.backdrops.procedural.palette import Palette
from factory.images.colors import Color

Floats = npt.NDArray[np.float32]
_SHIFT = 4  # fractional bits of coordinates
_TILE = 512  # pixels of a side of the grain, which is made once
_BLOCK = (80, 400)  # rows and columns that are painted at once: so many fit into the processor's cache
_SOFT_SIDE = 128  # pixels of the longer side of what is drawn small and enlarged


@dataclass(frozen=True, slots=True)
class Scene:
    """What one backdrop is painted from: its size in pixels, its shades, and its random numbers."""

    width: int
    height: int
    palette: Palette
    rng: np.random.Generator

    @property
    def unit(self) -> float:
        """One unit of layouts, in pixels."""
        return sqrt(self.width * self.height) / 100

    @property
    def diagonal(self) -> float:
        """The length of the picture's diagonal, in pixels."""
        return sqrt(self.width**2 + self.height**2)

    def draw_between(self, low: float, high: float) -> float:
        """Return a random number between `low` and `high`."""
        return low + (high - low) * self.rng.random()

    def pick_number(self, *numbers: float) -> float:
        """Return one of the numbers at random."""
        return numbers[int(self.rng.integers(len(numbers)))]

    def toss(self, chance: float = 0.5) -> bool:
        """Return True with this probability."""
        return bool(self.rng.random() < chance)

    def pick(self, *names: str) -> str:
        """Return one of the names at random."""
        return names[int(self.rng.integers(len(names)))]


def make_grid(scene: Scene, side: int = _SOFT_SIDE) -> tuple[Floats, Floats]:
    """Return x and y, in pixels of the picture, of the centres of a small grid with `side` cells on its longer side."""
    scale = max(1.0, max(scene.width, scene.height) / side)
    columns, rows = max(4, round(scene.width / scale)), max(4, round(scene.height / scale))
    x = (np.arange(columns, dtype=np.float32) + 0.5) * (scene.width / columns)
    y = (np.arange(rows, dtype=np.float32) + 0.5) * (scene.height / rows)
    return np.broadcast_to(x, (rows, columns)), np.broadcast_to(y[:, None], (rows, columns))


def blend(layers: list[tuple[Color, Floats]]) -> Floats:
    """Return the mean of the colours, weighted by masks of one small shape: float32, (rows, columns, 3)."""
    total = sum(weight for _, weight in layers)
    mixed = sum(weight[..., None] * np.asarray(color, np.float32) for color, weight in layers)
    return np.asarray(mixed / np.asarray(total)[..., None], np.float32)


def spread(small: Floats, scene: Scene) -> Pixels:
    """Return a small field of colours at the picture's size, dithered before it is rounded, so that no bands are visible.

    It is dithered at half the size: that is a quarter of the work, and noise of one level is invisible at either size.
    """
    half = cv2.resize(small, ((scene.width + 1) // 2, (scene.height + 1) // 2), interpolation=cv2.INTER_LINEAR)
    left, top, span = *_draw_corner(scene), _TILE // 2
    for y in range(0, half.shape[0], span):
        for x in range(0, half.shape[1], span):
            part = half[y : y + span, x : x + span]
            cv2.add(part, _make_dither()[top : top + part.shape[0], left : left + part.shape[1]], dst=part)
    whole = cv2.convertScaleAbs(half)
    return np.asarray(cv2.resize(whole, (scene.width, scene.height), interpolation=cv2.INTER_LINEAR), np.uint8)


def spread_mask(small: Floats, scene: Scene) -> Pixels:
    """Return a small mask (0..1) at the picture's size, 0..255, smooth."""
    whole = np.clip(np.rint(small * 255), 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(whole, (scene.width, scene.height), interpolation=cv2.INTER_CUBIC), np.uint8)


def fill_ground(scene: Scene, start: Color, end: Color, angle: float) -> Pixels:
    """Return a picture that goes from `start` to `end` along `angle` (radians, clockwise from the right)."""
    x, y = make_grid(scene, 64)
    along = x * np.cos(angle) + y * np.sin(angle)
    share = (along - along.min()) / max(1e-6, float(along.max() - along.min()))
    share = share * share * (3 - 2 * share)  # eases in and out
    return spread(blend([(start, 1 - share), (end, share)]), scene)


def lay(image: Pixels, mask: Pixels, color: Color) -> None:
    """Paint `color` over the picture, as opaque as the mask says. It works in blocks, most of which are often empty."""
    rows, columns = mask.shape
    for top in range(0, rows, _BLOCK[0]):
        for left in range(0, columns, _BLOCK[1]):
            block = mask[top : top + _BLOCK[0], left : left + _BLOCK[1]]
            x, y, width, height = cv2.boundingRect(block)
            if width:
                part = image[top + y : top + y + height, left + x : left + x + width]
                _lay_block(part, block[y : y + height, x : x + width], color)


def _lay_block(part: Pixels, cover: Pixels, color: Color) -> None:
    inked = cv2.merge([cv2.convertScaleAbs(cover, alpha=channel / 255) for channel in color])
    cv2.multiply(part, cv2.cvtColor(cv2.bitwise_not(cover), cv2.COLOR_GRAY2RGB), dst=part, scale=1 / 255)
    cv2.add(part, inked, dst=part)


def fill(image: Pixels, points: npt.ArrayLike, color: Color | int) -> None:
    """Paint a polygon (corners x, y in pixels) with smooth edges."""
    corners = np.rint(np.asarray(points, np.float64) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(image, [corners], color, cv2.LINE_AA, _SHIFT)


def fill_many(image: Pixels, points: npt.NDArray[np.float64], counts: list[int], colors: list[Color]) -> None:
    """Paint polygons given as (number, corners, 2); each uses as many of its corners as `counts` says."""
    corners = np.rint(points * (1 << _SHIFT)).astype(np.int32)
    for polygon, count, color in zip(corners, counts, colors, strict=True):
        cv2.fillPoly(image, [polygon[:count]], color, cv2.LINE_AA, _SHIFT)


def trace_disc(
    x: float, y: float, radius: float, start: float = 0.0, sweep: float = 2 * np.pi
) -> npt.NDArray[np.float64]:
    """Return the corners of an arc of a circle, fine enough to look round; angles in radians, clockwise from the right."""
    steps = int(min(240, max(16, radius * 1.2)) * sweep / (2 * np.pi)) + 2
    turn = start + np.linspace(0.0, sweep, steps)
    return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=1)


def soften(mask: Floats, scene: Scene, pixels: float) -> Floats:
    """Return a small mask blurred by `pixels` (standard deviation) of the whole picture."""
    sigma = max(0.3, pixels * mask.shape[1] / scene.width)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def cast_shadow(image: Pixels, scene: Scene, points: npt.NDArray[np.float64], blur: float, strength: float) -> None:
    """Darken the picture around a polygon that is painted next: blurred by `blur` pixels, at most `strength` dark."""
    columns, rows = (
        max(4, round(side * 160 / max(scene.width, scene.height))) for side in (scene.width, scene.height)
    )
    corners = points * (columns / scene.width, rows / scene.height) * (1 << _SHIFT)
    flat = np.zeros((rows, columns), np.float32)
    cv2.fillPoly(flat, [np.rint(corners).astype(np.int32)], 1.0, cv2.LINE_8, _SHIFT)
    shadow = soften(flat, scene, blur) * strength
    # Nothing is needed where the polygon will lie, and where the shadow cannot be seen.
    shadow[(cv2.erode(flat, np.ones((5, 5), np.uint8)) > 0) | (shadow < 0.008)] = 0
    lay(image, spread_mask(shadow, scene), scene.palette.tint("shade", 1.0))


def add_grain(image: Pixels, scene: Scene) -> None:
    """Add a grain of at most two levels, the same in all channels, so that soft gradients show no bands."""
    lighter, darker = _make_grain()
    left, top, span = *_draw_corner(scene), _TILE // 2
    for y in range(0, scene.height, span):
        for x in range(0, scene.width, span):
            part = image[y : y + span, x : x + span]
            window = (slice(top, top + part.shape[0]), slice(left, left + part.shape[1]))
            cv2.add(part, lighter[window], dst=part)
            cv2.subtract(part, darker[window], dst=part)


def _draw_corner(scene: Scene) -> tuple[int, int]:
    left, top = scene.rng.integers(_TILE // 2, size=2).tolist()
    return left, top


@lru_cache(maxsize=1)
def _make_noise() -> npt.NDArray[np.int16]:
    return np.random.Generator(np.random.PCG64(20)).integers(0, 256, size=(2, _TILE, _TILE), dtype=np.int16)


@lru_cache(maxsize=1)
def _make_dither() -> Floats:
    noise = (_make_noise().sum(axis=0, dtype=np.float32) - 255) / 255  # triangular, -1..1: rounding leaves no pattern
    return np.repeat(noise[..., None], 3, axis=2)


@lru_cache(maxsize=1)
def _make_grain() -> tuple[Pixels, Pixels]:
    values = _make_noise() % 3
    grain = np.repeat((values[0] + values[1] - 2)[..., None], 3, axis=2)  # triangular, -2..2
    return np.maximum(grain, 0).astype(np.uint8), np.maximum(-grain, 0).astype(np.uint8)

"""Colours as numbers: hexadecimal notation, mixing, and contrast by WCAG 2.2 (relative luminance, contrast ratio 1..21)."""

from functools import cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Color = tuple[int, int, int]
Kind = TypeVar("Kind", bound=np.floating[Any])

_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])
_FLARE = 0.05  # luminance that a screen adds to every colour, by WCAG


def parse_hex(text: str) -> Color:
    """Return "#rrggbb" as three numbers 0..255."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def write_hex(color: Color) -> str:
    """Return a colour as "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def mix(one: Color, other: Color, share: float) -> Color:
    """Return the colour between the two; `share` 0 gives `one`, 1 gives `other`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


@cache
def _curve() -> npt.NDArray[np.float64]:
    """Linear light for each of the 256 values of a channel."""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def measure_luminance(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return the relative luminance (0..1) of RGB pixels of shape (..., 3)."""
    return np.asarray(_curve()[pixels] @ _WEIGHTS)


def compare_luminance(one: npt.NDArray[Kind], other: float) -> npt.NDArray[Kind]:
    """Return the contrast ratio, 1 (none) to 21 (black and white), of each relative luminance with another one."""
    return np.asarray((np.maximum(one, other) + _FLARE) / (np.minimum(one, other) + _FLARE), one.dtype)


def measure_contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio of two colours, 1 (none) to 21 (black and white)."""
    luminance = measure_luminance(np.array([one, other], np.uint8))
    return float(compare_luminance(luminance[:1], float(luminance[1]))[0])

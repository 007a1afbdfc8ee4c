"""The logo in its box: the kit's picture for light or dark grounds, or the brand's name set in its heading font."""

from collections.abc import Mapping
from functools import lru_cache
from html import escape

import blitz_py
import numpy as np

from factory.engines.base import Pixels
from factory.images.brand.kit import Brand
from factory.images.colors import measure_luminance
from factory.images.compose.layers import contain, count_halvings, halve, premultiply, scale, trim
from factory.images.types import Box, Color

MOST = 2.0  # a logo is enlarged at most so many times
# Luminance of a ground on which black and white have the same contrast: sqrt(1.05 * 0.05) - 0.05.
MIDDLE = 0.179
_NAME_SHARE = 0.72  # size of a brand's name as a share of the box's height


def place_logo(brand: Brand, family: str, align: tuple[str, str], box: Box) -> Box:
    """Return where the logo stands in `box`. `family` is the CSS family for a name that takes the place of a logo."""
    return Box(*_contain(_find_mark(brand, family, box, "light"), brand, align, box))


def make_logo(
    ground: Pixels, brand: Brand, family: str, inks: Mapping[str, Color], box: Box, align: tuple[str, str]
) -> tuple[Pixels, int, int]:
    """Return the logo as RGBA with premultiplied alpha, in its final size, and its x and y on RGB `ground`.

    `inks` are the colours of a brand's name on "light" and "dark" grounds. The mean luminance of the ground decides which.
    """
    left, top = max(0, int(box.x)), max(0, int(box.y))
    under = ground[top : int(box.bottom) + 1 : 2, left : int(box.right) + 1 : 2]
    is_dark = bool(under.size) and float(measure_luminance(under).mean()) < MIDDLE
    kind = "dark" if is_dark else "light"
    mark = _find_mark(brand, family, box, kind)
    x, y, width, height = _contain(mark, brand, align, box)
    if brand.logos:
        return _scale_logo(brand, kind, width, height), x, y
    name = scale(mark, width, height).copy()
    name[..., :3] = inks[kind]
    return premultiply(name), x, y


def _find_mark(brand: Brand, family: str, box: Box, kind: str) -> Pixels:
    if brand.logos:
        return _trim_logo(brand, kind)
    return _set_name(brand.kit.name, family, max(1, int(box.width)), max(1, int(box.height)))


def _contain(pixels: Pixels, brand: Brand, align: tuple[str, str], box: Box) -> tuple[int, int, int, int]:
    return contain(pixels.shape[1], pixels.shape[0], box, MOST if brand.logos else 1.0, align)


@lru_cache(maxsize=64)
def _scale_logo(brand: Brand, kind: str, width: int, height: int) -> Pixels:
    """Return a kit's logo with premultiplied alpha; not to be written to."""
    mark = premultiply(_trim_logo(brand, kind))
    for _ in range(count_halvings(mark.shape[1], mark.shape[0], width, height)):
        mark = halve(mark)
    return scale(mark, width, height)


@lru_cache(maxsize=16)
def _trim_logo(brand: Brand, kind: str) -> Pixels:
    return trim(brand.logos[kind] if kind in brand.logos else next(iter(brand.logos.values())))


@lru_cache(maxsize=64)
def _set_name(name: str, family: str, width: int, height: int) -> Pixels:
    """Return a brand's name in black, RGBA, trimmed, on one line within `width` x `height` pixels."""
    full = height * _NAME_SHARE
    wide, _ = blitz_py.measure_text(name, font_size=full, font_family=family, font_weight=700)
    size = full * min(1.0, width / max(1.0, wide * 1.02))
    css = f"margin:0;font:700 {size:.2f}px/{height}px {family};white-space:nowrap;color:#000"
    html = f'<html><body style="{css}">{escape(name)}</body></html>'
    _, _, data = blitz_py.render_rgba(html, width=width, height=height, background="#00000000")
    return trim(np.frombuffer(data, np.uint8).reshape(height, width, 4))

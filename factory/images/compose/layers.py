"""Pixels over pixels: a ground that covers the picture, and layers with alpha laid over it. Integers throughout."""

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.images.types import Box, Color

_BLUR, _LEAST_BLUR = 0.8, 0.15  # pixels of blur by which a reduction exceeds 1, and what is too little to blur
_WHITE, _BLACK = 250, 6  # from these levels on, an edge cannot be seen on a white or a black page

cv2.setNumThreads(1)  # one thread works on a creative: other processes use the other cores


def cover(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return RGB `pixels` as a new picture of `height` x `width`: scaled to cover it, the rest cut off evenly."""
    high, wide = pixels.shape[:2]
    scale = max(width / wide, height / high)
    if scale != 1:
        new = max(width, round(wide * scale)), max(height, round(high * scale))
        pixels = _resize(pixels, *new)
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width].copy()


def fill(color: Color, width: int, height: int) -> Pixels:
    """Return an RGB picture of one colour."""
    return np.full((height, width, 3), color, np.uint8)


def lay_over(ground: Pixels, layer: Pixels, x: int = 0, y: int = 0) -> None:
    """Lay RGBA with premultiplied alpha over RGB `ground`, in place, its left upper corner at (`x`, `y`).

    Where the layer is opaque its colours stay unchanged; where it is clear the ground does. What lies outside is cut off.
    """
    left, top = max(0, x), max(0, y)
    right, bottom = min(ground.shape[1], x + layer.shape[1]), min(ground.shape[0], y + layer.shape[0])
    if right <= left or bottom <= top:
        return
    part = layer[top - y : bottom - y, left - x : right - x]
    alpha = cv2.extractChannel(part, 3)
    seen_x, seen_y, wide, high = cv2.boundingRect(alpha)
    if not wide:
        return
    part = part[seen_y : seen_y + high, seen_x : seen_x + wide]
    left, top = left + seen_x, top + seen_y
    place = ground[top : top + high, left : left + wide]
    rest = cv2.cvtColor(cv2.bitwise_not(alpha[seen_y : seen_y + high, seen_x : seen_x + wide]), cv2.COLOR_GRAY2RGB)
    under = cv2.multiply(place, rest, scale=1 / 255)
    cv2.add(under, cv2.cvtColor(part, cv2.COLOR_RGBA2RGB), dst=place)


def draw_border(ground: Pixels, color: Color) -> None:
    """Draw a line one pixel wide around RGB `ground`, in place, if half of a side is nearly white or nearly black."""
    sides = (ground[0], ground[-1], ground[:, 0], ground[:, -1])
    if any((side.min(1) >= _WHITE).mean() > 0.5 or (side.max(1) <= _BLACK).mean() > 0.5 for side in sides):
        for side in sides:
            side[:] = color


def premultiply(pixels: Pixels) -> Pixels:
    """Return RGBA with straight alpha as RGBA with premultiplied alpha."""
    factors = cv2.cvtColor(cv2.extractChannel(pixels, 3), cv2.COLOR_GRAY2RGBA)  # that of alpha is 1
    return np.asarray(cv2.multiply(pixels, factors, scale=1 / 255), np.uint8)


def fade(pixels: Pixels, mask: Pixels) -> Pixels:
    """Return all four channels of RGBA multiplied by a mask of its size, 0..255."""
    return np.asarray(cv2.multiply(pixels, cv2.merge([mask] * 4), scale=1 / 255), np.uint8)


def count_halvings(width: int, height: int, new_width: int, new_height: int) -> int:
    """Return how many times a picture can be halved without becoming smaller than the new size."""
    return max(0, min(width // max(1, new_width), height // max(1, new_height)).bit_length() - 1)


def halve(pixels: Pixels) -> Pixels:
    """Return RGBA with premultiplied alpha at half its size: the mean of each four pixels. An odd edge is doubled first."""
    high, wide = pixels.shape[:2]
    if high % 2 or wide % 2:
        pixels = np.asarray(cv2.copyMakeBorder(pixels, 0, high % 2, 0, wide % 2, cv2.BORDER_REPLICATE))
    return _resize(pixels, pixels.shape[1] // 2, pixels.shape[0] // 2)


def scale(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return RGBA with premultiplied alpha in another size. The caller halves first what is to be reduced by two or more.

    It is reduced with a cubic filter after just enough blur to avoid moiré. On product photos the result is within 1 to 3
    levels of 255 of Lanczos (root mean square; area averaging: 2 to 2.5), in a third of the time.
    """
    high, wide = pixels.shape[:2]
    if (high, wide) == (height, width):
        return pixels
    times = max(wide / width, high / height)
    if times <= 1:
        return _resize(pixels, width, height)
    if (blur := _BLUR * (times - 1)) > _LEAST_BLUR:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), blur), np.uint8)
    scaled = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC)
    # A cubic filter overshoots at hard edges: no colour may be stronger than its alpha.
    return np.asarray(cv2.min(scaled, cv2.cvtColor(cv2.extractChannel(scaled, 3), cv2.COLOR_GRAY2RGBA)), np.uint8)


def trim(pixels: Pixels) -> Pixels:
    """Return RGBA `pixels` without the rows and columns at its edges that are nearly transparent."""
    seen = np.asarray(pixels[..., 3] > 8, np.uint8)
    left, top, wide, high = cv2.boundingRect(seen)
    return pixels[top : top + high, left : left + wide] if wide else pixels


def contain(width: int, height: int, box: Box, most: float, align: tuple[str, str]) -> tuple[int, int, int, int]:
    """Return x, y, width and height, in whole pixels, of a picture that fits into `box`, enlarged `most` times at most.

    `align` is "start", "center" or "end" across and down.
    """
    left, top = int(np.ceil(box.x)), int(np.ceil(box.y))
    room_x, room_y = max(1, int(box.right) - left), max(1, int(box.bottom) - top)
    scale = min(room_x / width, room_y / height, most)
    wide, high = min(room_x, max(1, round(width * scale))), min(room_y, max(1, round(height * scale)))
    share = {"start": 0.0, "center": 0.5, "end": 1.0}
    x = left + int((room_x - wide) * share[align[0]])
    y = top + int((room_y - high) * share[align[1]])
    return x, y, wide, high


def lay_part(ground: Pixels, layer: Pixels, box: Box) -> None:
    """Lay the part in `box` of a layer of the picture's size over RGB `ground`, in place."""
    left, top = max(0, int(box.x)), max(0, int(box.y))
    lay_over(ground, layer[top : int(np.ceil(box.bottom)), left : int(np.ceil(box.right))], left, top)


def take_part(ground: Pixels, layer: Pixels, box: Box) -> None:
    """Lay the part in `box` of `layer` over RGB `ground`, then clear it in the layer, so that no pixel is laid twice."""
    lay_part(ground, layer, box)
    layer[
        max(0, int(box.y)) : max(0, int(np.ceil(box.bottom))), max(0, int(box.x)) : max(0, int(np.ceil(box.right)))
    ] = 0


def find_ink(layer: Pixels, box: Box) -> Box | None:
    """Return the smallest box within `box` around all pixels of `layer` (RGBA) that are not clear; None if all are."""
    left, top = max(0, int(box.x)), max(0, int(box.y))
    part = layer[top : max(top, int(np.ceil(box.bottom))), left : max(left, int(np.ceil(box.right))), 3]
    x, y, width, height = cv2.boundingRect(part) if part.size else (0, 0, 0, 0)
    return Box(left + x, top + y, width, height) if width else None


def grow(box: Box, margin: float) -> Box:
    """Return `box` with `margin` pixels more on every side."""
    return Box(box.x - margin, box.y - margin, box.width + 2 * margin, box.height + 2 * margin)


def _resize(pixels: Pixels, width: int, height: int) -> Pixels:
    shrinks = width < pixels.shape[1]
    return np.asarray(
        cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    )

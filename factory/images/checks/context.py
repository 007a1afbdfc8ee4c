"""What the checks and scores of one composition share, each measured once: the ink of texts, the product, small copies."""

from functools import cached_property
from math import ceil

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.images.checks.blur import measure_product_blur
from factory.images.checks.ink import Ink, measure_contrast, measure_cover
from factory.images.checks.pixels import OPAQUE, Floats, Mask, clip_box, convert_lab, find_same, shrink_composition
from factory.images.types import Box, Composition, Placed
from schemas.creative import Slot

# For every 20 px of a text's size, one more pixel is skipped: strokes are about a tenth of the size wide.
STEP_PX = 20


class CheckContext:
    """One composition in its slot. Its pictures must have the slot's size: `find_wrong_size` comes first."""

    def __init__(self, composition: Composition, slot: Slot) -> None:
        self.composition = composition
        self.slot = slot
        self.frame = Box(0, 0, slot.width, slot.height)

    @cached_property
    def ink(self) -> Mask:
        """255 where the picture differs from its ground: every pixel of any text."""
        return np.asarray(cv2.bitwise_not(find_same(self.composition.pixels, self.composition.ground)), np.uint8)

    @cached_property
    def inks(self) -> tuple[Ink | None, ...]:
        """The ink of each text in its box, in the order of the texts; None for one that cannot be seen."""
        return tuple(self._find_ink(text) for text in self.composition.texts)

    @cached_property
    def contrasts(self) -> tuple[float | None, ...]:
        """The worst contrast of each text with its ground, in the order of the texts; None for one that cannot be seen."""
        return tuple(None if ink is None else measure_contrast(ink) for ink in self.inks)

    @cached_property
    def product_alpha(self) -> Mask | None:
        """The product's alpha in the whole picture, 0 outside of the product; None without one."""
        product = self.composition.product
        if product is None:
            return None
        alpha = np.zeros((self.slot.height, self.slot.width), np.uint8)
        box = clip_box(product.box, self.frame)
        inside = product.pixels[box[1] - product.y : box[3] - product.y, box[0] - product.x : box[2] - product.x, 3]
        alpha[box[1] : box[3], box[0] : box[2]] = inside
        return alpha

    @cached_property
    def product_box(self) -> Box | None:
        """The smallest box around the product's opaque pixels in the picture; None where there are none."""
        if self.product_alpha is None:
            return None
        found = cv2.boundingRect(np.asarray(self.product_alpha >= OPAQUE, np.uint8))
        return Box(*found) if found[2] else None

    @cached_property
    def product_blur(self) -> float | None:
        """The blur effect of the product, 0 (sharp) to 1; None without a product, or for one without any detail."""
        product = self.composition.product
        return None if product is None else measure_product_blur(product.pixels)

    @cached_property
    def small(self) -> Pixels:
        """The picture reduced by a whole number so that its longer side is at most 256 pixels."""
        return shrink_composition(self.composition)

    @cached_property
    def small_lab(self) -> Floats:
        """`small` in CIE Lab (L 0..100), of shape (height, width, 3)."""
        return convert_lab(self.small)

    def _find_ink(self, text: Placed) -> Ink | None:
        left, top, right, bottom = clip_box(text.box, self.frame)
        if right <= left or bottom <= top:
            return None
        x, y, width, height = cv2.boundingRect(self.ink[top:bottom, left:right])
        if not width:
            return None
        reach = ceil(text.font_px)
        step = max(1, int(text.font_px // STEP_PX))
        rows = slice(max(top, top + y - 2), min(bottom, top + y + height + 2), step)
        columns = slice(max(left, left + x - reach), min(right, left + x + width + reach), step)
        painted = np.ascontiguousarray(self.composition.pixels[rows, columns])
        ground = np.ascontiguousarray(self.composition.ground[rows, columns])
        cover = measure_cover(painted, ground, text.color)
        return Ink(text, Box(left + x, top + y, width, height), step, cover, painted, ground)


def join_faults(faults: list[str], most: int = 3) -> str:
    """Return the first `most` faults on one line, and how many more there are."""
    more = len(faults) - most
    return "; ".join(faults[:most]) + (f"; and {more} more" if more > 0 else "")

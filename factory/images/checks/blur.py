"""How blurred a picture is."""

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.images.checks.pixels import OPAQUE, Floats, Mask

BLUR_SIDE = 256  # pixels: blur is measured in the middle of the product, at full size, since reducing would hide it
_KERNEL = 11
_PLAIN = 0.25  # mean difference from pixel to pixel, in levels, below which a surface shows only noise


def measure_product_blur(pixels: Pixels) -> float | None:
    """Return the blur effect of a product's RGBA pixels, 0 (sharp) to 1; None for one without any detail."""
    height, width = pixels.shape[:2]
    top, left = max(0, (height - BLUR_SIDE) // 2), max(0, (width - BLUR_SIDE) // 2)
    middle = pixels[top : top + BLUR_SIDE, left : left + BLUR_SIDE]
    # The outline comes from our own cut: it is sharp even if the photo is not.
    inside = cv2.erode(np.asarray(middle[..., 3] >= OPAQUE, np.uint8), np.ones((_KERNEL, _KERNEL), np.uint8))
    gray = cv2.cvtColor(middle, cv2.COLOR_RGBA2GRAY).astype(np.float32)
    return measure_blur(gray, np.asarray(inside, np.uint8))


def measure_blur(gray: Floats, where: Mask) -> float | None:
    """Return the blur effect of Crété-Roffet et al. 2007 (https://doi.org/10.1117/12.702790), 0 sharp to 1 blurred.

    `gray` (0..255) is blurred once more, along each axis by a mean over 11 pixels: the differences from pixel to pixel become
    much smaller in a sharp picture, and hardly smaller in a blurred one. The worse of both axes counts, and only pixels where
    `where` is not 0. None if there are no differences to judge by.
    """
    found = []
    again = cv2.blur(gray, (1, _KERNEL)), cv2.blur(gray, (_KERNEL, 1))
    for blurred, here, before in ((again[0], np.s_[1:], np.s_[:-1]), (again[1], np.s_[:, 1:], np.s_[:, :-1])):
        counted = cv2.bitwise_and(where[here], where[before])
        steps = cv2.absdiff(gray[here], gray[before])
        total = cv2.mean(steps, counted)[0]
        if total < _PLAIN:
            continue
        lost = cv2.mean(np.maximum(steps - cv2.absdiff(blurred[here], blurred[before]), 0), counted)[0]
        found.append((total - lost) / total)
    return max(found, default=None)

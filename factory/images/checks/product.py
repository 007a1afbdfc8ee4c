"""The product in the picture: large enough, in its place, with every pixel as it was photographed, and sharp."""

import cv2
import numpy as np

from factory.images.checks.context import CheckContext
from factory.images.checks.pixels import clip_box, find_same
from factory.images.types import Box

LEAST_SHARE = 0.97  # of what the layout promises: the rest is rounding
LEAST_FILL = 0.5  # of its box, along the side that it fills best: a cut-out with wide empty margins has less
BLURRED = 0.62  # blur effect (see `blur.py`) from which a picture was enlarged too far, or is out of focus


def find_small_product(ctx: CheckContext) -> str:
    """The product's box has the share of the picture that the layout promises, and the product fills the box."""
    composition = ctx.composition
    if composition.product is None:
        return "there is a product picture, and no room was left for it" if composition.product_share else ""
    box = composition.boxes.get("product", composition.product.box)
    share = box.area / ctx.frame.area
    if share < composition.product_share * LEAST_SHARE:
        return f"its box covers {share:.1%} of the picture, the layout promises {composition.product_share:.1%}"
    opaque = ctx.product_box
    fill = 0.0 if opaque is None else max(opaque.width / max(box.width, 1), opaque.height / max(box.height, 1))
    return f"it fills {fill:.0%} of its box, needs {LEAST_FILL:.0%}" if fill < LEAST_FILL else ""


def find_changed_product(ctx: CheckContext) -> str:
    """Where the product is opaque and nothing may lie over it, the picture has exactly its pixels."""
    composition = ctx.composition
    if composition.product is None:
        return ""
    left, top, right, bottom = clip_box(composition.product.box, ctx.frame)
    x, y = composition.product.x, composition.product.y
    own = composition.product.pixels[top - y : bottom - y, left - x : right - x]
    counted = np.asarray(own[..., 3] == 255, np.uint8)
    for over in composition.over:
        # One more pixel around, for soft edges.
        grown = Box(over.x - 1, over.y - 1, over.width + 2, over.height + 2)
        x1, y1, x2, y2 = clip_box(grown, ctx.frame)
        counted[max(0, y1 - top) : max(0, y2 - top), max(0, x1 - left) : max(0, x2 - left)] = 0
    body = np.asarray(cv2.cvtColor(own, cv2.COLOR_RGBA2RGB), np.uint8)
    counted[find_same(body, composition.pixels[top:bottom, left:right]) > 0] = 0
    changed = cv2.countNonZero(counted)
    return f"{changed} of its pixels are changed" if changed else ""


def find_blurred_product(ctx: CheckContext) -> str:
    """The product's own pixels are sharp."""
    blur = ctx.product_blur
    return f"it is blurred: {blur:.2f}, at most {BLURRED}" if blur is not None and blur > BLURRED else ""

"""Named rules of picture slots that are judged on the composition; those on the file are in `files.py`.

Text or marks within a product's own photo are not found here: only what the factory put into the picture is judged.
"""

from collections.abc import Callable

import cv2
import numpy as np

from factory.engines.base import Pixels
from factory.images.checks.context import CheckContext
from factory.images.checks.geometry import find_wrong_size
from factory.images.checks.product import find_changed_product

WHITE, BLACK = 250, 6  # from these levels on, an edge cannot be seen on a white or a black page
MOST_LOST = 0.5  # share of one side of the edge that may be so
MOST_TEXT = 0.20  # share of the picture: Google's policy for responsive ads
LEAST_WHITE = 0.6  # share of the pixels around the product: the rest may be its shadow
LEAST_CARD = 0.9  # share of the edge of a photo that was not cut out: the product may touch the edge
NEUTRAL = 10  # levels by which the channels of a shadow on white may differ
PLAIN_WHITE = 0.7  # share of white in the ground from which a picture counts as a product on white


def find_wrong_pixels(ctx: CheckContext) -> str:
    """The picture has the slot's exact pixels."""
    return find_wrong_size(ctx.composition, ctx.slot)


def find_text(ctx: CheckContext) -> str:
    """No text was painted."""
    names = [text.slot for text in ctx.composition.texts]
    return f"it holds text: {', '.join(names)}" if names else ""


def find_logo(ctx: CheckContext) -> str:
    """No logo was painted."""
    return "it holds the logo" if ctx.composition.logo is not None else ""


def find_text_or_logo(ctx: CheckContext) -> str:
    """Neither text nor logo was painted."""
    return find_text(ctx) or find_logo(ctx)


def find_much_text(ctx: CheckContext) -> str:
    """Text and logo cover at most 20 % of the picture: the sum of the smallest boxes around what is painted."""
    boxes = [ink.box for ink in ctx.inks if ink is not None]
    if ctx.composition.logo is not None:
        boxes.append(ctx.composition.logo)
    share = sum(box.area for box in boxes) / ctx.frame.area
    return f"text and logo cover {share:.1%} of the picture, at most {MOST_TEXT:.0%}" if share > MOST_TEXT else ""


def find_no_product(ctx: CheckContext) -> str:
    """The product is in the picture."""
    return "there is no product" if ctx.product_box is None else ""


def find_render(ctx: CheckContext) -> str:
    """The picture is the product's photo, not painted over."""
    return find_no_product(ctx) or find_changed_product(ctx)


def find_props(ctx: CheckContext) -> str:
    """Nothing but the product is shown."""
    return find_no_product(ctx) or ("it has a backdrop" if ctx.composition.backdrop is not None else "")


def find_frame(ctx: CheckContext) -> str:
    """No line in one colour runs around the picture, unless what lies inside of it has that colour too."""
    pixels = ctx.composition.pixels
    edge = _list_ring(pixels, 0)
    if np.ptp(edge, axis=0).max() > 8:
        return ""
    depth = max(3, round(0.04 * min(ctx.slot.width, ctx.slot.height)))
    inner = _list_ring(pixels, depth).astype(int)
    differs = np.abs(inner - np.median(edge, axis=0)).max(axis=1) > 10
    return "a frame runs around it" if float(differs.mean()) > 0.9 else ""


def find_lost_border(ctx: CheckContext) -> str:
    """Every side of the picture's edge can be seen on a white and on a black page: where the ground is so, a border is drawn."""
    pixels = ctx.composition.pixels
    for name, line in zip(("top", "bottom", "left", "right"), _list_sides(pixels, 0), strict=True):
        for color, lost in (("white", line.min(axis=1) >= WHITE), ("black", line.max(axis=1) <= BLACK)):
            if float(lost.mean()) > MOST_LOST:
                return f"its {name} edge is {color} without a border"
    return ""


def find_off_white(ctx: CheckContext) -> str:
    """The picture is pure white (255) along its edge, and around the product except for a soft grey shadow."""
    pixels, alpha = ctx.composition.pixels, ctx.product_alpha
    white = cv2.inRange(pixels, (255, 255, 255), (255, 255, 255)) > 0
    around = alpha == 0 if alpha is not None else np.ones(white.shape, bool)
    edge = _list_ring((white | ~around)[..., None].astype(np.uint8), 0)
    if not edge.all():
        return f"{float((edge == 0).mean()):.0%} of its edge is not pure white"
    product = ctx.composition.product
    if product is not None and product.mode == "card":
        ring = _list_ring(product.pixels, 0)
        own = ring[:, :3] + (255 - ring[:, 3:])  # as it looks on white
        if float((own.min(axis=1) >= WHITE).mean()) < LEAST_CARD:
            return "the product's photo has a ground of its own, and could not be cut out"
    share = float(white[around].mean()) if around.any() else 1.0
    if share < LEAST_WHITE:
        return f"only {share:.0%} of its ground is pure white, at least {LEAST_WHITE:.0%}"
    shadow = pixels[around & ~white]
    if shadow.size and int(np.percentile(np.ptp(shadow, axis=1), 99)) > NEUTRAL:
        return "what lies around the product is coloured"
    return ""


def find_plain_white(ctx: CheckContext) -> str:
    """The product stands in a scene, not on plain white."""
    pixels = ctx.composition.ground
    around = ctx.product_alpha < 128 if ctx.product_alpha is not None else np.ones(pixels.shape[:2], bool)
    share = float((pixels.min(axis=2) >= 245)[around].mean()) if around.any() else 0.0
    return f"{share:.0%} of its ground is white" if share > PLAIN_WHITE else ""


def find_fill(least: float, most: float = 1.0) -> Callable[[CheckContext], str]:
    """Return the rule that the product fills a share of the picture's side between `least` and `most`.

    Of both sides, the one that it fills best counts, as channels measure it.
    """

    def judge(ctx: CheckContext) -> str:
        box = ctx.product_box
        if box is None:
            return "there is no product"
        share = max(box.width / ctx.frame.width, box.height / ctx.frame.height)
        wanted = f"{least:.0%} or more" if most >= 1 else f"{least:.0%} to {most:.0%}"
        return "" if least - 0.005 <= share <= most + 0.005 else f"the product fills {share:.0%}, not {wanted}"

    return judge


RULES: dict[str, Callable[[CheckContext], str]] = {
    "exact_size": find_wrong_pixels,
    "no_border": find_frame,
    "no_placeholder": find_no_product,
    "no_plain_product_on_white": find_plain_white,
    "no_promo_overlay": find_text,
    "no_props": find_props,
    "no_text_logo_watermark": find_text_or_logo,
    "no_text_or_logo_in_image": find_text_or_logo,
    "no_watermark": find_logo,
    "photo_not_render": find_render,
    "product_fill_75_90pct": find_fill(0.75, 0.90),
    "product_fill_min_85pct": find_fill(0.85),
    "pure_white_background": find_off_white,
    "text_overlay_max_20pct": find_much_text,
    "visible_border_if_white_or_black": find_lost_border,
}


def _list_sides(pixels: Pixels, depth: int) -> list[Pixels]:
    """The pixels `depth` away from the top, bottom, left and right edge, each of shape (n, channels)."""
    last = -1 - depth
    return [pixels[depth], pixels[last], pixels[:, depth], pixels[:, last]]


def _list_ring(pixels: Pixels, depth: int) -> Pixels:
    inner = pixels[depth : pixels.shape[0] - depth, depth : pixels.shape[1] - depth]
    return np.concatenate(_list_sides(inner, 0))

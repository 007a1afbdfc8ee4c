"""Painting: ground, layout, logo and product are laid over each other, then the texts over all of it."""

import re
from dataclasses import dataclass

from factory.engines.base import Pixels
from factory.images.brand.colorways import Colorway
from factory.images.brand.kit import Brand
from factory.images.colors import mix, parse_hex
from factory.images.compose.fit import Fitted
from factory.images.compose.layers import cover, draw_border, fill, find_ink, grow, lay_over, lay_part, take_part
from factory.images.compose.page import NO_TEXT, ONLY_OVER, ONLY_TEXT
from factory.images.compose.place_logo import make_logo
from factory.images.compose.place_product import show_product
from factory.images.layouts.load import Layout
from factory.images.types import Box, Cutout, PaintedBackdrop, Placed, PlacedProduct, Size
from schemas.layout import find_unit

_DOWN = {"top": "start", "middle": "center", "bottom": "end"}
_OVERHANG = 0.6  # ems around its lines in which a text is painted: only stacks of combining marks reach farther
_BORDER = 0.35  # share of the text's colour in that of a border, the rest is the ground's
_MIRRORED = {"start": "end", "end": "start"}


@dataclass(frozen=True, slots=True, eq=False)
class PaintInput:
    """What a creative is painted from. `border`: draw a line if the edge could not be seen on a white or black page."""

    layout: Layout
    brand: Brand
    colorway: Colorway
    product: Cutout | None
    backdrop: PaintedBackdrop | None
    border: bool


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """A finished picture and the same without texts, both RGB, and where everything stands."""

    pixels: Pixels
    ground: Pixels
    texts: tuple[Placed, ...]
    product: PlacedProduct | None
    logo: Box | None
    over: tuple[Box, ...]


def paint(order: PaintInput, fitted: Fitted) -> Painted:
    """Return the picture of what was fitted. The product's opaque pixels stay unchanged, except under the boxes of `over`."""
    page, laid = fitted.rendered.page, fitted.laid
    colors = order.colorway.colors
    ground = _paint_ground(order, page.size)
    lay_over(ground, fitted.rendered.paint(laid.settings, colors, NO_TEXT))
    if order.border:
        draw_border(ground, mix(colors["ground"], colors["text"], _BORDER))
    logo = _paint_logo(ground, order, fitted)
    product = None
    over = tuple(laid.boxes[name] for name in page.over_ids if name in laid.boxes)
    if order.product is not None and laid.product is not None:
        unit = find_unit(page.size.width, page.size.height)
        product, shown = show_product(order.product, laid.product, page.radius * unit)
        lay_over(ground, shown.under, product.x - shown.margin, product.y - shown.margin)
        lay_over(ground, shown.pixels, product.x, product.y)
        low_x, low_y = product.x - shown.margin, product.y - shown.margin
        if any(find_ink(shown.under, Box(box.x - low_x, box.y - low_y, box.width, box.height)) for box in over):
            layer = fitted.rendered.paint(laid.settings, colors, f"{NO_TEXT} {ONLY_OVER}")
            for box in over:
                lay_part(ground, layer, box)
    pixels = ground.copy()
    texts = _write(pixels, order, fitted)
    return Painted(pixels, ground, texts, product, logo, over)


def read_logo_align(layout: Layout, rtl: bool) -> tuple[str, str]:
    """Return how the logo stands in its box: at the start of the line, unless its classes say otherwise."""
    return read_align(layout.html, "logo", ("start", "center"), rtl)


def read_align(html: str, element: str, default: tuple[str, str], rtl: bool) -> tuple[str, str]:
    """Return how a picture stands in its box, across and down: classes start|center|end, top|middle|bottom of `element`."""
    found = re.search(rf"<[^<>]*\sid=[\"']?{element}[\"']?(?=[\s>])[^<>]*>", html)
    classes = re.search(r"\sclass=[\"']?([\w\s-]*)", found.group()) if found else None
    across, down = default
    for name in classes.group(1).split() if classes else ():
        across = name if name in ("start", "center", "end") else across
        down = _DOWN.get(name, down)
    return _MIRRORED.get(across, across) if rtl else across, down


def _paint_ground(order: PaintInput, size: Size) -> Pixels:
    if order.backdrop is not None and order.layout.meta.backdrop:
        return cover(order.backdrop.pixels, size.width, size.height)
    return fill(order.colorway.colors["ground"], size.width, size.height)


def _paint_logo(ground: Pixels, order: PaintInput, fitted: Fitted) -> Box | None:
    page, box = fitted.rendered.page, fitted.laid.boxes.get("logo")
    if not page.logo or box is None:
        return None
    kit = order.brand.kit.colors
    inks = {"light": parse_hex(kit.ink), "dark": parse_hex(kit.paper)}
    mark, x, y = make_logo(ground, order.brand, page.heading, inks, box, read_logo_align(order.layout, page.rtl))
    lay_over(ground, mark, x, y)
    return Box(x, y, mark.shape[1], mark.shape[0])


def _write(pixels: Pixels, order: PaintInput, fitted: Fitted) -> tuple[Placed, ...]:
    """Lay the texts over `pixels`, in place, and return where their letters stand."""
    laid, slots = fitted.laid, order.layout.meta.slots
    layer = fitted.rendered.paint(laid.settings, order.colorway.colors, ONLY_TEXT).copy()
    texts = laid.texts
    placed = []
    for name, setting in sorted(laid.settings.items()):
        ink = find_ink(layer, texts[name]) or texts[name]
        placed.append(
            Placed(name, setting.text, ink, setting.font_px, setting.weight, setting.color, slots[name].inside)
        )
    for name, setting in laid.settings.items():
        # Letters may reach beyond their lines: marks above and below, slanted type.
        take_part(pixels, layer, grow(texts[name], _OVERHANG * setting.font_px))
    return tuple(placed)

"""Painting: ground, layout, logo and product laid over each other, and the texts over all of it."""

import re
from dataclasses import dataclass

from factory.brands import Brand
from factory.colors import parse_hex
from factory.colorways import Colorway
from factory.composing.fit import Fitted
from factory.composing.layers import cover, fill, find_ink, grow, lay_over, lay_part
from factory.composing.logo import make_logo
from factory.composing.page import NO_TEXT, ONLY_OVER, ONLY_TEXT, TEXT_BOX
from factory.composing.product import show_product
from factory.composition import Backdrop, Box, Cutout, Pixels, Placed, PlacedProduct, Size
from factory.layouts import Layout
from schemas.layout import find_unit

_DOWN = {"top": "start", "middle": "center", "bottom": "end"}
_AROUND = 2.0  # units around a badge in which its shadow may lie
_MIRRORED = {"start": "end", "end": "start"}


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """A finished picture and the same without texts, RGB both, with where everything stands."""

    pixels: Pixels
    ground: Pixels
    texts: tuple[Placed, ...]
    product: PlacedProduct | None
    logo: Box | None
    over: tuple[Box, ...]


def paint(
    layout: Layout, fitted: Fitted, brand: Brand, colorway: Colorway, backdrop: Backdrop | None, cutout: Cutout | None
) -> Painted:
    """Paint what was fitted. The product's opaque pixels arrive unchanged, but for what lies in `over`."""
    page, boxes = fitted.stage.page, fitted.boxes
    unit = find_unit(page.size.width, page.size.height)
    ground = _paint_ground(layout, page.size, colorway, backdrop)
    lay_over(ground, fitted.stage.paint(fitted.settings, colorway.colors, NO_TEXT))
    logo = None
    if page.logo and "logo" in boxes:
        inks = {"light": parse_hex(brand.kit.colors.ink), "dark": parse_hex(brand.kit.colors.paper)}
        align = read_align(layout.html, "logo", ("start", "center"), page.rtl)
        mark, x, y = make_logo(ground, brand, page.heading, inks, boxes["logo"], align)
        lay_over(ground, mark, x, y)
        logo = Box(x, y, mark.shape[1], mark.shape[0])
    product = None
    over = tuple(boxes[name] for name in page.over_ids if name in boxes)
    if cutout is not None and fitted.product is not None:
        product, shown = show_product(cutout, fitted.product, brand.kit.radius * unit)
        lay_over(ground, shown.under, product.x - shown.margin, product.y - shown.margin)
        lay_over(ground, shown.body, product.x, product.y)
        if any(box.overlap(product.box) for box in over):
            layer = fitted.stage.paint(fitted.settings, colorway.colors, f"{NO_TEXT} {ONLY_OVER}")
            for box in over:
                lay_part(ground, layer, grow(box, _AROUND * unit))
    pixels = ground.copy()
    texts = _write(pixels, fitted, layout, colorway)
    return Painted(pixels, ground, texts, product, logo, over)


def read_align(html: str, element: str, default: tuple[str, str], rtl: bool) -> tuple[str, str]:
    """Return how a picture stands in its box, across and down: classes start|center|end, top|middle|bottom of `element`."""
    found = re.search(rf"<[^<>]*\sid=[\"']?{element}[\"']?(?=[\s>])[^<>]*>", html)
    classes = re.search(r"\sclass=[\"']?([\w\s-]*)", found.group()) if found else None
    across, down = default
    for name in classes.group(1).split() if classes else ():
        across = name if name in ("start", "center", "end") else across
        down = _DOWN.get(name, down)
    return _MIRRORED.get(across, across) if rtl else across, down


def _paint_ground(layout: Layout, size: Size, colorway: Colorway, backdrop: Backdrop | None) -> Pixels:
    if backdrop is not None and layout.meta.backdrop:
        return cover(backdrop.pixels, size.width, size.height)
    return fill(colorway.colors["ground"], size.width, size.height)


def _write(pixels: Pixels, fitted: Fitted, layout: Layout, colorway: Colorway) -> tuple[Placed, ...]:
    """Lay the texts over `pixels`, in place, and return where their letters stand."""
    layer = fitted.stage.paint(fitted.settings, colorway.colors, ONLY_TEXT)
    placed = []
    for name, setting in sorted(fitted.settings.items()):
        # Letters may reach beyond their lines: by marks above and below, and by a slant.
        lines = fitted.boxes[TEXT_BOX + name]
        ink = find_ink(layer, grow(lines, 0.4 * setting.font_px)) or lines
        lay_part(pixels, layer, ink)
        placed.append(
            Placed(
                slot=name,
                text=setting.text,
                box=ink,
                font_px=setting.font_px,
                weight=setting.weight,
                color=setting.color,
                inside=layout.meta.slots[name].inside,
            )
        )
    return tuple(placed)

"""Sizes and places: the exact size, inside the picture and its safe zone, no overlaps, nothing beyond its frame."""

from collections.abc import Iterator
from itertools import combinations

import cv2
import numpy as np

from factory.images.checks.context import CheckContext, join_faults
from factory.images.checks.pixels import OPAQUE, clip_box
from factory.images.types import Box, Composition
from schemas.creative import Slot

SLACK = 1.0  # pixels of rounding
OVERHANG = 0.35  # share of a text's size by which glyphs and soft shadows may reach beyond its box
LINE_SLACK = 0.12  # share of a text's size by which boxes of tight lines may overlap without touching glyphs
TOUCH = 0.005  # share of a text's box that may lie over opaque pixels of the product: rounding of its outline


def find_wrong_size(composition: Composition, slot: Slot) -> str:
    """Both pictures have the slot's exact pixels, as RGB."""
    wanted = (slot.height, slot.width, 3)
    for what, pixels in (("picture", composition.pixels), ("ground", composition.ground)):
        if pixels.shape != wanted or pixels.dtype != np.uint8:
            height, width = pixels.shape[:2]
            return f"the {what} is {width}x{height} of {pixels.dtype}, not {slot.width}x{slot.height} RGB"
    return ""


def find_outside(ctx: CheckContext) -> str:
    """Every text, the logo and the product lie inside the picture."""
    return join_faults(
        [f"{name} is cut by the edge" for name, box in _list_parts(ctx) if not ctx.frame.holds(box, SLACK)]
    )


def find_unsafe(ctx: CheckContext) -> str:
    """Every text with its button or badge, and the logo, keep out of the edges that the channel covers."""
    top, right, bottom, left = ctx.slot.safe
    width, height = ctx.frame.width, ctx.frame.height
    safe = Box(width * left, height * top, width * (1 - left - right), height * (1 - top - bottom))
    boxes = ctx.composition.boxes
    held = {text.inside: boxes[text.inside] for text in ctx.composition.texts if text.inside in boxes}
    parts = [part for part in _list_parts(ctx) if part[0] != "product"] + list(held.items())
    return join_faults([f"{name} reaches into the safe zone" for name, box in parts if not safe.holds(box, SLACK)])


def find_overlap(ctx: CheckContext) -> str:
    """Texts, logo and product do not overlap, except for what the layout puts over the product."""
    composition = ctx.composition
    texts = [(text.slot, _tighten(text.box, text.font_px)) for text in composition.texts]
    parts = texts + ([("logo", composition.logo)] if composition.logo is not None else [])
    faults = [f"{one[0]} and {other[0]} overlap" for one, other in combinations(parts, 2) if _meet(one[1], other[1])]
    if ctx.product_alpha is None:
        return join_faults(faults)
    inks = [(ink.text.slot, ink.box) for ink in ctx.inks if ink is not None]
    inks += [("logo", composition.logo)] if composition.logo is not None else []
    for name, box in inks:
        left, top, right, bottom = clip_box(box, ctx.frame)
        covered = np.count_nonzero(ctx.product_alpha[top:bottom, left:right] >= OPAQUE)
        may_lie_over = any(over.holds(box, SLACK) for over in composition.over)
        if covered > TOUCH * max(1, (right - left) * (bottom - top)) and not may_lie_over:
            faults.append(f"{name} lies over the product")
    return join_faults(faults)


def find_overflow(ctx: CheckContext) -> str:
    """Every text stays inside the element that the layout names for it, and its ink stays inside its own box."""
    boxes = ctx.composition.boxes
    faults = [
        f"{text.slot} overflows {text.inside}"
        for text in ctx.composition.texts
        if text.inside in boxes and not boxes[text.inside].holds(text.box, SLACK)
    ]
    stray = ctx.ink.copy()
    for text in ctx.composition.texts:
        reach = OVERHANG * text.font_px + SLACK
        box = Box(text.box.x - reach, text.box.y - reach, text.box.width + 2 * reach, text.box.height + 2 * reach)
        left, top, right, bottom = clip_box(box, ctx.frame)
        stray[top:bottom, left:right] = 0
    if count := cv2.countNonZero(stray):
        faults.append(f"{count} painted pixels lie outside every text's box")
    return join_faults(faults)


def _list_parts(ctx: CheckContext) -> Iterator[tuple[str, Box]]:
    composition = ctx.composition
    yield from ((text.slot, text.box) for text in composition.texts)
    if composition.logo is not None:
        yield "logo", composition.logo
    if composition.product is not None:
        yield "product", composition.product.box


def _tighten(box: Box, font_px: float) -> Box:
    slack = LINE_SLACK * font_px
    return Box(box.x, box.y + slack, box.width, max(0.0, box.height - 2 * slack))


def _meet(one: Box, other: Box) -> bool:
    wide = min(one.right, other.right) - max(one.x, other.x)
    return wide > SLACK and min(one.bottom, other.bottom) - max(one.y, other.y) > SLACK

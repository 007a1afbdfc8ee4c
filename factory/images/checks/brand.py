"""The brand: its logo or name is there, visible and with clear space around; the legal line is there, complete."""

import cv2
import numpy as np

from factory.images.checks.context import CheckContext, join_faults
from factory.images.checks.ink import measure_light
from factory.images.checks.pixels import clip_box, find_percentile
from factory.images.colors import compare_luminance
from factory.images.types import Box

# Graphics need 3 to 1 by WCAG 2.2 (1.4.11). Logos are exempt from that, so one of similar lightness passes here by its hue:
# 40 in CIE Lab is the difference between red and orange.
NEEDED_CONTRAST, NEEDED_DISTANCE = 3.0, 40.0
MOST_DIFFERENT = 90  # percentile of the logo's box that has to stand out: a thin wordmark covers a tenth of the box
RING = 0.15  # of the logo's height: how far around the logo its ground is measured
_SLACK = 0.5


def find_missing_brand(ctx: CheckContext) -> str:
    """A layout with a place for the logo shows it, or the brand's name."""
    composition = ctx.composition
    place = composition.boxes.get("logo")
    wanted = "brand" in composition.wanted or (place is not None and place.area >= 1)
    named = any(text.slot == "brand" and text.text.strip() for text in composition.texts)
    return (
        "neither the logo nor the brand's name is there" if wanted and composition.logo is None and not named else ""
    )


def find_crowded_logo(ctx: CheckContext) -> str:
    """The brand's clear space around the logo is free of texts, their buttons and badges, and the product."""
    composition = ctx.composition
    logo = composition.logo
    if logo is None:
        return ""
    space = composition.clear_space * logo.height - _SLACK
    free = Box(logo.x - space, logo.y - space, logo.width + 2 * space, logo.height + 2 * space)
    parts = [(ink.text.slot, ink.box) for ink in ctx.inks if ink is not None]
    frames = {text.inside for text in composition.texts} & set(composition.boxes)
    # A frame around the logo itself is the logo's ground.
    parts += [(name, composition.boxes[name]) for name in sorted(frames) if not composition.boxes[name].holds(logo, 1)]
    if ctx.product_box is not None:
        parts.append(("product", ctx.product_box))
    return join_faults([f"{name} stands in its clear space" for name, box in parts if free.overlap(box) > 0])


def find_hidden_logo(ctx: CheckContext) -> str:
    """The logo stands out from the ground around it, by lightness or by hue."""
    logo = ctx.composition.logo
    if logo is None:
        return ""
    reach = max(2.0, RING * logo.height)
    outer = clip_box(Box(logo.x - reach, logo.y - reach, logo.width + 2 * reach, logo.height + 2 * reach), ctx.frame)
    left, top, right, bottom = clip_box(logo, ctx.frame)
    if right <= left or bottom <= top:
        return "it lies outside the picture"
    pixels = np.ascontiguousarray(ctx.composition.ground[outer[1] : outer[3], outer[0] : outer[2]])
    inside = np.zeros(pixels.shape[:2], bool)
    inside[top - outer[1] : bottom - outer[1], left - outer[0] : right - outer[0]] = True
    around = ~inside if not inside.all() else inside
    light = measure_light(pixels)
    ground = find_percentile(light[around], 50)
    seen = find_percentile(compare_luminance(light, ground)[inside], MOST_DIFFERENT)
    if seen >= NEEDED_CONTRAST:
        return ""
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    distance = np.linalg.norm(lab[inside] - np.median(lab[around], axis=0), axis=-1)
    if np.percentile(distance, MOST_DIFFERENT) >= NEEDED_DISTANCE:
        return ""
    return f"it has {seen:.1f}:1 on its ground, needs {NEEDED_CONTRAST:.0f}, or another hue"


def find_cut_legal(ctx: CheckContext) -> str:
    """The legal line of brand and brief, if there is one, is in the picture word for word. Only ads carry one."""
    composition = ctx.composition
    if ctx.slot.role != "creative" and "legal" not in composition.wanted:
        return ""
    wanted = " ".join(composition.notes.get("legal", "").split())
    set_texts = [" ".join(text.text.split()) for text in composition.texts if text.slot == "legal"]
    if not set_texts:
        return "it is missing" if wanted or "legal" in composition.wanted + composition.required else ""
    if wanted and wanted not in " ".join(set_texts):
        return f"it is not whole: {' '.join(set_texts)[:60]!r}"
    return ""

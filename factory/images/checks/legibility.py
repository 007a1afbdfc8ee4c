"""Whether every text can be read: it is there, painted, large enough, and stands out from the pixels behind it."""

import numpy as np
import numpy.typing as npt

from factory.images.checks.context import CheckContext, join_faults
from factory.images.checks.ink import Ink
from factory.images.layouts.type_sizes import find_least_px
from factory.images.types import Placed

# Contrast by WCAG 2.2, 1.4.3 (AA) and 1.4.6 (AAA): for texts, and for large ones.
NEEDED, NEEDED_LARGE = 4.5, 3.0
BEST, BEST_LARGE = 7.0, 4.5

GOOD_PX = 11.0  # Apple's guidelines: the least for texts of an interface

LEAST_COVER = 0.012  # square ems of ink per visible character: about a full stop; a small letter has ten times as much
FULL_COVER = 0.5  # the most opaque pixels of a text have at least this; below, the text is painted translucent
ENOUGH_PIXELS = 500  # of a text are enough to judge its colour by
WRONG_COLOR = 48.0  # distance in RGB from which the painted colour is not the named one


def find_missing_text(ctx: CheckContext) -> str:
    """Every slot that the layout requires has a text."""
    there = {text.slot for text in ctx.composition.texts if text.text.strip()}
    return join_faults([f"{name} is missing" for name in ctx.composition.required if name not in there])


def find_missing_glyph(ctx: CheckContext) -> str:
    """Every character has a glyph in the brand's fonts."""
    missing = ctx.composition.missing
    return f"no font of the brand has {missing[:20]!r}" if missing else ""


def find_unpainted(ctx: CheckContext) -> str:
    """Every text can be seen in the picture: opaque, and in its colour."""
    faults = [_judge_ink(text, ink) for text, ink in zip(ctx.composition.texts, ctx.inks, strict=True)]
    return join_faults([fault for fault in faults if fault])


def find_small_text(ctx: CheckContext) -> str:
    """Every text is large enough where the picture is shown."""
    faults = []
    for text in ctx.composition.texts:
        least = find_least_px(ctx.slot.width, ctx.slot.height, text.slot)
        if text.font_px < least - 0.01:  # sizes are rounded to hundredths of a pixel
            faults.append(f"{text.slot} is {text.font_px:.1f} px, needs {least:.1f}")
    return join_faults(faults)


def find_low_contrast(ctx: CheckContext) -> str:
    """Every text stands out from its ground by WCAG 2.2 level AA: 4.5 to 1, large texts 3 to 1."""
    faults = []
    for text, contrast in zip(ctx.composition.texts, ctx.contrasts, strict=True):
        needed = NEEDED_LARGE if text.is_large else NEEDED
        if contrast is not None and contrast < needed - 0.005:
            faults.append(f"{text.slot} has {contrast:.2f}:1 on its ground, needs {needed}")
    return join_faults(faults)


def _judge_ink(text: Placed, ink: Ink | None) -> str:
    visible = sum(not character.isspace() for character in text.text)
    if not visible:
        return f"{text.slot} is empty"
    if ink is None:
        return f"{text.slot} is invisible"
    solid = np.flatnonzero(ink.cover >= FULL_COVER)
    if float(ink.cover.sum()) * ink.step**2 < LEAST_COVER * visible * text.font_px**2 or not solid.size:
        return f"{text.slot} is hardly seen"
    some = solid[:: max(1, solid.size // ENOUGH_PIXELS)]
    return f"{text.slot} is not in its colour" if _measure_color_error(ink, some) > WRONG_COLOR else ""


def _measure_color_error(ink: Ink, places: npt.NDArray[np.intp]) -> float:
    """The median distance in RGB of the pixels at `places` from what they would be in the text's colour."""
    cover = ink.cover.ravel()[places, None]
    ground, painted = (pixels.reshape(-1, 3)[places].astype(np.float32) for pixels in (ink.ground, ink.painted))
    apart = painted - (ground + (np.array(ink.text.color, np.float32) - ground) * cover)
    return float(np.median(np.sqrt((apart * apart).sum(axis=1))))

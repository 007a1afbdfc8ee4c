"""Whether every text can be read: it is there, painted, large enough, and stands out from what it really stands on."""

import numpy as np
import numpy.typing as npt

from factory.images.checks.context import LookContext, name_faults
from factory.images.checks.ink import Ink
from factory.images.types import Placed
from schemas.creative import Slot

# Contrast by WCAG 2.2, 1.4.3 (AA) and 1.4.6 (AAA): for texts, and for large ones.
NEEDED, NEEDED_LARGE = 4.5, 3.0
BEST, BEST_LARGE = 7.0, 4.5

# Least sizes in CSS pixels where the picture is shown. No channel publishes one. EU law on food labels (1169/2011, Article
# 13) asks for an x-height of 0.9 mm on small packs: 6 px in a common typeface. A legal line may be four fifths of that.
# Banners are shown by themselves, on any screen: 9 px there.
LEAST_PX, LEAST_LEGAL_PX, LEAST_BANNER_PX = 6.0, 4.8, 9.0
GOOD_PX = 11.0  # Apple's guidelines: the least for texts of an interface
BANNER_AREA = 320_000  # pixels up to which a picture is a banner, which is shown as large as it is
SHOWN_WIDE, SHOWN_NARROW = 500, 390  # CSS pixels: a landscape picture in a feed, any other across a phone

LEAST_COVER = 0.012  # ems of ink per visible character: a full stop has about that, a small letter ten times as much
FULL_COVER = 0.5  # what the fullest pixels of a text reach at least; below, it is painted see-through
ENOUGH_PIXELS = 500  # of a text, that its colour is judged by
WRONG_COLOR = 48.0  # distance in RGB between the painted and the named colour


def find_missing_text(ctx: LookContext) -> str:
    """Every slot that the layout requires has a text."""
    there = {text.slot for text in ctx.composition.texts if text.text.strip()}
    return name_faults([f"{name} is missing" for name in ctx.composition.required if name not in there])


def find_missing_glyph(ctx: LookContext) -> str:
    """No character is without a glyph in the brand's fonts."""
    missing = ctx.composition.missing
    return f"no font of the brand has {missing[:20]!r}" if missing else ""


def find_unpainted(ctx: LookContext) -> str:
    """Every text is really seen in the picture, whole, solid and in its colour."""
    faults = [_judge_ink(text, ink) for text, ink in zip(ctx.composition.texts, ctx.inks, strict=True)]
    return name_faults([fault for fault in faults if fault])


def find_small_text(ctx: LookContext) -> str:
    """Every text is large enough where the picture is shown."""
    scale, least = find_scale(ctx.slot), dict.fromkeys((text.slot for text in ctx.composition.texts), LEAST_PX)
    if "legal" in least:
        least["legal"] = LEAST_LEGAL_PX
    if is_banner(ctx.slot):
        least = dict.fromkeys(least, LEAST_BANNER_PX)
    return name_faults(
        [
            f"{text.slot} is {text.font_px:.1f} px, needs {least[text.slot] * scale:.1f}"
            for text in ctx.composition.texts
            if text.font_px < least[text.slot] * scale - 0.01
        ]
    )


def find_low_contrast(ctx: LookContext) -> str:
    """Every text stands out from its ground by WCAG 2.2 level AA: 4.5 to 1, large texts 3 to 1."""
    faults = []
    for text, contrast in zip(ctx.composition.texts, ctx.contrasts, strict=True):
        needed = NEEDED_LARGE if text.is_large else NEEDED
        if contrast is not None and contrast < needed - 0.005:
            faults.append(f"{text.slot} has {contrast:.2f}:1 on its ground, needs {needed}")
    return name_faults(faults)


def is_banner(slot: Slot) -> bool:
    """Whether the picture is shown pixel by pixel, beside other things."""
    return slot.width * slot.height <= BANNER_AREA


def find_scale(slot: Slot) -> float:
    """Return how many pixels of the picture are one CSS pixel where it is shown: 1 for banners."""
    shown = SHOWN_WIDE if slot.width > slot.height * 1.25 else SHOWN_NARROW
    return 1.0 if is_banner(slot) else max(1.0, slot.width / shown)


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
    """The median distance in RGB of the pixels at `places` from what they would be in the text's own colour."""
    cover = ink.cover.ravel()[places, None]
    ground, painted = (pixels.reshape(-1, 3)[places].astype(np.float32) for pixels in (ink.ground, ink.painted))
    apart = painted - (ground + (np.array(ink.text.color, np.float32) - ground) * cover)
    return float(np.median(np.sqrt((apart * apart).sum(axis=1))))

"""Which options the brand's fonts can draw. An emoji that they cannot draw is left out of a text, but never a letter."""

import re
import unicodedata
from collections.abc import Mapping

from factory.images.brand.fonts import FontStack
from factory.images.compose.slot_texts import Options
from schemas.layout import LayoutMeta, SlotName

_SPACE = re.compile(r" {2,}")
_JOINED = ("\ufe0f", "\u200d", "\u20e3")  # emoji style, joiner, key cap: they belong to the emoji before them


def keep_drawable(
    options: Options, meta: LayoutMeta, stack: FontStack
) -> tuple[Options, dict[str, str], Mapping[SlotName, str]]:
    """Return the options that can be drawn, notes on what was left out, and for each slot the characters that no font draws.

    Emoji that cannot be drawn are removed from a text. The legal line is used whole or not at all.
    """
    kept: Options = {}
    notes: dict[str, str] = {}
    undrawn: dict[SlotName, str] = {}
    for name, texts in options.items():
        heading = meta.slots[name].heading
        drawable: dict[str, None] = {}
        for text in texts:
            missing = stack.find_missing(text, heading)
            if missing:
                undrawn[name] = "".join(dict.fromkeys(undrawn.get(name, "") + missing))
                rest = "" if name == "legal" else strip_emoji(text, missing)
                missing = stack.find_missing(rest, heading)
                text = rest
            if text and not missing:
                drawable[text] = None
        if drawable:
            kept[name] = list(drawable)
        if name in undrawn:
            notes[name] = f"no font draws {undrawn[name]}: {'left out of the text' if drawable else 'left out'}"
    return kept, notes, undrawn


def strip_emoji(text: str, missing: str) -> str:
    """Return `text` without those of the `missing` characters that are symbols; without any of these, the text itself."""
    symbols = {char for char in missing if unicodedata.category(char) in ("So", "Sk")}
    if not symbols:
        return text
    left = "".join(char for char in text if char not in symbols and char not in _JOINED)
    return _SPACE.sub(" ", left).strip()

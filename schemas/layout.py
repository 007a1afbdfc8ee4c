"""The front matter of a layout: what it has room for. The HTML below it is read by `factory/images/layouts/load.py`.

Sizes are in units: one unit is 1/100 of the geometric mean of the picture's sides (`find_unit`), so that a layout looks
the same in every size of one aspect class.
"""

from enum import StrEnum
from math import sqrt
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.base import Config


class Aspect(StrEnum):
    """Shapes of pictures. A layout says which of them it is drawn for."""

    SQUARE = "square"
    LANDSCAPE = "landscape"  # 1.91:1, 2:1, 16:9
    PORTRAIT = "portrait"  # 4:5, 2:3
    STORY = "story"  # 9:16, 1:2
    LEADERBOARD = "leaderboard"  # 728x90, 970x250, 320x50
    SKYSCRAPER = "skyscraper"  # 160x600
    RECTANGLE = "rectangle"  # 300x250, 336x280 and other small ones


RECTANGLE_AREA = 120_000  # pixels up to which a picture that is about as high as wide is a small rectangle


def find_aspect(width: int, height: int) -> Aspect:
    """Return the aspect class of a picture of `width` x `height` pixels."""
    ratio = width / height
    if ratio >= 2.6:
        return Aspect.LEADERBOARD
    if ratio < 0.42:
        return Aspect.SKYSCRAPER
    if ratio < 0.62:
        return Aspect.STORY
    if 0.8 < ratio < 1.45 and width * height <= RECTANGLE_AREA:
        return Aspect.RECTANGLE
    if ratio >= 1.25:
        return Aspect.LANDSCAPE
    return Aspect.SQUARE if ratio > 0.9 else Aspect.PORTRAIT


def find_unit(width: int, height: int) -> float:
    """Return the pixels of one unit in a picture of `width` x `height` pixels."""
    return sqrt(width * height) / 100


# What a text slot may be filled with. `factory/images/compose/slot_texts.py` says where each comes from.
SlotName = Literal["brand", "headline", "body", "benefits", "quote", "price", "was", "badge", "action", "legal"]
# The colours of a colourway: those that a layout may use as var(--name), and that a text may be set in.
ColorName = Literal["ground", "panel", "text", "soft", "accent", "on_panel", "on_accent"]


class TextSlot(Config):
    """One text of a layout: an element with this id that holds nothing else.

    `size` is in units; `sizes` overrides it by aspect class. `optional`: the layout also works without it. `in_aspects` are
    the aspect classes that have it. `color` names the colour of the colourway that the text is set in. `lines` is the most
    lines that it may take. `inside` is the id of an element that the text must stay inside (a badge, a button).
    """

    size: float = Field(gt=0, le=40)
    sizes: dict[Aspect, float] = {}
    weight: int = Field(default=400, ge=100, le=900)
    line_height: float = Field(default=1.15, ge=0.8, le=2)
    heading: bool = False  # set in the heading font
    color: ColorName = "text"
    lines: int = Field(default=1, ge=1, le=12)
    optional: bool = False
    in_aspects: list[Aspect] = list(Aspect)
    inside: str = ""

    def find_size(self, aspect: Aspect) -> float:
        """Return the largest size in `aspect`, in units."""
        return self.sizes.get(aspect, self.size)

    def find_line_px(self, font_px: float) -> int:
        """Return the height of a line of `font_px` in whole pixels: for others, the renderer places boxes a pixel too high."""
        return max(1, round(font_px * self.line_height))


class LayoutMeta(Config):
    """What stands between the two lines of `---` at the top of a layout.

    `role` says for which picture slots it may be used (see `ImageSlot.role`). `product` is the least share of the picture
    that the product's box covers (0: no product); `over` names slots that may lie over the product's edge. A layout that
    `needs` a slot is not used for briefs that have nothing for it. `backdrop: false` paints the colourway's plain ground.
    """

    title: Annotated[str, Field(min_length=1)]
    role: Literal["creative", "lifestyle", "main", "logo"] = "creative"
    aspects: Annotated[list[Aspect], Field(min_length=1)] = list(Aspect)
    slots: dict[SlotName, TextSlot] = {}
    needs: list[SlotName] = []
    product: float = Field(default=0.0, ge=0, le=1)
    logo: bool = True
    backdrop: bool = True
    over: list[SlotName] = []

    @model_validator(mode="after")
    def _check_slots(self) -> "LayoutMeta":
        for what, names in (("needs", self.needs), ("over", self.over)):
            for name in names:
                if name not in self.slots:
                    raise ValueError(f"{what} names {name!r}, which is not one of its slots")
        return self

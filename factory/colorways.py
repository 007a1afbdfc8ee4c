"""Colourways: the ways in which a brand's colours may be put together, each readable by WCAG."""

from dataclasses import dataclass

from factory.composition import Color
from schemas.layout import ColorName


@dataclass(frozen=True, slots=True)
class Colorway:
    """A colour for every name that a layout may use, and whether its ground is dark (which logo is taken)."""

    name: str
    colors: dict[ColorName, Color]
    is_dark: bool

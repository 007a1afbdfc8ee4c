"""Small font files for tests: parts of the bundled Inter under other names and weights."""

import io
from functools import cache
from importlib.resources import files

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

LETTERS = "".join(map(chr, range(0x20, 0x7F)))


@cache
def build_font(family: str = "Acme", weight: int = 400, letters: str = LETTERS) -> bytes:
    """A static TTF of that weight, which draws `letters` and calls itself `family`."""
    source = files("fontpkg_inter").joinpath("files/Inter[opsz,wght].ttf").read_bytes()
    font = TTFont(io.BytesIO(source))
    subsetter = subset.Subsetter(subset.Options(layout_features=[]))
    subsetter.populate(text=letters)
    subsetter.subset(font)
    font = instancer.instantiateVariableFont(font, {"wght": weight, "opsz": 14})
    font["OS/2"].usWeightClass = weight
    font["name"].names = []
    font["name"].setName(family, 1, 3, 1, 0x409)
    font["name"].setName("Bold" if weight > 500 else "Regular", 2, 3, 1, 0x409)
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()

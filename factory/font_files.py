"""Font files, read and renamed by fontTools: what they are called, which characters they draw."""

import io
from typing import Any

from factory.errors import JobError

FIX = "save it as a TrueType or OpenType file (TTF or OTF) with a Unicode character map"

_SIGNATURES = (b"\x00\x01\x00\x00", b"OTTO", b"true")  # TrueType and CFF outlines; collections and WOFF are others
# Of the name table: family, unique id, full name, PostScript name, typographic family, Mac, WWS family, prefix.
_FAMILY_NAMES = (1, 3, 4, 6, 16, 18, 21, 25)


def read_font(name: str, data: bytes) -> tuple[str, frozenset[int]]:
    """Return the family that a font calls itself, and its code points. Raises JobError for what is no font, or damaged."""
    from fontTools.ttLib import TTFont

    problem = "is no TrueType or OpenType font"
    if data[:4] in _SIGNATURES:
        try:
            font = TTFont(io.BytesIO(data), lazy=True)
            covered = frozenset(font.getBestCmap() or ())
            family = font["name"].getBestFamilyName() or name
            if covered:
                return family, covered
            problem = "has no Unicode character map"
        except Exception as error:  # a damaged file: the library raises whatever it stumbles over
            problem = f"is damaged ({type(error).__name__}: {str(error)[:100]})"
    raise JobError(f"fonts: {name} {problem}", FIX)


def rename_font(data: bytes, family: str) -> bytes:
    """Return the same font under another family name; every table but `name` keeps its bytes."""
    from fontTools.ttLib import TTFont

    font = TTFont(io.BytesIO(data), lazy=True, recalcBBoxes=False, recalcTimestamp=False)
    names = font["name"]
    for name_id in _FAMILY_NAMES:
        names.removeNames(nameID=name_id)
    names.setName(family, 1, 3, 1, 0x409)
    out = io.BytesIO()
    font.save(out, reorderTables=None)  # in the order of the file: sorting would read all of it twice
    return out.getvalue()


def make_empty_font() -> bytes:
    """Return a TTF without any letters."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.ttLib.tables._g_l_y_f import Glyph

    builder: Any = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef"])
    builder.setupCharacterMap({})
    builder.setupGlyf({".notdef": Glyph()})
    builder.setupHorizontalMetrics({".notdef": (0, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "ff-empty", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    out = io.BytesIO()
    builder.save(out)
    return out.getvalue()

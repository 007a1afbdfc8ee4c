"""Font files, read and renamed by fontTools: their names, and the characters that they draw."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from factory.errors import JobError

FIX = "save it as a TrueType or OpenType file (TTF or OTF) with a Unicode character map"

_SIGNATURES = (b"\x00\x01\x00\x00", b"OTTO", b"true")  # TrueType and CFF outlines, but not collections or WOFF


def read_font(name: str, data: bytes) -> tuple[str, frozenset[int]]:
    """Return a font's own family name, and its code points.

    Raises JobError for what is no font, has no Unicode characters, or does not match its checksums: a renderer would notice a
    damaged glyph only when it draws it.
    """
    from fontTools.ttLib import TTFont

    if data[:4] not in _SIGNATURES:
        raise JobError(f"fonts: {name} is no TrueType or OpenType font", FIX)
    with _name_damage(name):
        font = TTFont(io.BytesIO(data), lazy=True, checkChecksums=2)
        tables = font.reader.keys()
        for table in tables:
            font.reader[table]  # reading a table compares it with its checksum
        covered = frozenset(font.getBestCmap() or ())
        family = font["name"].getBestFamilyName() or name
    if not covered:
        raise JobError(f"fonts: {name} has no Unicode character map", FIX)
    return family, covered


def rename_font(name: str, data: bytes, family: str) -> bytes:
    """Return the same font under another family name and without its other names. All other tables keep their bytes.

    Raises JobError for a damaged font.
    """
    from fontTools.ttLib import TTFont

    with _name_damage(name):
        font = TTFont(io.BytesIO(data), lazy=True, recalcBBoxes=False, recalcTimestamp=False)
        font["name"].names = []
        font["name"].setName(family, 1, 3, 1, 0x409)
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


@contextmanager
def _name_damage(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # on a damaged file the library may raise anything
        detail = " ".join(str(error).split())[:100] or type(error).__name__
        raise JobError(f"fonts: {name} is damaged ({detail})", FIX) from error

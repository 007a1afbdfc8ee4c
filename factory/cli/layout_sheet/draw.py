"""A layout -> creatives with sample content in many sizes, what is wrong with each, and one sheet of them all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw

from factory.cli.layout_sheet.choose import Choice
from factory.cli.layout_sheet.order import make_order
from factory.engines.base import Pixels
from factory.images.checks.checker import check_creative
from factory.images.compose.compose import Misfit, compose
from factory.images.layouts.load import Layout
from factory.images.types import Composition
from schemas.creative import Slot
from schemas.layout import find_aspect

_CELL, _GAP, _TITLE = 400, 12, 28  # pixels of a sheet: a picture's longer side at most, between two, above each
_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Preview:
    """A layout in one size, content and colourway. `note` says how it came out, `faults` every check that failed.

    `pixels` is None where the layout cannot carry the content; `note` then says why.
    """

    name: str
    pixels: Pixels | None
    note: str
    faults: tuple[str, ...]


def draw_previews(layout: Layout, choice: Choice) -> Iterator[Preview]:
    """Yield a layout in all that was chosen, less the sizes that it is not drawn for. Raises JobError for a font it lacks."""
    for width, height in list_sizes(layout, choice):
        slot = Slot(name="preview", role=layout.meta.role, width=width, height=height, formats=["png"])
        for content_name, content in choice.contents.items():
            for colorway in choice.colorways:
                name = f"{layout.name}-{width}x{height}-{content_name}-{colorway.name}"
                made = compose(make_order(layout, slot, colorway, content))
                if isinstance(made, Misfit):
                    yield Preview(name, None, f"NOT DRAWN {made.reason}: {made.detail}", ())
                    continue
                failed = (check for check in check_creative(made, slot) if not check.passed)
                yield Preview(name, made.pixels, _describe(made), tuple(f"{c.rule}: {c.detail}" for c in failed))


def list_sizes(layout: Layout, choice: Choice) -> list[tuple[int, int]]:
    """Return those of the chosen sizes whose aspect is one of the layout's."""
    return [size for size in choice.sizes if find_aspect(*size) in layout.meta.aspects]


def make_thumbnail(pixels: Pixels) -> Pixels:
    """Return a picture as small as it is shown on a sheet."""
    thumbnail = Image.fromarray(pixels)
    thumbnail.thumbnail((_CELL, _CELL))
    return np.asarray(thumbnail)


def draw_sheet(thumbnails: Mapping[str, Pixels]) -> Pixels:
    """Return all thumbnails on one sheet, each under its name. There must be one at least."""
    named = list(thumbnails.items())
    rows = [named[start : start + _COLUMNS] for start in range(0, len(named), _COLUMNS)]
    heights = [_TITLE + max(len(pixels) for _, pixels in row) for row in rows]
    sheet = Image.new("RGB", (_COLUMNS * (_CELL + _GAP), sum(heights)), "#888888")
    pen = ImageDraw.Draw(sheet)
    for row, cells in enumerate(rows):
        y = sum(heights[:row]) + 4
        for column, (name, pixels) in enumerate(cells):
            x = column * (_CELL + _GAP) + _GAP // 2
            pen.text((x, y), name, fill="white")
            sheet.paste(Image.fromarray(pixels), (x, y + 16))
    return np.asarray(sheet)


def encode_png(pixels: Pixels) -> bytes:
    """Return pixels as the bytes of a PNG file."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _describe(made: Composition) -> str:
    texts = " ".join(f"{each.slot}={each.font_px:.0f}px" for each in made.texts)
    product = made.product.box.area / (made.size.width * made.size.height) if made.product else 0
    notes = " ".join(f"[{name} {note}]" for name, note in made.notes.items() if name != "legal" and note)
    return f"fit={made.fit:.2f} product={product:.0%} {texts} {notes}".rstrip()

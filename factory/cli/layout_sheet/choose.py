"""What was asked for on the command line -> the sizes, contents and colourways that a layout is drawn in."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from factory.cli.layout_sheet.contents import CONTENTS, KIT, Content
from factory.errors import JobError
from factory.images.brand.colorways import Colorway, make_colorways
from schemas.brand import BrandKit

SIZES = (
    "1200x628", "1200x1200", "1080x1350", "1080x1920", "300x250", "336x280", "728x90", "970x250", "320x50", "160x600",
    "300x600",
)  # fmt: skip
EVERY = "all"  # instead of names: all of them

_SIZE = re.compile(r"([1-9]\d{1,3})x([1-9]\d{1,3})")  # four digits a side are the most that memory bears
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Choice:
    """Every size (width, height) is drawn with every content and in every colourway of the sample brand."""

    sizes: Sequence[tuple[int, int]]
    contents: Mapping[str, Content]
    colorways: Sequence[Colorway]


def choose(sizes: Sequence[str], contents: Sequence[str], colorways: Sequence[str]) -> Choice:
    """Return what is named; of a kind that nobody named: the common sizes, the content short, the first colourway.

    Raises JobError for what is no size, and for a name that is not known.
    """
    ways = {each.name: each for each in make_colorways(BrandKit(**KIT).colors)}
    return Choice(
        list(dict.fromkeys(_read_size(size) for size in sizes or SIZES)),
        _pick("--content", contents or ["short"], CONTENTS),
        list(_pick("--colorway", colorways or [next(iter(ways))], ways).values()),
    )


def _read_size(text: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise JobError(
            f"--size {text[:60]!r} is no size", "write WIDTHxHEIGHT, each 10 to 9999 pixels, such as 1200x628"
        )
    return int(match[1]), int(match[2])


def _pick(option: str, names: Sequence[str], known: Mapping[str, _Value]) -> dict[str, _Value]:
    for name in names:
        if name not in known and name != EVERY:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise JobError(f"{option} {name[:60]!r} is not known{meant}", f"choose from {', '.join(known)}, {EVERY}")
    return dict(known) if EVERY in names else {name: known[name] for name in names}

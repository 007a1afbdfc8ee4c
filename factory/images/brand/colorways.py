"""Colourways: the ways in which a brand's colours may be combined, each readable by WCAG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from factory.images.colors import measure_contrast, mix, parse_hex
from factory.images.types import Color
from schemas.brand import Colors
from schemas.layout import ColorName

READABLE = 4.5  # contrast ratio of text, WCAG 2.2, success criterion 1.4.3
# Contrast ratio that a button needs to stand out as a shape: an orange one on white has 2.9, a yellow one 1.4.
SEEN = 1.6
VISIBLE = 1.08  # contrast ratio from which a shape in `soft` is seen at all
MARGIN = 10.0  # contrast ratio that black has at least on a light ground, and white on a dark one

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_STEPS = 20  # how many shares of black or white are tried
_SAME_GROUND, _SAME_ACCENT = 10, 24  # largest difference in a channel below which two colours pass for one


@dataclass(frozen=True, slots=True)
class Colorway:
    """A colour for every name that a layout may use. Whether the ground is dark decides which logo is taken."""

    name: str
    colors: dict[ColorName, Color]
    is_dark: bool


@lru_cache(maxsize=64)  # every creative of a brand needs them
def make_colorways(colors: Colors) -> tuple[Colorway, ...]:
    """Return the colourways of a palette: light, tint, brand, dark, accent, second, in that order, without those that look alike.

    In each, `text` on ground, panel and soft, `on_panel` on panel and `on_accent` on accent have a contrast of at least 4.5.
    Ink or paper is taken if it has that. Otherwise black or white is mixed into it in steps of a twentieth, which keeps its
    hue, and the one that needs less of it is taken. `panel` is the ground moved away from the text's lightness, `soft` the
    ground with a little of another colour, as much as the text allows. The accent is the palette's first colour that stands
    out from ground and panel, else ink or paper.
    """
    found: list[Colorway] = []
    for colorway in _list_colorways(colors):
        if not any(_are_alike(colorway, other) for other in found):
            found.append(colorway)
    return tuple(found)


def make_readable(choices: Sequence[Color], *grounds: Color) -> Color:
    """Return a text colour with a contrast of 4.5 on all `grounds`: the first of `choices` that has it, else the one of them
    that reaches it with the least black or white mixed in, at worst plain black or white.

    Raises ValueError when no colour is readable on all of them.
    """
    for step in range(_STEPS + 1):
        for choice in choices:
            for end in (_BLACK, _WHITE):
                color = mix(choice, end, step / _STEPS)
                if all(measure_contrast(color, ground) >= READABLE for ground in grounds):
                    return color
    raise ValueError(f"no text is readable on all of {grounds}")


def _list_colorways(colors: Colors) -> Iterator[Colorway]:
    primary, secondary, accent = (parse_hex(each) for each in (colors.primary, colors.secondary, colors.accent))
    ink, paper = parse_hex(colors.ink), parse_hex(colors.paper)
    neutrals = (paper, ink)
    pale, deep = sorted(neutrals, key=lambda color: -measure_contrast(color, _BLACK))
    light, dark = _push(pale, _WHITE), _push(mix(deep, primary, 0.12), _BLACK)
    yield _make("light", light, 0.5, neutrals, (accent, primary, secondary), primary)
    yield _make(
        "tint", _push(mix(light, primary, 0.12), _WHITE), 0.7, neutrals, (accent, primary, secondary), secondary
    )
    yield _make("brand", primary, 0.15, neutrals, (accent, secondary), secondary)
    yield _make("dark", dark, 0.25, neutrals, (accent, secondary, primary), primary)
    yield _make("accent", accent, 0.15, neutrals, (primary, secondary), primary)
    yield _make("second", secondary, 0.15, neutrals, (accent, primary), primary)


def _push(color: Color, end: Color) -> Color:
    """`color` with just as much of `end` (black or white) as makes it a dark or a light ground."""
    other = _BLACK if end == _WHITE else _WHITE
    tries = (mix(color, end, step / _STEPS) for step in range(_STEPS + 1))
    return next(each for each in tries if measure_contrast(each, other) >= MARGIN)


def _make(
    name: str, ground: Color, lift: float, neutrals: Sequence[Color], accents: Sequence[Color], tint: Color
) -> Colorway:
    text = make_readable(neutrals, ground)
    is_dark = measure_contrast(text, _BLACK) > measure_contrast(ground, _BLACK)
    panel = mix(ground, _BLACK if is_dark else _WHITE, lift)
    accent = next((color for color in (*accents, *neutrals) if _stands_out(color, ground, panel)), text)
    colors: dict[ColorName, Color] = {
        "ground": ground,
        "panel": panel,
        "text": text,
        "soft": _soften(ground, text, (tint, text, panel)),
        "accent": accent,
        "on_panel": make_readable(neutrals, panel),
        "on_accent": make_readable(neutrals, accent),
    }
    return Colorway(name, colors, is_dark)


def _soften(ground: Color, text: Color, tints: Sequence[Color]) -> Color:
    """The ground with a little of the first of `tints` that can be seen on it and leaves the text readable."""
    tries = (mix(ground, tint, share / 100) for tint in tints for share in (18, 14, 10, 6))
    quiet = (color for color in tries if measure_contrast(color, ground) >= VISIBLE)
    return next((color for color in quiet if measure_contrast(text, color) >= READABLE), ground)


def _stands_out(color: Color, *grounds: Color) -> bool:
    return all(measure_contrast(color, ground) >= SEEN for ground in grounds)


def _are_alike(one: Colorway, other: Colorway) -> bool:
    limits: tuple[tuple[ColorName, int], ...] = (("ground", _SAME_GROUND), ("accent", _SAME_ACCENT))
    return all(
        max(abs(a - b) for a, b in zip(one.colors[key], other.colors[key], strict=True)) < limit
        for key, limit in limits
    )

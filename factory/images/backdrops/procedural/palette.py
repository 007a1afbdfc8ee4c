"""The shades that a backdrop in a colourway may use: mixes of its colours on which its text stays readable."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from factory.images.colors import Color, measure_contrast, mix, parse_hex

READABLE = 4.9  # contrast of the text on every shade: WCAG's 4.5, and a margin for grain and blending
QUIET = 0.66  # on quiet shades the text keeps this share of its contrast with the plain ground
_STEPS = 40
_BLACK: Color = (0, 0, 0)
_WHITE: Color = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Palette:
    """The shades of one colourway: how far each mix may go from the ground (0..1) to be quiet, and to stay readable at all."""

    ground: Color
    aims: dict[str, Color]
    quiet: dict[str, float]
    lively: dict[str, float]
    is_dark: bool

    def tint(self, name: str, share: float) -> Color:
        """Return the ground mixed with `name`: panel, soft, accent, shade (shadows), glow (lights), deep (unlit parts).

        Share 1 is the limit of quiet shades. Share 2 is as far as the text allows, for small shapes and those at the rim.
        """
        near, far = self.quiet[name], self.lively[name]
        reach = near * share if share <= 1 else near + (far - near) * (share - 1)
        return mix(self.ground, self.aims[name], reach)


def read_palette(colors: Mapping[str, str]) -> Palette:
    """Return the palette of a colourway, given as "#rrggbb" by name. Raises KeyError for one without ground, panel, soft,
    accent or text."""
    return _read(*(colors[name] for name in ("ground", "panel", "soft", "accent", "text")))


@lru_cache(maxsize=512)
def _read(ground: str, panel: str, soft: str, accent: str, text: str) -> Palette:
    under, ink = parse_hex(ground), parse_hex(text)
    is_dark = sum(under) < sum(ink)
    aims = {
        "panel": parse_hex(panel),
        "soft": parse_hex(soft),
        "accent": mix(under, parse_hex(accent), 0.8),  # a button in the accent itself must still stand out
        # On light grounds shadows tend to the colour of the text; on dark ones they are black.
        "shade": _BLACK if is_dark else ink,
        # Plain white would look like fog on a dark ground.
        "glow": mix(_brighten(under), _WHITE, 0.3) if is_dark else _WHITE,
        "deep": mix(under, _BLACK, 0.48) if is_dark else mix(under, parse_hex(accent), 0.8),
    }
    held = measure_contrast(ink, under)
    lively = {name: _find_reach(under, aim, ink, min(READABLE, held)) for name, aim in aims.items()}
    quiet = {name: _find_reach(under, aim, ink, max(min(READABLE, held), QUIET * held)) for name, aim in aims.items()}
    return Palette(under, aims, quiet, lively, is_dark)


def _brighten(color: Color) -> Color:
    """The brightest colour of the same hue."""
    red, green, blue = (round(255 * channel / max(*color, 1)) for channel in color)
    return red, green, blue


def _find_reach(ground: Color, aim: Color, text: Color, floor: float) -> float:
    """The largest share up to which the text keeps its contrast on every mix."""
    for step in range(1, _STEPS + 1):
        if measure_contrast(text, mix(ground, aim, step / _STEPS)) < floor:
            return (step - 1) / _STEPS
    return 1.0

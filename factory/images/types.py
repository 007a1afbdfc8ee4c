"""What travels between backdrops, compose and checks: one creative as layers, laid-out boxes and texts. Plain values.

Pixels are numpy arrays of uint8, (height, width, channels): RGB, or RGBA with straight alpha unless it says otherwise. Boxes
are in pixels of the finished picture, from its upper left corner.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from factory.engines.base import Pixels
from schemas.layout import Aspect

MOST_ENLARGED = 1.5  # a product is enlarged at most so many times: beyond, it would look soft
Color = tuple[int, int, int]  # 0..255 each


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: left, top, width, height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of its lower edge."""
        return self.y + self.height

    @property
    def area(self) -> float:
        """Its area in square pixels."""
        return max(0.0, self.width) * max(0.0, self.height)

    def overlap(self, other: "Box") -> float:
        """Return the area that both boxes cover."""
        width = min(self.right, other.right) - max(self.x, other.x)
        height = min(self.bottom, other.bottom) - max(self.y, other.y)
        return width * height if width > 0 and height > 0 else 0.0

    def holds(self, other: "Box", slack: float = 0.0) -> bool:
        """Return whether `other` lies inside, give or take `slack` pixels."""
        inside = other.x >= self.x - slack and other.y >= self.y - slack
        return inside and other.right <= self.right + slack and other.bottom <= self.bottom + slack


@dataclass(frozen=True, slots=True)
class Size:
    """A picture's pixels, and the shares (0..1) of its edges that must stay free of text: top, right, bottom, left."""

    width: int
    height: int
    aspect: Aspect
    safe: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    @property
    def safe_box(self) -> Box:
        """The part in which texts, logo and button may stand."""
        top, right, bottom, left = self.safe
        width, height = self.width * (1 - left - right), self.height * (1 - top - bottom)
        return Box(self.width * left, self.height * top, width, height)


@dataclass(frozen=True, slots=True)
class Placed:
    """A text as it was laid out. `font_px` is its size in pixels, `color` the colour that it is painted in.

    `inside` is the id of the element that it must stay inside, by the layout; "" for none.
    """

    slot: str
    text: str
    box: Box
    font_px: float
    weight: int
    color: Color
    inside: str = ""

    @property
    def is_large(self) -> bool:
        """Whether it is large by WCAG 2.2 (1.4.3): from 24 px, or from 18.66 px in bold."""
        return self.font_px >= 24 or (self.font_px >= 18.66 and self.weight >= 700)


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A product picture made ready: RGBA pixels, and where they come from.

    `mode` cutout: its background was removed, or was transparent from the start; card: it is shown whole, in a frame.
    `confidence` (0..1) is that of the cut-out, `doubt` what speaks against one, `digest` the SHA-256 of the file that was
    fetched.
    """

    pixels: Pixels
    mode: str  # "cutout" | "card"
    confidence: float
    digest: str
    uri: str
    doubt: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PlacedProduct:
    """The product in a creative: `pixels` is RGBA with premultiplied alpha in its final size, its upper left corner at
    (`x`, `y`). Those are whole numbers, so that it can be compared with the finished picture pixel by pixel.
    """

    pixels: Pixels
    x: int
    y: int
    mode: str

    @property
    def box(self) -> Box:
        """The box that it covers."""
        return Box(self.x, self.y, self.pixels.shape[1], self.pixels.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class PaintedBackdrop:
    """The picture behind everything, RGB, of the creative's size or larger; what drew it, and from which seed."""

    pixels: Pixels
    engine: str
    model: str
    seed: int
    prompt: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """One finished creative before it is encoded, with all that its checks need.

    `pixels` is the picture, `ground` the same without any text, both RGB. `boxes` has every element of the layout that has
    an id. `over` are the boxes of what may lie over the product. `wanted` are the slots that the layout has for this size
    and that the brief can fill; `required` are those of them that may not be missing. `missing` are characters that no font
    of the brand can draw. In `notes`, "legal" is the legal line of brand and brief, word for word.
    """

    size: Size
    layout: str
    colorway: str
    texts: tuple[Placed, ...]
    boxes: Mapping[str, Box]
    pixels: Pixels
    ground: Pixels
    product: PlacedProduct | None
    logo: Box | None
    backdrop: PaintedBackdrop | None
    over: tuple[Box, ...] = ()
    wanted: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    missing: str = ""
    product_share: float = 0.0  # the least share of the picture that the layout promises a product; 0 without one
    clear_space: float = 0.25  # share of the logo's height to keep free around it
    brand_colors: tuple[Color, ...] = ()
    fit: float = 1.0  # the scale that the texts had to be set at: 1 is as drawn, less is smaller
    notes: Mapping[str, str] = field(default_factory=dict)

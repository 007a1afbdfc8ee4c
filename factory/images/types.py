"""What travels between backdrop, compose and look: one creative as layers, laid-out boxes and texts. Plain values.

Pixels are numpy arrays of uint8, (height, width, channels), RGB or, unless it says otherwise, RGBA with straight alpha.
Boxes are in pixels of the finished picture, from its upper left corner.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from factory.engines.base import Pixels
from schemas.layout import Aspect

MOST_ENLARGED = 1.5  # a product's picture is never drawn larger than this: it would look soft
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
        """Return the area that both cover."""
        width = min(self.right, other.right) - max(self.x, other.x)
        height = min(self.bottom, other.bottom) - max(self.y, other.y)
        return width * height if width > 0 and height > 0 else 0.0

    def holds(self, other: "Box", slack: float = 0.0) -> bool:
        """Whether `other` lies inside, give or take `slack` pixels."""
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
        """The part that texts, logo and button may use."""
        top, right, bottom, left = self.safe
        width, height = self.width * (1 - left - right), self.height * (1 - top - bottom)
        return Box(self.width * left, self.height * top, width, height)


@dataclass(frozen=True, slots=True)
class Placed:
    """A text as it was laid out. `font_px` is its size in pixels; `color` is what it is painted in.

    `inside` is the id of the element that it must stay inside, as the layout says; "" for none.
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
        """Large by WCAG 2.2 (1.4.3): from 24 px, or 18.66 px and bold."""
        return self.font_px >= 24 or (self.font_px >= 18.66 and self.weight >= 700)


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A product picture made ready: RGBA pixels, with what was found about it.

    `mode` cutout: its ground was taken away, or was transparent from the start; card: it is shown whole, in a frame.
    `confidence` (0..1) of the cut-out; `digest` is the SHA-256 of the file that was fetched.
    """

    pixels: Pixels
    mode: str  # "cutout" | "card"
    confidence: float
    digest: str
    uri: str


@dataclass(frozen=True, slots=True, eq=False)
class PlacedProduct:
    """The product as it stands in a creative: `pixels` is RGBA with premultiplied alpha, already in its final size, with its
    left upper corner at (`x`, `y`). Whole pixels, so that it can be compared with the finished picture one by one.
    """

    pixels: Pixels
    x: int
    y: int
    mode: str

    @property
    def box(self) -> Box:
        """Where it stands."""
        return Box(self.x, self.y, self.pixels.shape[1], self.pixels.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class PaintedBackdrop:
    """A picture to lie behind everything, RGB, of the creative's size or larger; what made it, and from which seed."""

    pixels: Pixels
    engine: str
    model: str
    seed: int
    prompt: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """One finished creative before it is encoded, with all that its checks need.

    `pixels` is the picture, `ground` the same without any text (RGB both). `boxes` has every element of the layout with
    an id. `over` are boxes of what may lie over the product. `wanted` are the slots that the layout has for this
    size and the brief has something for; `required` those among them that may not be missing. `missing` are characters
    that no font of the brand can draw. In `notes`, "legal" is the legal line as brand and brief have it, word for word.
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
    product_share: float = 0.0  # what the layout promises where there is a product: the least share of the picture
    clear_space: float = 0.25  # share of the logo's height to keep free around it
    brand_colors: tuple[Color, ...] = ()
    fit: float = 1.0  # the scale that the texts had to be set at: 1 as drawn, less is smaller
    notes: Mapping[str, str] = field(default_factory=dict)

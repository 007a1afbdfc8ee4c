"""Compositions drawn by hand with Pillow: a product on a plain ground, a logo, a panel with texts. All of it passes."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from factory.engines.base import Pixels
from factory.images.layouts.load import Layout, read_layout
from factory.images.types import Box, Color, Composition, Placed, PlacedProduct, Size
from schemas.creative import Slot
from schemas.layout import find_aspect
from tests.support.paths import LAYOUTS

LOGO = Box(60, 50, 150, 60)
NAVY, WHITE, SAND, ORANGE = (11, 31, 77), (255, 255, 255), (240, 228, 208), (214, 72, 12)


@dataclass(frozen=True)
class Line:
    """A text to be drawn: where its left upper corner is, how large, in what, and `inside` which panel."""

    slot: str
    text: str
    x: int
    y: int
    font_px: int = 48
    color: Color = WHITE
    inside: str = ""


LINES = (
    Line("headline", "Light for long nights", 60, 190, 60),
    Line("body", "A lamp that follows you from desk to sofa.", 60, 300, 28),
    Line("action", "See the lamp", 84, 420, 30, inside="button"),
    Line("legal", "Offer ends 30 November 2026.", 60, 560, 18),
)


@dataclass(frozen=True)
class Scene:
    """What is drawn. `panel` is a rectangle in a colour, under everything; `product` where it stands, with its side."""

    width: int = 1200
    height: int = 628
    ground: Color = NAVY
    panels: tuple[tuple[Box, Color], ...] = ((Box(60, 405, 240, 70), ORANGE),)
    lines: tuple[Line, ...] = LINES
    logo: Box | None = LOGO
    logo_color: Color = WHITE
    product: tuple[int, int, int, int] | None = (700, 90, 440, 450)  # x, y, width, height
    changes: dict[str, Any] = field(default_factory=dict)  # of the composition

    def change(self, **changes: Any) -> "Scene":
        return replace(self, **changes)


def make_slot(width: int = 1200, height: int = 628, **changes: Any) -> Slot:
    values = {"name": "picture", "role": "creative", "width": width, "height": height, "formats": ["jpg", "png"]}
    return Slot.model_validate(values | changes)


def make_composition(scene: Scene | None = None, **changes: Any) -> Composition:
    """The scene as a composition; `changes` are of the scene."""
    scene = (scene or Scene()).change(**changes)
    image = Image.new("RGB", (scene.width, scene.height), scene.ground)
    draw = ImageDraw.Draw(image)
    for box, color in scene.panels:
        draw.rectangle((box.x, box.y, box.right - 1, box.bottom - 1), fill=color)
    if scene.logo is not None:
        draw.ellipse(
            (scene.logo.x, scene.logo.y, scene.logo.x + scene.logo.height - 1, scene.logo.bottom - 1), scene.logo_color
        )
        draw.rectangle(
            (scene.logo.x + 70, scene.logo.y + 15, scene.logo.right - 1, scene.logo.bottom - 15), scene.logo_color
        )
    product = None
    if scene.product is not None:
        x, y, width, height = scene.product
        product = PlacedProduct(draw_product(width, height), x, y, "cutout")
        body = Image.fromarray(product.pixels, "RGBA")
        image.paste(body, (x, y), body)
    ground = np.array(image)
    for line in scene.lines:
        draw.text((line.x, line.y), line.text, line.color, ImageFont.load_default(line.font_px))
    boxes = {name: box for name, (box, _) in zip(("button", "badge"), scene.panels, strict=False)}
    if product is not None:
        boxes["product"] = product.box
    if scene.logo is not None:
        boxes["logo"] = scene.logo
    slots = tuple(line.slot for line in scene.lines)
    values = {
        "size": Size(scene.width, scene.height, find_aspect(scene.width, scene.height)),
        "layout": "hero",
        "colorway": "night",
        "texts": tuple(place_text(line) for line in scene.lines),
        "boxes": boxes,
        "pixels": np.array(image),
        "ground": ground,
        "product": product,
        "logo": scene.logo,
        "backdrop": None,
        "wanted": slots,
        "required": slots[:1],
        "product_share": 0.2 if product is not None else 0.0,
        "brand_colors": (NAVY, ORANGE),
    }
    return Composition(**(values | scene.changes))


def place_text(line: Line) -> Placed:
    """The text with the box that Pillow gives it."""
    left, top, right, bottom = ImageFont.load_default(line.font_px).getbbox(line.text)
    box = Box(line.x + left, line.y + top, right - left, bottom - top)
    return Placed(line.slot, line.text, box, line.font_px, 400, line.color, line.inside)


def draw_product(width: int, height: int, blur: float = 0.0) -> Pixels:
    """A round lamp with fine stripes, RGBA, opaque but for its outline; `blur` in pixels takes the stripes away."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    stripes = 120 + 60 * np.sign(np.sin(x / 4)) + 40 * np.sign(np.sin(y / 9))
    colors = np.stack([stripes, stripes * 0.8, stripes * 0.5], axis=-1).clip(0, 255).astype(np.uint8)
    if blur:
        colors = np.array(Image.fromarray(colors).filter(ImageFilter.GaussianBlur(blur)))
    shape = Image.new("L", (width * 2, height * 2), 0)
    ImageDraw.Draw(shape).ellipse((0, 0, width * 2 - 1, height * 2 - 1), fill=255)
    alpha = np.array(shape.resize((width, height), Image.Resampling.BOX))
    return np.dstack([colors, alpha])


def make_main(side: int = 600, fill: float = 0.88, **changes: Any) -> Composition:
    """A main picture: the product alone on pure white, filling `fill` of the sides."""
    size = round(side * fill)
    start = (side - size) // 2
    return make_composition(
        width=side,
        height=side,
        ground=WHITE,
        panels=(),
        lines=(),
        logo=None,
        product=(start, start, size, size),
        **changes,
    )


def make_noise(width: int, height: int, seed: int = 5) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def read_plain(name: str = "plain") -> Layout:
    path = LAYOUTS / f"{name}.html"
    return read_layout(name, path.read_text(encoding="utf-8"), str(path))


def draw_creative(width: int, height: int, noise: float = 12.0) -> Pixels:
    """A picture with what creatives are made of: a gradient with grain, flat shapes, coloured letters."""
    y, x = np.mgrid[0:height, 0:width]
    ground = np.stack([40 + 120 * x / width, 60 + 80 * y / height, 140 - 60 * x / width], axis=-1)
    grain = np.random.default_rng(7).normal(0, noise, (height, width, 1))
    image = Image.fromarray(np.clip(ground + grain, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(10, height // 9))
    draw.text((width * 0.04, height * 0.1), "Warm feet, all winter", font=font, fill=(255, 220, 40))
    draw.rounded_rectangle((width * 0.04, height * 0.65, width * 0.3, height * 0.85), 8, fill=(220, 30, 60))
    return np.asarray(image)

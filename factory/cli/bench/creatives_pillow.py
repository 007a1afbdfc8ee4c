"""The peer that most teams script by hand: the same picture drawn with Pillow, its letters shaped by raqm.

It is given what it cannot find out: where everything stands, how large the texts are, the cut-out product. What it draws is
ground, panel, button and badge, product on a soft shadow, the brand's logo file and texts, as a JPEG. It has no fallback
fonts, no fitting and no checks.
"""

import io
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont, features

from factory.errors import JobError
from factory.images.brand.fonts import BUNDLED, Font, load_stack
from factory.images.compose.compose import Order
from factory.images.types import Box, Color, Composition, Placed
from schemas.layout import find_unit

QUALITY = 90
_SHADOW = (12, 14, 18, 90)


@dataclass(frozen=True, slots=True)
class Line:
    """A text with the font that it is set in."""

    placed: Placed
    font: ImageFont.FreeTypeFont
    leading: float  # pixels from line to line


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture to draw: what a script has loaded before it draws the first one."""

    size: tuple[int, int]
    ground: Image.Image | Color
    panels: tuple[tuple[Box, Color], ...]
    radius: float
    product: Image.Image | None  # RGBA, as it was cut out
    product_box: Box | None
    logo: Image.Image | None
    logo_box: Box | None
    lines: tuple[Line, ...]


def prepare(order: Order, made: Composition) -> Scene:
    """Return the scene of a creative that the factory composed from `order`. Raises JobError where Pillow lacks raqm."""
    if not features.check("raqm"):
        raise JobError("this Pillow shapes no text: it was built without raqm", "install Pillow's wheel, or libraqm")
    colors, unit = order.colorway.colors, find_unit(made.size.width, made.size.height)
    stack = load_stack(order.brand.kit.fonts, order.brand.folder, order.locale)
    slots = order.layout.meta.slots
    lines = []
    for placed in made.texts:
        slot = next(slot for name, slot in slots.items() if name == placed.slot)
        font = _open_font(
            (stack.heading if slot.heading else stack.body)[0], order.brand.folder, placed.font_px, placed.weight
        )
        lines.append(Line(placed, font, slot.find_line_px(placed.font_px)))
    panels = [(_surround([each for each in made.texts if not each.inside], 3 * unit), colors["panel"])]
    for name in dict.fromkeys(each.inside for each in made.texts if each.inside):
        panels.append((made.boxes[name], colors["accent"]))
    logos = order.brand.logos
    logo = logos.get("dark" if order.colorway.is_dark else "light", next(iter(logos.values()), None))
    return Scene(
        size=(made.size.width, made.size.height),
        ground=Image.fromarray(order.backdrop.pixels) if order.backdrop else colors["ground"],
        panels=tuple(panels),
        radius=order.brand.kit.radius * unit,
        product=Image.fromarray(order.product.pixels) if order.product else None,
        product_box=made.product.box if made.product else None,
        logo=Image.fromarray(logo) if logo is not None else None,
        logo_box=made.logo,
        lines=tuple(lines),
    )


def draw(scene: Scene) -> bytes:
    """Draw the scene from scratch and return it as a JPEG of quality 90 in full colour resolution."""
    picture = _draw_ground(scene)
    pen = ImageDraw.Draw(picture)
    for box, color in scene.panels:
        pen.rounded_rectangle((box.x, box.y, box.right, box.bottom), scene.radius, fill=color)
    if scene.product is not None and scene.product_box is not None:
        _stand_product(picture, scene.product, scene.product_box)
    if scene.logo is not None and scene.logo_box is not None:
        logo = scene.logo.resize((round(scene.logo_box.width), round(scene.logo_box.height)), Image.Resampling.BICUBIC)
        picture.paste(logo, (round(scene.logo_box.x), round(scene.logo_box.y)), logo)
    for line in scene.lines:
        _write(pen, line)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY, subsampling=0)
    return file.getvalue()


def _draw_ground(scene: Scene) -> Image.Image:
    if not isinstance(scene.ground, Image.Image):
        return Image.new("RGB", scene.size, scene.ground)
    (width, height), ground = scene.size, scene.ground
    if ground.size == scene.size:
        return ground.copy()
    scale = max(width / ground.width, height / ground.height)
    wide, high = max(width, round(ground.width * scale)), max(height, round(ground.height * scale))
    left, top = (wide - width) // 2, (high - height) // 2
    return ground.resize((wide, high), Image.Resampling.BILINEAR).crop((left, top, left + width, top + height))


def _stand_product(picture: Image.Image, product: Image.Image, box: Box) -> None:
    width, height = round(box.width), round(box.height)
    body = product.crop(product.getchannel("A").getbbox()).resize((width, height), Image.Resampling.BICUBIC)
    blur = max(width, height) * 0.025
    margin = round(3 * blur)
    shape = Image.new("L", (width + 2 * margin, height + 2 * margin))
    shape.paste(body.getchannel("A"), (margin, margin))
    shade = shape.filter(ImageFilter.GaussianBlur(blur)).point(lambda level: level * _SHADOW[3] // 255)
    x, y = round(box.x), round(box.y)
    picture.paste(_SHADOW[:3], (x - margin, y - margin + round(blur)), shade)
    picture.paste(body, (x, y), body)


def _write(pen: ImageDraw.ImageDraw, line: Line) -> None:
    """Write a text into its box, which is that of its ink, broken into lines where the box ends."""
    box, y = line.placed.box, line.placed.box.y
    for number, words in enumerate(_wrap(line.placed.text, line.font, box.width * 1.02)):
        left, top, _, _ = line.font.getbbox(words)
        y = y - top if number == 0 else y + line.leading
        pen.text((box.x - left, y), words, line.placed.color, line.font)
    if line.placed.slot == "was":
        middle = (box.y + box.bottom) / 2
        pen.line((box.x, middle, box.right, middle), line.placed.color, max(1, round(line.placed.font_px / 14)))


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _surround(texts: list[Placed], margin: float) -> Box:
    if not texts:
        return Box(0, 0, 0, 0)
    left, top = min(each.box.x for each in texts), min(each.box.y for each in texts)
    right, bottom = max(each.box.right for each in texts), max(each.box.bottom for each in texts)
    return Box(left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin)


def _open_font(font: Font, folder: str, size: float, weight: int) -> ImageFont.FreeTypeFont:
    """Open the file that `font` was read from: the factory's copy has lost the names of its axes, which Pillow needs."""
    bundled = BUNDLED.get(font.name)
    data = files(bundled[0]).joinpath(bundled[1]).read_bytes() if bundled else Path(folder, font.name).read_bytes()
    opened = ImageFont.truetype(io.BytesIO(data), size, layout_engine=ImageFont.Layout.RAQM)
    try:
        axes = opened.get_variation_axes()
    except OSError:  # a file for each weight
        return opened
    opened.set_variation_by_axes(
        [float(weight if axis["name"] == b"Weight" else axis["default"] or 0) for axis in axes]
    )
    return opened

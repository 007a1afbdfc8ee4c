"""Draws layouts in many sizes with sample content, for those who design them: PNGs, one sheet per layout, and what is wrong.

python -m tests.preview_layouts jobs/x/layouts/hero.html --out DIR [--size 1200x628 ...] [--content short ...]
"""

import argparse
from decimal import Decimal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from factory.engines.base import Pixels
from factory.errors import JobError
from factory.images.brand.colorways import Colorway, make_colorways
from factory.images.brand.kit import Brand
from factory.images.checks.checker import check_creative
from factory.images.compose.compose import Misfit, Order, compose
from factory.images.compose.slot_texts import list_texts
from factory.images.layouts.load import Layout, read_layout
from factory.images.types import Composition, Cutout, PaintedBackdrop
from schemas.asset import Fields
from schemas.brand import BrandKit
from schemas.brief import Brief, Claim, Offer
from schemas.creative import Slot
from schemas.layout import find_aspect
from schemas.request import Request

SIZES = (
    "1200x628", "1200x1200", "1080x1350", "1080x1920", "300x250", "336x280", "728x90", "970x250", "320x50", "160x600",
    "300x600",
)  # fmt: skip
KIT: dict[str, Any] = {
    "name": "Daybird",
    "colors": {"primary": "#0b3d2e", "secondary": "#e8dcc4", "accent": "#ff7a3d"},
    "actions": {"default": ["Discover more", "Shop now", "Shop"], "de": ["Jetzt entdecken", "Kaufen"], "ja": ["今すぐ購入"],
                "ar": ["تسوق الآن"], "hi": ["अभी खरीदें"]},
    "legal": {"default": "Prices incl. VAT. While stocks last."},
}  # fmt: skip
# Locale, headlines, bodies, and changes of the brief.
CONTENTS: dict[str, tuple[str, list[str], list[str], dict[str, Any]]] = {
    "short": ("en-US", ["Made for long walks"], ["Waterproof leather and a cushioned insole."], {}),
    "long": (
        "en-US",
        ["Waterproof leather boots that are made for long weekend walks", "Waterproof boots for long walks"],
        [
            "Walk further in comfort: a waterproof leather upper, a cushioned insole and a durable rubber sole. Weighs "
            "480 g per shoe. Comes in seven sizes and three colours.",
            "Waterproof leather, cushioned insole, durable sole.",
        ],
        {"disclaimer": "Offer valid until 30 November 2026 in participating stores only. Cannot be combined with others."},
    ),
    "cjk": ("ja-JP", ["長い散歩のための防水レザーブーツ"], ["防水レザーと柔らかいインソールで、どこまでも快適に。"],
            {"currency": "JPY", "price": Decimal(12900), "sale_price": Decimal(9900), "key_messages": ["防水レザー", "軽量480g"],
             "claims": [], "offer": {}}),
    "arabic": ("ar-AE", ["حذاء جلدي مقاوم للماء"], ["جلد مقاوم للماء ونعل مبطن لراحة تدوم طوال اليوم."],
               {"currency": "AED", "key_messages": ["جلد مقاوم للماء", "نعل مبطن"], "claims": [], "offer": {}}),
    "emoji": ("en-US", ["Made for long walks 🥾✨"], ["Waterproof leather 💧 and a cushioned insole."], {}),
    "no-price": ("en-US", ["Made for long walks"], ["Waterproof leather and a cushioned insole."],
                 {"price": None, "sale_price": None, "offer": {}}),
    "no-picture": ("en-US", ["Made for long walks"], ["Waterproof leather and a cushioned insole."], {}),
    "card": ("en-US", ["Made for long walks"], ["Waterproof leather and a cushioned insole."], {}),
    "hindi": ("hi-IN", ["लंबी सैर के लिए जलरोधक जूते"], ["जलरोधक चमड़ा और आरामदायक इनसोल।"],
              {"currency": "INR", "key_messages": ["जलरोधक चमड़ा"], "claims": [], "offer": {}}),
    "german": ("de-DE", ["Wasserdichte Lederwanderschuhe für Wochenendausflüge", "Wasserdichte Wanderschuhe"],
               ["Feuchtigkeitsabweisendes Vollnarbenleder und eine rutschhemmende Gummilaufsohle. Bequem den ganzen Tag."],
               {"currency": "EUR", "key_messages": ["Wasserdichtes Leder", "Rutschhemmende Sohle"], "claims": [], "offer": {}}),
}  # fmt: skip


def main() -> None:
    """Read the arguments, draw everything, print what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layouts", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", nargs="+", default=list(SIZES))
    parser.add_argument("--content", nargs="+", default=["short"], choices=sorted(CONTENTS))
    parser.add_argument("--colorway", nargs="+", default=[], help="names; default: the first one; 'all' for all")
    parser.add_argument("--plain", action="store_true", help="no backdrop")
    parser.add_argument("--role", default="creative")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for path in options.layouts:
        try:
            draw_layout(read_layout(path.stem, path.read_text(encoding="utf-8"), str(path)), options)
        except JobError as error:
            print(f"{path}: {error}")


def draw_layout(layout: Layout, options: argparse.Namespace) -> None:
    """Draw one layout in every size, content and colourway asked for, and its sheet."""
    every = make_colorways(BrandKit(**KIT).colors)
    colorways = [each for each in every if each.name in options.colorway or "all" in options.colorway] or [every[0]]
    drawn: list[tuple[str, Pixels]] = []
    for text in options.size:
        width, height = map(int, text.split("x"))
        if find_aspect(width, height) not in layout.meta.aspects:
            continue
        for content in options.content:
            for colorway in colorways:
                name = f"{layout.name}-{text}-{content}-{colorway.name}"
                order = make_order(layout, width, height, content, colorway, not options.plain, options.role)
                made = compose(order)
                if isinstance(made, Misfit):
                    print(f"{name}: MISFIT {made.reason}: {made.detail}")
                    continue
                print(f"{name}: {describe(made)}")
                for check in check_creative(made, order.slot):
                    if not check.passed:
                        print(f"    FAILS {check.rule}: {check.detail}")
                Image.fromarray(made.pixels).save(options.out / f"{name}.png")
                drawn.append((name, made.pixels))
    if drawn:
        sheet = options.out / f"{layout.name}-sheet.png"
        make_sheet(drawn).save(sheet)
        print(sheet)


def describe(made: Composition) -> str:
    """Say in one line how a creative came out."""
    texts = " ".join(f"{each.slot}={each.font_px:.0f}px" for each in made.texts)
    product = made.product.box.area / (made.size.width * made.size.height) if made.product else 0
    notes = " ".join(f"[{name} {note}]" for name, note in made.notes.items() if name != "legal" and note)
    return f"fit={made.fit:.2f} product={product:.0%} {texts} {notes}"


def make_order(
    layout: Layout,
    width: int,
    height: int,
    content: str,
    colorway: Colorway,
    backdrop: bool = True,
    role: Any = "creative",
    fields: Fields | None = None,
    kit: dict[str, Any] | None = None,
    **brief: Any,
) -> Order:
    """An order for a sample product, with content of CONTENTS; `fields`, `kit` and `brief` say what is to be otherwise."""
    locale, headlines, bodies, changes = CONTENTS[content]
    values: dict[str, Any] = {
        "brief_id": "b", "product_name": "Wanderer Boots", "brand": "Daybird", "price": Decimal("109.99"),
        "sale_price": Decimal("87.99"), "currency": "USD", "key_messages": ["Waterproof leather", "Cushioned insole", "480 g"],
        "offer": Offer(text="20% off"), "claims": [Claim(text="Tested to 10,000 steps")],
    }  # fmt: skip
    brand = Brand(BrandKit(**(KIT | (kit or {}))), ".", {}, "preview")
    request = Request(
        request_id="r", brief=Brief(**(values | changes | brief)), placement="meta_feed", locale=locale, seed=1
    )
    cutout = None if content == "no-picture" else draw_product("card" if content == "card" else "cutout")
    return Order(
        texts=list_texts(request, fields or {"headline": headlines, "primary_text": bodies}, brand),
        locale=locale,
        slot=Slot(name="preview", role=role, width=width, height=height, formats=["png"]),
        brand=brand,
        layout=layout,
        colorway=colorway,
        product=cutout,
        backdrop=PaintedBackdrop(draw_gradient(width, height, colorway), "gradient", "", 0) if backdrop else None,
    )


def draw_gradient(width: int, height: int, colorway: Colorway) -> Pixels:
    """A calm backdrop: from the ground's colour to the soft one, with a disc of the accent."""
    ground, soft = (np.array(colorway.colors[name], np.float32) for name in ("ground", "soft"))
    slope = np.add.outer(np.linspace(0, 0.5, height), np.linspace(0, 0.5, width)).astype(np.float32)[..., None]
    pixels = (ground + (soft - ground) * slope).astype(np.uint8)
    cv2.circle(
        pixels, (int(width * 0.85), int(height * 0.2)), int(min(width, height) * 0.3), colorway.colors["soft"], -1
    )
    return pixels


def draw_product(mode: str) -> Cutout:
    """A sample product, a bottle: cut out, or on white."""
    pixels = np.zeros((900, 620, 4), np.uint8)
    if mode == "card":
        pixels[:] = (247, 246, 244, 255)
    cv2.rectangle(pixels, (130, 300), (490, 860), (38, 84, 124, 255), -1)
    cv2.ellipse(pixels, (310, 300), (180, 120), 0, 180, 360, (38, 84, 124, 255), -1)
    cv2.rectangle(pixels, (260, 60), (360, 200), (239, 131, 84, 255), -1)
    cv2.rectangle(pixels, (130, 460), (490, 700), (245, 240, 230, 255), -1)
    cv2.circle(pixels, (310, 580), 80, (239, 131, 84, 255), -1)
    cv2.rectangle(pixels, (150, 320), (180, 840), (88, 134, 174, 255), -1)
    return Cutout(pixels, mode, 1.0, "sample", "sample.png")


def make_sheet(drawn: list[tuple[str, Pixels]], cell: int = 400, columns: int = 3) -> Image.Image:
    """All pictures on one sheet, each under its name."""
    thumbnails = [Image.fromarray(pixels) for _, pixels in drawn]
    for picture in thumbnails:
        picture.thumbnail((cell, cell))
    rows = [thumbnails[start : start + columns] for start in range(0, len(drawn), columns)]
    heights = [max(picture.height for picture in row) + 28 for row in rows]
    sheet = Image.new("RGB", (columns * (cell + 12), sum(heights)), "#888888")
    pen = ImageDraw.Draw(sheet)
    for index, ((name, _), picture) in enumerate(zip(drawn, thumbnails, strict=True)):
        x, y = (index % columns) * (cell + 12) + 6, sum(heights[: index // columns]) + 4
        pen.text((x, y), name, fill="white")
        sheet.paste(picture, (x, y + 16))
    return sheet


if __name__ == "__main__":
    main()

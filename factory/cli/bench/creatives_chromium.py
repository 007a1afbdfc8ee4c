"""The peer that most services are built on: the same page, as the painter wraps it, rendered by headless Chromium.

The browser is started once and keeps its page and fonts: what is measured is only a picture. It is given the texts and sizes
that fitting has found; measuring, checks and provenance are not part of it. playwright is a dependency of development.
"""

import base64
import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from factory.briefs.template_values import is_right_to_left
from factory.engines.base import Pixels
from factory.errors import JobError
from factory.images.brand.fonts import FontStack, load_stack
from factory.images.colors import write_hex
from factory.images.compose.compose import Order
from factory.images.compose.layers import trim
from factory.images.compose.page import STAGE, make_page, write_page
from factory.images.compose.paint import read_align, read_logo_align
from factory.images.layouts.load import Layout
from factory.images.types import Composition

QUALITY = 90
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# In a container there is no user namespace to make a sandbox in, and nothing is to call home.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Pictures fill their boxes as the painter's do: backdrop covers, product and logo are contained, the product on a shadow. The
# renderer sets every letter in the font's default optical size, so Chromium is told to. Of a brand without a logo file the
# peer shows no name in its place.
_CSS = (
    "#peer-ground{{position:absolute;inset:0;width:100%;height:100%;object-fit:cover}}"
    "body{{font-optical-sizing:none}}#product,#logo{{overflow:visible}}.peer-picture{{width:100%;height:100%;object-fit:contain}}"
    "#product .peer-picture{{object-position:{product}}}#logo .peer-picture{{object-position:{logo}}}"
    "#product .peer-picture{{filter:drop-shadow(0 .8rem 1.1rem rgba(12,14,18,.35))}}"
)
_PLACES = {"start": "0%", "center": "50%", "end": "100%"}
_ADD_FONT = """async ([family, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  document.fonts.add(await new FontFace(family, bytes, {weight: "100 900"}).load());
}"""
_SHOW = """async ({stage, head, body, classes, colors, texts, pictures}) => {
  document.head.innerHTML = head;
  document.body.id = stage;
  document.getElementById("peer-ground")?.remove();
  document.body.className = classes;
  document.body.innerHTML = body;
  for (const [name, value] of Object.entries(colors)) document.body.style.setProperty(name, value);
  document.documentElement.style.background = colors["--ground"]; // what there is without a backdrop
  for (const {slot, text, style} of texts) {
    const element = document.getElementById(slot);
    element.querySelector(".slot-text").textContent = text;
    Object.assign(element.style, style);
  }
  for (const [place, id, address] of pictures) {
    const image = new Image();
    image.src = address;
    image.id = id;
    image.className = id ? "" : "peer-picture";
    if (place === stage) document.body.before(image); // under the stage's own background
    else document.getElementById(place).prepend(image);
  }
  await Promise.all([...document.images].map((image) => image.decode()));
}"""


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture to draw: its page in parts, and the fonts that the browser has to know beforehand."""

    width: int
    height: int
    stack: FontStack
    parts: dict[str, Any]


@contextmanager
def open_page(stacks: Sequence[FontStack], width: int, height: int) -> Iterator[Any]:
    """Start headless Chromium, offline, with an empty page of that size that knows the fonts of `stacks`; yield the page.

    Raises JobError where playwright or a Chromium is missing.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise JobError(
            "the comparison with Chromium needs playwright", "pip install 'content-factory[dev]'"
        ) from error
    path = next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)
    if path is None:
        raise JobError("no Chromium on this machine", "install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=CHROMIUM_FLAGS)
        try:
            page = browser.new_context(viewport={"width": width, "height": height}, offline=True).new_page()
            page.set_content("<!doctype html><html><head></head><body></body></html>")
            fonts = (font for stack in stacks for font in (*stack.heading, *stack.body))
            for font in {each.family: each for each in fonts}.values():
                page.evaluate(_ADD_FONT, [font.family, base64.b64encode(font.data).decode()])
            yield page
        finally:
            browser.close()


def prepare(order: Order, made: Composition) -> Scene:
    """Return the scene of a creative that the factory composed from `order`: the same page, texts, sizes and pictures."""
    kit, layout = order.brand.kit, order.layout
    stack = load_stack(kit.fonts, order.brand.folder, order.locale)
    shown = frozenset(name for name in layout.meta.slots if any(each.slot == name for each in made.texts))
    page = make_page(
        layout,
        made.size,
        shown,
        made.product.mode if made.product else "",
        made.logo is not None,
        (stack.css(heading=True), stack.css(heading=False)),
        kit.radius,
        is_right_to_left(order.locale),
    )
    head, body = write_page(page).html.split("</head>", 1)
    parts = {
        "stage": STAGE,
        "head": head.removeprefix("<html><head>").replace("</style>", f"{_write_css(layout, page.rtl)}</style>", 1),
        "body": body.partition(">")[2].removesuffix("</body></html>"),
        "classes": page.stage_class,
        "colors": {"--" + name.replace("_", "-"): write_hex(value) for name, value in order.colorway.colors.items()},
        "texts": [
            {
                "slot": each.slot,
                "text": each.text,
                "style": {
                    "fontSize": f"{each.font_px:.2f}px",
                    "lineHeight": f"{slot.find_line_px(each.font_px)}px",
                    "fontWeight": str(each.weight),
                    "color": write_hex(each.color),
                },
            }
            for each in made.texts
            for name, slot in layout.meta.slots.items()
            if name == each.slot
        ],
        "pictures": _list_pictures(order, made),
    }
    return Scene(made.size.width, made.size.height, stack, parts)


def draw(page: Any, scene: Scene) -> bytes:
    """Show the scene in the page of `open_page` and return a JPEG of it, by Chromium's own encoder at quality 90."""
    _show(page, scene)
    data: bytes = page.screenshot(type="jpeg", quality=QUALITY)
    return data


def draw_pixels(page: Any, scene: Scene) -> Pixels:
    """Show the scene and return it without loss: RGB of shape (height, width, 3)."""
    _show(page, scene)
    return np.asarray(Image.open(io.BytesIO(page.screenshot(type="png"))).convert("RGB"))


def _show(page: Any, scene: Scene) -> None:
    size = {"width": scene.width, "height": scene.height}
    if page.viewport_size != size:
        page.set_viewport_size(size)
    page.evaluate(_SHOW, scene.parts)


def _write_css(layout: Layout, rtl: bool) -> str:
    places = {
        "product": read_align(layout.html, "product", ("center", "center"), rtl),
        "logo": read_logo_align(layout, rtl),
    }
    return _CSS.format(**{name: " ".join(_PLACES[each] for each in align) for name, align in places.items()})


def _list_pictures(order: Order, made: Composition) -> list[tuple[str, str, str]]:
    """Place, id and address of each picture: in the page itself, so that no time goes into fetching."""
    pictures = []
    if order.backdrop is not None and order.layout.meta.backdrop:
        pictures.append((STAGE, "peer-ground", _write_address(order.backdrop.pixels, "JPEG")))
    if made.product is not None and order.product is not None:
        pictures.append(("product", "", _write_address(trim(order.product.pixels), "PNG")))
    logos = order.brand.logos
    if made.logo is not None and logos:
        kind = "dark" if order.colorway.is_dark and "dark" in logos else next(iter(logos))
        pictures.append(("logo", "", _write_address(logos[kind], "PNG")))
    return pictures


def _write_address(pixels: Pixels, pillow: str) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, pillow, **({"quality": 95} if pillow == "JPEG" else {"compress_level": 1}))
    return f"data:image/{pillow.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"

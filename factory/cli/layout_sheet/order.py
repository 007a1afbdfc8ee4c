"""A layout, a picture slot and sample content -> an order for one creative, with a drawn product and a plain backdrop."""

import cv2
import numpy as np

from factory.cli.layout_sheet.contents import BRIEF, KIT, Content
from factory.engines.base import Pixels
from factory.images.brand.colorways import Colorway
from factory.images.brand.kit import Brand
from factory.images.compose.compose import Order
from factory.images.compose.slot_texts import list_texts
from factory.images.layouts.load import Layout
from factory.images.types import Cutout, PaintedBackdrop
from schemas.brand import BrandKit
from schemas.brief import Brief
from schemas.creative import Slot
from schemas.request import Request


def make_order(layout: Layout, slot: Slot, colorway: Colorway, content: Content) -> Order:
    """Return the order for a creative of the sample product that says `content`. Equal arguments give equal orders.

    Raises pydantic's ValidationError when brief or kit of the content are not valid.
    """
    brand = Brand(BrandKit(**(KIT | dict(content.kit))), ".", {}, "preview")
    request = Request(
        request_id="r",
        brief=Brief(**(BRIEF | dict(content.brief))),
        placement="meta_feed",
        locale=content.locale,
        seed=1,
    )
    return Order(
        texts=list_texts(request, content.fields, brand),
        locale=content.locale,
        slot=slot,
        brand=brand,
        layout=layout,
        colorway=colorway,
        product=draw_product(content.product) if content.product else None,
        backdrop=PaintedBackdrop(_draw_gradient(slot.width, slot.height, colorway), "gradient", "", 0),
    )


def draw_product(mode: str) -> Cutout:
    """Return a sample product, a bottle: cut out ("cutout"), or as a picture on white ("card")."""
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


def _draw_gradient(width: int, height: int, colorway: Colorway) -> Pixels:
    """A calm backdrop: from the ground's colour half way to the soft one, with a disc of the latter."""
    ground, soft = (np.array(colorway.colors[name], np.float32) for name in ("ground", "soft"))
    slope = np.add.outer(np.linspace(0, 0.5, height), np.linspace(0, 0.5, width)).astype(np.float32)[..., None]
    pixels = (ground + (soft - ground) * slope).astype(np.uint8)
    center, radius = (int(width * 0.85), int(height * 0.2)), int(min(width, height) * 0.3)
    cv2.circle(pixels, center, radius, colorway.colors["soft"], -1)
    return pixels

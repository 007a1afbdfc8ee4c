"""Orders for creatives of the sample product of `factory preview-layout`, with whatever a test wants to be otherwise."""

from dataclasses import replace
from typing import Any

from factory.cli.layout_sheet import order
from factory.cli.layout_sheet.contents import CONTENTS
from factory.images.brand.colorways import Colorway
from factory.images.compose.compose import Order
from factory.images.layouts.load import Layout
from schemas.creative import Slot
from schemas.outcome import Fields


def make_order(
    layout: Layout,
    width: int,
    height: int,
    content: str,
    colorway: Colorway,
    *,
    fields: Fields | None = None,
    kit: dict[str, Any] | None = None,
    **brief: Any,
) -> Order:
    """An order with the sample content `content`; `fields`, `kit` and `brief` say what is to be otherwise."""
    slot = Slot(name="preview", role="creative", width=width, height=height, formats=["png"])
    sample = CONTENTS[content]
    own = replace(sample, fields=fields or sample.fields, kit=kit or {}, brief={**sample.brief, **brief})
    return order.make_order(layout, slot, colorway, own)

"""Layout + copy + product + backdrop + brand -> creative: the copy is fitted to the size, then everything is painted."""

from dataclasses import dataclass

from factory.brands import Brand
from factory.colorways import Colorway
from factory.composition import Backdrop, Cutout
from factory.layouts import Layout
from schemas.asset import Fields
from schemas.creative import Slot
from schemas.request import Request


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """All that one creative is composed of. `product` is None where the brief has no picture, `backdrop` where none is wanted."""

    request: Request
    fields: Fields
    slot: Slot
    brand: Brand
    layout: Layout
    colorway: Colorway
    product: Cutout | None
    backdrop: Backdrop | None


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why nothing was painted: `reason` is a short code (copy_too_long, missing_glyph, missing_slot …), `detail` says what to do."""

    reason: str
    detail: str

"""Layout + copy + product + backdrop + brand -> creative: the copy is fitted to the size, then everything is painted."""

from dataclasses import dataclass
from functools import partial

from factory.briefs.template_values import is_right_to_left
from factory.images.brand.colorways import Colorway
from factory.images.brand.fonts import FontStack, load_stack, register_stack
from factory.images.brand.kit import Brand
from factory.images.colors import parse_hex
from factory.images.compose.drawable import keep_drawable
from factory.images.compose.fit import Fitted, Fitter, Misplaced
from factory.images.compose.fragment import TEXT_BOX
from factory.images.compose.page import SLOTS, make_page
from factory.images.compose.paint import PaintInput, paint, read_align, read_logo_align
from factory.images.compose.place_logo import place_logo
from factory.images.compose.rendered_page import RenderedPage, open_page
from factory.images.compose.slot_texts import AdTexts, Options
from factory.images.layouts.load import Layout
from factory.images.types import Composition, Cutout, PaintedBackdrop, Size
from schemas.creative import Slot
from schemas.layout import SlotName, find_aspect

# Rules of picture slots that are kept while composing. `factory/images/checks` checks these and all others.
TEXT_RULE, MOST_TEXT = "text_overlay_max_20pct", 0.20
BORDER_RULE = "visible_border_if_white_or_black"
CLEAR_SPACE = 0.25  # of its height, around a brand's name that takes the place of a logo


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """Everything that one creative is composed of. `texts` are in the language of `locale`.

    `product` is None where the brief has no picture, `backdrop` where none is wanted.
    """

    texts: AdTexts
    locale: str
    slot: Slot
    brand: Brand
    layout: Layout
    colorway: Colorway
    product: Cutout | None
    backdrop: PaintedBackdrop | None


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why nothing was painted: `reason` is copy_too_long, missing_glyph or missing_slot; `detail` says where, and what to do."""

    reason: str
    detail: str


def compose(order: Order) -> Composition | Misfit:
    """Return the creative, or why the layout cannot hold it.

    Equal orders give equal pixels, in any process. Raises JobError for a font or a layout that cannot be used.
    """
    slot, meta, kit = order.slot, order.layout.meta, order.brand.kit
    size = Size(slot.width, slot.height, find_aspect(slot.width, slot.height), slot.safe)
    stack = load_stack(kit.fonts, order.brand.folder, order.locale)
    register_stack(stack)
    texts = order.texts
    options = {
        name: texts.options[name]
        for name in SLOTS
        if name in meta.slots and name in texts.options and size.aspect in meta.slots[name].in_aspects
    }
    if lacking := [name for name in meta.needs if name not in options]:
        return Misfit(
            "missing_slot", f"layout {order.layout.name} needs {lacking[0]}, and the brief has nothing for it"
        )
    legal = texts.legal if meta.role == "creative" else ""  # only ads have words
    if legal and "legal" not in options:
        detail = f"layout {order.layout.name} has no place for the legal line: give it a slot `legal` for {size.aspect.value}"
        return Misfit("missing_slot", detail)
    drawable, notes, undrawn = keep_drawable(options, meta, stack)
    last, _, _ = keep_drawable({name: texts.last[name] for name in options if name in texts.last}, meta, stack)
    drawable = {name: last[name] for name in options if name in last} | drawable
    required = tuple(name for name in options if name == "legal" or not meta.slots[name].optional)
    if lost := [name for name in required if name not in drawable]:
        fonts = ", ".join(dict.fromkeys(font.name for font in stack.heading + stack.body))
        detail = f"no font of {kit.name} ({fonts}) draws {undrawn[lost[0]]!r} of {lost[0]}"
        return Misfit("missing_glyph", f"{detail}: add one that does to fonts.by_locale of the brand kit")
    fitted = _fit(order, size, drawable, last, stack)
    if isinstance(fitted, Misplaced):
        return Misfit("copy_too_long", f"{order.layout.name} at {size.width}x{size.height}: {fitted.problem.detail}")
    notes |= {name: "left out: no room" for name in drawable if name not in fitted.laid.settings}
    return _finish(order, size, fitted, stack, tuple(options), required, notes | {"legal": legal})


def _fit(order: Order, size: Size, options: Options, last: Options, stack: FontStack) -> Fitted | Misplaced:
    """Fit all slots, or fewer of the optional ones."""
    rtl = is_right_to_left(order.locale)
    layout, brand = order.layout, order.brand
    families = stack.css(heading=True), stack.css(heading=False)
    return Fitter(
        meta=layout.meta,
        size=size,
        options=options,
        last=last,
        colorway=order.colorway,
        product=_find_product(order),
        align=read_align(layout.html, "product", ("center", "center"), rtl),
        open_page=partial(_open_page, order, size, families, rtl),
        place_logo=partial(place_logo, brand, families[0], read_logo_align(layout, rtl)),
        clear_space=_find_clear_space(brand),
        most_text=MOST_TEXT if TEXT_RULE in order.slot.rules else 1.0,
    ).search()


def _open_page(
    order: Order, size: Size, families: tuple[str, str], rtl: bool, shown: frozenset[SlotName]
) -> RenderedPage:
    brand, product = order.brand, _find_product(order)
    # Without a logo the brand's name takes its place, unless the name has a slot of its own.
    has_logo = order.layout.meta.logo and (bool(brand.logos) or "brand" not in shown)
    mode = product.mode if product else ""
    return open_page(make_page(order.layout, size, shown, mode, has_logo, families, brand.kit.radius, rtl))


def _find_product(order: Order) -> Cutout | None:
    return order.product if order.layout.meta.product else None


def _finish(
    order: Order, size: Size, fitted: Fitted, stack: FontStack, wanted: tuple[SlotName, ...],
    required: tuple[SlotName, ...], notes: dict[str, str],
) -> Composition:  # fmt: skip
    border = BORDER_RULE in order.slot.rules
    given = PaintInput(order.layout, order.brand, order.colorway, order.product, order.backdrop, border)
    painted = paint(given, fitted)
    meta, kit = order.layout.meta, order.brand.kit
    missing = "".join(
        stack.find_missing(each.text, meta.slots[name].heading) for name, each in fitted.laid.settings.items()
    )
    return Composition(
        size=size,
        layout=order.layout.name,
        colorway=order.colorway.name,
        texts=painted.texts,
        boxes={name: box for name, box in fitted.laid.boxes.items() if not name.startswith(TEXT_BOX)},
        pixels=painted.pixels,
        ground=painted.ground,
        product=painted.product,
        logo=painted.logo,
        backdrop=order.backdrop if meta.backdrop else None,
        over=painted.over,
        wanted=wanted,
        required=required,
        missing="".join(dict.fromkeys(missing)),
        product_share=meta.product if order.product is not None else 0.0,
        clear_space=_find_clear_space(order.brand),
        brand_colors=tuple(
            parse_hex(value) for value in (kit.colors.primary, kit.colors.secondary, kit.colors.accent)
        ),
        fit=fitted.scale,
        notes=notes,
    )


def _find_clear_space(brand: Brand) -> float:
    return brand.kit.logo.clear_space if brand.kit.logo else CLEAR_SPACE

"""Picture slots of placements -> slots as a creative has to fill them: exact pixels, bytes, formats, rules."""

import difflib
from collections.abc import Sequence
from math import ceil, floor

from factory.errors import JobError
from schemas.creative import Slot
from schemas.images import Images
from schemas.placement import ImageSlot, Placement

# What a picture slot may name in `rules`, and what each asks for. `factory/images/checks/channel.py` and `files.py` judge them.
RULES = {
    "animation_max_30s": "a single frame",
    "exact_size": "exactly the slot's pixels",
    "keep_iptc_digital_source_type": "an IPTC digital source type in the file",
    "no_animation": "a single frame",
    "no_border": "no frame around the picture",
    "no_placeholder": "a product in the picture",
    "no_plain_product_on_white": "a scene, not a product on white",
    "no_promo_overlay": "no text",
    "no_props": "nothing but the product",
    "no_text_logo_watermark": "no text and no logo",
    "no_text_or_logo_in_image": "no text and no logo",
    "no_watermark": "no logo",
    "photo_not_render": "the product's photo, not painted over",
    "product_fill_75_90pct": "a product of 75 to 90 % of the picture's longer side",
    "product_fill_min_85pct": "a product of at least 85 % of the picture's longer side",
    "pure_white_background": "pure white around the product",
    "text_overlay_max_20pct": "text and logo on at most 20 % of the picture",
    "visible_border_if_white_or_black": "a visible border where the edge is white or black",
}
LONGER_SIDE = 1200  # pixels, where a channel names only minimums: most channels recommend this
KILOBYTE = 1000  # bytes: a file within this limit is also within one that counts 1,024
RATIO_TOLERANCE = 0.01  # for a slot with a ratio and no tolerance
_EDGES = ("top", "right", "bottom", "left")


def make_slots(placement: Placement, images: Images) -> list[Slot]:
    """Return the picture slots of `placement` that the job wants, in the placement's order; none for one without pictures.

    Pixels: `width` and `height` as given. Where one or both are missing, they follow from the slot's `ratio`, or else from
    that of its minimums: the longer side is 1,200 px, or as much more as the minimums ask, or as much less as the maximums
    allow. Formats are those of the channel (all, if it names none) that the job wants, in the job's order. A safe zone in
    percent becomes shares of top, right, bottom and left. `images.slots` narrows the slots by name.

    Raises JobError for a name in `images.slots` that is no slot here, a slot that says too little or contradicts itself,
    a rule that nobody knows, and formats of which the channel takes none.
    """
    _refuse_unknown_names([placement], images)
    return _make_slots(placement, images)


def make_job_slots(placements: Sequence[Placement], images: Images) -> dict[str, list[Slot]]:
    """Return the wanted slots of each placement by its id, as `make_slots` does.

    A name in `images.slots` has to be a slot of one of the placements. Raises JobError as `make_slots` does, and when no
    placement has a picture slot at all.
    """
    _refuse_unknown_names(placements, images)
    found = {placement.id: _make_slots(placement, images) for placement in placements}
    if not any(found.values()):
        names = ", ".join(found) or "none"
        raise JobError(
            f"images: the placements ({names}) have no picture slots", "name one that has, or leave out images"
        )
    return found


def _make_slots(placement: Placement, images: Images) -> list[Slot]:
    wanted = images.slots or [slot.name for slot in placement.image_slots]
    return [_make_slot(slot, placement, images) for slot in placement.image_slots if slot.name in wanted]


def _refuse_unknown_names(placements: Sequence[Placement], images: Images) -> None:
    names = list(dict.fromkeys(slot.name for placement in placements for slot in placement.image_slots))
    for name in images.slots:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=2, cutoff=0.5)
            meant = f"; did you mean {' or '.join(near)}?" if near else ""
            where = ", ".join(placement.id for placement in placements)
            hint = f"choose from {', '.join(names)}" if names else "leave it out: they take no pictures"
            raise JobError(f"images.slots: {name[:60]!r} is no picture slot of {where}{meant}", hint)


def _make_slot(slot: ImageSlot, placement: Placement, images: Images) -> Slot:
    where = f"placement {placement.id}, picture slot {slot.name}"
    for rule in slot.rules:
        if rule not in RULES:
            raise JobError(f"{where}: unknown rule {rule[:60]!r}", f"choose from {', '.join(RULES)}")
    width, height = _find_pixels(slot, where)
    return Slot(
        name=slot.name,
        role=slot.role,
        width=width,
        height=height,
        least=max(
            slot.min_width / width if slot.min_width else 0.0, slot.min_height / height if slot.min_height else 0.0
        )
        or 1.0,
        max_bytes=None if slot.max_kb is None else slot.max_kb * KILOBYTE,
        formats=_find_formats(slot, images, where),
        safe=_find_safe(slot, where),
        rules=list(slot.rules),
    )


def _find_pixels(slot: ImageSlot, where: str) -> tuple[int, int]:
    ratio = _find_ratio(slot, where)
    width, height = slot.width, slot.height
    if width is None or height is None:
        if ratio is None:
            raise JobError(
                f"{where}: its pixels are not known", "give width and height, or a ratio, or minimums of both"
            )
        width, height = _derive_pixels(slot, ratio)
    least, most = (slot.min_width or 1, slot.min_height or 1), (slot.max_width or width, slot.max_height or height)
    if not (least[0] <= width <= most[0] and least[1] <= height <= most[1]):
        raise JobError(
            f"{where}: {width}x{height} is outside its own minimums or maximums", "correct the placement's file"
        )
    # A difference of one pixel is rounding: 1.91:1 of 1,200 is 628.27.
    if slot.ratio is not None and ratio is not None:
        tolerance = RATIO_TOLERANCE if slot.ratio_tolerance is None else slot.ratio_tolerance
        if abs(width - ratio * height) > max(tolerance * width, ratio, 1.0):
            raise JobError(f"{where}: {width}x{height} is not {slot.ratio}", "correct the placement's file")
    return width, height


def _find_ratio(slot: ImageSlot, where: str) -> float | None:
    """Width by height from the slot's ratio, such as "1.91:1", or from its minimums."""
    if slot.ratio is None:
        return slot.min_width / slot.min_height if slot.min_width and slot.min_height else None
    wide, _, high = slot.ratio.partition(":")
    try:
        ratio = float(wide) / float(high)
    except (ValueError, ZeroDivisionError):
        ratio = 0.0
    if not 0.01 <= ratio <= 100:
        raise JobError(f"{where}: {slot.ratio!r} is no ratio", 'write it as width:height, for example "1.91:1"')
    return ratio


def _derive_pixels(slot: ImageSlot, ratio: float) -> tuple[int, int]:
    if slot.width is not None:
        return slot.width, round(slot.width / ratio)
    if slot.height is not None:
        return round(slot.height * ratio), slot.height
    width = min(LONGER_SIDE, LONGER_SIDE * ratio)
    lowest = max(slot.min_width or 1, (slot.min_height or 1) * ratio)
    highest = min(slot.max_width or width, (slot.max_height or width / ratio) * ratio)
    if width < lowest:
        return ceil(lowest), ceil(lowest / ratio)
    if width > highest:
        return floor(highest), floor(highest / ratio)
    return round(width), round(width / ratio)


def _find_formats(slot: ImageSlot, images: Images, where: str) -> list[str]:
    formats = [name for name in dict.fromkeys(images.formats) if not slot.formats or name in slot.formats]
    if not formats:
        wanted, taken = ", ".join(images.formats), ", ".join(slot.formats)
        raise JobError(f"{where}: takes none of images.formats ({wanted})", f"add one that it takes: {taken}")
    return list(formats)


def _find_safe(slot: ImageSlot, where: str) -> tuple[float, float, float, float]:
    zone = slot.safe_zone
    top, right, bottom, left = (zone.get(edge, 0.0) / 100 for edge in _EDGES)
    if set(zone) - set(_EDGES) or min(top, right, bottom, left) < 0 or top + bottom >= 1 or left + right >= 1:
        raise JobError(
            f"{where}: safe_zone {zone} leaves no picture", "give percentages of top, right, bottom and left"
        )
    return top, right, bottom, left

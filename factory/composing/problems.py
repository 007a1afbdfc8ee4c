"""What is wrong with a layout as it was laid out: texts with too many lines, outside, too near, or over one another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from factory.composing.page import TEXT_BOX
from factory.composing.product import Fitting
from factory.composing.stage import Setting
from factory.composition import Box, Size
from schemas.layout import LayoutMeta, SlotName

SLACK = 1.0  # pixels: the renderer rounds boxes to whole ones
LEAST_SHARE = 0.97  # of the area that a layout promises its product: the rest is rounding


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that has no room. `slots` are the texts that could give way; `detail` says where, and by how much."""

    kind: str  # lines | word | inside | outside | overlap | product
    slots: tuple[SlotName, ...]
    detail: str


def find_problems(
    meta: LayoutMeta,
    size: Size,
    settings: Mapping[SlotName, Setting],
    boxes: Mapping[str, Box],
    product: Fitting | None,
) -> list[Problem]:
    """Return all problems of a layout in which `settings` took up `boxes`, those of single texts first."""
    texts = {name: boxes.get(TEXT_BOX + name, Box(0, 0, 0, 0)) for name in sorted(settings)}
    found = [*_find_lost(texts, boxes), *_find_own(meta, settings, texts)]
    found += _find_outside(meta, size, texts, boxes)
    found += _find_overlaps(meta, texts, boxes, product)
    area = boxes["product"].area if "product" in boxes else 0.0
    if product is not None and area < meta.product * LEAST_SHARE * size.width * size.height:
        share = area / (size.width * size.height)
        detail = f"texts leave the product {share:.0%} of the picture, the layout promises {meta.product:.0%}"
        found.append(Problem("product", tuple(texts), detail))
    return found


def _find_lost(texts: Mapping[SlotName, Box], boxes: Mapping[str, Box]) -> Iterator[Problem]:
    for name, box in texts.items():
        if box.area <= 0 or name not in boxes:
            yield Problem("lost", (name,), f"{name} has no box: the layout hides it or gives it no room")


def _find_own(
    meta: LayoutMeta, settings: Mapping[SlotName, Setting], texts: Mapping[SlotName, Box]
) -> Iterator[Problem]:
    for name, setting in settings.items():
        lines = round(texts[name].height / (setting.font_px * setting.line_height))
        if lines > meta.slots[name].lines:
            yield Problem("lines", (name,), f"{name} takes {lines} lines of {meta.slots[name].lines}")


def _find_outside(
    meta: LayoutMeta, size: Size, texts: Mapping[SlotName, Box], boxes: Mapping[str, Box]
) -> Iterator[Problem]:
    for name, box in texts.items():
        place = meta.slots[name].inside
        if place and not (place in boxes and boxes[place].holds(box, SLACK)):
            yield Problem(
                "inside", _list_neighbours(box, name, texts), f"{name} leaves #{place}{_say_by(box, boxes.get(place))}"
            )
        if not size.safe_box.holds(box, SLACK):
            detail = f"{name} leaves the picture's safe part{_say_by(box, size.safe_box)}"
            yield Problem("outside", _list_neighbours(box, name, texts), detail)
    if "logo" in boxes and not size.safe_box.holds(boxes["logo"], SLACK):
        detail = f"the logo leaves the picture's safe part{_say_by(boxes['logo'], size.safe_box)}"
        yield Problem("outside", _list_neighbours(boxes["logo"], None, texts), detail)


def _find_overlaps(
    meta: LayoutMeta, texts: Mapping[SlotName, Box], boxes: Mapping[str, Box], product: Fitting | None
) -> Iterator[Problem]:
    for one, other in combinations(texts, 2):
        if _touch(texts[one], texts[other]):
            slots = _join(_list_neighbours(texts[one], one, texts), _list_neighbours(texts[other], other, texts))
            yield Problem("overlap", slots, f"{one} and {other} lie over each other")
    for name, box in texts.items():
        if "logo" in boxes and _touch(box, boxes["logo"]):
            yield Problem("overlap", _list_neighbours(box, name, texts), f"{name} lies over the logo")
        if product is not None and name not in meta.over and _touch(box, product.box):
            yield Problem("overlap", _list_neighbours(box, name, texts), f"{name} lies over the product")
    if product is not None and "logo" in boxes and _touch(boxes["logo"], product.box):
        yield Problem("overlap", tuple(texts), "the logo lies over the product")


def _touch(one: Box, other: Box) -> bool:
    """Whether two boxes cover a common area more than a rounded pixel wide and high."""
    width = min(one.right, other.right) - max(one.x, other.x)
    height = min(one.bottom, other.bottom) - max(one.y, other.y)
    return width > SLACK and height > SLACK


def _list_neighbours(box: Box, name: SlotName | None, texts: Mapping[SlotName, Box]) -> tuple[SlotName, ...]:
    """Slots in the same column or row: only these can make room by taking less."""
    near = [
        each
        for each, other in texts.items()
        if each == name
        or min(box.right, other.right) > max(box.x, other.x)
        or min(box.bottom, other.bottom) > max(box.y, other.y)
    ]
    return tuple(near)


def _join(one: tuple[SlotName, ...], other: tuple[SlotName, ...]) -> tuple[SlotName, ...]:
    return tuple(dict.fromkeys(one + other))


def _say_by(box: Box, place: Box | None) -> str:
    if place is None:
        return ", which is not there"
    beyond = max(place.x - box.x, place.y - box.y, box.right - place.right, box.bottom - place.bottom)
    return f" by {beyond:.0f} px"

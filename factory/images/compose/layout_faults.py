"""What is wrong with a laid-out layout: texts with too many lines, outside their place, too near, or over one another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from factory.images.compose.fragment import TEXT_BOX
from factory.images.compose.layers import grow
from factory.images.compose.place_product import Fitting
from factory.images.compose.rendered_page import Setting
from factory.images.types import Box, Size
from schemas.layout import LayoutMeta, SlotName

SLACK = 1.0  # pixels: the renderer rounds boxes to whole ones
LEAST_SHARE = 0.97  # of the area that a layout promises its product: the rest is rounding
LEAST_KEPT = 0.4  # of the product's area in the layout with hardly any text: texts may not shrink it further

_NOWHERE = Box(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that has no room. `slots` are the texts that could make room; `detail` says where, and by how much."""

    kind: str  # lost | lines | word | around | inside | outside | overlap | logo | product | share
    slots: tuple[SlotName, ...]
    detail: str


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """The room that texts have. `most_text` is the share of the picture that texts and logo may cover.

    `around` are for each slot the elements that hold its text while it is short, and `product_area` is the product's area
    then. `padding` is how many pixels of a slot's width its text cannot use. `clear_space` is a share of the logo's height.
    """

    meta: LayoutMeta
    size: Size
    clear_space: float
    most_text: float
    around: Mapping[SlotName, tuple[str, ...]]
    padding: Mapping[SlotName, float]
    product_area: float


@dataclass(frozen=True, slots=True, eq=False)
class LaidOut:
    """The layout as the renderer laid it out with `settings`."""

    settings: Mapping[SlotName, Setting]
    boxes: Mapping[str, Box]
    product: Fitting | None
    logo: Box | None

    @property
    def texts(self) -> dict[SlotName, Box]:
        """The box of each text, without padding."""
        return {name: self.boxes.get(TEXT_BOX + name, _NOWHERE) for name in sorted(self.settings)}


def count_lines(laid: LaidOut, name: SlotName) -> int:
    """Return how many lines a text takes."""
    return round(laid.texts[name].height / laid.settings[name].line_px)


def find_problem(room: Room, laid: LaidOut) -> Problem | None:
    """Return the first problem of a layout, or None when everything has room. Problems of a single text come first."""
    texts = laid.texts
    checks = (
        _find_own(room, laid, texts),
        _find_outside(room, laid, texts),
        _find_overlaps(room, laid, texts),
        _find_near_logo(room, laid, texts),
        _find_squeezed(room, laid, texts),
    )
    return next((problem for found in checks for problem in found), None)


def _find_own(room: Room, laid: LaidOut, texts: Mapping[SlotName, Box]) -> Iterator[Problem]:
    for name, setting in laid.settings.items():
        if texts[name].area <= 0 or name not in laid.boxes:
            yield Problem("lost", (name,), f"{name} has no box: the layout hides it or gives it no room")
        elif (by := texts[name].width - laid.boxes[name].width + room.padding.get(name, 0)) > SLACK:
            yield Problem(
                "word", (name,), f"a word of {name} is wider than its place by {by:.0f} px: {setting.text[:60]!r}"
            )
        lines = count_lines(laid, name)
        if lines > room.meta.slots[name].lines:
            yield Problem("lines", (name,), f"{name} takes {lines} lines of {room.meta.slots[name].lines}")


def _find_outside(room: Room, laid: LaidOut, texts: Mapping[SlotName, Box]) -> Iterator[Problem]:
    safe = room.size.safe_box
    for name, box in texts.items():
        frame = room.meta.slots[name].inside
        for place in filter(None, (frame, *room.around[name])):
            holder = laid.boxes.get(place)
            if holder is None or not holder.holds(box, SLACK):
                what = f"#{place}" if place == frame else "the element around it"
                detail = f"{name} leaves {what}{_say_by(box, holder)}"
                yield Problem("around", _list_neighbours(box, name, texts), detail)
        outer = laid.boxes.get(frame, box)
        if not (safe.holds(box, SLACK) and safe.holds(outer, SLACK)):
            detail = f"{name} leaves the picture's safe part{_say_by(outer, safe)}"
            yield Problem("outside", _list_neighbours(box, name, texts), detail)
    if laid.logo is not None and not safe.holds(laid.logo, SLACK):
        detail = f"the logo leaves the picture's safe part{_say_by(laid.logo, safe)}"
        yield Problem("outside", _list_neighbours(laid.logo, None, texts), detail)


def _find_overlaps(room: Room, laid: LaidOut, texts: Mapping[SlotName, Box]) -> Iterator[Problem]:
    outer = {name: _find_frame(room, laid, name, box) for name, box in texts.items()}
    for one, other in combinations(texts, 2):
        framed = outer[one].holds(outer[other]) or outer[other].holds(outer[one])
        boxes = (texts[one], texts[other]) if framed else (outer[one], outer[other])
        if _touch(*boxes):
            slots = _list_neighbours(texts[one], one, texts) + _list_neighbours(texts[other], other, texts)
            yield Problem("overlap", tuple(dict.fromkeys(slots)), f"{one} and {other} lie over each other")
    if laid.product is None:
        return
    product = laid.product.box
    for name, box in texts.items():
        frame = box if outer[name].holds(product) else outer[name]
        if name not in room.meta.over and _touch(frame, product):
            yield Problem("overlap", _list_neighbours(box, name, texts), f"{name} lies over the product")


def _find_near_logo(room: Room, laid: LaidOut, texts: Mapping[SlotName, Box]) -> Iterator[Problem]:
    if laid.logo is None:
        return
    free = grow(laid.logo, room.clear_space * laid.logo.height)
    for name, box in texts.items():
        frame = _find_frame(room, laid, name, box)
        if _touch(free, box if frame.holds(laid.logo, SLACK) else frame):
            slots = _list_neighbours(box, name, texts)
            yield Problem("logo", slots, f"{name} is nearer to the logo than its clear space")
    if laid.product is not None and _touch(free, laid.product.box):
        yield Problem("logo", tuple(texts), "the product is nearer to the logo than its clear space")


def _find_squeezed(room: Room, laid: LaidOut, texts: Mapping[SlotName, Box]) -> Iterator[Problem]:
    frame = room.size.width * room.size.height
    squeezing = tuple(name for name in texts if name not in room.meta.over)
    if laid.product is not None:
        share = laid.boxes["product"].area / frame
        if share < room.meta.product * LEAST_SHARE:
            detail = f"texts leave the product {share:.0%} of the picture, the layout promises {room.meta.product:.0%}"
            yield Problem("product", squeezing, detail)
        if laid.product.box.area < LEAST_KEPT * room.product_area:
            kept = laid.product.box.area / room.product_area
            yield Problem("product", squeezing, f"texts shrink the product to {kept:.0%} of its size")
    covered = sum(box.area for box in texts.values()) + (laid.logo.area if laid.logo else 0.0)
    if covered > room.most_text * frame:
        detail = f"texts cover {covered / frame:.0%} of the picture, at most {room.most_text:.0%}"
        yield Problem("share", tuple(texts), detail)


def _find_frame(room: Room, laid: LaidOut, name: SlotName, box: Box) -> Box:
    return laid.boxes.get(room.meta.slots[name].inside, box)


def _touch(one: Box, other: Box) -> bool:
    """Whether two boxes overlap by more than a pixel of rounding in width and height."""
    width = min(one.right, other.right) - max(one.x, other.x)
    height = min(one.bottom, other.bottom) - max(one.y, other.y)
    return width > SLACK and height > SLACK


def _list_neighbours(box: Box, name: SlotName | None, texts: Mapping[SlotName, Box]) -> tuple[SlotName, ...]:
    """Slots in the same column or row: only they can make room by taking less."""
    return tuple(
        each
        for each, other in texts.items()
        if each == name
        or min(box.right, other.right) > max(box.x, other.x)
        or min(box.bottom, other.bottom) > max(box.y, other.y)
    )


def _say_by(box: Box, place: Box | None) -> str:
    if place is None:
        return ", which is not there"
    beyond = max(place.x - box.x, place.y - box.y, box.right - place.right, box.bottom - place.bottom)
    return f" by {beyond:.0f} px"

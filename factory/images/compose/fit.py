"""Fitting: which of the possible texts go into a layout in one size, and how large. Decided by laid-out boxes alone.

Longer copy at full size is tried first, then shorter copy, then smaller type. Optional texts are left out last of all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from factory.images.brand.colorways import Colorway
from factory.images.compose.layout_faults import SLACK, LaidOut, Problem, Room, count_lines, find_problem
from factory.images.compose.place_product import Fitting, fit_product
from factory.images.compose.rendered_page import RenderedPage, Setting
from factory.images.compose.slot_texts import Options
from factory.images.layouts.type_sizes import find_least_px
from factory.images.types import Box, Cutout, Size
from schemas.layout import LayoutMeta, SlotName, TextSlot, find_unit

SCALES = (1.0, 0.92, 0.85, 0.78)
# The order in which texts give way when there is too little room, and in which they are left out.
GIVES_WAY: tuple[SlotName, ...] = (
    "benefits", "quote", "body", "badge", "was", "brand", "headline", "action", "price", "legal",
)  # fmt: skip
_LONG = "x " * 200
_HALVINGS = 3  # of the width of a heading: its lines then differ by an eighth of what they could. Each costs a layout


@dataclass(frozen=True, slots=True)
class Step:
    """One way to set a slot. `cost` orders steps of all slots: 0 at full size, more for smaller type, 1 and more for `last`."""

    text: str
    font_px: float
    scale: float
    cost: float


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A layout in which everything has room. `scale` is the smallest scale that a text was set at."""

    rendered: RenderedPage
    laid: LaidOut
    scale: float


@dataclass(frozen=True, slots=True)
class Misplaced:
    """The first thing that has no room, when no text can give way any more."""

    problem: Problem


@dataclass(frozen=True, slots=True, eq=False)
class Fitter:
    """The search for one layout in one size. `align` is how the product stands in its box, `place_logo` places the logo.

    `open_page` opens the layout with some of its slots. `last` are texts for slots none of whose options has room.
    """

    meta: LayoutMeta
    size: Size
    options: Options
    last: Options
    colorway: Colorway
    product: Cutout | None
    align: tuple[str, str]
    open_page: Callable[[frozenset[SlotName]], RenderedPage]
    place_logo: Callable[[Box], Box]
    clear_space: float
    most_text: float

    def search(self) -> Fitted | Misplaced:
        """Return how the layout is set so that everything has room: with all slots, else with fewer of the optional ones."""
        found = self._search({})
        return self._search(self.last) if isinstance(found, Misplaced) and self.last else found

    def _search(self, last: Options) -> Fitted | Misplaced:
        steps = {
            name: make_steps(self.meta.slots[name], name, texts, last.get(name, []), self.size)
            for name, texts in self.options.items()
        }
        shown: frozenset[SlotName] = frozenset(self.options)
        found = self.fit(shown, steps)
        if isinstance(found, Fitted):
            return found
        # Texts that have no room without the optional ones have none beside them: this ends most vain searches early.
        least = self.fit(frozenset(name for name in shown if not self._is_optional(name)), steps)
        if isinstance(least, Misplaced):
            return least
        while isinstance(found, Misplaced):
            fewer = choose_dropped(self.meta, shown, found.problem)
            if fewer is None:
                return found
            shown, found = fewer, self.fit(fewer, steps)
        return found

    def fit(self, shown: frozenset[SlotName], steps: Mapping[SlotName, Sequence[Step]]) -> Fitted | Misplaced:
        """Return how the slots `shown` are set so that all have room, or the first thing that has none."""
        rendered = self.open_page(shown)
        at = dict.fromkeys(sorted(shown), 0)
        room = self._find_room(rendered, steps)
        while True:  # in each turn one slot takes its next step, and there are few steps
            settings = self._set_all({name: steps[name][index] for name, index in at.items()})
            laid = self._place(rendered, settings, rendered.measure(settings))
            problem = find_problem(room, laid)
            if problem is None:
                laid = self._balance(rendered, room, laid)
                scale = min((steps[name][index].scale for name, index in at.items()), default=1.0)
                return Fitted(rendered, laid, scale)
            able = [name for name in problem.slots if name in at and at[name] + 1 < len(steps[name])]
            if not able:
                return Misplaced(problem)
            # Shorter texts come before smaller type, then what gives way first.
            at[min(able, key=lambda name: (steps[name][at[name] + 1].cost, GIVES_WAY.index(name)))] += 1

    def _balance(self, rendered: RenderedPage, room: Room, laid: LaidOut) -> LaidOut:
        """Return the layout with headings of several lines broken so that the lines are about equally long.

        CSS has this (https://www.w3.org/TR/css-text-4/#valdef-text-wrap-style-balance), but the renderer does not know it:
        the narrowest width that takes no more lines is found by bisection.
        """
        for name, setting in laid.settings.items():
            lines = count_lines(laid, name)
            if not self.meta.slots[name].heading or lines < 2:
                continue
            full = laid.texts[name].width
            low, high = full * (lines - 1) / lines, full
            for _ in range(_HALVINGS):
                width = (low + high) / 2
                settings = {**laid.settings, name: replace(setting, most_px=width)}
                tried = self._place(rendered, settings, rendered.measure(settings))
                fits = count_lines(tried, name) == lines and tried.texts[name].width <= width + SLACK
                if fits and find_problem(room, tried) is None:
                    laid, high = tried, width
                else:
                    low = width
        return laid

    def _is_optional(self, name: SlotName) -> bool:
        return self.meta.slots[name].optional and name != "legal"

    def _find_room(self, rendered: RenderedPage, steps: Mapping[SlotName, Sequence[Step]]) -> Room:
        """Measure the layout with a letter in each slot: the elements that hold the text then have to hold it always.

        Then with so much text that it wraps where it may: the part of its element's width that it leaves is padding.
        """
        first = self._set_all({name: steps[name][0] for name in sorted(rendered.page.shown)})
        laid = self._place(rendered, first, rendered.measure_filled(first, "x"))
        full = self._place(rendered, first, rendered.measure_filled(first, _LONG))
        around = {
            name: tuple(
                each
                for each in rendered.around[name]
                if each in laid.boxes and laid.boxes[each].holds(laid.texts[name], SLACK)
            )
            for name in first
        }
        padding = {
            name: max(0.0, full.boxes[name].width - box.width - SLACK)
            for name, box in full.texts.items()
            if name in full.boxes and box.height > 1.5 * first[name].line_px
        }
        area = laid.product.box.area if laid.product else 0.0
        return Room(self.meta, self.size, self.clear_space, self.most_text, around, padding, area)

    def _place(
        self, rendered: RenderedPage, settings: Mapping[SlotName, Setting], boxes: Mapping[str, Box]
    ) -> LaidOut:
        product: Fitting | None = None
        if self.product is not None and "product" in boxes:
            unit = find_unit(self.size.width, self.size.height)
            product = fit_product(self.product, boxes["product"], unit, self.align)
        logo = self.place_logo(boxes["logo"]) if rendered.page.logo and "logo" in boxes else None
        return LaidOut(settings, boxes, product, logo)

    def _set_all(self, steps: Mapping[SlotName, Step]) -> dict[SlotName, Setting]:
        settings = {}
        for name, step in steps.items():
            slot = self.meta.slots[name]
            color = self.colorway.colors[slot.color]
            settings[name] = Setting(step.text, step.font_px, slot.weight, slot.find_line_px(step.font_px), color)
        return settings


def make_steps(slot: TextSlot, name: SlotName, texts: Sequence[str], last: Sequence[str], size: Size) -> list[Step]:
    """Return the ways to set a slot, each taking less room than the one before: with `texts`, then with `last`."""
    least = find_least_px(size.width, size.height, name)
    full = max(slot.find_size(size.aspect) * find_unit(size.width, size.height), least)
    steps: list[Step] = []
    for options, resort in ((texts, 0.0), (last, 1.0)):
        for scale in SCALES:
            px = round(max(full * scale, least), 2)
            for text in options:
                if not steps or len(text) * px * px < len(steps[-1].text) * steps[-1].font_px ** 2:
                    steps.append(Step(text, px, round(px / full, 2), resort + 1 - px / full))
    return steps


def choose_dropped(meta: LayoutMeta, shown: frozenset[SlotName], problem: Problem) -> frozenset[SlotName] | None:
    """Return `shown` without one optional slot, if possible one that the problem is about; None when nothing is optional."""
    able = [name for name in GIVES_WAY if name in shown and meta.slots[name].optional and name != "legal"]
    if not able:
        return None
    dropped = next((name for name in able if name in problem.slots), able[0])
    left = shown - {dropped}
    return left if "price" in left else left - {"was"}

"""Fitting: which of the texts that exist go into a layout in one size, and how large. Decided by laid-out boxes alone.

Longer copy at full size comes first, then shorter copy, then smaller type; what is optional is left out last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from factory.colorways import Colorway
from factory.composing.ad_texts import Options
from factory.composing.page import TEXT_BOX
from factory.composing.problems import Problem, find_problems
from factory.composing.product import Fitting, fit_product
from factory.composing.stage import Setting, Stage
from factory.composition import Box, Cutout, Size
from schemas.layout import RECTANGLE_AREA, Aspect, LayoutMeta, SlotName, TextSlot, find_unit

SCALES = (1.0, 0.92, 0.85, 0.78)
MAX_TRIES = 80  # layouts of one set of slots that are measured
# What gives way first when texts compete for room, and what is left out first.
GIVES_WAY: tuple[SlotName, ...] = (
    "benefits", "quote", "body", "badge", "was", "brand", "headline", "action", "price", "legal",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One way to set a slot."""

    text: str
    scale: float
    font_px: float


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A layout in which everything has room. `scale` is the smallest that a text was set at."""

    stage: Stage
    settings: dict[SlotName, Setting]
    boxes: Mapping[str, Box]
    product: Fitting | None
    scale: float


@dataclass(frozen=True, slots=True)
class Misplaced:
    """The first thing that has no room, when nothing gives way any more."""

    problem: Problem


def find_least_px(size: Size, slot: SlotName) -> float:
    """Return the least size of a text in pixels: 12, in small banners 9, and never under 1.7 units (legal line: 1.25).

    Small banners are shown pixel by pixel; large pictures are shown in a feed about 400 pixels wide, where 1.7 units of a
    picture of 1200 x 628 are 5 pixels, the smallest type of printed labels.
    """
    small = size.width * size.height <= RECTANGLE_AREA or size.aspect in (Aspect.LEADERBOARD, Aspect.SKYSCRAPER)
    units = 1.25 if slot == "legal" else 1.7
    return max(9.0 if small else 12.0, units * find_unit(size.width, size.height))


def make_steps(slot: TextSlot, name: SlotName, texts: Sequence[str], size: Size) -> list[Step]:
    """Return the ways to set a slot, each taking less room than the one before."""
    full = slot.find_size(size.aspect) * find_unit(size.width, size.height)
    least = find_least_px(size, name)
    steps: list[Step] = []
    for scale in SCALES:
        px = round(max(full * scale, least), 2)
        for text in texts:
            room = len(text) * px * px
            if not steps or room < len(steps[-1].text) * steps[-1].font_px ** 2:
                steps.append(Step(text, min(1.0, px / full) if full >= least else 1.0, px))
    return steps


class Fitter:
    """The search for one layout, size and set of options."""

    def __init__(
        self, meta: LayoutMeta, size: Size, options: Options, colorway: Colorway, product: Cutout | None,
        align: tuple[str, str],
    ) -> None:  # fmt: skip
        self.meta, self.size, self.colorway, self.product, self.align = meta, size, colorway, product, align
        self.steps = {name: make_steps(meta.slots[name], name, texts, size) for name, texts in options.items()}

    def fit(self, stage: Stage) -> Fitted | Misplaced:
        """Return how the slots of `stage` are set so that all have room, or what has none."""
        at = dict.fromkeys(stage.page.shown, 0)
        for _ in range(MAX_TRIES):
            settings = {name: self._set(name, self.steps[name][index]) for name, index in sorted(at.items())}
            boxes = stage.measure(settings)
            product = self._place(boxes)
            problems = find_problems(self.meta, self.size, settings, boxes, product)
            problems = problems or self._find_wide_words(stage, settings, boxes)
            if not problems:
                scale = min((self.steps[name][index].scale for name, index in at.items()), default=1.0)
                return Fitted(stage, settings, boxes, product, scale)
            name = self._choose(problems[0], at)
            if name is None:
                return Misplaced(problems[0])
            at[name] += 1
        return Misplaced(problems[0])

    def _choose(self, problem: Problem, at: Mapping[SlotName, int]) -> SlotName | None:
        """Return the slot that is to take less room: shorter texts before smaller type, then by what gives way first."""
        able = [name for name in problem.slots if name in at and at[name] + 1 < len(self.steps[name])]
        return min(able, key=lambda name: (-self.steps[name][at[name] + 1].scale, GIVES_WAY.index(name)), default=None)

    def _set(self, name: SlotName, step: Step) -> Setting:
        slot = self.meta.slots[name]
        return Setting(step.text, step.font_px, slot.weight, slot.line_height, self.colorway.colors[slot.color])

    def _place(self, boxes: Mapping[str, Box]) -> Fitting | None:
        if self.product is None or "product" not in boxes:
            return None
        unit = find_unit(self.size.width, self.size.height)
        return fit_product(self.product, boxes["product"], unit, self.align)

    def _find_wide_words(
        self, stage: Stage, settings: Mapping[SlotName, Setting], boxes: Mapping[str, Box]
    ) -> list[Problem]:
        words = stage.measure_words(settings)
        return [
            Problem("word", (name,), f"a word of {settings[name].text[:60]!r} is wider than its place")
            for name in sorted(settings)
            if words[name] > boxes[TEXT_BOX + name].width + 1 or boxes[TEXT_BOX + name].width > boxes[name].width + 1
        ]


def choose_dropped(meta: LayoutMeta, shown: frozenset[SlotName], problem: Problem) -> frozenset[SlotName] | None:
    """Return `shown` without one optional slot, one that the problem is about if it can be; None when nothing is optional."""
    able = [name for name in GIVES_WAY if name in shown and meta.slots[name].optional and name != "legal"]
    if not able:
        return None
    dropped = next((name for name in able if name in problem.slots), able[0])
    left = shown - {dropped}
    return left if "price" in left else left - {"was"}

"""How sure a cut is: each measure of a picture becomes a factor from 0 (certainly wrong) to 1 (nothing speaks against it)."""

from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple

MIN_CONFIDENCE = 0.6  # below it a picture is shown whole: a wrong cut is worse than a frame


class _Measure(NamedTuple):
    """The value at which a cut is certainly wrong, the value from which nothing speaks against it, and what a bad one means."""

    wrong: float
    fine: float
    doubt: str


_MEASURES = {
    # Share of the border that is background: a product that is cut off by the picture's edge must not float.
    "border": _Measure(0.88, 0.98, "the picture's border is not one plain background"),
    # Share of the product that stays the same however strict the search is.
    "stable": _Measure(0.80, 0.96, "where the background ends is unclear"),
    "area": _Measure(0.01, 0.04, "hardly anything of the picture is product"),  # share of the picture that is product
    "filled": _Measure(0.90, 0.75, "the product fills the whole picture"),  # the same
    # From here on, except for the last two, shares of the product's area:
    "whole": _Measure(0.04, 0.005, "small parts of the product would be lost"),  # parts dropped as specks
    "shadow": _Measure(0.10, 0.04, "much of the product looks like its shadow"),  # taken for the background's shadow
    "holes": _Measure(0.45, 0.2, "much of the product looks like holes"),  # enclosed parts that were cut
    "maybe": _Measure(0.10, 0.02, "parts of the product may be holes"),  # enclosed parts that were left
    # Cut inside the product's hull, though lighter or of another hue than the background around.
    "foreign": _Measure(0.10, 0.01, "the cut would bite into the product"),
    # Smooth parts of the product in shades near the background's.
    "pale": _Measure(0.25, 0.05, "parts of the product have the background's colour"),
    # Share of the outline at which product and background clearly differ.
    "contrast": _Measure(0.74, 0.90, "product and background hardly differ along the outline"),
    "soft": _Measure(0.20, 0.06, "the outline has no clear edge"),  # share of the outline where no edge is seen
}


@dataclass(slots=True)
class Confidence:
    """The factors of one picture by measure, as far as they are known yet."""

    factors: dict[str, float] = field(default_factory=dict)

    def add(self, **measures: float) -> bool:
        """Take measures in. Return whether a cut is ruled out, so that nothing more need be measured."""
        for name, value in measures.items():
            wrong, fine, _ = _MEASURES[name]
            self.factors[name] = min(max((value - wrong) / (fine - wrong), 0.0), 1.0)
        return self.total < MIN_CONFIDENCE

    @property
    def total(self) -> float:
        """How sure a cut can be at most, 0..1: the product of all factors."""
        return prod(self.factors.values())

    def explain(self) -> str:
        """Return what speaks against a cut, the strongest first; "" where nothing does."""
        doubts = sorted((factor, name) for name, factor in self.factors.items() if factor < 1)
        return "; ".join(f"{_MEASURES[name].doubt} ({name} {factor:.2f})" for factor, name in doubts)

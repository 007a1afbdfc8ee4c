"""How sure a cut is: each measure of a picture becomes a factor from 0 (certainly wrong) to 1 (nothing speaks against it)."""

from dataclasses import dataclass, field
from math import prod

MIN_CONFIDENCE = 0.6  # below it a picture is shown whole: a wrong cut is worse than a frame

_RAMPS = {  # measure: the value at which a cut is certainly wrong, and the value from which nothing speaks against it
    # Share of the border that is background: a product that is cut off by the picture's edge must not float.
    "border": (0.88, 0.98),
    "stable": (0.80, 0.96),  # share of the product that stays the same however strict the search is
    "area": (0.01, 0.04),  # share of the picture that is product
    "filled": (0.90, 0.75),  # the same
    # From here on, except for the last two, shares of the product's area:
    "whole": (0.04, 0.005),  # parts dropped as specks
    "shadow": (0.10, 0.04),  # parts taken for the background's shadow
    "holes": (0.45, 0.2),  # enclosed parts that were cut
    "maybe": (0.10, 0.02),  # enclosed parts that may be holes and were left
    # Cut inside the product's hull, though lighter or of another hue than the background around.
    "foreign": (0.10, 0.01),
    "pale": (0.25, 0.05),  # smooth parts of the product in shades near the background's
    "contrast": (0.74, 0.90),  # share of the outline at which product and background clearly differ
    "soft": (0.20, 0.06),  # share of the outline where no edge is seen
}


@dataclass(slots=True)
class Confidence:
    """The factors of one picture by measure, as far as they are known yet."""

    factors: dict[str, float] = field(default_factory=dict)

    def add(self, **measures: float) -> bool:
        """Take measures in. Return whether a cut is ruled out, so that nothing more need be measured."""
        for name, value in measures.items():
            zero, one = _RAMPS[name]
            self.factors[name] = min(max((value - zero) / (one - zero), 0.0), 1.0)
        return self.total < MIN_CONFIDENCE

    @property
    def total(self) -> float:
        """How sure a cut can be at most, 0..1: the product of all factors."""
        return prod(self.factors.values())

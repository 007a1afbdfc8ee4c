"""What speaks against a cut, each as a number from 0 (certainly wrong) to 1 (nothing to object to). They multiply."""

from dataclasses import dataclass, field
from math import prod

MIN_CONFIDENCE = 0.6  # below it a picture is shown whole: a wrong cut is worse than a frame

_RAMPS = {  # measure: where a cut is certainly wrong, from where there is nothing to object to
    "border": (
        0.88,
        0.98,
    ),  # share of the border that is ground: a product that the picture's edge cuts must not float
    "stable": (0.80, 0.96),  # share of the product that does not hang on how strict the search is
    "area": (0.01, 0.04),  # share of the picture that is product
    "filled": (0.90, 0.75),  # the same
    "whole": (0.04, 0.005),  # parts dropped as specks, as a share of the product's area, like all that follow but two
    "shadow": (0.10, 0.04),  # taken for the ground's shadow
    "holes": (0.45, 0.2),  # enclosed, and cut
    "maybe": (0.10, 0.02),  # enclosed, perhaps holes, and left
    "foreign": (0.10, 0.01),  # cut inside the product's hull, lighter or of another hue than the ground around it
    "pale": (0.25, 0.05),  # smooth parts of the product in shades near the ground's
    "contrast": (0.74, 0.90),  # share of the outline at which product and ground clearly differ
    "soft": (0.20, 0.06),  # share of the outline where no edge is seen
}


@dataclass(slots=True)
class Doubts:
    """The doubts of one picture by name, as far as they have been looked into."""

    found: dict[str, float] = field(default_factory=dict)

    def weigh(self, **measures: float) -> bool:
        """Take measures down. Return whether a cut is out of the question, so that no more need be looked into."""
        for name, value in measures.items():
            zero, one = _RAMPS[name]
            self.found[name] = min(max((value - zero) / (one - zero), 0.0), 1.0)
        return self.confidence < MIN_CONFIDENCE

    @property
    def confidence(self) -> float:
        """How sure a cut is at most, 0..1."""
        return prod(self.found.values())

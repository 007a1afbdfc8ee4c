"""Backdrops without a model: pictures in the brand's colours from a dozen families, computed in milliseconds."""

import difflib
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from factory.engines.base import BackdropPrompt, Pixels
from factory.errors import JobError
from factory.images.backdrops.procedural.canvas import Scene, add_grain
from factory.images.backdrops.procedural.palette import read_palette
from factory.images.backdrops.procedural.patterns import draw_confetti, draw_halftone, draw_sunburst, draw_terrazzo
from factory.images.backdrops.procedural.shapes import draw_blocks, draw_discs, draw_ribbons, draw_waves
from factory.images.backdrops.procedural.soft import draw_bokeh, draw_mesh, draw_studio, draw_window

FAMILIES: dict[str, Callable[[Scene], Pixels]] = {
    "mesh": draw_mesh,
    "studio": draw_studio,
    "window": draw_window,
    "bokeh": draw_bokeh,
    "discs": draw_discs,
    "ribbons": draw_ribbons,
    "waves": draw_waves,
    "blocks": draw_blocks,
    "halftone": draw_halftone,
    "terrazzo": draw_terrazzo,
    "sunburst": draw_sunburst,
    "confetti": draw_confetti,
}
# A prompt that starts with this names families. Any other prompt is for a model, and the seed chooses the family.
_PREFIX = "procedural:"


class ProceduralEngine:
    """Draws in the colours of a colourway, and only in mixes of them on which its text stays readable."""

    name = "procedural"
    model = "procedural-1"  # increase the number when the same seed gives another picture

    def start(self) -> None:
        """Keep OpenCV on one thread: several processes share the machine."""
        cv2.setNumThreads(1)

    def draw(self, prompts: Sequence[BackdropPrompt]) -> list[Pixels]:
        """Return one picture for each prompt, RGB of shape (height, width, 3). Raises JobError for an unknown family."""
        return [draw_procedural(prompt) for prompt in prompts]

    def stop(self) -> None:
        """Nothing was loaded."""


def draw_procedural(prompt: BackdropPrompt) -> Pixels:
    """Return the backdrop of one prompt: its family and every shape from the seed, its shades from the colours."""
    rng = np.random.Generator(np.random.PCG64(prompt.seed))
    names = list_families(prompt.prompt)
    family = FAMILIES[names[int(rng.integers(len(names)))]]
    scene = Scene(prompt.width, prompt.height, read_palette(prompt.colors), rng)
    image = family(scene)
    add_grain(image, scene)
    return image


def list_families(prompt: str) -> list[str]:
    """Return the families to choose from: those that a prompt such as "procedural: waves, discs" names, else all."""
    if not prompt.lower().startswith(_PREFIX):
        return list(FAMILIES)
    names = [name.strip().lower() for name in prompt[len(_PREFIX) :].split(",") if name.strip()]
    for name in names:
        if name not in FAMILIES:
            near = difflib.get_close_matches(name, FAMILIES, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise JobError(
                f"images.backdrop.prompt: there is no procedural backdrop {name[:60]!r}{meant}",
                f"there are {', '.join(FAMILIES)}",
            )
    return names or list(FAMILIES)

"""A brand kit made ready: the YAML, its logo's pixels and its fonts, and one digest over all of it."""

from dataclasses import dataclass

from factory.composition import Pixels
from schemas.brand import BrandKit


@dataclass(frozen=True, slots=True, eq=False)
class Brand:
    """A kit with what it names. `logos` are RGBA, "light" for light grounds, "dark" for dark ones; empty without a logo.

    `folder` is where the kit's own files lie; `digest` covers kit, logo and font files: it is part of a creative's id.
    """

    kit: BrandKit
    folder: str
    logos: dict[str, Pixels]
    digest: str

"""Fonts of a brand: bundled families by name, files beside the kit by path, and which characters none of them can draw."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Font:
    """One font file. `family` is the CSS family that it is registered and asked for under; `digest` the SHA-256 of `data`."""

    name: str
    family: str
    data: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class FontStack:
    """The fonts of one locale, most wanted first."""

    heading: tuple[Font, ...]
    body: tuple[Font, ...]

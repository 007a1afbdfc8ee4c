"""Layouts: HTML files with a front matter, read, checked and digested. Rendering is `factory/composing/painter.py`'s."""

from dataclasses import dataclass

from schemas.layout import LayoutMeta


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout as it was read. `name` is the file's name without .html, `html` what follows the front matter."""

    name: str
    meta: LayoutMeta
    html: str
    digest: str

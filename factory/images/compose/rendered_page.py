"""A page in the renderer, measured and painted again and again with different texts. The only file that opens one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock

import blitz_py
import numpy as np

from factory.engines.base import Pixels
from factory.images.colors import write_hex
from factory.images.compose.fragment import TEXT_BOX, WIDTH_BOX
from factory.images.compose.page import STAGE, Page, write_page
from factory.images.types import Box, Color
from schemas.layout import ColorName, SlotName

MAX_PAGES = 48  # that stay open; each has a thread of the renderer, and about 1 MB


@dataclass(frozen=True, slots=True)
class Setting:
    """One text as it is to be set: size and line height in pixels.

    `most_px` is the width at which its lines break at the latest; None if only its place limits them.
    """

    text: str
    font_px: float
    weight: int
    line_px: int
    color: Color
    most_px: float | None = None


class RenderedPage:
    """One page in the renderer. Everything is set again before each answer, so that none depends on earlier ones."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._lock = Lock()
        size, written = page.size, write_page(page)
        self.around = written.around
        self._template = blitz_py.Template(written.html, width=size.width, height=size.height, background="#00000000")
        self._state = {(WIDTH_BOX + name, "max-width"): "none" for name in page.shown}
        self._filled: dict[tuple[object, ...], dict[str, Box]] = {}

    def measure(self, settings: Mapping[SlotName, Setting]) -> dict[str, Box]:
        """Return the box of every element that is shown, in pixels.

        `t-<slot>` is that of a slot's text. It is as wide as its place; narrower if the text is shorter, and wider if the
        longest word is.
        """
        with self._lock:
            self._set(settings)
            return self._read_boxes()

    def measure_filled(self, settings: Mapping[SlotName, Setting], text: str) -> dict[str, Box]:
        """Return what `measure` does with the same `text` in every slot. The same sizes are laid out only once."""
        key = (text, *((name, each.font_px, each.weight, each.line_px) for name, each in sorted(settings.items())))
        if key not in self._filled:
            self._filled[key] = self.measure({name: replace(each, text=text) for name, each in settings.items()})
        return self._filled[key]

    def paint(self, settings: Mapping[SlotName, Setting], colors: Mapping[ColorName, Color], mode: str) -> Pixels:
        """Return the page as RGBA with premultiplied alpha, (height, width, 4), on a transparent ground.

        `mode` is one of the classes of `page.py`: without texts, or texts only. Both "no-text only-over" give what may lie
        over the product, without its texts.
        """
        page = self.page
        with self._lock:
            self._set(settings)
            for color, value in colors.items():
                self._style(STAGE, "--" + color.replace("_", "-"), write_hex(value))
            for name, setting in settings.items():
                self._style(name, "color", write_hex(setting.color))
            self._attribute(STAGE, "class", f"{page.stage_class} {mode}")
            _, _, data = self._template.render_rgba()
        return np.frombuffer(data, np.uint8).reshape(page.size.height, page.size.width, 4)

    def _set(self, settings: Mapping[SlotName, Setting]) -> None:
        if settings.keys() != self.page.shown:
            raise ValueError(f"the page shows {sorted(self.page.shown)}, not {sorted(settings)}")
        for name, setting in settings.items():
            self._style(name, "font-size", f"{setting.font_px:.2f}px")
            self._style(name, "line-height", f"{setting.line_px}px")
            self._style(name, "font-weight", str(setting.weight))
            most = "none" if setting.most_px is None else f"{setting.most_px:.1f}px"
            self._style(WIDTH_BOX + name, "max-width", most)
            if self._state.get((name, "text")) != setting.text:
                self._template.set_text(TEXT_BOX + name, setting.text)
                self._state[name, "text"] = setting.text

    def _style(self, element: str, name: str, value: str) -> None:
        if self._state.get((element, name)) != value:
            self._template.set_style(element, name, value)
            self._state[element, name] = value

    def _attribute(self, element: str, name: str, value: str) -> None:
        if self._state.get((element, name)) != value:
            self._template.set_attribute(element, name, value)
            self._state[element, name] = value

    def _read_boxes(self) -> dict[str, Box]:
        # The renderer gives boxes without area for what is not shown.
        boxes = {name: Box(*box) for name, box in sorted(self._template.boxes().items())}
        return {name: box for name, box in boxes.items() if box.width > 0 and box.height > 0}


@lru_cache(maxsize=MAX_PAGES)
def open_page(page: Page) -> RenderedPage:
    """Return a page in the renderer, the same one for equal pages. Raises JobError as `write_page` does."""
    return RenderedPage(page)

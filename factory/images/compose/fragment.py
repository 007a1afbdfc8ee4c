"""A layout's fragment made ready for texts: boxes around them, and an id for every element, so that all can be measured."""

from collections.abc import Collection
from dataclasses import dataclass
from html.parser import HTMLParser

from factory.errors import JobError
from schemas.layout import SlotName

# With a slot's name behind them: the ids of the box around its text, and of the one around that, which can be made narrower.
# Layouts must not use ids that start like this.
TEXT_BOX, WIDTH_BOX = "t-", "t-w-"
_VOIDS = ("br", "hr", "img")


@dataclass(frozen=True, slots=True)
class Fragment:
    """The fragment, and for every slot the ids of its element and of those around it, innermost first."""

    html: str
    around: dict[SlotName, tuple[str, ...]]


def prepare_fragment(html: str, shown: Collection[SlotName], layout: str) -> Fragment:
    """Return a fragment with boxes `t-w-<slot>` and `t-<slot>` around the text of every slot of `shown`.

    Raises JobError for a slot without an element.
    """
    reader = _Marker(frozenset(shown))
    reader.feed(html)
    reader.close()
    if lacking := sorted(frozenset(shown) - reader.around.keys()):
        raise JobError(
            f"layout {layout}: no element with id {lacking[0]!r}", f'write <div id="{lacking[0]}">sample</div>'
        )
    return Fragment("".join(reader.parts), reader.around)


class _Marker(HTMLParser):
    def __init__(self, shown: frozenset[SlotName]) -> None:
        super().__init__(convert_charrefs=False)
        self.shown = shown
        self.parts: list[str] = []
        self.around: dict[SlotName, tuple[str, ...]] = {}
        self.open: list[str] = []
        self.count = 0
        self.filled = False  # inside a slot whose text is set already

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raw = self.get_starttag_text() or ""
        if tag in _VOIDS or tag == "style":
            self.parts.append(raw)
            if tag == "style":
                self.open.append("")
            return
        element = dict(attrs).get("id") or ""
        if not element:
            self.count += 1
            element = f"{TEXT_BOX}e{self.count}"
            raw = f'<{tag} id="{element}"{raw[1 + len(tag) :]}'
        self.parts.append(raw)
        slot = next((name for name in self.shown if name == element), None)
        if slot is not None:
            self.around[slot] = (slot, *reversed([name for name in self.open if name]))
            self.parts.append(
                f'<span class="slot-width" id="{WIDTH_BOX}{slot}"><span class="slot-text" id="{TEXT_BOX}{slot}">x</span></span>'
            )
            self.filled = True
        self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(f"</{tag}>")
        if tag not in _VOIDS and self.open and self.open.pop() in self.shown:
            self.filled = False

    def handle_data(self, data: str) -> None:
        if not self.filled:
            self.parts.append(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")

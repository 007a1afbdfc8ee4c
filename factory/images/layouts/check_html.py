"""The HTML of a layout, checked: well formed, one element for every slot, no other text, nothing that fetches."""

import difflib
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import get_args

from factory.images.layouts.check_css import Problem, check_address, check_css, check_style
from schemas.layout import LayoutMeta, SlotName

BLOCKS = ("div", "h1", "h2", "h3", "section", "header", "footer", "main", "p")
INLINES = ("span", "b", "strong", "em", "i", "small", "s", "sup")
VOIDS = ("br", "hr", "img")
BOXES = ("product", "logo")  # empty elements that are filled by painting
OWN_IDS = ("stage",)  # ids of the page around the fragment, as are all that start with OWN_PREFIX
OWN_PREFIX = "t-"

_SLOTS = get_args(SlotName)
_ATTRIBUTES = ("id", "class", "style", "dir", "lang", "title")


@dataclass(slots=True)
class _Element:
    tag: str
    id: str
    line: int
    above: tuple[str, ...]  # ids of the elements around it
    text: str = ""
    children: int = 0


@dataclass(slots=True)
class _Found:
    elements: list[_Element] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def check_markup(html: str, meta: LayoutMeta, line: int) -> list[Problem]:
    """Return what is wrong with a fragment that starts in `line` of its file, sorted by line."""
    reader = _Reader(line - 1)
    reader.feed(html)
    reader.finish()
    problems = [*reader.found.problems, *_check_ids(reader.found.elements, meta, line)]
    return sorted(problems, key=lambda problem: problem[0])


class _Reader(HTMLParser):
    """Reads elements into `found`, with the problems that it meets."""

    def __init__(self, lines_before: int) -> None:
        super().__init__()
        self.lines_before = lines_before
        self.found = _Found()
        self.open: list[_Element] = []
        self.css: list[_Element] = []

    @property
    def line(self) -> int:
        return self.getpos()[0] + self.lines_before

    def add(self, what: str, fix: str, line: int = 0) -> None:
        self.found.problems.append((line or self.line, what, fix))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in (*BLOCKS, *INLINES, *VOIDS, "style"):
            self.add(f"<{tag}> is not for layouts", f"use {', '.join((*BLOCKS, *INLINES, *VOIDS))}, or style")
        if tag in (*BLOCKS, "hr") and any(element.tag == "p" for element in self.open):
            self.add(f"<{tag}> inside <p> ends the paragraph", "use div instead of p")
        values = self._check_attributes(tag, attrs)
        above = tuple(element.id for element in self.open if element.id)
        for element in self.open[-1:]:
            element.children += 1
        element = _Element(tag, values.get("id", ""), self.line, above)
        self.found.elements.append(element)
        if tag not in VOIDS:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOIDS:
            self.add(f"<{tag}/> does not close itself in HTML", f"write <{tag}></{tag}>")
        self.handle_starttag(tag, attrs)
        if tag not in VOIDS:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in [element.tag for element in self.open]:
            self.add(f"</{tag}> closes nothing", "remove it, or open the element first")
            return
        while (element := self.open.pop()).tag != tag:
            self._report_open(element)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1].tag == "style":
            style = self.open[-1]
            if not style.text:
                style.line = self.line
                self.css.append(style)
            style.text += data
        elif self.open and self.open[-1].id:
            self.open[-1].text += data
        elif data.strip():
            self._report_text(data)

    def handle_comment(self, data: str) -> None:  # noqa: ARG002  # the name is the base class's
        for element in self.open[-1:]:
            element.children += bool(element.id)

    def handle_decl(self, decl: str) -> None:
        self.add(
            f"<!{decl[:20]}> is not for layouts", "a layout is a fragment: the page around it is made by the factory"
        )

    def unknown_decl(self, data: str) -> None:
        self.handle_decl(data)

    def handle_pi(self, data: str) -> None:
        self.add(f"<?{data[:20]}> is not for layouts", "leave it out")

    def finish(self) -> None:
        """Read to the end; report what is still open, and the CSS."""
        self.close()
        for element in self.open:
            self._report_open(element)
        for style in self.css:
            self.found.problems += check_css(style.text, style.line)

    def _report_open(self, element: _Element) -> None:
        self.add(f"<{element.tag}> is never closed", f"write </{element.tag}>", element.line)

    def _report_text(self, text: str) -> None:
        shown = " ".join(text.split())[:40]
        line = self.line + text[: len(text) - len(text.lstrip())].count("\n")
        what = f"the text {shown!r} belongs to no slot, so that no check would see it"
        self.add(what, "give it a slot, or leave it out", line)

    def _check_attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> dict[str, str]:
        values: dict[str, str] = {}
        for name, value in attrs:
            text = value or ""
            if name in values:
                self.add(f"<{tag}> has {name} twice", "keep one")
                continue
            values[name] = text
            if name == "style":
                self.found.problems += check_style(text, self.line)
            elif tag == "img" and name == "src":
                self.found.problems += ((self.line, what, fix) for what, fix in check_address(text))
            elif name not in _ATTRIBUTES and not (tag == "img" and name in ("alt", "width", "height")):
                self.add(f"<{tag} {name}=…> is not for layouts", f"use {', '.join(_ATTRIBUTES)}")
            elif "<" in text or ">" in text:
                self.add(f"{name} holds < or >", "leave them out")
        return values


def _check_ids(elements: list[_Element], meta: LayoutMeta, first: int) -> list[Problem]:
    problems: list[Problem] = []
    counts = Counter(element.id for element in elements if element.id)
    holders = {slot.inside for slot in meta.slots.values() if slot.inside}
    wanted = [*meta.slots, *(["product"] if meta.product else []), *(["logo"] if meta.logo else []), *sorted(holders)]
    for name in wanted:
        if not counts[name]:
            where = f'<div id="{name}">{"" if name in BOXES else "sample"}</div>'
            problems.append((first, f"no element has the id {name!r}", f"add {where}, or correct the front matter"))
    for element in elements:
        name = element.id
        if not name:
            continue
        if counts[name] > 1:
            problems.append(
                (element.line, f"the id {name!r} is there {counts[name]} times", "keep one; use class for the others")
            )
        elif name in meta.slots:
            problems += _check_slot(element, meta)
        elif name in BOXES:
            problems += _check_box(element, meta)
        elif name not in holders:
            problems.append((element.line, *_explain_id(name, meta)))
        elif element.text.strip():
            problems.append((element.line, f"#{name} holds text of its own", "only slots hold text"))
        if name in OWN_IDS or name.startswith(OWN_PREFIX):
            problems.append((element.line, f"the id {name!r} is the factory's own", "choose another"))
    return problems


def _check_slot(element: _Element, meta: LayoutMeta) -> list[Problem]:
    name, inside = element.id, next(slot.inside for key, slot in meta.slots.items() if key == element.id)
    problems: list[Problem] = []
    if element.children or not element.text.strip() or element.tag in VOIDS:
        problems.append(
            (element.line, f"#{name} must hold one text and nothing else", f'write <div id="{name}">sample</div>')
        )
    if inside and inside not in element.above:
        fix = f'write <div id="{inside}"><span id="{name}">sample</span></div>, or correct `inside`'
        problems.append((element.line, f"#{name} is to stay inside #{inside}, which is not around it", fix))
    return problems


def _check_box(element: _Element, meta: LayoutMeta) -> list[Problem]:
    name = element.id
    problems: list[Problem] = []
    if element.children or element.text.strip():
        problems.append(
            (element.line, f"#{name} must be empty: the painter fills it", f'write <div id="{name}"></div>')
        )
    if not (meta.product if name == "product" else meta.logo):
        fix = (
            "write product: 0.3, the least share of the picture that its box covers"
            if name == "product"
            else "write logo: true"
        )
        problems.append((element.line, f"#{name} is there, and the front matter says that there is none", fix))
    return problems


def _explain_id(name: str, meta: LayoutMeta) -> tuple[str, str]:
    if name in _SLOTS:
        return (
            f"#{name} is a slot that the front matter does not have",
            f"add {name}: {{size: 3}} to slots, or use class",
        )
    near = difflib.get_close_matches(name.replace("-", "_"), [*_SLOTS, *BOXES], n=1, cutoff=0.7)
    meant = f"; did you mean {near[0]}?" if near else ""
    own = ", ".join([*meta.slots, *BOXES])
    return f"unknown id {name[:40]!r}{meant}", f"ids are {own} and what `inside` names; use class for all else"

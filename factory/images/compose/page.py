"""A layout as a complete HTML page: its fragment for one size, direction and choice of slots, without any brief's text."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import get_args

from factory.images.compose.fragment import Fragment, prepare_fragment
from factory.images.layouts.load import Layout
from factory.images.types import Size
from schemas.layout import ColorName, LayoutMeta, SlotName, find_unit

STAGE = "stage"
# Classes of the body while only a part of the page is painted.
NO_TEXT, ONLY_TEXT, ONLY_OVER = "no-text", "only-text", "only-over"
_KEPT_TOGETHER = ("price", "was")  # no line break between an amount and its currency

_BASE = """
*{{margin:0;padding:0;box-sizing:border-box}}
html{{font-size:{unit:.4f}px;direction:{direction}}}
body{{position:relative;width:{width}px;height:{height}px;overflow:hidden;direction:{direction};text-align:{align};font-family:{body};
--safe-top:{top:.2f}px;--safe-right:{right:.2f}px;--safe-bottom:{bottom:.2f}px;--safe-left:{left:.2f}px;--radius:{radius:.3f}rem;{colors}}}
:is(.slot-width,.slot-text){{display:inline-block;vertical-align:top}}
#benefits .slot-text{{white-space:pre-line}}
"""


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that a page depends on. `shown` are the slots with a text; `heading` and `body` are CSS font families."""

    layout: str
    html: str
    size: Size
    shown: frozenset[SlotName]
    heading_slots: tuple[SlotName, ...]
    over_ids: tuple[str, ...]
    gone_ids: tuple[str, ...]  # elements around texts that are not there
    product: str  # "cutout" | "card" | "" without a product
    logo: bool
    heading: str
    body: str
    radius: float  # in units
    rtl: bool

    @property
    def stage_class(self) -> str:
        """The classes of the body: aspect, direction, product, and what is missing."""
        gone = sorted(name for name in SLOTS if name not in self.shown)
        names = [self.size.aspect.value, "rtl" if self.rtl else "ltr", self.product or "no-product"]
        return " ".join(names + [f"no-{name}" for name in gone] + ([] if self.logo else ["no-logo"]))


SLOTS: tuple[SlotName, ...] = (
    "brand", "headline", "body", "benefits", "quote", "price", "was", "badge", "action", "legal",
)  # fmt: skip


def make_page(
    layout: Layout,
    size: Size,
    shown: Collection[SlotName],
    product: str,
    logo: bool,
    fonts: tuple[str, str],
    radius: float,
    rtl: bool,
) -> Page:
    """Return the page of `layout` in `size`; `fonts` are the CSS families of headings and of the rest."""
    slots = layout.meta.slots
    return Page(
        layout=layout.name,
        html=layout.html,
        size=size,
        shown=frozenset(shown),
        heading_slots=tuple(name for name in SLOTS if name in slots and slots[name].heading),
        over_ids=find_over_ids(layout.meta, shown),
        gone_ids=_find_gone_ids(layout.meta, shown),
        product=product,
        logo=logo,
        heading=fonts[0],
        body=fonts[1],
        radius=radius,
        rtl=rtl,
    )


def find_over_ids(meta: LayoutMeta, shown: Collection[SlotName]) -> tuple[str, ...]:
    """Return the ids of what may lie over the product: each slot of `over`, or the element that it must stay inside."""
    return tuple(meta.slots[name].inside or name for name in SLOTS if name in meta.over and name in shown)


def _find_gone_ids(meta: LayoutMeta, shown: Collection[SlotName]) -> tuple[str, ...]:
    frames = {slot.inside for slot in meta.slots.values() if slot.inside}
    return tuple(sorted(frames - {meta.slots[name].inside for name in shown}))


def write_page(page: Page) -> Fragment:
    """Return the page as HTML. Raises JobError as `prepare_fragment` does."""
    size, (top, right, bottom, left) = page.size, page.size.safe
    css = _BASE.format(
        unit=find_unit(size.width, size.height),
        direction="rtl" if page.rtl else "ltr",
        align="right" if page.rtl else "left",  # the renderer reads `start` as left in both directions
        width=size.width,
        height=size.height,
        body=page.body,
        top=top * size.height,
        right=right * size.width,
        bottom=bottom * size.height,
        left=left * size.width,
        radius=page.radius,
        # A declaration with an unknown variable is invalid: without these, a border would take no room while measuring.
        colors="".join(f"--{name.replace('_', '-')}:#000;" for name in get_args(ColorName)),
    )
    css += "".join(f".no-{name} #{name}{{display:none}}" for name in (*SLOTS, "product", "logo"))
    css += "".join(f"#{name} .slot-text{{white-space:nowrap}}" for name in _KEPT_TOGETHER)
    css += "#was .slot-text{text-decoration:line-through}"
    css += "".join(f"#{name}{{font-family:{page.heading};text-wrap:balance}}" for name in page.heading_slots)
    css += "".join(f"#{name}{{display:none!important}}" for name in page.gone_ids)
    css += _write_modes(page.over_ids)
    marked = prepare_fragment(page.html, page.shown, page.layout)
    body = f'<body id="{STAGE}" class="{page.stage_class}">{marked.html}</body>'
    return Fragment(f"<html><head><style>{css}</style></head>{body}</html>", marked.around)


def _write_modes(over_ids: tuple[str, ...]) -> str:
    """Rules that make everything but texts, or everything but what lies over the product, transparent and move nothing."""
    bare = (
        "{background:transparent!important;border-color:transparent!important;outline-color:transparent!important;"
        "box-shadow:none!important}"
    )
    slots = ",".join(f"#{name}" for name in SLOTS)
    css = f".{NO_TEXT} .slot-text{{color:transparent!important}}"
    css += f".{NO_TEXT} :is({slots}){{text-decoration-color:transparent!important}}"
    parts = {ONLY_TEXT: "*"}
    if over_ids:
        parts[ONLY_OVER] = f":not({','.join(f'#{each},#{each} *' for each in over_ids)})"
    for mode, part in parts.items():
        css += f"#{STAGE}.{mode},.{mode} {part},.{mode} {part}::before,.{mode} {part}::after{bare}"
        css += f".{mode} :is(img,svg){{visibility:hidden!important}}"
    return css + f".{ONLY_TEXT} :not({slots},.slot-width,.slot-text){{color:transparent!important}}"

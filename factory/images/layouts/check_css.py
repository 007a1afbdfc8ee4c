"""The CSS of a layout, checked: nothing in it fetches, and every colour is one of the colourway's.

Of addresses, at-rules and functions, only those named here may be used: what is new in CSS is refused until it is listed.
"""

import re
from collections.abc import Iterator
from typing import Any, get_args

from tinycss2.color4 import parse_color

from factory.images.layouts.css_tokens import Node, Source, drop_space, is_url, read_css, split_parts, walk
from schemas.base import clean_surrogates
from schemas.layout import ColorName

Problem = tuple[int, str, str]  # line, what is wrong, what to do

MAX_DATA = 100_000  # characters of one data: address

_DATA = re.compile(r"data:image/(?:png|jpeg|webp|gif);base64,", re.IGNORECASE)
_AT_RULES = ("media", "supports")
_COLORS = frozenset("rgb rgba hsl hsla hwb lab lch oklab oklch color device-cmyk".split())
_FUNCTIONS = _COLORS | frozenset(
    """
    url var env calc min max clamp round mod rem abs sign sin cos tan asin acos atan atan2 pow sqrt hypot log exp color-mix
    light-dark linear-gradient radial-gradient conic-gradient repeating-linear-gradient repeating-radial-gradient
    repeating-conic-gradient matrix matrix3d translate translatex translatey translatez translate3d scale scalex scaley scalez
    scale3d rotate rotatex rotatey rotatez rotate3d skew skewx skewy perspective blur brightness contrast drop-shadow grayscale
    hue-rotate invert opacity saturate sepia circle ellipse inset polygon path rect xywh shape cubic-bezier steps linear repeat
    minmax fit-content
    """.split()
)
# Properties whose strings are names that nobody sees.
_NAMING = ("grid", "grid-template", "grid-template-areas", "font-feature-settings", "font-variation-settings")
_PLAIN = ((0, 0, 0), (1, 1, 1))  # black and white are everybody's; transparent is black without alpha
_VARIABLES = tuple("--" + name.replace("_", "-") for name in get_args(ColorName))
_GIVEN = (*_VARIABLES, "--radius", "--safe-top", "--safe-right", "--safe-bottom", "--safe-left")
_FIX_COLOR = f"write one of var({'), var('.join(_VARIABLES)}); or black or white with an alpha: rgba(0,0,0,.4)"
_FIX_URL = "only data:image/png;base64,… (jpeg, webp, gif) may be there"


def check_css(css: str, line: int) -> list[Problem]:
    """Return what is wrong with the content of a style element that starts in `line`."""
    return list(_check(css, line, depth=0))


def check_style(declarations: str, line: int) -> list[Problem]:
    """Return what is wrong with the value of a style attribute."""
    return list(_check(declarations, line, depth=1))


def check_address(address: str) -> Iterator[tuple[str, str]]:
    """Give what is wrong with a picture's address, and what to do: only a data: address of some length fetches nothing."""
    target = address.strip()
    if not _DATA.match(target):
        yield f"url({clean_surrogates(target[:60])}) would fetch something", _FIX_URL
    elif len(target) > MAX_DATA:
        yield f"a data: address has {len(target):,} characters, above {MAX_DATA:,}", "make the picture smaller"


def _check(css: str, line: int, depth: int) -> Iterator[Problem]:
    """Check CSS that stands inside of `depth` rules."""
    try:
        source = read_css(css, line)
    except ValueError:
        yield line, "a number has too many digits", "write it shorter"
        return
    if not source.is_closed:
        yield line + css.count("\n"), "a rule is not closed", "balance the braces"
    for node in walk(source.tokens):
        yield from ((source.find_line(node), what, fix) for what, fix in _check_token(node, source))
    inside = [(source.tokens, depth)]
    while inside:
        tokens, depth = inside.pop()
        for part, block in split_parts(tokens):
            found = _check_part(part, block, depth, source) if part else ()
            yield from ((source.find_line(part[0]), what, fix) for what, fix in found)
            if block is not None and not _is_variable(part):
                inside.append((block.content, depth + 1))


def _check_token(node: Node, source: Source) -> Iterator[tuple[str, str]]:
    """Check what matters wherever it stands: addresses, and what is no CSS."""
    kind = getattr(node, "kind", "")  # of an error
    arguments = drop_space(node.arguments) if is_url(node) else []
    if node.type == "url":
        yield from check_address(node.value)
    elif [each.type for each in arguments] == ["string"]:
        yield from check_address(arguments[0].value)
    elif is_url(node) or kind.endswith("url"):
        yield f"{source.read(node)} would fetch something", _FIX_URL
    elif kind == "}":
        if source.is_closed:  # else it stands in a ( that is not closed
            yield "a } closes no rule", "balance the braces"
    elif kind:
        yield f"{source.read(node)!r} cannot be read", "balance brackets and quotes"


def _check_part(part: list[Node], block: Node | None, depth: int, source: Source) -> Iterator[tuple[str, str]]:
    """Check one declaration, or what stands before a block."""
    if part[0].type == "at-keyword":
        name = source.read(part[0], r"[^\w@\\-]")
        if block is None:
            yield f"{name} is not for layouts: nothing is fetched", "leave it out"
        elif part[0].lower_value not in _AT_RULES:
            yield f"{name} is not for layouts", "leave it out"
    elif block is None and depth == 0:
        yield f"{source.read(part[0])!r} stands outside of a rule", "write rules as #headline{top:2rem}"
    elif block is None or _is_variable(part):
        yield from _check_declaration(part if block is None else [*part, block], source)


def _check_declaration(part: list[Node], source: Source) -> Iterator[tuple[str, str]]:
    quoted, name, nodes = repr(source.read(part[0])), getattr(part[0], "lower_value", ""), list(walk(part))
    if part[0].type != "ident" or part[1:2] != [":"]:
        yield f"{quoted} is no declaration", "write property: value;"
        return
    if name not in _NAMING and any(node.type == "string" and re.search(r"\w", node.value) for node in nodes):
        yield f"{quoted} sets words that no check would see", "give them a slot"
    if any(source.is_escaped(node) for node in nodes):
        yield f"{quoted} holds a backslash", "write the character itself"
    elif name in _GIVEN:
        yield f"{name} is given by the factory", "choose another name for your own variable"
    elif name in ("font-family", "font"):
        fix = "leave it out; `heading: true` takes the heading font"
        yield f"{name} is set by the factory, from the brand kit", fix
    else:
        for node in nodes:
            if node.type == "function" and node.lower_name not in _FUNCTIONS:
                yield f"{node.name}(…) is not for layouts", "leave it out"
            elif _is_foreign(node):
                shown = source.read(node, r"(?<=\))|[;{}]" if node.type == "function" else r"[^\w#-]")
                yield f"{name}: {shown[:40]} is no colour of the colourway", _FIX_COLOR


def _is_foreign(node: Node) -> bool:
    """Whether a token is a colour that layouts may not name."""
    is_color = node.type == "hash" or (node.type == "function" and node.lower_name in _COLORS)
    # Of the functions only rgb() is judged: the others have no use for black and white.
    known: Any = (
        parse_color(node) if node.type in ("hash", "ident") or (is_color and "rgb" in node.lower_name) else None
    )
    if known is None or known == "currentcolor":
        return is_color
    return known.coordinates not in _PLAIN


def _is_variable(part: list[Node]) -> bool:
    """Whether it sets a variable of the layout's own: the value of one may hold braces, of which CSS makes no rule."""
    return part[1:2] == [":"] and part[0].type == "ident" and part[0].value.startswith("--")

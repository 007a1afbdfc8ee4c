"""The CSS of a layout, checked: nothing in it fetches, and every colour is one of the colourway's."""

import re
from collections.abc import Iterator
from typing import get_args

from schemas.layout import ColorName

Problem = tuple[int, str, str]  # line, what is wrong, what to do

MAX_DATA = 100_000  # characters of one data: address

_URL = re.compile(r"url\(\s*(\"[^\"]*\"|'[^']*'|[^)]*)\s*\)?", re.IGNORECASE)
_DATA = re.compile(r"data:image/(?:png|jpeg|webp|gif);base64,", re.IGNORECASE)
_STRING = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")
_PART = re.compile(r"[^{};]*[{};]?", re.DOTALL)
_FETCHING = re.compile(
    r"\b(?:-webkit-)?(?:image-set|image|cross-fade|element|src|attr|expression)\s*\(", re.IGNORECASE
)
_COLOR = re.compile(
    r"#[0-9a-f]+\b|\b(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch|color)\((?:[^()]*\))?|(?<![\w-])[a-z]+(?![\w(-])",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\bcontent\s*:\s*(?:\"[^\"\n]*\w|'[^'\n]*\w)", re.IGNORECASE)
_PLAIN = re.compile(
    r"#(?:0{3,4}|f{3,4}|0{6}|f{6}|0{6}[0-9a-f]{2}|f{6}[0-9a-f]{2}|000[0-9a-f]|fff[0-9a-f])", re.IGNORECASE
)
_PLAIN_RGB = re.compile(r"rgba?\(\s*(0|255)[\s,]+\1[\s,]+\1(?:\s*[,/]\s*[\d.]+%?)?\s*\)", re.IGNORECASE)
_AT_RULES = ("@media", "@supports")
# CSS Color 4, named colours; black, white and transparent are everybody's.
_NAMED = frozenset(
    """
    aliceblue antiquewhite aqua aquamarine azure beige bisque blanchedalmond blue blueviolet brown burlywood cadetblue
    chartreuse chocolate coral cornflowerblue cornsilk crimson cyan darkblue darkcyan darkgoldenrod darkgray darkgreen
    darkgrey darkkhaki darkmagenta darkolivegreen darkorange darkorchid darkred darksalmon darkseagreen darkslateblue
    darkslategray darkslategrey darkturquoise darkviolet deeppink deepskyblue dimgray dimgrey dodgerblue firebrick
    floralwhite forestgreen fuchsia gainsboro ghostwhite gold goldenrod gray green greenyellow grey honeydew hotpink
    indianred indigo ivory khaki lavender lavenderblush lawngreen lemonchiffon lightblue lightcoral lightcyan
    lightgoldenrodyellow lightgray lightgreen lightgrey lightpink lightsalmon lightseagreen lightskyblue lightslategray
    lightslategrey lightsteelblue lightyellow lime limegreen linen magenta maroon mediumaquamarine mediumblue
    mediumorchid mediumpurple mediumseagreen mediumslateblue mediumspringgreen mediumturquoise mediumvioletred
    midnightblue mintcream mistyrose moccasin navajowhite navy oldlace olive olivedrab orange orangered orchid
    palegoldenrod palegreen paleturquoise palevioletred papayawhip peachpuff peru pink plum powderblue purple
    rebeccapurple red rosybrown royalblue saddlebrown salmon sandybrown seagreen seashell sienna silver skyblue
    slateblue slategray slategrey snow springgreen steelblue tan teal thistle tomato turquoise violet wheat whitesmoke
    yellow yellowgreen
    """.split()
)
_VARIABLES = tuple("--" + name.replace("_", "-") for name in get_args(ColorName))
_GIVEN = (*_VARIABLES, "--radius", "--safe-top", "--safe-right", "--safe-bottom", "--safe-left")
_FIX_COLOR = f"write one of var({'), var('.join(_VARIABLES)}); or black or white with an alpha: rgba(0,0,0,.4)"


def check_css(css: str, line: int) -> list[Problem]:
    """Return what is wrong with the content of a style element that starts in `line`."""
    text = re.sub(r"/\*.*?(?:\*/|\Z)", _blank, css, flags=re.DOTALL)
    problems = list(_check_urls(text, line))
    for match in _WORDS.finditer(text):
        here = line + text.count("\n", 0, match.start())
        problems.append((here, f"{_quote(match.group())} sets words that no check would see", "give them a slot"))
    text = _STRING.sub(_blank, _URL.sub(_blank, text))
    depth = 0
    for part in _PART.finditer(text):
        body, end = part.group().rstrip("{};"), part.group()[-1:]
        here = line + text.count("\n", 0, part.start() + len(body) - len(body.lstrip()))
        if end == "{":
            depth += 1
            if body.strip().startswith("@") and not body.split()[0].lower().startswith(_AT_RULES):
                problems.append((here, f"{body.split()[0]} is not for layouts", "leave it out"))
            continue
        if body.strip().startswith("@"):
            problems.append((here, f"{body.split()[0]} is not for layouts: nothing is fetched", "leave it out"))
        elif body.strip() and depth == 0:
            problems.append((here, f"{_quote(body)} stands outside of a rule", "write rules as #headline{top:2rem}"))
        elif body.strip():
            problems += ((here, what, fix) for what, fix in _check_declaration(body))
        depth -= end == "}"
        if depth < 0:
            return [*problems, (here, "a } closes no rule", "balance the braces")]
    if depth:
        problems.append((line + text.count("\n"), "a rule is not closed", "balance the braces"))
    return problems


def check_style(declarations: str, line: int) -> list[Problem]:
    """Return what is wrong with the value of a style attribute."""
    return check_css("x{" + declarations + "}", line)


def _check_urls(text: str, line: int) -> Iterator[Problem]:
    for match in _URL.finditer(text):
        target, here = match.group(1).strip("\"' \n"), line + text.count("\n", 0, match.start())
        if not _DATA.match(target):
            yield (
                here,
                f"url({target[:60]}) would fetch something",
                "only data:image/png;base64,… (jpeg, webp, gif) may be there",
            )
        elif len(target) > MAX_DATA:
            yield (
                here,
                f"a data: address has {len(target):,} characters, above {MAX_DATA:,}",
                "make the picture smaller",
            )


def _check_declaration(body: str) -> Iterator[tuple[str, str]]:
    name, colon, value = body.partition(":")
    name = name.strip().lower()
    if not colon:
        yield f"{_quote(body)} is no declaration", "write property: value;"
    elif "\\" in body:
        yield f"{_quote(body)} holds a backslash", "write the character itself"
    elif name in _GIVEN:
        yield f"{name} is given by the factory", "choose another name for your own variable"
    elif name in ("font-family", "font"):
        yield (
            f"{name} is set by the factory, from the brand kit",
            "leave it out; `heading: true` takes the heading font",
        )
    elif match := _FETCHING.search(value):
        yield f"{match.group()}…) is not for layouts", "leave it out"
    else:
        for color in _COLOR.findall(value):
            if _is_foreign(color.lower()):
                yield f"{name}: {color[:40]} is no colour of the colourway", _FIX_COLOR


def _is_foreign(color: str) -> bool:
    if color.startswith("#"):
        return not _PLAIN.fullmatch(color)
    if "(" in color:
        return not _PLAIN_RGB.fullmatch(color)
    return color in _NAMED


def _blank(match: "re.Match[str]") -> str:
    return re.sub(r"[^\n]", " ", match.group())


def _quote(text: str) -> str:
    return repr(" ".join(text.split())[:60])

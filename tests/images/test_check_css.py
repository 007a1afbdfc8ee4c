"""The guard over a layout's CSS: nothing gets out of it, however it is written, and what is harmless is let through."""

import pytest

from factory.images.layouts.check_css import check_address, check_css, check_style
from factory.images.layouts.check_html import check_markup
from schemas.layout import LayoutMeta

PNG = "data:image/png;base64,AAAA"
FETCHING = [
    # addresses, in every way to write them
    ("#a{background:url(http://x/y.png)}", "url(http://x/y.png) would fetch"),
    ("#a{background:url('//x/y.png')}", "url(//x/y.png) would fetch"),
    ('#a{background:url( "x.png" )}', "url(x.png) would fetch"),
    ("#a{background:url()}", "url() would fetch"),
    ("#a{background:url(#mark)}", "url(#mark) would fetch"),
    ("#a{background:UrL(x)}", "url(x) would fetch"),
    ("#a{background:url(data:image/svg+xml;base64,AAAA)}", "would fetch"),
    ("#a{background:url(javascript:x)}", "would fetch"),
    (f"#a{{background:url('{PNG}' 'http://x')}}", "would fetch"),
    (f"#a{{background:url('{PNG}'),url(http://x)}}", "url(http://x) would fetch"),
    # escapes: the function's name, the address, a whole at-rule
    ("#a{background:\\75rl(http://x)}", "url(http://x) would fetch"),
    ("#a{background:\\75\\72\\6c (http://x)}", "url(http://x) would fetch"),
    ("#a{background:u\\000072l('http://x')}", "url(http://x) would fetch"),
    ("#a{background:url(\\68ttp://x)}", "url(http://x) would fetch"),
    ("#a{background:url('d\\61ta:text/html,x')}", "url(data:text/html,x) would fetch"),
    ("#a{background:im\\61ge-set('x' 1x)}", "backslash"),
    ("@\\69mport 'http://x';", "is not for layouts: nothing is fetched"),
    ("@font-f\\61 ce{font-family:x}", "is not for layouts"),
    # comments and strings that hide one, or only seem to end
    ("/* ' */#a{background:url(http://x)}/* ' */", "url(http://x) would fetch"),
    ("#a{--b:'\\'';background:url(http://x);--c:'\\''}", "url(http://x) would fetch"),
    ("#a{--b:'\n;background:url(http://x)}", "url(http://x) would fetch"),
    ("#a{background:url(/**/x)}", "would fetch"),
    # addresses that cannot be read
    ("#a{background:url(a b)}", "would fetch"),
    ("#a{background:url(x'y)}", "would fetch"),
    ("#a{background:url(data:image/png;base64,A'A)}", "would fetch"),
    ("#a{background:url(http://x", "would fetch"),
    # places
    ("#a{--b:url(http://x)}", "url(http://x) would fetch"),
    ("#a{--b:{} url(http://x)}", "url(http://x) would fetch"),
    ("#a{--b:{c:url(http://x)}}", "url(http://x) would fetch"),
    ("#a{background:var(--b,url(http://x))}", "url(http://x) would fetch"),
    ("#a{#b{background:url(http://x)}}", "url(http://x) would fetch"),
    ("@media (width>1px){@supports (top:0){#a{background:url(http://x)}}}", "url(http://x) would fetch"),
    ("@supports (background:url(http://x)){}", "url(http://x) would fetch"),
    ("#a:is(url(http://x)){}", "url(http://x) would fetch"),
    # functions that take an address without url(), known ones and those to come
    ("#a{background:image-set('x' 1x)}", "image-set(…) is not for layouts"),
    ("#a{background:-webkit-image-set('x' 1x)}", "-webkit-image-set(…) is not for layouts"),
    ("#a{--b:image-set('x' 1x){}}", "image-set(…) is not for layouts"),
    ("#a{background:src('x')}", "src(…) is not for layouts"),
    ("#a{background:cross-fade(red,blue)}", "cross-fade(…) is not for layouts"),
    ("#a{background:element(#b)}", "element(…) is not for layouts"),
    ("#a{background:paint(x)}", "paint(…) is not for layouts"),
    ("#a{content:attr(title)}", "attr(…) is not for layouts"),
    ("#a{background:calc(1px + later-fetch('x'))}", "later-fetch(…) is not for layouts"),
    # at-rules
    ("@import 'x';", "@import is not for layouts: nothing is fetched"),
    ("@import url(x);", "@import is not for layouts: nothing is fetched"),
    ("@IMPORT'x'", "@IMPORT is not for layouts: nothing is fetched"),
    ("#a{@import 'x';}", "@import is not for layouts"),
    ("@namespace 'http://x';", "@namespace is not for layouts"),
    ("@font-face{src:local(x)}", "@font-face is not for layouts"),
    ("@media-x{}", "@media-x is not for layouts"),
    ("@layer a{}", "@layer is not for layouts"),
]  # fmt: skip


@pytest.mark.parametrize(("css", "message"), FETCHING, ids=[css for css, _ in FETCHING])
def test_nothing_is_fetched(css: str, message: str) -> None:
    found = check_css("\n" + css, 7)
    assert any(message in what for _, what, _ in found), found
    assert all(line >= 8 for line, _, _ in found)


@pytest.mark.parametrize(
    "style",
    [
        "background:url(http://x)",
        "background:\\75rl(http://x)",
        "}#a{background:url(http://x)",
        "top:0}@import url(http://x);",
        "--a:{};background:url(http://x)",
    ],
)
def test_nothing_is_fetched_from_an_attribute(style: str) -> None:
    assert any("url(http://x) would fetch" in what for _, what, _ in check_style(style, 3))
    html = f'<div style="{style}"></div>'
    assert [line for line, _, _ in check_markup(html, LayoutMeta(title="x", logo=False), 3)][:1] == [3]


@pytest.mark.parametrize(
    ("css", "message"),
    [
        ("#a{color:r\\65 d}", "holds a backslash"),
        ("#a{t\\6fp:0}", "holds a backslash"),
        ("#a{top:1\\72 em}", "holds a backslash"),
        ("#a{color:#\\66 ff}", "holds a backslash"),
        ("#a{color:light-dark(red,var(--text))}", "color: red is no colour"),
        ("#a{color:rgb(1 2 3)}", "color: rgb(1 2 3) is no colour"),
        ("#a{color:rgb(0 0 0 / var(--b))}", "is no colour"),
        ("#a{color:color()}", "color: color() is no colour"),
        ("#a{color:device-cmyk(0 1 1 0)}", "is no colour"),
        ("#a{color:#12345}", "color: #12345 is no colour"),
        ("#a{--b:ReBeccaPurple}", "--b: ReBeccaPurple is no colour"),
        ("#a{content:'' 'Sale'}", "sets words that no check would see"),
        ("#a{content:'\\53 ale'}", "sets words that no check would see"),
        ("#a{--b:'Sale';content:var(--b)}", "sets words that no check would see"),
        ("#a{quotes:'Sale' '';content:open-quote}", "sets words that no check would see"),
        ("#a{--te\\78t:0}", "holds a backslash"),
        ("#a{FONT:1rem x}", "font is set by the factory"),
        ("#a{top}", "'top' is no declaration"),
        ("#a{top:0;;url}", "'url' is no declaration"),
        ("top:0;#a{}", "'top:0' stands outside of a rule"),
        ("#a{top:0", "a rule is not closed"),
        ("#a{top:0}/*", "a rule is not closed"),
        ("#a{top:calc(1px}", "a rule is not closed"),
        ("#a{top:0)}", "')' cannot be read"),
        ("#a{--b:'x\n'}", "cannot be read"),
        (f"#a{{top:{'9' * 5000}px}}", "too many digits"),
    ],
)
def test_what_no_pattern_sees_is_refused_too(css: str, message: str) -> None:
    found = check_css(css, 1)
    assert any(message in what for _, what, _ in found), found


@pytest.mark.parametrize(
    "css",
    [
        "",
        "/* url(http://x) @import 'x'; red } */",
        "/* a */ #a /* b */ { /* c */ top /* d */ : /* e */ 0 /* f */ ; /* g */ }",
        f"#a{{background:url({PNG})}}#b{{background:URL( '{PNG}' )}}",
        "#a::before{content:'“'}#b::after{content:'\\201C'}#c::after{content:\"''\"}",
        "#a{grid-template-areas:'head head' 'url(x) .';font-feature-settings:'tnum'}",
        "#a{color:currentColor;background:TRANSPARENT;border:0 solid black}",
        "#a{color:rgb(255 255 255 / .4);background:RGBA( 0, 0, 0, 30% );fill:#0008;stroke:#FFF}",
        "#a{color:color-mix(in srgb,var(--text) 40%,transparent)}",
        "#a{--gap:calc(1rem + var(--safe-top,0px));margin:clamp(1px,var(--gap),min(2rem,3%)) 0!important}",
        "#red .tan:not(.gold,[title='url(x)'])>b:nth-child(2n+1)::after{top:0}",
        ".a\\:b{top:0}",
        "@media (min-width:300px) and (orientation:portrait){#a{top:0;&:hover{left:0}}}",
        "@supports not (display:grid){#a{float:left}}",
        "#a{transform:rotate(3deg) translateX(1e1px);filter:drop-shadow(0 1px 2px rgba(0,0,0,.3))}",
        "#a{clip-path:polygon(0 0,100% 0,50% 100%);transition:top .2s cubic-bezier(.1,.2,.3,.4)}",
    ],
)
def test_what_is_harmless_passes(css: str) -> None:
    assert check_css(css, 1) == []


def test_lines_are_those_of_the_file_whatever_ends_them() -> None:
    css = "#a{\r\ntop:0;\rleft:red;\n\n  background:var(--b,\n  url(x));color:\nblue}"
    assert [(line, what.split(" ")[0]) for line, what, _ in check_css(css, 10)] == [
        (15, "url(x)"),
        (12, "left:"),
        (15, "color:"),
    ]


@pytest.mark.parametrize("text", ["(", "{", "[", "a(", "a{", "}", ")", "'", "url(", "\\", "a:b;", "@a "])
def test_hostile_css_is_read_to_its_end(text: str) -> None:
    assert check_css(text * 5_000, 1)


def test_addresses_of_pictures_are_judged_as_they_are() -> None:
    assert list(check_address(f" {PNG}\n")) == []
    for address in ("http://x", "x') ", "data:text/html;base64,AAAA", "", "\\64 ata:image/png;base64,AAAA"):
        assert ["would fetch" in what for what, _ in check_address(address)] == [True]

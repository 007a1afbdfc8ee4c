"""Layouts: read from folders and files, every mistake named by its line, chosen by what a slot and a brief have."""

from pathlib import Path

import pytest

from factory.errors import JobError
from factory.images.layouts.load import Layout, choose_layouts, load_layouts, read_layout
from factory.storage.store import Store
from schemas.creative import Slot

FRONT = """---
title: Hero
product: 0.3
slots:
  headline: {size: 6, weight: 800, heading: true, lines: 3}
  price: {size: 4, optional: true, inside: tag}
over: [price]
---
"""
BODY = """<style>
  #headline{position:absolute;left:6rem;top:calc(6rem + var(--safe-top));color:var(--text)} /* not #123456 */
  .landscape #product{background:linear-gradient(90deg,rgba(0,0,0,.4),transparent)}
  .tag{background:var(--accent);box-shadow:0 1px 2px rgba(0 0 0 / 30%);--gap:1rem}
  .tag::before{content:"“"}
  @media (min-width:300px){.veil{color:#fff8;background:url("data:image/png;base64,AAAA")}}
</style>
<div id="product"></div><div id="logo"></div>
<h1 id="headline">Head &amp; tail</h1><br>
<div id="tag" class="tag" style="opacity:.9"><span id="price">9</span></div>
"""
BODY_LINE = FRONT.count("\n") + 1


def make_slot(width: int = 1200, height: int = 628, role: str = "creative") -> Slot:
    return Slot.model_validate({"name": "x", "role": role, "width": width, "height": height, "formats": ["jpg"]})


def make_layout(name: str, front: str = "") -> Layout:
    return read_layout(name, f"---\ntitle: {name}\nlogo: false\n{front}\n---\n", f"{name}.html")


def read(html: str, front: str = FRONT) -> Layout:
    return read_layout("hero", front + html, "hero.html")


def test_a_layout_is_read_whole() -> None:
    layout = read(BODY)
    assert (layout.name, layout.meta.title, layout.html) == ("hero", "Hero", BODY)
    assert layout.meta.slots["price"].inside == "tag"


def test_the_digest_is_of_name_and_content_whatever_the_line_ends() -> None:
    layout = read(BODY)
    assert read((FRONT + BODY).replace("\n", "\r\n"), front="").digest == layout.digest
    assert read_layout("other", FRONT + BODY, "other.html").digest != layout.digest
    assert read(BODY.replace("6rem", "7rem")).digest != layout.digest


@pytest.mark.parametrize(
    ("found", "wrong", "line", "message"),
    [
        # what fetches, or could
        ("<br>", "<script>x</script>", 9, "<script> is not for layouts"),
        ("<br>", '<link rel="stylesheet" href="http://x/y.css">', 9, "<link> is not for layouts"),
        ("<br>", '<iframe src="http://x"></iframe>', 9, "<iframe> is not for layouts"),
        ("<br>", '<img src="http://x/y.png">', 9, "would fetch"),
        ("<br>", '<img src="file:///etc/passwd">', 9, "would fetch"),
        ("<br>", '<img srcset="http://x/y.png 2x">', 9, "<img srcset=…> is not for layouts"),
        ("<br>", '<img src="data:image/svg+xml;base64,AAAA">', 9, "would fetch"),
        ("<br>", '<div onclick="x()"></div>', 9, "<div onclick=…> is not for layouts"),
        ("opacity:.9", "background:URL( http://x )", 10, "would fetch"),
        ("opacity:.9", "background:u\\72l(http://x)", 10, "backslash"),
        ("opacity:.9", "background:image-set('x.png' 1x)", 10, "is not for layouts"),
        ("  .tag{", "  @import 'http://x';\n  .tag{", 4, "@import is not for layouts"),
        ("  .tag{", "  @font-face{font-family:x}\n  .tag{", 4, "@font-face is not for layouts"),
        ("base64,AAAA", f"base64,{'A' * 100_001}", 6, "above 100,000"),
        # colours and fonts that are not the brand's
        ("color:var(--text)", "color:red", 2, "color: red is no colour of the colourway"),
        ("color:var(--text)", "color:#0b3d2e", 2, "color: #0b3d2e is no colour"),
        ("color:var(--text)", "color:RGB(1,2,3)", 2, "is no colour"),
        ("color:var(--text)", "color:hsl(var(--h) 1% 1%)", 2, "is no colour"),
        ("opacity:.9", "border:1px solid tomato", 10, "border: tomato is no colour"),
        ("--gap:1rem", "--accent:#fff", 4, "--accent is given by the factory"),
        ("--gap:1rem", "font-family:Arial", 4, "font-family is set by the factory"),
        # form
        ("30%)", "30%", 4, "is no colour"),
        ("--gap:1rem}", "--gap:1rem", 7, "a rule is not closed"),
        ("--gap:1rem}", "--gap:1rem}}", 4, "a } closes no rule"),
        ('<div id="logo">', '<div class="veil"><div id="logo">', 8, "<div> is never closed"),
        ("<br>", "</section>", 9, "</section> closes nothing"),
        ("<br>", "<div/>", 9, "<div/> does not close itself"),
        ("<br>", "<p>\n<div></div></p>", 10, "<div> inside <p>"),
        ("<br>", "<div>\n  Buy now</div>", 10, "'Buy now' belongs to no slot"),
        ("<br>", "<!doctype html>", 9, "<!doctype html> is not for layouts"),
        ("“", "Sale", 5, "sets words that no check would see"),
        # slots and ids
        ('id="headline"', 'id="hedline"', 9, "unknown id 'hedline'; did you mean headline?"),
        ('id="headline"', 'id="headline" id="x"', 9, "has id twice"),
        ("<br>", '<div id="headline">x</div>', 9, "the id 'headline' is there 2 times"),
        ("Head &amp; tail", "Head <b></b>", 9, "#headline must hold one text and nothing else"),
        ("Head &amp; tail", "Head<!-- x -->", 9, "#headline must hold one text and nothing else"),
        ("Head &amp; tail", " ", 9, "#headline must hold one text and nothing else"),
        ("<br>", '<div id="badge">x</div>', 9, "#badge is a slot that the front matter does not have"),
        ('<span id="price">9</span></div>', '</div><span id="price">9</span>', 10, "is to stay inside #tag"),
        ('<div id="product"></div>', "", 1, "no element has the id 'product'"),
        ('<div id="product"></div>', '<div id="product">x</div>', 8, "#product must be empty"),
        ('<br>', '<div id="t-price"></div>', 9, "the id 't-price' is the factory's own"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_its_line(found: str, wrong: str, line: int, message: str) -> None:
    assert BODY.count(found) == 1
    with pytest.raises(JobError) as caught:
        read(BODY.replace(found, wrong))
    lines = [each for each in caught.value.message.splitlines() if message in each]
    assert lines, caught.value.message
    assert lines[0].startswith(f"hero.html line {BODY_LINE - 1 + line}: ")


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(JobError) as caught:
        read(BODY.replace("<br>", "<link>\n<script></script>"))
    assert len(caught.value.message.splitlines()) == 3  # <link> is never closed either


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<div></div>", "hero.html line 1: has no front matter"),
        ("---\ntitle: x\n", "hero.html line 1: has no front matter"),
        ("---\ntitle: x\nslot: {}\n---\n", "hero.html line 3: unknown key slot"),
        ("---\ntitle: x\n\nslots:\n  headline: {size: 99}\n---\n", "hero.html line 5: slots.headline.size"),
        ("---\ntitle: x\nneeds: [price]\n---\n", "needs names 'price'"),
        ("---\ntitle: x: y\n---\n", "hero.html line 2"),
    ],
)
def test_a_mistake_in_the_front_matter_is_named_by_its_line(text: str, message: str) -> None:
    with pytest.raises(JobError, match=message):
        read(text, front="")


def test_a_box_that_the_front_matter_denies_is_refused() -> None:
    with pytest.raises(JobError, match="#product is there, and the front matter says that there is none"):
        read_layout("x", '---\ntitle: x\nlogo: false\n---\n<div id="product"></div>', "x.html")


def test_files_and_folders_are_loaded_sorted_by_name(tmp_path: Path) -> None:
    (tmp_path / "layouts").mkdir()
    for name in ("layouts/b.html", "layouts/c.html", "a.html"):
        (tmp_path / name).write_text(FRONT + BODY, encoding="utf-8")
    (tmp_path / "layouts" / "notes.txt").write_text("no layout", encoding="utf-8")
    layouts = load_layouts(["layouts/", "a.html"], str(tmp_path))
    assert [layout.name for layout in layouts] == ["a", "b", "c"]
    assert layouts == load_layouts(["./a.html", "layouts"], str(tmp_path))


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "layouts").mkdir()
    for name in ("layouts/a.html", "a.html"):
        (tmp_path / name).write_text(FRONT + BODY, encoding="utf-8")
    with pytest.raises(JobError, match=r"a\.html: the layout a is also in layouts/a\.html"):
        load_layouts(["layouts", "a.html"], str(tmp_path))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere", "there is no folder"),
        ("nowhere.html", r"there is no file .*there are empty, good\.html, odd name\.html"),
        ("empty", "holds no .html file"),
        ("odd name.html", "is no name for a layout"),
    ],
)
def test_a_path_without_a_layout_is_refused(tmp_path: Path, path: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("good.html", "odd name.html"):
        (tmp_path / name).write_text(FRONT + BODY, encoding="utf-8")
    with pytest.raises(JobError, match=message):
        load_layouts([path], str(tmp_path))


@pytest.mark.s3
def test_layouts_lie_on_s3_too(bucket: str) -> None:
    Store(f"{bucket}/job").write_bytes("layouts/hero.html", (FRONT + BODY).encode())
    layouts = load_layouts(["layouts"], f"{bucket}/job")
    assert layouts == load_layouts([f"{bucket}/job/layouts/hero.html"], "elsewhere") == (read(BODY),)


@pytest.mark.parametrize(
    ("slot", "present", "names"),
    [
        (make_slot(), {"price"}, {"any", "priced", "wide"}),
        (make_slot(), set(), {"any", "wide"}),
        (make_slot(1080, 1080), {"price", "headline"}, {"any", "priced"}),
        (make_slot(role="main"), {"price"}, {"packshot"}),
    ],
)
def test_only_what_suits_slot_and_brief_is_chosen(slot: Slot, present: set[str], names: set[str]) -> None:
    price = 'slots: {price: {size: 3}}\nneeds: [price]\n---\n<div id="price">9</div>\n'
    priced = read_layout("priced", f"---\ntitle: x\nlogo: false\n{price}", "priced.html")
    layouts = [
        make_layout("any"),
        priced,
        make_layout("wide", "aspects: [landscape]"),
        make_layout("packshot", "role: main"),
    ]
    assert {layout.name for layout in choose_layouts(layouts, slot, present, seed=1)} == names


def test_the_order_is_drawn_from_the_seed_and_keeps_when_others_go() -> None:
    layouts = [make_layout(name) for name in "abcde"]
    orders = {tuple(each.name for each in choose_layouts(layouts, make_slot(), set(), seed)) for seed in range(50)}
    assert {order[0] for order in orders} == set("abcde")
    order = choose_layouts(layouts, make_slot(), set(), seed=7)
    assert choose_layouts(layouts[::-1], make_slot(), set(), seed=7) == order
    fewer = choose_layouts(layouts[1:], make_slot(), set(), seed=7)
    assert fewer == [layout for layout in order if layout.name != "a"]

"""Fitting: longer copy first, then shorter, then smaller type, then without what is optional; never over, outside or cut."""

from dataclasses import replace
from typing import Any

import pytest

from factory.cli.layout_sheet.contents import KIT
from factory.images.brand.colorways import make_colorways
from factory.images.checks.checker import check_creative
from factory.images.compose.compose import Misfit, compose
from factory.images.compose.fit import SCALES, choose_dropped, make_steps
from factory.images.compose.layout_faults import Problem
from factory.images.layouts.load import Layout, read_layout
from factory.images.layouts.type_sizes import find_least_px
from factory.images.types import Composition, Size
from schemas.brand import BrandKit
from schemas.creative import Slot
from schemas.layout import Aspect, LayoutMeta, TextSlot, find_aspect
from tests.support.sample_orders import make_order

COLORWAY = make_colorways(BrandKit(**KIT).colors)[0]
# A headline, a body and a legal line in a column of fixed size.
COLUMN = """---
title: Column
backdrop: false
logo: false
slots:
  headline: {size: 6, lines: 2, line_height: 1.1}
  body: {size: 3, lines: 4, optional: true, line_height: 1.2}
  legal: {size: 2, lines: 6, optional: true}
---
<style>.column{position:absolute;left:5rem;top:5rem;width:60rem;height:40rem;display:flex;flex-direction:column;gap:1rem}
.column p{flex:none}</style>
<div class="column"><p id="headline">x</p><p id="body">x</p><p id="legal">x</p></div>
"""


def read_column(**changes: str) -> Layout:
    text = COLUMN
    for old, new in changes.items():
        text = text.replace(old, new)
    return read_layout("column", text, "column.html")


def fit(fields: dict[str, list[str]], layout: Layout | None = None, disclaimer: str = "", **kit: Any) -> Composition:
    made = fit_or_not(fields, layout, disclaimer, **kit)
    assert isinstance(made, Composition), made
    return made


def fit_or_not(
    fields: dict[str, list[str]], layout: Layout | None = None, disclaimer: str = "", **kit: Any
) -> Composition | Misfit:
    changes = {"legal": {}} | kit
    layout = layout or read_column()
    return compose(
        make_order(layout, 1000, 1000, "short", COLORWAY, fields=fields, kit=changes, disclaimer=disclaimer)
    )


def list_texts(made: Composition) -> dict[str, str]:
    return {text.slot: text.text for text in made.texts}


def test_the_longest_copy_that_has_room_is_set_at_full_size() -> None:
    made = fit({"headline": ["Short one", "A longer headline for two lines"], "description": ["A body. With more."]})
    assert list_texts(made) == {"headline": "A longer headline for two lines", "body": "A body. With more."}
    assert made.fit == 1.0
    assert {text.slot: text.font_px for text in made.texts} == {"headline": 60, "body": 30}


def test_shorter_copy_comes_before_smaller_type() -> None:
    long = "A headline that is far too long for the two lines that it may take here"
    made = fit({"headline": [long, "A shorter one that fits well"]})
    assert list_texts(made)["headline"] == "A shorter one that fits well"
    assert made.fit == 1.0


def test_smaller_type_comes_before_the_products_name() -> None:
    made = fit({"headline": ["A headline that is a bit too long for 2 lines"]})
    assert list_texts(made)["headline"] == "A headline that is a bit too long for 2 lines"
    assert made.fit in SCALES[1:]


def test_the_products_name_comes_last() -> None:
    made = fit({"headline": ["A headline that cannot be set in two lines, however small its type is made"]})
    assert list_texts(made)["headline"] == "Wanderer Boots"


def test_a_body_gives_way_before_the_headline() -> None:
    fields = {
        "headline": ["A longer headline for two lines", "Short"],
        "description": [
            "This is a body that takes two lines of its four. And it goes on with more words for the third."
        ],
    }
    assert list_texts(fit(fields))["body"] == fields["description"][0]
    made = fit(fields, read_column(**{"height:40rem": "height:22rem"}))
    assert list_texts(made) == {
        "headline": "A longer headline for two lines",
        "body": "This is a body that takes two lines of its four.",
    }


def test_what_is_optional_is_left_out_last_and_said() -> None:
    made = fit(
        {
            "headline": ["A longer headline for two lines"],
            "description": ["One body sentence that takes two of its lines."],
        },
        read_column(**{"height:40rem": "height:13rem"}),
    )
    assert list_texts(made) == {"headline": "A longer headline for two lines"}
    assert made.notes["body"] == "left out: no room"
    assert made.wanted == ("headline", "body")
    assert made.required == ("headline",)


def test_a_word_is_never_broken() -> None:
    made = fit({"headline": ["Donaudampfschifffahrtsgesellschaftskapitän"]})
    assert list_texts(made)["headline"] == "Wanderer Boots"
    assert isinstance(fit_or_not({"title": ["Boots"]}, read_column(**{"width:60rem": "width:4rem"})), Misfit)


def test_a_word_wider_than_its_button_gives_way() -> None:
    layout = read_column(
        **{
            "  legal:": "  action: {size: 3, optional: true}\n  legal:",
            '<p id="legal"': '<p id="action">x</p><p id="legal"',
        },
        **{".column p": "#action{width:12rem;padding:0 3rem 0 0}.column p"},
    )
    actions = ["Entdeckungsreise", "Kaufen", "Los"]
    assert list_texts(fit({"title": ["Boots"]}, layout, actions={"default": actions}))["action"] == "Los"


def test_texts_keep_off_the_logos_clear_space() -> None:
    logo = {"logo: false": "logo: true", '<p id="headline"': '<div id="logo"></div><p id="headline"'}
    far, near = (
        logo | {".column p": f"#logo{{width:40rem;height:9rem;margin-bottom:{gap}rem}}.column p"} for gap in (3, -3)
    )
    assert list_texts(fit({"headline": ["A headline"]}, read_column(**far)))["headline"] == "A headline"
    refused = fit_or_not({"headline": ["A headline"]}, read_column(**near))
    assert isinstance(refused, Misfit)
    assert "clear space" in refused.detail


def test_lines_of_a_heading_are_about_equally_long() -> None:
    layout = read_column(**{"headline: {size: 6": "headline: {heading: true, size: 6"})
    text = "Waterproof boots for long walks"
    plain, even = (fit({"headline": [text]}, each) for each in (read_column(), layout))
    wide, narrow = (next(each for each in made.texts if each.slot == "headline") for made in (plain, even))
    assert narrow.text == text
    assert narrow.font_px == wide.font_px
    assert narrow.box.width < 0.9 * wide.box.width
    assert abs(narrow.box.height - wide.box.height) < 0.3 * wide.font_px


@pytest.mark.parametrize("text", ["A Feuchtigkeitsabweisender b", "Feuchtigkeitsabweisender a"])
def test_a_heading_is_not_made_narrower_than_its_longest_word(text: str) -> None:
    layout = read_column(**{"headline: {size: 6": "headline: {heading: true, size: 4"})
    made = fit({"headline": [text * 2]}, layout)
    slot = Slot(name="p", role="creative", width=1000, height=1000, formats=["png"])
    assert [check for check in check_creative(made, slot) if not check.passed] == []


def test_lines_of_cjk_break_between_characters() -> None:
    fields = {"headline": ["長い散歩のための防水ブーツ"]}
    made = compose(make_order(read_column(), 1000, 1000, "cjk", COLORWAY, fields=fields))
    assert isinstance(made, Composition)
    assert made.fit == 1.0
    assert made.boxes["headline"].height > 1.5 * 60


def test_the_legal_line_is_whole_or_nothing_is_painted() -> None:
    disclaimer = "Offer valid in participating stores until 30 November 2026. " * 3
    made = fit({"headline": ["Short"]}, disclaimer=disclaimer)
    assert list_texts(made)["legal"] == disclaimer.strip()
    assert "legal" in made.required
    refused = fit_or_not({"headline": ["Short"]}, disclaimer=(disclaimer * 3)[:500])
    assert isinstance(refused, Misfit)
    assert refused.reason == "copy_too_long"
    assert "legal takes" in refused.detail


def test_a_layout_without_a_place_for_the_legal_line_is_not_used() -> None:
    layout = read_column(**{"  legal: {size: 2, lines: 6, optional: true}\n": "", '<p id="legal">x</p>': ""})
    refused = fit_or_not({"headline": ["Short"]}, layout, disclaimer="Terms apply.")
    assert isinstance(refused, Misfit)
    assert refused.reason == "missing_slot"


@pytest.mark.parametrize("content", ["short", "long", "german", "arabic", "cjk", "hindi"])
@pytest.mark.parametrize("size", [(1200, 628), (1080, 1920), (300, 250), (728, 90), (160, 600)])
def test_nothing_overlaps_sticks_out_or_is_too_small(content: str, size: tuple[int, int]) -> None:
    name = "strip" if find_aspect(*size) in (Aspect.LEADERBOARD, Aspect.SKYSCRAPER) else "plain"
    from tests.support.composition_builders import read_plain

    order = make_order(read_plain(name), *size, content, COLORWAY)
    order = replace(order, slot=order.slot.model_copy(update={"safe": (0.05, 0.02, 0.08, 0.02)}))
    made = compose(order)
    assert isinstance(made, Composition), made
    for text in made.texts:
        assert made.size.safe_box.holds(text.box, 1)
        assert text.font_px >= find_least_px(*size, order.layout.meta.slots[text.slot] and text.slot)  # type: ignore[index]
        assert made.logo is None or not made.logo.overlap(text.box)
        others = [other.box for other in made.texts if other is not text]
        assert not any(text.box.overlap(other) for other in others)
        assert not text.inside or made.boxes[text.inside].holds(text.box, 1)
        if made.product is not None and text.slot != "badge":
            assert not made.product.box.overlap(text.box)


def test_steps_take_ever_less_room_and_stop_at_the_least_size() -> None:
    size = Size(1000, 1000, Aspect.SQUARE)
    steps = make_steps(TextSlot(size=2), "headline", ["a long headline", "short"], ["Boot"], size)
    assert [(step.text, step.font_px) for step in steps] == [
        ("a long headline", 20), ("short", 20), ("short", 18.4), ("short", 17), ("short", 15.6), ("Boot", 17), ("Boot", 15.6),
    ]  # fmt: skip
    assert [step.cost for step in steps] == sorted(step.cost for step in steps)
    small = make_steps(TextSlot(size=1), "headline", ["short"], [], size)
    assert [(step.font_px, step.scale) for step in small] == [(15.38, 1.0)]


def test_least_sizes_are_those_that_a_picture_is_shown_at() -> None:
    assert find_least_px(300, 250, "body") == 9
    assert find_least_px(1200, 628, "body") == pytest.approx(14.4)
    assert find_least_px(1080, 1080, "legal") == pytest.approx(13.29, abs=0.01)


def test_what_the_problem_is_about_is_left_out_first_and_no_old_price_stands_alone() -> None:
    optional = TextSlot(size=2, optional=True)
    meta = LayoutMeta(
        title="x", slots={"headline": TextSlot(size=5), "body": optional, "price": optional, "was": optional}
    )
    shown = frozenset(meta.slots)
    assert choose_dropped(meta, shown, Problem("lines", ("price",), "")) == {"headline", "body"}
    assert choose_dropped(meta, shown, Problem("lines", ("headline",), "")) == {"headline", "price", "was"}
    assert choose_dropped(meta, frozenset(["headline"]), Problem("lines", ("headline",), "")) is None

"""A creative as a whole: true to its order, the same in every process, and no other for what was made before it."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from factory.cli.layout_sheet.contents import CONTENTS, KIT
from factory.cli.layout_sheet.order import draw_product
from factory.images.brand.colorways import make_colorways
from factory.images.brand.fonts import load_stack
from factory.images.checks.checker import check_creative
from factory.images.compose.compose import Misfit, Order, compose
from factory.images.types import Composition
from schemas.brand import BrandKit
from tests.support.composition_builders import read_plain
from tests.support.paths import ROOT
from tests.support.sample_orders import make_order

COLORWAYS = make_colorways(BrandKit(**KIT).colors)


def order_plain(
    content: str = "short", width: int = 1200, height: int = 628, colorway: int = 0, **changes: Any
) -> Order:
    return make_order(read_plain(), width, height, content, COLORWAYS[colorway], **changes)


def make(order: Order) -> Composition:
    made = compose(order)
    assert isinstance(made, Composition), made
    return made


def hash_pixels(made: Composition) -> str:
    return hashlib.sha256(made.pixels.tobytes() + made.ground.tobytes()).hexdigest()


@pytest.mark.parametrize("content", sorted(CONTENTS))
def test_every_content_passes_every_check(content: str) -> None:
    order = order_plain(content)
    made = make(order)
    assert [check for check in check_creative(made, order.slot) if not check.passed] == []
    assert made.missing == ""
    assert {text.slot for text in made.texts} >= set(made.required)


@pytest.mark.parametrize("colorway", range(len(COLORWAYS)))
def test_every_colourway_is_readable(colorway: int) -> None:
    order = order_plain("card", 1080, 1350, colorway)
    assert [check for check in check_creative(make(order), order.slot) if not check.passed] == []


def test_a_composition_says_what_was_painted() -> None:
    order = order_plain()
    made = make(order)
    assert made.pixels.shape == made.ground.shape == (628, 1200, 3)
    assert (made.layout, made.colorway, made.fit) == ("plain", COLORWAYS[0].name, 1.0)
    assert {text.slot: text.text for text in made.texts} == {
        "headline": "Made for long walks",
        "body": "Waterproof leather and a cushioned insole.",
        "price": "$87.99",
        "was": "$109.99",
        "badge": "20% off",
        "action": "Discover more",
        "legal": "Prices incl. VAT. While stocks last.",
    }
    assert made.wanted == ("headline", "body", "price", "was", "badge", "action", "legal")
    assert made.required == ("headline", "action", "legal")
    assert made.product_share == 0.12
    assert made.brand_colors == ((11, 61, 46), (232, 220, 196), (255, 122, 61))
    assert made.notes == {"legal": "Prices incl. VAT. While stocks last."}
    assert made.over == (made.boxes["sticker"],)
    assert not [name for name in made.boxes if name.startswith("t-")]
    badge = next(text for text in made.texts if text.slot == "badge")
    assert (badge.inside, badge.color, badge.weight) == ("sticker", COLORWAYS[0].colors["on_accent"], 700)


@pytest.mark.parametrize("content", ["short", "card"])
def test_the_product_arrives_pixel_by_pixel(content: str) -> None:
    made = make(order_plain(content))
    product = made.product
    assert product is not None
    height, width = product.pixels.shape[:2]
    seen = made.pixels[product.y : product.y + height, product.x : product.x + width]
    opaque = product.pixels[..., 3] == 255
    for over in made.over:
        left, top = max(0, int(over.x) - product.x), max(0, int(over.y) - product.y)
        opaque[top : max(0, int(over.bottom) - product.y), left : max(0, int(over.right) - product.x)] = False
    assert opaque.mean() > 0.4
    assert (seen[opaque] == product.pixels[opaque][:, :3]).all()


def test_a_badge_lies_over_the_product_with_its_own_ground() -> None:
    made = make(order_plain("card"))
    sticker = made.boxes["sticker"]
    assert made.product is not None and made.product.box.overlap(sticker) > 1000
    x, y = int(made.product.box.right) - 5, int(sticker.y + sticker.height / 2)
    assert tuple(made.ground[y, x]) == COLORWAYS[0].colors["accent"]


def test_the_ground_is_the_picture_without_its_letters() -> None:
    made = make(order_plain("card"))
    changed = (made.pixels != made.ground).any(2)
    for text in made.texts:
        reach = 0.6 * text.font_px
        top, bottom = int(text.box.y - reach), int(text.box.bottom + reach) + 1
        part = changed[top:bottom, int(text.box.x - reach) : int(text.box.right + reach) + 1]
        assert part.any(), text.slot
        part[:] = False
    assert not changed.any()


def test_what_came_before_changes_nothing() -> None:
    order = order_plain()
    before = make(order)
    for content in ("long", "arabic", "card", "no-price"):
        make(order_plain(content, colorway=2))
    after = make(order_plain())
    assert (before.pixels == after.pixels).all()
    assert (before.boxes, before.texts) == (after.boxes, after.texts)


def test_a_fresh_process_paints_the_same_bytes() -> None:
    program = (
        "from tests.images.test_compose import *\n"
        "make(order_plain('hindi', 1080, 1350, 3))\n"
        "print(hash_pixels(make(order_plain('arabic'))), hash_pixels(make(order_plain('card'))))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    expected = [hash_pixels(make(order_plain(content))) for content in ("arabic", "card")]
    assert done.stdout.split() == expected


def test_an_emoji_that_no_font_draws_is_left_out_and_said() -> None:
    made = make(order_plain("emoji"))
    assert {text.slot: text.text for text in made.texts}["headline"] == "Made for long walks"
    assert "🥾" in made.notes["headline"]


@pytest.mark.parametrize("headline", ["ᠮᠣᠩᠭᠣᠯ", "Boots 𒀀"])
def test_letters_that_no_font_draws_are_not_left_out(headline: str) -> None:
    order = order_plain(fields={"headline": [headline]})
    assert {text.slot: text.text for text in make(order).texts}["headline"] == "Wanderer Boots"
    refused = compose(order_plain(fields={"headline": [headline]}, product_name=headline))
    assert isinstance(refused, Misfit)
    assert refused.reason == "missing_glyph"
    assert headline[-1] in refused.detail
    assert load_stack(order.brand.kit.fonts, ".", "en-US").body[0].name in refused.detail


def test_a_legal_line_with_a_missing_letter_is_not_painted_without_it() -> None:
    refused = compose(order_plain(disclaimer="Terms \u2603 apply 𒀀"))
    assert isinstance(refused, Misfit)
    assert (refused.reason, "legal" in refused.detail) == ("missing_glyph", True)


def test_what_a_layout_needs_must_be_there() -> None:
    order = order_plain("no-price")
    meta = order.layout.meta.model_copy(update={"needs": ["price"]})
    refused = compose(replace(order, layout=replace(order.layout, meta=meta, digest="needs")))
    assert refused == Misfit("missing_slot", "layout plain needs price, and the brief has nothing for it")


def test_a_layout_without_a_backdrop_paints_its_ground() -> None:
    order = order_plain(colorway=1)
    meta = order.layout.meta.model_copy(update={"backdrop": False})
    made = make(replace(order, layout=replace(order.layout, meta=meta, digest="flat")))
    assert made.backdrop is None
    assert tuple(made.pixels[2, 2]) == COLORWAYS[1].colors["ground"]


def test_without_a_logo_the_name_stands_in_its_place() -> None:
    made = make(order_plain())
    assert made.logo is not None
    assert made.boxes["logo"].holds(made.logo)
    assert made.clear_space == 0.25


def test_a_small_share_of_text_is_kept_where_the_slot_asks_for_it() -> None:
    order = order_plain("long", 300, 250)
    slot = order.slot.model_copy(update={"rules": ["text_overlay_max_20pct"]})
    made = compose(replace(order, slot=slot))
    if isinstance(made, Misfit):
        assert made.reason == "copy_too_long"
    else:
        assert [
            check
            for check in check_creative(made, slot)
            if check.rule == "text_overlay_max_20pct" and not check.passed
        ] == []


def test_a_white_banner_gets_its_border() -> None:
    order = replace(order_plain("short", 300, 250), backdrop=None)
    assert (make(order).pixels[0] == 255).all()
    made = make(replace(order, slot=order.slot.model_copy(update={"rules": ["visible_border_if_white_or_black"]})))
    assert (made.pixels[0] < 250).any(1).all()


HOSTILE: dict[str, Callable[[], Order]] = {
    "markup": lambda: order_plain(fields={"headline": ["</div><img src=http://127.0.0.1:1/x>"], "text": ["<b>x"]}),
    "css": lambda: order_plain(fields={"headline": ["#product{display:none} url(file:///etc/passwd)"]}),
    "marks": lambda: order_plain(fields={"headline": ["Z" + "\u0301\u0302\u0310" * 20 + "algo"]}),
    "long": lambda: order_plain(fields={"headline": ["word " * 4000], "text": ["x" * 20_000]}),
    "empty": lambda: order_plain(fields={"headline": ["", " "], "text": []}, key_messages=[]),
    "digits": lambda: order_plain(price=10**13, sale_price=10**13 - 1),
    "thin": lambda: replace(order_plain(), product=replace(draw_product("cutout"), pixels=np.full((2000, 1, 4), 255, np.uint8))),
    "clear": lambda: replace(order_plain(), product=replace(draw_product("cutout"), pixels=np.zeros((50, 50, 4), np.uint8))),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_gives_a_picture_or_a_reason(name: str) -> None:
    made = compose(HOSTILE[name]())
    if isinstance(made, Misfit):
        assert made.detail
    else:
        assert made.pixels.shape == (628, 1200, 3)
        assert all(made.size.safe_box.holds(text.box, 1) for text in made.texts)

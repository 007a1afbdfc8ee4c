"""Checks of creatives: a good one passes all, and each check fails for what it is there to find, and for nothing else."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from factory.engines.base import Pixels
from factory.errors import JobError
from factory.images.checks import channel, files
from factory.images.checks.checker import check_creative
from factory.images.checks.registry import CHECKS
from factory.images.slots import RULES
from factory.images.types import Box, Composition, PaintedBackdrop, PlacedProduct
from schemas.creative import Slot
from tests.support.composition_builders import (
    LINES,
    LOGO,
    NAVY,
    ORANGE,
    SAND,
    WHITE,
    Line,
    draw_product,
    make_composition,
    make_main,
    make_noise,
    make_slot,
)

HEADLINE, BODY, ACTION, LEGAL = LINES
BUTTON = (Box(60, 405, 240, 70), ORANGE)


def fail(composition: Composition, slot: Slot | None = None) -> dict[str, str]:
    """The failed rules with their details."""
    checks = check_creative(composition, slot or make_slot())
    assert all(bool(check.detail) is not check.passed for check in checks)
    return {check.rule: check.detail for check in checks if not check.passed}


def test_a_good_creative_passes_every_check() -> None:
    checks = check_creative(make_composition(), make_slot())
    assert [check.rule for check in checks] == ["size", *CHECKS]
    assert [check for check in checks if not check.passed] == []


def test_without_product_logo_and_panels_all_that_is_left_is_checked() -> None:
    bare = make_composition(product=None, logo=None, panels=(), lines=(HEADLINE, LEGAL), changes={"clear_space": 0.0})
    assert fail(bare) == {}


def draw_light_tail() -> Composition:
    """White letters run from a dark ground onto a white panel: the last word cannot be seen at all."""
    return make_composition(panels=(BUTTON, (Box(430, 150, 240, 130), WHITE)), changes={"boxes": {}})


def draw_busy() -> Composition:
    composition = make_composition(lines=(HEADLINE,), product=None)
    noise = make_noise(1200, 628) // 2 + 60
    ink = (composition.pixels != composition.ground).any(axis=2)
    return replace(
        composition, ground=noise, pixels=np.where(ink[..., None], composition.pixels, noise), logo=None, boxes={}
    )


def see_through(share: float) -> Composition:
    composition = make_composition()
    mixed = composition.pixels * share + composition.ground * (1.0 - share)
    return replace(composition, pixels=mixed.astype(np.uint8))


def blur_product(sigma: float) -> Composition:
    composition = make_composition()
    product = PlacedProduct(draw_product(440, 450, sigma), 700, 90, "cutout")
    pixels, ground, inside = composition.pixels.copy(), composition.ground.copy(), product.pixels[..., 3] == 255
    for picture in (pixels, ground):
        picture[90:540, 700:1140][inside] = product.pixels[..., :3][inside]
    return replace(composition, pixels=pixels, ground=ground, product=product)


def shift(composition: Composition, slot: str, **box: float) -> Composition:
    """The same picture, with a text's box told otherwise."""
    texts = [replace(text, box=replace(text.box, **box)) if text.slot == slot else text for text in composition.texts]
    return replace(composition, texts=tuple(texts))


def paint_dot(x: int, y: int) -> Composition:
    composition = make_composition()
    composition.pixels[y, x] = (composition.pixels[y, x].astype(int) + 90) % 256
    return composition


BROKEN: dict[str, tuple[str, Composition, str]] = {
    "no headline": ("text_present", make_composition(lines=(BODY,), changes={"required": ("headline",)}), "headline is missing"),
    "no glyph": ("glyphs", make_composition(changes={"missing": "ﷺ"}), "has 'ﷺ'"),
    "cut text": ("inside_picture", make_composition(lines=(replace(HEADLINE, x=-20),)), "headline is cut by the edge"),
    "two texts": ("overlap", make_composition(lines=(HEADLINE, replace(BODY, y=225))), "headline and body overlap"),
    "text on logo": ("overlap", make_composition(lines=(replace(BODY, y=80),)), "body and logo overlap"),
    "text on product": ("overlap", make_composition(lines=(replace(HEADLINE, x=300),)), "headline lies over the product"),
    "logo on product": ("overlap", make_composition(logo=Box(850, 250, 150, 60)), "logo lies over the product"),
    "text out of button": (
        "overflow",
        make_composition(lines=(HEADLINE, replace(ACTION, text="See the lamp today"))),
        "action overflows button",
    ),
    "ink out of box": ("overflow", shift(make_composition(), "headline", width=200.0), "painted pixels lie outside"),
    "stray pixel": ("overflow", paint_dot(30, 600), "1 painted pixels"),
    "text in its ground": ("text_painted", make_composition(lines=(replace(HEADLINE, color=NAVY),)), "headline is invisible"),
    "blank text": ("text_painted", make_composition(lines=(HEADLINE, replace(BODY, text=" "))), "body is empty"),
    "see-through text": ("text_painted", see_through(0.3), "headline is hardly seen"),
    "other colour": (
        "text_painted",
        replace(make_composition(), texts=tuple(replace(t, color=(255, 255, 0)) for t in make_composition().texts)),
        "is not in its colour",
    ),
    "small text": ("text_size", make_composition(lines=(HEADLINE, replace(BODY, font_px=13))), "body is 13.0 px, needs 14.4"),
    "small legal": ("text_size", make_composition(lines=(HEADLINE, replace(LEGAL, font_px=11))), "legal is 11.0 px, needs 11.5"),
    "grey on navy": (
        "contrast",
        make_composition(lines=(HEADLINE, replace(BODY, color=(105, 110, 130), font_px=22))),
        "body has 3.15:1 on its ground, needs 4.5",
    ),
    "lost word": ("contrast", draw_light_tail(), "headline has 1.00:1 on its ground, needs 3"),
    "busy ground": ("contrast", draw_busy(), "headline has"),
    "small product": (
        "product_size",
        make_composition(product=(800, 200, 150, 150)),
        "its box covers 3.0% of the picture, the layout promises 20.0%",
    ),
    "product lost in its box": (
        "product_size",
        make_composition(product=(800, 200, 150, 150), changes={"boxes": {"product": Box(700, 90, 440, 450)}}),
        "it fills 34% of its box",
    ),
    "one product pixel": ("product_unchanged", make_composition(), "1 of its pixels are changed"),
    "blurred product": ("product_sharp", blur_product(7.0), "it is blurred"),
    "no logo": (
        "brand_present",
        replace(make_composition(logo=None), boxes={"logo": LOGO}),
        "neither the logo nor the brand's name",
    ),
    "crowded logo": ("logo_space", make_composition(lines=(HEADLINE, replace(BODY, y=110))), "body stands in its clear space"),
    "button at logo": (
        "logo_space",
        make_composition(panels=((Box(60, 115, 240, 70), ORANGE),), lines=(HEADLINE, replace(ACTION, y=130))),
        "button stands in its clear space",
    ),
    "product at logo": ("logo_space", make_composition(logo=Box(540, 300, 150, 60)), "product stands in its clear space"),
    "dark logo": ("logo_contrast", make_composition(logo_color=(20, 45, 95)), "it has 1."),
    "no legal line": (
        "legal_line",
        make_composition(lines=(HEADLINE, BODY), changes={"wanted": ("headline", "legal")}),
        "it is missing",
    ),
    "cut legal line": (
        "legal_line",
        make_composition(changes={"notes": {"legal": "Offer ends 30 November 2026. While stocks last."}}),
        "it is not whole: 'Offer ends 30 November 2026.'",
    ),
}  # fmt: skip
product_pixel = BROKEN["one product pixel"][1]
product_pixel.pixels[300, 900, 1] ^= 1
product_pixel.ground[300, 900, 1] ^= 1


@pytest.mark.parametrize(("rule", "composition", "detail"), BROKEN.values(), ids=BROKEN)
def test_each_check_finds_what_it_is_there_for(rule: str, composition: Composition, detail: str) -> None:
    found = fail(composition)
    assert detail in found.get(rule, f"passed; failed were {found}")


def test_every_check_is_broken_once() -> None:
    assert {rule for rule, _, _ in BROKEN.values()} | {"safe_zone"} == set(CHECKS)


def test_text_and_button_and_logo_keep_out_of_the_safe_zone() -> None:
    safe = make_slot(safe=(0.05, 0.0, 0.05, 0.04))
    assert fail(make_composition(), safe) == {}
    assert fail(make_composition(), make_slot(safe=(0.1, 0, 0, 0))) == {"safe_zone": "logo reaches into the safe zone"}
    assert fail(make_composition(), make_slot(safe=(0, 0, 0, 0.055))) == {
        "safe_zone": "headline reaches into the safe zone; body reaches into the safe zone; legal reaches into the safe"
        " zone; and 2 more"
    }
    assert (
        "button reaches"
        in fail(make_composition(lines=(ACTION,), logo=None), make_slot(safe=(0, 0, 0, 0.055)))["safe_zone"]
    )


def test_what_the_layout_puts_over_the_product_may_lie_there() -> None:
    badge = Line("badge", "-20%", 760, 250, 48, inside="badge")
    panels = (BUTTON, (Box(740, 240, 150, 70), ORANGE))
    drawn = make_composition(lines=(*LINES, badge), panels=panels)
    pixels, ground = drawn.pixels.copy(), drawn.ground.copy()
    for picture in (pixels, ground):
        picture[240:310, 740:890] = np.where(
            (drawn.pixels[240:310, 740:890] == WHITE).all(2, keepdims=True), WHITE, ORANGE
        )
    ground[240:310, 740:890] = ORANGE
    over = replace(drawn, pixels=pixels, ground=ground, over=(panels[1][0],))
    assert fail(over) == {}
    assert set(fail(replace(over, over=()))) == {"overlap", "product_unchanged"}


def test_contrast_is_that_of_the_ground_behind_the_letters_only() -> None:
    far = make_composition(panels=(BUTTON, (Box(60, 480, 1140, 60), WHITE)), product=None)
    assert fail(far) == {}


def test_banners_are_seen_as_large_as_they_are() -> None:
    slot = make_slot(300, 250)
    line = Line("headline", "Light", 20, 100, 24)
    drawn = make_composition(width=300, height=250, lines=(line,), panels=(), logo=None, product=None)
    assert fail(drawn, slot) == {}
    small = make_composition(
        width=300, height=250, lines=(replace(line, font_px=8),), panels=(), logo=None, product=None
    )
    assert fail(small, slot)["text_size"] == "headline is 8.0 px, needs 9.0"


def test_only_ads_carry_the_legal_line() -> None:
    main = make_main(changes={"notes": {"legal": "While stocks last."}})
    assert fail(main, make_slot(600, 600, role="main")) == {}
    assert fail(main, make_slot(600, 600)) == {"legal_line": "it is missing"}


def test_a_picture_of_another_size_gets_no_other_verdict() -> None:
    assert fail(make_composition(), make_slot(1080, 1080)) == {
        "size": "the picture is 1200x628 of uint8, not 1080x1080 RGB"
    }
    odd = replace(make_composition(), ground=np.zeros((628, 1199, 3), np.uint8))
    assert fail(odd) == {"size": "the ground is 1199x628 of uint8, not 1200x628 RGB"}


def test_all_rules_of_slots_are_known_and_all_known_rules_are_judged() -> None:
    assert {*channel.RULES, *files.RULES} == set(RULES)
    with pytest.raises(JobError, match="unknown rule 'no_cats'"):
        check_creative(make_composition(), make_slot(rules=["no_cats"]))


def frame(composition: Composition, color: tuple[int, int, int], width: int = 4) -> Composition:
    for picture in (composition.pixels, composition.ground):
        for edge in (np.s_[:width], np.s_[-width:], np.s_[:, :width], np.s_[:, -width:]):
            picture[edge] = color
    return composition


def shade(composition: Composition, color: tuple[int, int, int], box: Box) -> Composition:
    area = np.s_[int(box.y) : int(box.bottom), int(box.x) : int(box.right)]
    assert composition.product is not None
    alpha = np.zeros(composition.pixels.shape[:2], np.uint8)
    product = composition.product
    alpha[product.y :, product.x :][: product.pixels.shape[0], : product.pixels.shape[1]] = product.pixels[..., 3]
    for picture in (composition.pixels, composition.ground):
        picture[area] = np.where(alpha[area][..., None] > 0, picture[area], color)
    return composition


LOUD = tuple(replace(HEADLINE, text=text, y=y, font_px=150) for text, y in (("Light for", 140), ("all nights", 340)))


def make_card(level: int) -> Pixels:
    card = draw_product(528, 528)
    card[card[..., 3] < 255] = (level, level, level, 255)
    return card


SCENE = PaintedBackdrop(np.zeros((628, 1200, 3), np.uint8), "procedural", "", 1)
CHANNEL: dict[str, tuple[str, Composition, Composition]] = {
    "exact_size": ("exact_size", make_composition(), make_composition()),
    "text": ("no_promo_overlay", make_main(), make_composition(logo=None)),
    "logo": ("no_watermark", make_main(), make_composition(lines=())),
    "text or logo": ("no_text_or_logo_in_image", make_main(), make_composition(lines=())),
    "text and logo": ("no_text_logo_watermark", make_main(), make_composition(logo=None)),
    "much text": (
        "text_overlay_max_20pct",
        make_composition(),
        make_composition(lines=LOUD, product=None),
    ),
    "no product": ("no_placeholder", make_main(), make_composition(product=None)),
    "backdrop": ("no_props", make_main(), make_main(changes={"backdrop": SCENE})),
    "touched up": ("photo_not_render", make_main(), make_main()),
    "frame": ("no_border", make_main(), frame(make_main(), ORANGE)),
    "plain white": ("no_plain_product_on_white", make_composition(ground=SAND), make_main()),
    "fill of Amazon": ("product_fill_min_85pct", make_main(fill=0.85), make_main(fill=0.8)),
    "fill of Merchant": ("product_fill_75_90pct", make_main(fill=0.9), make_main(fill=0.95)),
    "too little for Merchant": ("product_fill_75_90pct", make_main(fill=0.75), make_main(fill=0.7)),
    "no product to fill": ("product_fill_min_85pct", make_main(), make_composition(product=None)),
    "off white": ("pure_white_background", make_main(), make_main(changes={"pixels": np.full((600, 600, 3), 254, np.uint8)})),
    "coloured shadow": (
        "pure_white_background",
        shade(make_main(), (200, 200, 200), Box(30, 480, 540, 80)),
        shade(make_main(), (240, 200, 200), Box(30, 480, 540, 80)),
    ),
    "photo on grey": (
        "pure_white_background",
        make_main(changes={"product": PlacedProduct(make_card(255), 36, 36, "card")}),
        make_main(changes={"product": PlacedProduct(make_card(225), 36, 36, "card")}),
    ),
    "all in shadow": ("pure_white_background", make_main(), shade(make_main(), (220, 220, 220), Box(5, 5, 590, 590))),
    "white edge": ("visible_border_if_white_or_black", frame(make_main(), (90, 90, 90), 1), make_main()),
    "black edge": ("visible_border_if_white_or_black", make_composition(), make_composition(ground=(0, 0, 0))),
}  # fmt: skip
touched = CHANNEL["touched up"][2]
touched.pixels[300, 300] = 0


@pytest.mark.parametrize(("rule", "good", "bad"), CHANNEL.values(), ids=CHANNEL)
def test_each_rule_of_the_channels_finds_what_it_forbids(rule: str, good: Composition, bad: Composition) -> None:
    slots = [make_slot(c.pixels.shape[1], c.pixels.shape[0], rules=[rule]) for c in (good, bad)]
    assert rule not in fail(good, slots[0])
    if rule == "exact_size":  # another size is found before all rules
        assert "size" in fail(bad, make_slot(300, 250, rules=[rule]))
    else:
        assert rule in fail(bad, slots[1])


def test_every_rule_of_the_channels_is_broken_once() -> None:
    assert {rule for rule, _, _ in CHANNEL.values()} == set(channel.RULES)


def test_checks_leave_the_composition_as_it_was() -> None:
    composition = make_composition()
    before = composition.pixels.copy(), composition.ground.copy()
    check_creative(composition, make_slot(rules=list(channel.RULES)))
    assert (before[0] == composition.pixels).all() and (before[1] == composition.ground).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_verdicts_do_not_depend_on_threads(threads: int) -> None:
    own = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        again: list[Any] = check_creative(draw_busy(), make_slot())
    finally:
        cv2.setNumThreads(own)
    assert again == check_creative(draw_busy(), make_slot())


def test_a_product_that_was_given_no_room_is_missed() -> None:
    squeezed = make_composition(product=None, changes={"product_share": 0.1})
    failed = [check for check in check_creative(squeezed, make_slot()) if not check.passed]
    assert [(check.rule, check.detail) for check in failed] == [
        ("product_size", "there is a product picture, and no room was left for it")
    ]

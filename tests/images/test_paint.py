"""Painting: layers in whole numbers, a page that forgets what it showed before, logo and product in their places."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from factory.cli.layout_sheet.contents import KIT
from factory.cli.layout_sheet.order import draw_product
from factory.engines.base import Pixels
from factory.errors import JobError
from factory.images.brand.fonts import load_stack, register_stack
from factory.images.brand.kit import Brand
from factory.images.compose.fragment import prepare_fragment
from factory.images.compose.layers import (
    contain,
    count_halvings,
    cover,
    draw_border,
    fill,
    find_ink,
    halve,
    lay_over,
    premultiply,
    scale,
    take_part,
    trim,
)
from factory.images.compose.page import NO_TEXT, ONLY_OVER, ONLY_TEXT, make_page
from factory.images.compose.paint import read_align
from factory.images.compose.place_logo import make_logo
from factory.images.compose.place_product import fit_product, show_product
from factory.images.compose.rendered_page import RenderedPage, Setting
from factory.images.layouts.load import read_layout
from factory.images.types import Box, Cutout, Size
from schemas.brand import BrandKit, Fonts
from schemas.layout import ColorName, SlotName, find_aspect
from tests.support.composition_builders import read_plain

COLORS: dict[ColorName, tuple[int, int, int]] = {
    "ground": (240, 240, 236), "panel": (255, 255, 255), "text": (20, 23, 28), "soft": (220, 225, 222),
    "accent": (255, 122, 61), "on_panel": (20, 23, 28), "on_accent": (20, 23, 28),
}  # fmt: skip
SLOTS: tuple[SlotName, ...] = ("headline", "body", "price", "badge", "action", "legal")


def open_plain(shown: tuple[SlotName, ...] = SLOTS, rtl: bool = False) -> RenderedPage:
    stack = load_stack(Fonts(), ".", "en-US")
    register_stack(stack)
    size = Size(600, 314, find_aspect(600, 314))
    families = stack.css(heading=True), stack.css(heading=False)
    return RenderedPage(make_page(read_plain(), size, shown, "cutout", True, families, 0.5, rtl))


def set_texts(headline: str = "Made for walks", px: float = 24, **texts: str) -> dict[SlotName, Setting]:
    every: dict[SlotName, str] = {name: texts.get(name, name) for name in SLOTS} | {"headline": headline}
    return {
        name: Setting(text, size, 400, round(1.2 * size), (20, 23, 28))
        for name, text in every.items()
        for size in [px if name == "headline" else 12]
    }


def draw_noise(seed: int, *shape: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_layers_are_laid_as_arithmetic_says() -> None:
    ground, layer = draw_noise(1, 40, 50, 3), premultiply(draw_noise(2, 20, 30, 4))
    expected = ground.astype(float)
    alpha = layer[..., 3:].astype(float) / 255
    expected[10:30, 15:45] = layer[..., :3] + expected[10:30, 15:45] * (1 - alpha)
    lay_over(ground, layer, 15, 10)
    assert np.abs(ground - expected).max() <= 1


def test_opaque_pixels_arrive_unchanged_and_clear_ones_change_nothing() -> None:
    ground, before = draw_noise(1, 30, 30, 3), draw_noise(1, 30, 30, 3)
    layer = draw_noise(2, 30, 30, 4)
    layer[..., 3] = np.where(np.arange(30) % 2, 255, 0)
    lay_over(ground, premultiply(layer))
    assert (ground[:, 1::2] == layer[:, 1::2, :3]).all()
    assert (ground[:, ::2] == before[:, ::2]).all()


def test_a_layer_is_laid_once_where_its_parts_meet() -> None:
    layer = np.full((20, 20, 4), 100, np.uint8)
    once, parts = fill((200, 0, 0), 20, 20), fill((200, 0, 0), 20, 20)
    lay_over(once, layer)
    for box in (Box(-3, -3, 15, 25), Box(8, 0, 15, 25)):
        take_part(parts, layer, box)
    assert (once == parts).all()
    assert not layer.any()


@pytest.mark.parametrize(("x", "y"), [(-15, -15), (25, 25), (-15, 5), (100, 0), (0, -100)])
def test_what_lies_outside_is_cut_off(x: int, y: int) -> None:
    ground = fill((0, 0, 0), 30, 30)
    lay_over(ground, np.full((20, 20, 4), 255, np.uint8), x, y)
    wide, high = max(0, min(30, x + 20) - max(0, x)), max(0, min(30, y + 20) - max(0, y))
    assert int((ground == 255).all(2).sum()) == wide * high


@pytest.mark.parametrize(("width", "height"), [(60, 40), (40, 60), (10, 100), (300, 300)])
def test_a_backdrop_covers_the_picture(width: int, height: int) -> None:
    assert cover(draw_noise(3, 50, 80, 3), width, height).shape == (height, width, 3)


def test_scaling_mixes_no_colour_of_clear_pixels_in() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., :3] = (0, 255, 0)
    pixels[:, :33] = (200, 10, 10, 255)
    small = scale(halve(premultiply(pixels)), 20, 16)
    seen = small[small[..., 3] > 0].astype(int)
    assert np.abs(seen[:, :3] - np.outer(seen[:, 3], (200, 10, 10)) / 255).max() <= 3


@pytest.mark.parametrize("size", [(33, 21), (64, 64), (90, 70), (16, 5)])
def test_what_is_scaled_keeps_its_colour_and_no_colour_is_stronger_than_its_alpha(size: tuple[int, int]) -> None:
    plain = np.full((64, 64, 4), (90, 60, 30, 255), np.uint8)
    assert (scale(plain, *size) == (90, 60, 30, 255)).all()
    noise = scale(premultiply(draw_noise(4, 64, 64, 4)), *size)
    assert (noise[..., :3] <= noise[..., 3:]).all()


def test_fine_stripes_become_grey_and_not_other_stripes() -> None:
    stripes = np.zeros((400, 400, 4), np.uint8)
    stripes[:, ::2] = 255
    stripes[..., 3] = 255
    assert scale(stripes, 230, 230)[20:-20, 20:-20, 0].std() < 0.5 * cv2.resize(stripes, (230, 230))[..., 0].std()


@pytest.mark.parametrize(
    ("size", "times"), [((400, 400), 0), ((201, 100), 0), ((200, 200), 1), ((100, 90), 2), ((900, 900), 0)]
)
def test_a_picture_is_halved_as_often_as_it_stays_large_enough(size: tuple[int, int], times: int) -> None:
    assert count_halvings(400, 400, *size) == times


def test_an_odd_picture_is_halved_without_losing_its_edge() -> None:
    pixels = np.zeros((5, 7, 4), np.uint8)
    pixels[-1], pixels[:, -1] = 255, 255
    half = halve(pixels)
    assert half.shape == (3, 4, 4)
    assert (half[-1] == 255).all() and (half[:, -1] == 255).all()


def test_an_empty_cutout_is_not_trimmed_to_nothing() -> None:
    assert trim(np.zeros((5, 6, 4), np.uint8)).shape == (5, 6, 4)


@pytest.mark.parametrize(
    ("align", "expected"),
    [
        (("center", "center"), (25, 0, 50, 100)),
        (("start", "end"), (0, 0, 50, 100)),
        (("end", "start"), (50, 0, 50, 100)),
    ],
)
def test_a_picture_is_contained_whole(align: tuple[str, str], expected: tuple[int, int, int, int]) -> None:
    assert contain(100, 200, Box(0, 0, 100, 100), 1.5, align) == expected


def test_a_small_product_is_enlarged_half_as_much_again_at_most() -> None:
    assert contain(10, 20, Box(0.4, 0.4, 200, 200), 1.5, ("center", "center"))[2:] == (15, 30)


@pytest.mark.parametrize("mode", ["cutout", "card"])
def test_a_product_is_scaled_once_for_one_size(mode: str) -> None:
    cutout = draw_product(mode)
    fitting = fit_product(cutout, Box(10, 10, 200, 200), 8, ("center", "center"))
    placed, shown = show_product(cutout, fitting, 6)
    again, _ = show_product(draw_product(mode), fitting, 6)
    assert again.pixels is placed.pixels
    assert Box(10, 10, 200, 200).holds(fitting.box)
    assert shown.under.shape[0] == placed.pixels.shape[0] + 2 * shown.margin
    assert shown.under[..., 3].max() > 30


def test_another_picture_of_the_same_name_is_not_taken_for_the_first() -> None:
    one = draw_product("cutout")
    other = Cutout(255 - one.pixels, one.mode, one.confidence, one.digest, one.uri)
    other.pixels[..., 3] = one.pixels[..., 3]
    fitting = fit_product(one, Box(0, 0, 200, 200), 8, ("center", "center"))
    assert (show_product(one, fitting, 0)[0].pixels != show_product(other, fitting, 0)[0].pixels).any()


def test_a_card_has_round_corners_and_its_own_ground_around() -> None:
    cutout = draw_product("card")
    fitting = fit_product(cutout, Box(0, 0, 300, 300), 10, ("center", "center"))
    placed, shown = show_product(cutout, fitting, 30)
    assert placed.pixels[0, 0, 3] == 0
    assert placed.pixels[placed.pixels.shape[0] // 2, 0, 3] == 255
    middle = shown.under[shown.under.shape[0] // 2]
    assert tuple(middle[shown.margin - 2, :3]) == (247, 246, 244)


def test_a_page_forgets_what_it_showed_before() -> None:
    fresh, used = open_plain(), open_plain()
    for text, px in (("A much longer headline that wraps over many lines", 40), ("مرحبا", 9), ("防水レザー", 30)):
        used.measure(set_texts(text, px, badge="-" + text))
        used.paint(set_texts(text, px), COLORS | {"accent": (1, 2, 3)}, ONLY_TEXT)
        used.paint(set_texts(text, px), COLORS, f"{NO_TEXT} {ONLY_OVER}")
    settings = set_texts()
    assert used.measure(settings) == fresh.measure(settings)
    for mode in (NO_TEXT, ONLY_TEXT, f"{NO_TEXT} {ONLY_OVER}"):
        assert (used.paint(settings, COLORS, mode) == fresh.paint(settings, COLORS, mode)).all()


@pytest.mark.parametrize("path", sorted(Path("jobs/creatives/layouts").glob("*.html")), ids=lambda path: path.stem)
@pytest.mark.parametrize("dimensions", ["1200x628", "1080x1080", "1080x1920", "300x250"])
def test_a_layout_is_painted_where_it_was_measured(path: Path, dimensions: str) -> None:
    layout = read_layout(path.stem, path.read_text(encoding="utf-8"), str(path))
    size = Size(*map(int, dimensions.split("x")), find_aspect(*map(int, dimensions.split("x"))))
    stack = load_stack(Fonts(), ".", "en-US")
    register_stack(stack)
    families = stack.css(heading=True), stack.css(heading=False)
    rendered = RenderedPage(make_page(layout, size, tuple(layout.meta.slots), "cutout", True, families, 0.5, False))
    settings = {name: Setting(f"20% off this week {name}", 24, 700, 26, (1, 2, 3)) for name in layout.meta.slots}
    measured = rendered.measure(settings)
    rendered.paint(settings, COLORS, NO_TEXT)
    assert rendered.measure(settings) == measured
    rendered.paint(settings, COLORS, ONLY_TEXT)
    assert rendered.measure(settings) == measured


def test_texts_are_data_whatever_they_hold() -> None:
    rendered = open_plain()
    hostile = '</span><script>x</script><img src="http://127.0.0.1:1/x.png">&lt;b&gt; {{ x }} #{y} url(x)'
    settings = set_texts(hostile, 10)
    wide = rendered.measure(settings)["t-headline"]
    plain = rendered.measure(set_texts("x" * 3, 10))["t-headline"]
    assert wide.width > 3 * plain.width  # every character of it is set
    assert rendered.measure(settings).keys() == rendered.measure(set_texts("x", 10)).keys()


def test_text_and_the_rest_are_painted_apart() -> None:
    rendered, settings = open_plain(), set_texts()
    boxes = rendered.measure(settings)
    ground, text = rendered.paint(settings, COLORS, NO_TEXT), rendered.paint(settings, COLORS, ONLY_TEXT)
    for name in SLOTS:
        assert find_ink(text, boxes[f"t-{name}"]) is not None
    button = boxes["button"]
    assert ground[int(button.y) + 3, int(button.x) + 8, :3].tolist() == list(COLORS["accent"])
    assert text[int(button.y) + 3, int(button.x) + 3, 3] == 0
    assert (ground == rendered.paint(set_texts(), COLORS, NO_TEXT)).all()


def test_what_lies_over_the_product_is_painted_alone() -> None:
    rendered, settings = open_plain(), set_texts()
    boxes = rendered.measure(settings)
    over = rendered.paint(settings, COLORS, f"{NO_TEXT} {ONLY_OVER}")
    sticker, panel = boxes["sticker"], boxes["headline"]
    assert over[int(sticker.y + sticker.height / 2), int(sticker.x + sticker.width / 2), 3] == 255
    assert over[int(panel.y), int(panel.x) - 3, 3] == 0


def test_a_missing_slot_hides_itself_and_its_frame() -> None:
    boxes = open_plain(("headline",)).measure({"headline": set_texts()["headline"]})
    assert not {"badge", "sticker", "button", "price"} & boxes.keys()


def test_a_word_that_is_too_long_shows_in_its_box() -> None:
    rendered = open_plain()
    place, word = (
        rendered.measure(set_texts(text, 40)) for text in ("Made for long walks", "Donaudampfschifffahrtsgesellschaft")
    )
    assert place["t-headline"].right <= place["headline"].right
    assert word["t-headline"].width > 1.5 * place["t-headline"].width


def test_right_to_left_turns_the_layout_round() -> None:
    left, right = open_plain().measure(set_texts()), open_plain(rtl=True).measure(set_texts())
    assert left["product"].x > left["headline"].x
    assert right["product"].x < right["headline"].x
    assert right["t-price"].x > left["t-price"].x


def test_a_slot_that_the_layout_does_not_have_is_an_error() -> None:
    with pytest.raises(JobError, match="no element with id 'price'"):
        prepare_fragment("<div id='headline'>x</div>", ["price"], "odd")


def test_the_elements_around_a_slot_are_known_innermost_first() -> None:
    marked = prepare_fragment(
        '<div class="a"><div id="button"><p id="action">Sample &amp; text</p></div></div><br>', ["action"], "x"
    )
    assert marked.around == {"action": ("action", "button", "t-e1")}
    assert "Sample" not in marked.html
    assert '<div id="t-e1" class="a">' in marked.html


@pytest.mark.parametrize(
    ("element", "rtl", "expected"),
    [
        ('<div id="logo"></div>', False, ("start", "center")),
        ('<div id="logo"></div>', True, ("end", "center")),
        ('<div class="big end bottom" id="logo"></div>', False, ("end", "end")),
        ('<div id=logo class="center top"></div>', True, ("center", "start")),
        ("<div id='other' class='end'></div>", False, ("start", "center")),
    ],
)
def test_classes_say_where_a_picture_stands_in_its_box(element: str, rtl: bool, expected: tuple[str, str]) -> None:
    assert read_align(element, "logo", ("start", "center"), rtl) == expected


@pytest.mark.parametrize(("shade", "expected"), [((250, 250, 250), (20, 23, 28)), ((10, 10, 10), (255, 255, 255))])
def test_a_brands_name_is_set_to_be_read_on_its_ground(shade: tuple[int, ...], expected: tuple[int, ...]) -> None:
    family = load_stack(Fonts(), ".", "en-US").css(heading=True)
    brand = Brand(BrandKit(**KIT), ".", {}, "test")
    inks = {"light": (20, 23, 28), "dark": (255, 255, 255)}
    ground = fill((shade[0], shade[1], shade[2]), 300, 100)
    mark_, x, y = make_logo(ground, brand, family, inks, Box(10, 10, 200, 40), ("start", "center"))
    assert Box(10, 10, 200, 40).holds(Box(x, y, mark_.shape[1], mark_.shape[0]))
    assert tuple(mark_[mark_[..., 3] == 255][0, :3]) == expected


@pytest.mark.parametrize(("shade", "kind"), [(250, "light"), (10, "dark")])
def test_the_logo_for_the_ground_is_taken(shade: int, kind: str) -> None:
    logos = {"light": np.full((20, 60, 4), 255, np.uint8), "dark": np.full((20, 60, 4), 255, np.uint8)}
    logos["light"][..., 0], logos["dark"][..., 0] = 1, 2
    brand = Brand(BrandKit(**KIT), ".", logos, "test")
    made, x, _ = make_logo(fill((shade,) * 3, 300, 100), brand, "x", {}, Box(10, 10, 200, 40), ("end", "center"))
    assert made.shape[:2] == (40, 120)
    assert x == 90
    assert made[5, 5, 0] == {"light": 1, "dark": 2}[kind]


@pytest.mark.parametrize(("shade", "drawn"), [(255, True), (0, True), (128, False)])
def test_a_border_is_drawn_where_the_edge_would_be_lost(shade: int, drawn: bool) -> None:
    ground = fill((shade,) * 3, 20, 10)
    draw_border(ground, (9, 90, 9))
    assert ((ground[0] == (9, 90, 9)).all() and (ground[:, -1] == (9, 90, 9)).all()) is np.bool_(drawn)
    assert (ground[1:-1, 1:-1] == shade).all()

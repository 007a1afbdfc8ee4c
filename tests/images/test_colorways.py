"""Every palette gives colourways that can be read, by construction."""

import colorsys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.images.brand.colorways import SEEN, make_colorways, make_readable
from factory.images.colors import measure_contrast, parse_hex, write_hex
from schemas.brand import Colors

NAMES = ["light", "tint", "brand", "dark", "accent", "second"]
HEX = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
PALETTES = st.builds(Colors, primary=HEX, secondary=HEX, accent=HEX, ink=HEX, paper=HEX)


def make_palette(primary: str, secondary: str, accent: str) -> Colors:
    return Colors(primary=primary, secondary=secondary, accent=accent)


@settings(max_examples=60, deadline=None)
@given(PALETTES)
def test_each_text_of_every_palette_is_readable(colors: Colors) -> None:
    colorways = make_colorways(colors)
    assert {colorway.is_dark for colorway in colorways} == {True, False}
    for colorway in colorways:
        found = colorway.colors
        for text, ground in (
            ("text", "ground"),
            ("text", "panel"),
            ("text", "soft"),
            ("on_panel", "panel"),
            ("on_accent", "accent"),
        ):
            assert measure_contrast(found[text], found[ground]) >= 4.5, (colorway, text, ground)
        assert measure_contrast(found["accent"], found["ground"]) >= SEEN
        lightness = {key: measure_contrast(found[key], (0, 0, 0)) for key in ("text", "ground")}
        assert colorway.is_dark == (lightness["text"] > lightness["ground"])


@settings(max_examples=60, deadline=None)
@given(PALETTES)
def test_colorways_have_stable_names_and_differ(colors: Colors) -> None:
    colorways = make_colorways(colors)
    names = [colorway.name for colorway in colorways]
    assert names == [name for name in NAMES if name in names]
    looks = {tuple(colorway.colors[key] for key in ("ground", "accent")) for colorway in colorways}
    assert len(looks) == len(colorways)
    assert make_colorways(colors) == colorways


@pytest.mark.parametrize("palette", [("#0b3d2e", "#e9b44c", "#d1495b"), ("#1a1a2e", "#533483", "#e94560")])
def test_a_usual_palette_gives_all_six(palette: tuple[str, str, str]) -> None:
    colorways = {colorway.name: colorway for colorway in make_colorways(make_palette(*palette))}
    assert list(colorways) == NAMES
    for name, key in (("brand", 0), ("second", 1), ("accent", 2)):
        assert write_hex(colorways[name].colors["ground"]) == palette[key], "brand colours stay as they are"
    assert [colorways[name].is_dark for name in ("light", "tint", "dark")] == [False, False, True]
    assert colorways["light"].colors["soft"] != colorways["light"].colors["ground"]


@pytest.mark.parametrize("color", ["#808080", "#ffffff", "#000000", "#777777"])
def test_a_palette_of_one_colour_is_still_readable(color: str) -> None:
    colorways = make_colorways(Colors(primary=color, secondary=color, accent=color, ink=color, paper=color))
    assert 2 <= len(colorways) < len(NAMES)
    assert {colorway.is_dark for colorway in colorways} == {True, False}


@given(HEX, HEX)
def test_a_text_colour_keeps_its_hue_or_becomes_grey(text: str, ground: str) -> None:
    color = make_readable([parse_hex(text)], parse_hex(ground))
    before, after = (colorsys.rgb_to_hls(*(value / 255 for value in each)) for each in (parse_hex(text), color))
    spread = max(color) - min(color)
    if spread > 40:  # below that, rounding to whole numbers turns the hue
        assert min(abs(before[0] - after[0]), 1 - abs(before[0] - after[0])) < 0.02


def test_the_first_readable_choice_is_taken_as_it_is() -> None:
    assert make_readable([(255, 255, 255), (0, 0, 0)], (10, 60, 40)) == (255, 255, 255)
    assert make_readable([(120, 120, 120), (250, 250, 250)], (0, 0, 0)) == (120, 120, 120)


def test_grounds_that_no_text_suits_are_refused() -> None:
    with pytest.raises(ValueError, match="no text is readable"):
        make_readable([(0, 0, 0)], (0, 0, 0), (120, 120, 120), (255, 255, 255))

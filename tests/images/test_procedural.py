"""Procedural backdrops: the size asked for, the seed's own picture, the brand's colours, and ground that text reads on."""

import hashlib
import multiprocessing
from itertools import combinations

import cv2
import numpy as np
import pytest

from factory.engines.base import BackdropPrompt, Pixels
from factory.errors import JobError
from factory.images.backdrops.procedural.engine import FAMILIES, ProceduralEngine, draw_procedural, list_families
from factory.images.backdrops.procedural.palette import read_palette
from factory.images.colors import measure_contrast, measure_luminance, parse_hex

PALETTES = {
    "light": {"ground": "#ffffff", "panel": "#f3f1ec", "text": "#14171c", "soft": "#fbe4dd", "accent": "#e4572e"},
    "dark": {"ground": "#0b3d2e", "panel": "#0f5140", "text": "#ffffff", "soft": "#1d4a3a", "accent": "#f2c14e"},
    "yellow": {"ground": "#f6c945", "panel": "#fff3cd", "text": "#1d1d1b", "soft": "#f8d46c", "accent": "#d7263d"},
    "blue": {"ground": "#1d4ed8", "panel": "#1e40af", "text": "#ffffff", "soft": "#2b5be0", "accent": "#f97316"},
    "black": {"ground": "#000000", "panel": "#101010", "text": "#ffffff", "soft": "#202020", "accent": "#ff0000"},
    "hard": {"ground": "#808080", "panel": "#7a7a7a", "text": "#000000", "soft": "#858585", "accent": "#808080"},
}
SIZES = [(1200, 628), (1080, 1920), (160, 600), (728, 90), (320, 50), (61, 47)]


def ask(family: str, seed: int = 3, size: tuple[int, int] = (600, 314), palette: str = "light") -> BackdropPrompt:
    return BackdropPrompt(f"procedural: {family}", "", *size, seed, PALETTES[palette])


def hash_picture(family: str) -> str:
    return hashlib.sha256(draw_procedural(ask(family)).tobytes()).hexdigest()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_fills_every_size(family: str, size: tuple[int, int]) -> None:
    picture = draw_procedural(ask(family, size=size))
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 0.5


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_is_one_picture_and_seeds_differ(family: str) -> None:
    first = draw_procedural(ask(family))
    cv2.setNumThreads(2)
    try:
        assert np.array_equal(first, draw_procedural(ask(family)))
    finally:
        cv2.setNumThreads(1)
    assert not np.array_equal(first, draw_procedural(ask(family, seed=4)))


def test_another_process_draws_the_same_bytes() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        elsewhere = pool.map(hash_picture, reversed(FAMILIES))
    assert elsewhere[::-1] == [hash_picture(family) for family in FAMILIES]


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("family", FAMILIES)
def test_text_reads_anywhere_on_it(family: str, palette: str) -> None:
    """WCAG's 4.5 for the colourway's text on every spot, or what the plain ground gives where that is less."""
    text, ground = parse_hex(PALETTES[palette]["text"]), parse_hex(PALETTES[palette]["ground"])
    wanted = min(4.5, measure_contrast(text, ground) * 0.92)
    for seed in range(4):
        assert least_contrast(draw_procedural(ask(family, seed, palette=palette)), text) >= wanted


def least_contrast(picture: Pixels, text: tuple[int, int, int]) -> float:
    light = np.percentile(measure_luminance(picture), [0.1, 99.9])
    ink = float(measure_luminance(np.array(text, np.uint8)))
    return float(min((max(each, ink) + 0.05) / (min(each, ink) + 0.05) for each in light))


@pytest.mark.parametrize("family", FAMILIES)
def test_soft_parts_show_no_bands(family: str) -> None:
    """Without grain a smooth gradient has runs of one value that the eye sees as steps."""
    picture = draw_procedural(ask(family, size=(1200, 628)))[..., 0].astype(np.int16)
    still = (np.diff(picture, axis=1) == 0).mean()
    assert still < 0.5


def test_colours_come_from_the_brand() -> None:
    """A brand of greys has no backdrop with a hue; a brand of one hue has no other."""
    grey = {"ground": "#ffffff", "panel": "#eeeeee", "text": "#111111", "soft": "#555555", "accent": "#777777"}
    for family in FAMILIES:
        picture = draw_procedural(BackdropPrompt(f"procedural: {family}", "", 300, 157, 1, grey)).astype(np.int16)
        assert np.abs(picture.max(axis=2) - picture.min(axis=2)).max() <= 1


def test_families_do_not_look_alike() -> None:
    small = {
        family: cv2.resize(draw_procedural(ask(family)), (24, 12), interpolation=cv2.INTER_AREA).astype(int)
        for family in FAMILIES
    }
    for one, other in combinations(small, 2):
        assert np.abs(small[one] - small[other]).mean() > 1.5, (one, other)


def test_the_seed_chooses_among_all_families_unless_the_prompt_names_some() -> None:
    assert list_families("a table of oak, morning light") == list(FAMILIES)
    assert list_families("procedural: waves, Discs") == ["waves", "discs"]
    assert list_families("procedural:") == list(FAMILIES)
    with pytest.raises(JobError, match="no procedural backdrop 'wafes'") as caught:
        list_families("procedural: wafes")
    assert "waves" in caught.value.hint


def test_the_engine_draws_each_prompt_by_its_own_seed() -> None:
    engine = ProceduralEngine()
    engine.start()
    prompts = [BackdropPrompt("", "", 120, 90, seed, PALETTES["dark"]) for seed in range(12)]
    together = engine.draw(prompts)
    engine.stop()
    assert all(np.array_equal(engine.draw([one])[0], picture) for one, picture in zip(prompts, together, strict=True))
    assert len({picture.tobytes() for picture in together}) == len(prompts)


@pytest.mark.parametrize("palette", PALETTES)
def test_every_shade_of_a_palette_is_readable(palette: str) -> None:
    shades = read_palette(PALETTES[palette])
    text, ground = parse_hex(PALETTES[palette]["text"]), parse_hex(PALETTES[palette]["ground"])
    for name in shades.aims:
        for share in (0.0, 0.4, 1.0, 1.6, 2.0):
            wanted = min(4.7, measure_contrast(text, ground) - 0.1)
            assert measure_contrast(text, shades.tint(name, share)) >= wanted, (name, share)

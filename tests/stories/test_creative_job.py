"""The sample job for pictures: what it names is there, loads through the real loaders, and can be read in every colourway."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from factory.config.job import LoadedJob, load_job
from factory.images.brand.colorways import make_colorways
from factory.images.brand.fonts import load_stack
from factory.images.brand.kit import Brand, find_actions, find_legal, load_brands, pick_brand
from factory.images.colors import measure_contrast, parse_hex
from schemas.brief import Brief
from schemas.images import Images
from tests.support.parquet import read_all
from tests.support.paths import ROOT

FOLDER = ROOT / "jobs" / "creatives"
BRIEF_FILES = ("briefs.parquet", "briefs_world.parquet")
PICTURES = sorted((FOLDER / "pictures").iterdir())
MAX_PICTURE_BYTES = 1_200_000  # all together: the repository carries them


@pytest.fixture(scope="module")
def loaded() -> LoadedJob:
    return load_job(str(FOLDER))


@pytest.fixture(scope="module")
def images(loaded: LoadedJob) -> Images:
    assert loaded.job.images is not None
    return loaded.job.images


@pytest.fixture(scope="module")
def brands(images: Images) -> tuple[Brand, ...]:
    return load_brands([str(FOLDER / name) for name in images.brands])


def read_briefs(name: str) -> list[Brief]:
    found = read_all(FOLDER / name)
    briefs = [row for row in found if isinstance(row, Brief)]
    assert briefs and len(briefs) == len(found), [row for row in found if not isinstance(row, Brief)]
    return briefs


def test_the_slots_it_names_are_those_of_its_placements(loaded: LoadedJob, images: Images) -> None:
    known = {slot.name for placement in loaded.placements.values() for slot in placement.image_slots}
    assert set(images.slots) <= known
    for placement in loaded.placements.values():
        assert {slot.name for slot in placement.image_slots} & set(images.slots), f"{placement.id} gets no picture"


@pytest.mark.parametrize("name", BRIEF_FILES)
def test_every_brief_is_valid_and_has_a_kit_of_its_own(name: str, brands: tuple[Brand, ...]) -> None:
    for brief in read_briefs(name):
        assert pick_brand(brands, brief.brand).kit.name == brief.brand


def test_the_briefs_show_what_a_layout_may_meet() -> None:
    briefs = read_briefs("briefs.parquet")
    assert {bool(brief.image_uri) for brief in briefs} == {True, False}
    assert {brief.price is not None for brief in briefs} == {True, False}
    assert any(brief.sale_price is not None and brief.offer.text for brief in briefs)
    assert any(brief.disclaimer for brief in briefs)
    assert {brief.locale for brief in briefs} == {"en-US"}  # the bundled model writes nothing else
    assert {brief.locale for brief in read_briefs("briefs_world.parquet")} == {"de-DE", "ja-JP", "ar-SA"}


def test_every_picture_is_used_and_every_brief_s_picture_is_there() -> None:
    named = {brief.image_uri for name in BRIEF_FILES for brief in read_briefs(name) if brief.image_uri}
    assert named == {f"pictures/{file.name}" for file in PICTURES}
    assert sum(file.stat().st_size for file in PICTURES) <= MAX_PICTURE_BYTES


@pytest.mark.parametrize("file", PICTURES, ids=lambda file: file.stem)
def test_pictures_decode_and_are_large_enough_for_a_feed(file: Path) -> None:
    with Image.open(file) as picture:
        picture.load()
        assert max(picture.size) >= 800
        assert picture.mode in ("RGB", "RGBA")
        spread = np.asarray(picture.convert("L")).std()
    assert spread > 10, "nothing is to be seen on it"


def test_some_pictures_are_transparent_and_most_are_not() -> None:
    transparent = []
    for file in PICTURES:
        with Image.open(file) as picture:
            if picture.mode == "RGBA" and np.asarray(picture)[..., 3].min() == 0:
                transparent.append(file.stem)
    assert len(transparent) == 2 and len(PICTURES) == 12


def test_logos_are_transparent_and_stand_out_from_their_grounds(brands: tuple[Brand, ...]) -> None:
    for brand in brands:
        assert set(brand.logos) == {"light", "dark"}
        for pixels in brand.logos.values():
            alpha = pixels[..., 3]
            assert alpha.min() == 0 and alpha.max() == 255
            assert pixels.shape[1] > 2 * pixels.shape[0], "a wordmark is wide"
        for colorway in make_colorways(brand.kit.colors):
            pixels = brand.logos["dark" if colorway.is_dark else "light"]
            solid = pixels[pixels[..., 3] > 200][:, :3]
            main = np.median(solid, axis=0)
            contrast = measure_contrast((int(main[0]), int(main[1]), int(main[2])), colorway.colors["ground"])
            assert contrast >= 3, f"{brand.kit.name} on {colorway.name}"  # WCAG 2.2, 1.4.11: what graphics need


def test_brands_differ_and_their_colours_can_be_read(brands: tuple[Brand, ...]) -> None:
    for brand in brands:
        colors = brand.kit.colors
        for ground in (colors.paper, colors.secondary):
            assert measure_contrast(parse_hex(colors.ink), parse_hex(ground)) >= 7  # AAA
        assert measure_contrast(parse_hex(colors.paper), parse_hex(colors.primary)) >= 4.5
        assert len(make_colorways(colors)) >= 4
    primaries = np.array([parse_hex(brand.kit.colors.primary) for brand in brands])
    for number, primary in enumerate(primaries[1:], 1):
        assert np.abs(primaries[:number] - primary).sum(axis=1).min() > 60


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "ja-JP", "ar-SA", "fr-FR"])
def test_buttons_and_legal_lines_exist_and_can_be_drawn_in_every_locale(
    locale: str, brands: tuple[Brand, ...]
) -> None:
    for brand in brands:
        words = find_actions(brand.kit, locale)
        assert words and min(map(len, words)) <= 12, "the smallest banners need a short one"
        fonts = load_stack(brand.kit.fonts, brand.folder, locale)
        drawn = "".join([*words, find_legal(brand.kit, locale), brand.kit.name])
        assert not fonts.find_missing(drawn, heading=False) + fonts.find_missing(drawn, heading=True)

"""Cutting out: plain grounds go, products stay as they were, and where it would be a guess the picture stays whole."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from factory.engines.base import Pixels
from factory.errors import JobError
from factory.images.product.confidence import MIN_CONFIDENCE, Confidence
from factory.images.product.cutout import ENGINES, make_cutter
from factory.images.product.cutter import Cut
from factory.images.product.load import load_product
from factory.images.product.plain import cut_out
from schemas.images import CutoutConfig, Sources

Color = tuple[int, int, int]
SIZE = 500
BLACK = (30, 32, 36)


def make_ground(color: Color = (236, 238, 240), vignette: float = 0.0, noise: float = 0.0) -> Pixels:
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] / SIZE - 0.5
    light = 1 - vignette * (rows**2 + columns**2) * 2
    shades = np.array(color) * light[..., None]
    shades += np.random.default_rng(3).normal(0, noise, shades.shape) if noise else 0
    return np.clip(shades, 0, 255).astype(np.uint8)


def draw_product(ground: Pixels, color: Color, ring: bool = False) -> tuple[Pixels, Pixels]:
    """RGBA of a bag-like thing with a texture on the ground, and its true alpha; both drawn at four times the size."""
    mask = np.zeros((SIZE * 4, SIZE * 4), np.uint8)
    cv2.rectangle(mask, (560, 800), (1440, 1600), 255, -1)
    if ring:
        cv2.circle(mask, (1000, 800), 320, 255, 80)
    alpha = cv2.resize(mask, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    texture = np.random.default_rng(5).normal(0, 12, (SIZE, SIZE, 1))
    front = np.clip(np.array(color) + texture, 0, 255)
    share = alpha[..., None] / 255
    rgb = np.rint(front * share + ground * (1 - share)).astype(np.uint8)
    return np.dstack([rgb, np.full((SIZE, SIZE), 255, np.uint8)]), alpha


def add_shadow(ground: Pixels) -> Pixels:
    shade = np.zeros((SIZE, SIZE), np.float32)
    cv2.ellipse(shade, (260, 405), (150, 16), 0, 0, 360, 0.5, -1)
    shade = cv2.GaussianBlur(shade, (0, 0), 12)
    return (ground * (1 - shade[..., None])).astype(np.uint8)


GROUNDS = {
    "white": make_ground((255, 255, 255)),
    "grey": make_ground(),
    "blue": make_ground((120, 160, 210)),
    "fading": make_ground(vignette=0.4),
    "noisy": make_ground(noise=1.0),
    "shadow": add_shadow(make_ground()),
}


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("color", [(180, 40, 50), (30, 32, 36), (40, 110, 60)])
def test_a_plain_ground_is_taken_away(ground: str, color: Color) -> None:
    picture, truth = draw_product(GROUNDS[ground], color)
    cut = cut_out(picture)
    assert cut.mode == "cutout"
    assert cut.confidence >= MIN_CONFIDENCE
    rows, columns = np.flatnonzero(truth.any(1)), np.flatnonzero(truth.any(0))
    height, width = cut.pixels.shape[:2]
    assert abs(height - len(rows)) <= 6 and abs(width - len(columns)) <= 6
    area = float((cut.pixels[..., 3] / 255).sum()) / float((truth / 255).sum())
    assert 0.98 < area < 1.02


def test_pixels_inside_are_those_of_the_source() -> None:
    picture, _ = draw_product(GROUNDS["fading"], (180, 40, 50))
    cut = cut_out(picture)
    inside = picture[210:390, 150:350]
    found = [
        cut.pixels[top : top + 180, left : left + 200]
        for top in range(cut.pixels.shape[0] - 179)
        for left in range(cut.pixels.shape[1] - 199)
        if (cut.pixels[top, left] == inside[0, 0]).all()
    ]
    assert any(each.shape == inside.shape and (each == inside).all() for each in found)


def test_a_picture_above_analysis_size_is_cut_at_its_own() -> None:
    picture, truth = (
        np.asarray(cv2.resize(each, (1500, 1500)), np.uint8) for each in draw_product(make_ground(), BLACK)
    )
    cut = cut_out(picture)
    assert cut.mode == "cutout"
    area = float((cut.pixels[..., 3] / 255).sum()) / float((truth / 255).sum())
    assert 0.98 < area < 1.02
    inside, (height, width) = picture[650:1150, 470:1030], cut.pixels.shape[:2]
    corners = [(top, left) for top in range(30, height - 530) for left in range(30, width - 590)]
    assert any(
        (cut.pixels[y, x] == inside[0, 0]).all() and (cut.pixels[y : y + 500, x : x + 560] == inside).all()
        for y, x in corners
    )
    seen = cut.pixels[cut.pixels[..., 3] > 20]
    assert seen[:, :3].max() < 120


@pytest.mark.parametrize(
    ("measures", "ends"), [({"border": 0.99}, False), ({"border": 0.93}, True), ({"soft": 0.3}, True)]
)
def test_a_measure_that_rules_a_cut_out_ends_the_search(measures: dict[str, float], ends: bool) -> None:
    confidence = Confidence()
    assert not confidence.add(area=0.3, filled=0.3)
    assert confidence.add(**measures) is ends
    assert (confidence.total < MIN_CONFIDENCE) is ends


def test_the_edge_carries_nothing_of_the_ground() -> None:
    picture, _ = draw_product(make_ground((255, 255, 255)), (30, 32, 36))
    pixels = cut_out(picture).pixels
    seen = pixels[pixels[..., 3] > 20]
    assert seen[:, :3].max() < 120  # a white fringe would be near 255


def test_the_ground_inside_a_handle_goes_too() -> None:
    picture, truth = draw_product(GROUNDS["grey"], (30, 32, 36), ring=True)
    cut = cut_out(picture)
    assert cut.mode == "cutout"
    area = float((cut.pixels[..., 3] / 255).sum()) / float((truth / 255).sum())
    assert 0.97 < area < 1.03


def test_white_on_white_stays_whole() -> None:
    picture, _ = draw_product(make_ground((255, 255, 255)), (250, 250, 250))
    cut = cut_out(picture)
    assert (cut.mode, cut.pixels.shape) == ("card", picture.shape)
    assert (cut.pixels == picture).all()


def test_a_scene_stays_whole() -> None:
    coarse = np.random.default_rng(1).integers(0, 255, (20, 20, 3), np.uint8)
    scene = cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    cut = cut_out(np.dstack([scene, np.full((SIZE, SIZE), 255, np.uint8)]))
    assert cut.mode == "card"
    assert cut.doubt.startswith("the picture's border is not one plain background (border 0.00)")


def test_a_product_that_the_edge_cuts_stays_whole() -> None:
    picture, _ = draw_product(GROUNDS["grey"], (180, 40, 50))
    cut = cut_out(np.ascontiguousarray(picture[:350]))
    assert cut.mode == "card" and "(border " in cut.doubt


@pytest.mark.parametrize("color", [(255, 255, 255), (40, 80, 120)])
def test_nothing_but_ground_stays_whole(color: Color) -> None:
    flat = np.full((SIZE, SIZE, 4), (*color, 255), np.uint8)
    cut = cut_out(flat)
    assert (cut.mode, cut.confidence, cut.doubt) == (
        "card",
        0,
        "hardly anything of the picture is product (area 0.00)",
    )


def test_alpha_that_is_there_is_taken_and_its_margin_trimmed() -> None:
    picture, truth = draw_product(GROUNDS["white"], (180, 40, 50))
    picture[..., 3] = truth
    cut = cut_out(picture)
    assert (cut.mode, cut.confidence) == ("cutout", 1.0)
    rows, columns = np.flatnonzero((truth > 8).any(1)), np.flatnonzero((truth > 8).any(0))
    assert (cut.pixels == picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]).all()


def test_a_picture_that_is_all_transparent_is_no_defect() -> None:
    assert cut_out(np.zeros((300, 300, 4), np.uint8)).pixels.shape == (300, 300, 4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (3, 2), (200, 2000)])
def test_odd_sizes_are_no_defect(shape: tuple[int, int]) -> None:
    assert cut_out(np.full((*shape, 4), 255, np.uint8)).pixels.shape[2] == 4


def test_the_same_picture_gives_the_same_bytes() -> None:
    picture, _ = draw_product(GROUNDS["shadow"], (40, 110, 60))
    assert cut_out(picture).pixels.tobytes() == cut_out(picture.copy()).pixels.tobytes()


def test_the_engine_of_a_job_that_names_none_is_plain() -> None:
    picture, _ = draw_product(GROUNDS["grey"], (180, 40, 50))
    assert make_cutter(CutoutConfig()) is make_cutter(CutoutConfig(engine="plain"))
    assert make_cutter(CutoutConfig()).cut(picture).pixels.tobytes() == cut_out(picture).pixels.tobytes()


def test_an_engine_is_an_entry_and_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Whole:
        def __init__(self, config: CutoutConfig) -> None:
            self.digest = f"weights of {config.model}"

        def cut(self, pixels: Pixels) -> Cut:
            return Cut(pixels, "card", 0.0)

    monkeypatch.setitem(ENGINES, "whole", Whole)
    cutter = make_cutter(CutoutConfig(engine="whole", model="s3://models/whole"))
    assert cutter.digest == "weights of s3://models/whole"
    assert cutter is make_cutter(CutoutConfig(engine="whole", model="s3://models/whole"))
    assert cutter is not make_cutter(CutoutConfig(engine="whole", model="models/whole"))


def test_a_product_is_cut_by_the_engine_of_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Whole:
        digest = ""

        def __init__(self, config: CutoutConfig) -> None: ...

        def cut(self, pixels: Pixels) -> Cut:
            return Cut(pixels, "card", 0.1)

    monkeypatch.setitem(ENGINES, "other", Whole)
    picture, _ = draw_product(GROUNDS["grey"], (180, 40, 50))
    cv2.imwrite(str(tmp_path / "a.png"), cv2.cvtColor(picture, cv2.COLOR_RGBA2BGR))
    modes = [
        load_product("a.png", Sources(), str(tmp_path), CutoutConfig(engine=engine)).mode
        for engine in ("plain", "other", "plain")
    ]
    assert modes == ["cutout", "card", "cutout"]


@pytest.mark.parametrize(
    ("config", "message", "hint"),
    [
        (CutoutConfig(engine="plane"), "there is no cut-out engine 'plane'; did you mean plain?", "choose from plain"),
        (
            CutoutConfig(engine="rembg"),
            "images.product.cutout.engine: there is no cut-out engine 'rembg'",
            "choose from plain",
        ),
        (CutoutConfig(model="s3://models/x"), "the engine plain takes no model", "leave the model out"),
    ],
)
def test_settings_that_no_engine_can_use_are_refused(config: CutoutConfig, message: str, hint: str) -> None:
    with pytest.raises(JobError) as caught:
        make_cutter(config)
    assert message in caught.value.message and caught.value.hint == hint

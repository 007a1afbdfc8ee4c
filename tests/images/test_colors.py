"""Contrast as WCAG 2.2 defines it: reference values, to the digits that other tools print, and the formula's own bends."""

import numpy as np
import pytest

from factory.images.checks.ink import contrast_with, measure_light
from factory.images.colors import (
    Color,
    compare_luminance,
    measure_contrast,
    measure_luminance,
    mix,
    parse_hex,
    write_hex,
)

# Ratios as published: by WebAIM's checker, and in W3C's techniques G17 and G18.
CONTRASTS = [
    ("#000000", "#ffffff", 21.0),
    ("#ffffff", "#ffffff", 1.0),
    ("#777777", "#ffffff", 4.48),
    ("#767676", "#ffffff", 4.54),
    ("#595959", "#ffffff", 7.0),
    ("#949494", "#ffffff", 3.03),
    ("#0000ff", "#ffffff", 8.59),
    ("#ff0000", "#ffffff", 4.0),
    ("#00ff00", "#ffffff", 1.37),
    ("#ff0000", "#000000", 5.25),
    ("#0000ff", "#000000", 2.44),
    ("#0a0a0a", "#000000", 1.06),
]


@pytest.mark.parametrize(("one", "other", "ratio"), CONTRASTS)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    first, second = parse_hex(one), parse_hex(other)
    assert measure_contrast(first, second) == measure_contrast(second, first)
    assert round(measure_contrast(first, second), 2) == ratio
    assert round(float(contrast_with(measure_light(np.array([[first]], np.uint8)), second)[0, 0]), 2) == ratio
    luminance = [float(measure_luminance(np.array(color, np.uint8))) for color in (first, second)]
    assert round(float(compare_luminance(np.array(luminance[:1]), luminance[1])[0]), 2) == ratio


@pytest.mark.parametrize(
    ("color", "luminance"),
    [
        ((255, 255, 255), 1.0),
        ((255, 0, 0), 0.2126),
        ((0, 255, 0), 0.7152),
        ((0, 0, 255), 0.0722),
        ((128, 128, 128), 0.21586050011389926),
        # The straight part ends between the levels 10 and 11: at 0.04045 in sRGB, and as well at WCAG's older 0.03928.
        ((10, 10, 10), 10 / 255 / 12.92),
        ((11, 11, 11), ((11 / 255 + 0.055) / 1.055) ** 2.4),
    ],
)
def test_luminance_is_that_of_srgb(color: Color, luminance: float) -> None:
    assert float(measure_luminance(np.array(color, np.uint8))) == pytest.approx(luminance, rel=1e-9)


def test_hexadecimal_colours_are_read_and_written() -> None:
    assert parse_hex("#0b3d2e") == (11, 61, 46)
    assert write_hex((11, 61, 46)) == "#0b3d2e"
    assert [mix((0, 100, 200), (100, 0, 201), share) for share in (0, 0.5, 1)] == [
        (0, 100, 200),
        (50, 50, 200),
        (100, 0, 201),
    ]

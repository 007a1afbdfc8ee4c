"""Fitting and checking know one least size of type: what is fitted at it passes, what is smaller does not."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from factory.images.checks.context import CheckContext
from factory.images.checks.legibility import find_small_text
from factory.images.compose.fit import make_steps
from factory.images.layouts.type_sizes import find_least_px, find_scale
from factory.images.types import Box, Placed, Size
from schemas.layout import SlotName, TextSlot, find_aspect
from tests.support.composition_builders import make_composition, make_slot

SIDES = st.integers(30, 4000)
SLOTS = st.sampled_from(get_args(SlotName))
EMPTY = make_composition(lines=(), panels=(), logo=None, product=None)


def check_size(width: int, height: int, slot: str, font_px: float) -> str:
    text = Placed(slot, "x", Box(0, 0, 9, 9), font_px, 400, (0, 0, 0))
    return find_small_text(CheckContext(replace(EMPTY, texts=(text,)), make_slot(width, height)))


@given(SIDES, SIDES, SLOTS, st.floats(0.01, 0.5))
@example(1080, 1080, "headline", 0.1)  # 16.615384… px are set as 16.62
@example(1000, 1000, "headline", 0.1)  # 15.384615… px are set as 15.38, a little less
@example(800, 400, "legal", 0.1)  # the largest banner
@example(801, 400, "legal", 0.1)
def test_what_is_fitted_at_the_least_size_passes_the_check(
    width: int, height: int, slot: SlotName, units: float
) -> None:
    size = Size(width, height, find_aspect(width, height))
    smallest = make_steps(TextSlot(size=units), slot, ["text"], [], size)[-1].font_px
    assert check_size(width, height, slot, smallest) == ""


@given(SIDES, SIDES, SLOTS)
def test_the_check_refuses_what_is_smaller(width: int, height: int, slot: SlotName) -> None:
    least = find_least_px(width, height, slot)
    assert check_size(width, height, slot, least) == ""
    assert f"needs {least:.1f}" in check_size(width, height, slot, least - 0.05)


@given(SIDES, SIDES, SLOTS)
def test_the_least_size_grows_with_how_much_a_picture_is_reduced(width: int, height: int, slot: SlotName) -> None:
    scale, least = find_scale(width, height), find_least_px(width, height, slot)
    if width * height <= 320_000:
        assert (scale, least) == (1, 9)
    else:
        assert scale == max(1, width / (500 if width > 1.25 * height else 390))
        assert least == pytest.approx((4.8 if slot == "legal" else 6) * scale)

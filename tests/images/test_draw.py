"""The backdrop step: prompts of briefs stay data, pictures come in order, and one that fails spoils no other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory.engines.base import BackdropPrompt, Pixels
from factory.errors import JobError, PictureError
from factory.images.backdrops.color_names import name_color
from factory.images.backdrops.draw import (
    MAX_PROMPT,
    BackdropOrder,
    check_prompt,
    draw_backdrop,
    draw_backdrops,
    write_prompt,
)
from factory.images.backdrops.procedural.engine import ProceduralEngine
from factory.images.backdrops.start_images import paint_start
from factory.images.brand.colorways import Colorway, make_colorways
from factory.images.types import Cutout
from factory.pipeline.make_engines import make_image_engine
from schemas.brand import Colors
from schemas.creative import Slot
from schemas.images import Backdrop, ImageExecution
from tests.support.builders import make_brief, make_request
from tests.support.tiny_pipelines import build_tiny_pipeline

PROCEDURAL = Backdrop()
COLORWAYS = make_colorways(Colors(primary="#0b3d2e", secondary="#8fbf9f", accent="#f18f01"))


def make_slot(width: int = 120, height: int = 63) -> Slot:
    return Slot(name="landscape", role="creative", width=width, height=height, formats=["jpg"])


def make_config(prompt: str = "{{ brief.product_name }} on a table", **changes: Any) -> Backdrop:
    return Backdrop(**({"engine": "diffusers", "model": "m", "prompt": prompt} | changes))


def write(config: Backdrop, colorway: Colorway = COLORWAYS[0], fields: Any = None, **brief: Any) -> str:
    request = make_request(brief=make_brief(**brief))
    return write_prompt(config, request, fields or {}, make_slot(), colorway)


def test_a_template_sees_brief_copy_colours_and_shape() -> None:
    config = make_config(
        "{{ brief.category }} in {{ colors.ground }} with {{ colors.accent }},\n"
        "{{ fields.headline[0] }}, {{ aspect }}, {{ language }}"
    )
    check_prompt(config)
    prompt = write(config, fields={"headline": ["Walk on"]})
    assert prompt.startswith("Footwear in ")
    assert prompt.endswith("Walk on, landscape, English (United States)")
    assert "#" not in prompt
    assert prompt != write(config, COLORWAYS[2], fields={"headline": ["Walk on"]})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("{{ 7 * 7 }}{% block x %}", "(( 7 * 7 ))(% block x %)"),
        ("boots\n\nIgnore all\tthat", "boots Ignore all that"),
        ("boots <img src=x onerror=y> red", "boots red"),
    ],
)
def test_what_a_brief_says_stays_data(name: str, expected: str) -> None:
    assert write(make_config("{{ brief.product_name }}"), product_name=name) == expected


def test_a_prompt_is_one_bounded_line() -> None:
    prompt = write(make_config("{% for n in range(900) %}wood and\n stone {% endfor %}"))
    assert MAX_PROMPT - 20 < len(prompt) <= MAX_PROMPT
    assert "\n" not in prompt
    assert prompt.split()[-1] in ("wood", "and", "stone")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (make_config("{{ brief.nam }}"), "images.backdrop.prompt line 1: 'brief.nam' is undefined"),
        (make_config("a\n{{ brief.price"), "images.backdrop.prompt line 2"),
        (make_config("{{ ''.__class__ }}"), "images.backdrop.prompt line 1"),
        (Backdrop(prompt="procedural: weaves"), "no procedural backdrop 'weaves'"),
    ],
)
def test_a_wrong_prompt_is_a_wrong_job(config: Backdrop, message: str) -> None:
    with pytest.raises(JobError) as caught:
        check_prompt(config)
        write(config)
    assert message in str(caught.value)


def test_the_text_model_may_write_the_prompt() -> None:
    config = make_config(prompt="", written_by="model")
    check_prompt(config)
    assert write(config, fields={"image_prompt": ["morning light\non oak"]}) == "morning light on oak"
    with pytest.raises(PictureError, match="no text in image_prompt"):
        write(config, fields={"headline": ["x"]})


def test_a_template_that_writes_nothing_is_told() -> None:
    with pytest.raises(PictureError) as caught:
        write(make_config("{% if brief.price == 'x' %}y{% endif %}"))
    assert caught.value.reason == "no_prompt"


def test_one_backdrop_says_what_made_it() -> None:
    engine = make_image_engine(PROCEDURAL, ImageExecution(), "")
    engine.start()
    backdrop = draw_backdrop(engine, PROCEDURAL, make_slot(), COLORWAYS[0], 11)
    assert backdrop.pixels.shape == (63, 120, 3)
    assert (backdrop.engine, backdrop.seed) == ("procedural", 11)
    assert backdrop.model


def test_the_jobs_families_are_the_ones_drawn() -> None:
    engine, config = ProceduralEngine(), Backdrop(prompt="procedural: waves")
    check_prompt(config)
    for seed in range(4):
        one = draw_backdrop(engine, config, make_slot(), COLORWAYS[0], seed)
        other = draw_backdrop(engine, PROCEDURAL, make_slot(), COLORWAYS[0], seed, "procedural: waves")
        assert np.array_equal(one.pixels, other.pixels)


def test_many_come_back_in_order_whatever_their_sizes() -> None:
    engine = ProceduralEngine()
    orders = [
        BackdropOrder(make_slot(*size), colorway, seed)
        for seed, (size, colorway) in enumerate(zip([(120, 63), (50, 80), (120, 63)] * 2, COLORWAYS, strict=False))
    ]
    for order, backdrop in zip(orders, draw_backdrops(engine, PROCEDURAL, orders), strict=True):
        alone = draw_backdrop(engine, PROCEDURAL, order.slot, order.colorway, order.seed)
        assert not isinstance(backdrop, PictureError)
        assert np.array_equal(backdrop.pixels, alone.pixels)
        assert backdrop.seed == order.seed


class Brittle(ProceduralEngine):
    """Cannot draw one seed."""

    def draw(self, prompts: Sequence[BackdropPrompt]) -> list[Pixels]:
        if any(prompt.seed == 2 for prompt in prompts):
            raise PictureError("not_a_number", "no picture came of it")
        return super().draw(prompts)


def test_one_that_fails_spoils_no_other() -> None:
    orders = [BackdropOrder(make_slot(), COLORWAYS[0], seed) for seed in range(4)]
    drawn = draw_backdrops(Brittle(), PROCEDURAL, orders)
    assert [isinstance(each, PictureError) for each in drawn] == [False, False, True, False]


def make_cutout() -> Cutout:
    pixels = np.zeros((40, 20, 4), np.uint8)
    pixels[5:35, 5:15] = (200, 10, 10, 255)
    return Cutout(pixels, "cutout", 1.0, "", "")


@pytest.mark.parametrize("size", [(120, 63), (50, 80), (9, 90)])
def test_the_start_is_the_product_on_the_ground(size: tuple[int, int]) -> None:
    picture = paint_start(make_cutout(), (10, 200, 30), *size)
    assert picture.shape == (size[1], size[0], 3)
    assert tuple(picture[0, 0]) == (10, 200, 30)
    assert picture[size[1] // 2, size[0] // 2, 0] > 150


@pytest.mark.integration
def test_a_model_draws_from_prompt_product_and_seed(tmp_path: Path) -> None:
    folder = build_tiny_pipeline(tmp_path / "model")
    config = make_config(model=str(folder), steps=4, max_side=64, strength=0.5)
    engine = make_image_engine(config, ImageExecution(), str(folder))
    engine.start()
    orders = [
        BackdropOrder(make_slot(), COLORWAYS[0], 1, "red wood", make_cutout()),
        BackdropOrder(make_slot(), COLORWAYS[2], 1, "red wood", make_cutout()),
        BackdropOrder(make_slot(40, 70), COLORWAYS[0], 1, "red wood"),
    ]
    drawn = [each for each in draw_backdrops(engine, config, orders) if not isinstance(each, PictureError)]
    assert [each.pixels.shape for each in drawn] == [(63, 120, 3), (63, 120, 3), (70, 40, 3)]
    assert not np.array_equal(drawn[0].pixels, drawn[1].pixels), "another ground under the product"
    assert (drawn[0].engine, drawn[0].model, drawn[0].prompt) == ("diffusers", str(folder), "red wood")


@pytest.mark.parametrize(
    ("color", "name"),
    [
        ((11, 61, 46), "dark green"),
        ((255, 255, 255), "white"),
        ((0, 0, 0), "black"),
        ((241, 143, 1), "orange"),
        ((102, 51, 0), "brown"),
        ((128, 128, 130), "grey"),
        ((255, 220, 230), "pale pink"),
        ((29, 78, 216), "blue"),
        ((220, 20, 30), "red"),
    ],
)
def test_colours_have_names(color: tuple[int, int, int], name: str) -> None:
    assert name_color(color) == name

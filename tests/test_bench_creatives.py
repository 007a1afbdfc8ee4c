"""The peers of the creatives bench: they draw the same picture as the factory, from the same order."""

import io
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from factory.bench import chromium_creative, pillow_creative
from factory.colorways import make_colorways
from factory.compose import Misfit, Order, compose
from factory.composition import Composition, Pixels
from factory.errors import JobError
from factory.layouts import read_layout
from schemas.brand import BrandKit
from tests.browser import find_browser
from tests.preview_layouts import KIT, make_order

LAYOUT = Path(__file__).parent / "layouts" / "plain.html"


@cache
def make_creative(width: int = 1200, height: int = 628) -> tuple[Order, Composition]:
    layout = read_layout("plain", LAYOUT.read_text(encoding="utf-8"), "plain.html")
    order = make_order(layout, width, height, "short", make_colorways(BrandKit(**KIT).colors)[0])
    made = compose(order)
    assert not isinstance(made, Misfit), made
    return order, made


def open_picture(data: bytes) -> Pixels:
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    return np.asarray(image)


def compare(drawn: Pixels, made: Composition) -> None:
    """Same size, the product in its place, and every text written where ours stands."""
    assert drawn.shape == made.pixels.shape
    assert made.product is not None
    x, y, body = made.product.x, made.product.y, made.product.pixels
    solid = body[..., 3] == 255
    place = drawn[y : y + body.shape[0], x : x + body.shape[1]]
    assert np.abs(place[solid].astype(int) - body[solid][:, :3]).mean() < 12
    for text in made.texts:
        rows = slice(int(text.box.y), int(text.box.bottom) + 1)
        columns = slice(int(text.box.x), int(text.box.right) + 1)
        ours, theirs = (
            np.abs(picture[rows, columns].astype(int) - made.ground[rows, columns]).mean()
            for picture in (made.pixels, drawn)
        )
        assert 0.6 * ours <= theirs <= 1.6 * ours, text.slot


@pytest.mark.parametrize("size", [(1200, 628), (1080, 1350), (300, 250)])
def test_pillow_draws_the_same_picture(size: tuple[int, int]) -> None:
    order, made = make_creative(*size)
    scene = pillow_creative.prepare(order, made)
    data = pillow_creative.draw(scene)
    compare(open_picture(data), made)
    assert pillow_creative.draw(scene) == data


@pytest.mark.browser
@pytest.mark.parametrize("size", [(1200, 628), (1080, 1350)])
def test_chromium_draws_the_same_picture(size: tuple[int, int]) -> None:
    find_browser()
    order, made = make_creative(*size)
    scene = chromium_creative.prepare(order, made)
    with chromium_creative.open_page([scene.stack], *size) as page:
        data = chromium_creative.draw(page, scene)
        compare(open_picture(data), made)
        assert chromium_creative.draw(page, scene) == data


def test_the_page_for_chromium_holds_texts_as_data_only() -> None:
    order, made = make_creative()
    scene = chromium_creative.prepare(order, made)
    assert {text["slot"] for text in scene.parts["texts"]} == {text.slot for text in made.texts}
    assert all(text.text not in scene.parts["head"] + scene.parts["body"] for text in made.texts)
    assert scene.parts["body"].count('class="slot-text"') == len(made.texts)
    assert {place for place, _, _ in scene.parts["pictures"]} >= {"product", "stage"}


def test_a_missing_browser_or_driver_is_a_wrong_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    order, made = make_creative()
    stack = chromium_creative.prepare(order, made).stack
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(JobError, match="no Chromium"), chromium_creative.open_page([stack], 10, 10):
            pass
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with pytest.raises(JobError, match="needs playwright"), chromium_creative.open_page([stack], 10, 10):
        pass

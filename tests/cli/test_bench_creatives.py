"""The creatives bench measures what it says; its peers draw the same picture as the factory, from the same order."""

import io
import json
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from factory.cli.bench import creatives_chromium, creatives_pillow
from factory.cli.bench.creatives import run_bench
from factory.cli.bench.creatives_peers import measure_similarity
from factory.cli.bench.step_timer import SEAMS, STEPS, Stopwatch
from factory.cli.layout_sheet.contents import KIT
from factory.engines.base import Pixels
from factory.errors import JobError
from factory.images.brand.colorways import make_colorways
from factory.images.compose.compose import Misfit, Order, compose
from factory.images.layouts.load import read_layout
from factory.images.types import Composition
from schemas.brand import BrandKit
from tests.support.browser import find_browser
from tests.support.image_jobs import make_picture_job
from tests.support.jobs import make_job
from tests.support.paths import LAYOUTS
from tests.support.sample_orders import make_order

LAYOUT = LAYOUTS / "plain.html"


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
    scene = creatives_pillow.prepare(order, made)
    data = creatives_pillow.draw(scene)
    compare(open_picture(data), made)
    assert creatives_pillow.draw(scene) == data


@pytest.mark.browser
@pytest.mark.parametrize("size", [(1200, 628), (1080, 1350)])
def test_chromium_draws_the_same_picture(size: tuple[int, int]) -> None:
    find_browser()
    order, made = make_creative(*size)
    scene = creatives_chromium.prepare(order, made)
    with creatives_chromium.open_page([scene.stack], *size) as page:
        data = creatives_chromium.draw(page, scene)
        compare(open_picture(data), made)
        assert creatives_chromium.draw(page, scene) == data


def test_the_page_for_chromium_holds_texts_as_data_only() -> None:
    order, made = make_creative()
    scene = creatives_chromium.prepare(order, made)
    assert {text["slot"] for text in scene.parts["texts"]} == {text.slot for text in made.texts}
    assert all(text.text not in scene.parts["head"] + scene.parts["body"] for text in made.texts)
    assert scene.parts["body"].count('class="slot-text"') == len(made.texts)
    assert {place for place, _, _ in scene.parts["pictures"]} >= {"product", "stage"}


def test_a_missing_browser_or_driver_is_a_wrong_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    order, made = make_creative()
    stack = creatives_chromium.prepare(order, made).stack
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(JobError, match="no Chromium"), creatives_chromium.open_page([stack], 10, 10):
            pass
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with pytest.raises(JobError, match="needs playwright"), creatives_chromium.open_page([stack], 10, 10):
        pass


def test_the_page_for_chromium_sets_the_product_where_the_layout_wants_it() -> None:
    order, made = make_creative()
    low = read_layout(
        "low", LAYOUT.read_text(encoding="utf-8").replace('id="product"', 'id="product" class="bottom"'), ""
    )
    for layout, place in ((order.layout, "50% 50%"), (low, "50% 100%")):
        head = creatives_chromium.prepare(replace(order, layout=layout), made).parts["head"]
        assert f"#product .peer-picture{{object-position:{place}}}" in head


def test_time_counts_for_the_innermost_step() -> None:
    stopwatch = Stopwatch()
    inner = stopwatch.time("inner", lambda: burn(0.04))
    outer = stopwatch.time("outer", lambda: (burn(0.02), inner(), inner()))
    outer()
    assert stopwatch.seconds["inner"] == pytest.approx(0.08, rel=0.2)
    assert stopwatch.seconds["outer"] == pytest.approx(0.02, rel=0.3)


def test_after_watching_all_is_as_before() -> None:
    before = [getattr(owner, name) for owner, name, _ in SEAMS]
    with pytest.raises(ZeroDivisionError), Stopwatch().watch():
        assert all(getattr(owner, name) is not call for (owner, name, _), call in zip(SEAMS, before, strict=True))
        raise ZeroDivisionError
    assert [getattr(owner, name) for owner, name, _ in SEAMS] == before


def test_likeness_is_one_for_equal_pictures_only() -> None:
    _, made = make_creative()
    assert measure_similarity(made.pixels, made.pixels) == pytest.approx(1)
    assert 0.5 < measure_similarity(made.pixels, made.ground) < 0.99


def test_bench_without_a_browser_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run_bench(str(make_picture_job(tmp_path / "job")), rounds=1, creatives=1, sizes=[(300, 250)])
    slot, full, ours, pillow, chromium = result["rows"]
    assert [row["picture"] for row in (slot, full)] == ["feed_1x1", "full picture"]
    assert all(row.keys() == slot.keys() for row in result["rows"])
    assert (slot["size"], slot["passed"], full["passed"]) == ("1080x1080", "100%", "100%")
    assert ours["tries"] == "1.00 x"
    assert pillow["CPU ms"] > 0
    assert "no Chromium" in chromium["CPU ms"]
    assert "not compared" in result["summary"]
    for each in result["sizes"]:
        assert sum(each["steps"].values()) == pytest.approx(1, abs=0.01)
        assert each["per_core_second"] == pytest.approx(1e3 / each["cpu_ms"], rel=0.01)
        assert all(each["steps"][step] > 0 for step in STEPS if step != "page")  # pages were opened by the first round
    assert json.loads(json.dumps(result))["peak_mib"] > 50


@pytest.mark.browser
def test_bench_compares_every_layout_with_chromium(tmp_path: Path) -> None:
    find_browser()
    job = make_picture_job(tmp_path / "job")
    sizes = [(300, 250), (728, 90)]
    result = run_bench(str(job), rounds=1, creatives=1, sheets=str(tmp_path / "sheets"), sizes=sizes)
    assert {each["name"] for each in result["peers"] if each.get("ratio")} == {
        row["picture"] for row in result["rows"][-3:]
    }
    assert {each["layout"] for each in result["likeness"]} == {"plain", "strip"}
    assert min(each["similarity"] for each in result["likeness"]) > 0.75
    assert len(list((tmp_path / "sheets").iterdir())) == len(result["likeness"])


def test_bench_refuses_a_job_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="makes no pictures"):
        run_bench(str(make_job(tmp_path)), rounds=1, creatives=1)


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass

"""What the seed of a creative decides: the layout and colourway that are tried first, and the backdrop."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from factory.engines.base import BackdropPrompt, Pixels
from factory.images.backdrops.procedural.engine import ProceduralEngine, draw_procedural
from factory.images.brand.colorways import Colorway, make_colorways
from factory.images.colors import write_hex
from factory.images.tasks import pick_colorway
from factory.images.types import PaintedBackdrop
from factory.pipeline import backdrop_stage, creative_stage
from schemas.creative import CopyWork, CreativeTask, Variant
from tests.support.image_jobs import make_picture_job
from tests.support.image_stages import Workshop, open_workshop

SEEDS = range(100, 106)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A job with two layouts for each picture, which compares two variants."""
    job = make_picture_job(
        tmp_path_factory.mktemp("seeds"), images={"variants": 2, "max_tries": 2, "minimum_score": 0.0}
    )
    plain = (job / "layouts" / "plain.html").read_text(encoding="utf-8")
    (job / "layouts" / "second.html").write_text(plain, encoding="utf-8")
    return open_workshop(job)


def list_colorways(shop: Workshop) -> tuple[Colorway, ...]:
    return make_colorways(shop.setup.brands[0].kit.colors)


def seed_work(shop: Workshop, seed: int) -> CopyWork:
    work = shop.make_work()
    return work.change(tasks=[task.change(seed=seed) for task in work.tasks[:1]])


def try_seed(shop: Workshop, seed: int) -> tuple[list[Variant], list[tuple[int, str, int]]]:
    """The variants of a creative, and what backdrops were asked for: seed, colourway, number of the try."""
    asked: list[tuple[int, str, int]] = []

    def draw(task: CreativeTask, colorway: Colorway, index: int) -> PaintedBackdrop:
        asked.append((task.seed, colorway.name, index))
        return shop.draw(task, colorway, index)

    return shop.make(seed_work(shop, seed), backdrop=draw).variants, asked


def test_a_colourway_is_picked_by_seed_and_place(shop: Workshop) -> None:
    colorways = list_colorways(shop)
    assert len(colorways) >= 4
    assert [pick_colorway(colorways, seed, 0) for seed in range(len(colorways))] == list(colorways)
    assert [pick_colorway(colorways, 0, place) for place in range(len(colorways))] == list(colorways)


def test_the_seed_decides_the_colourways_that_are_tried(shop: Workshop) -> None:
    colorways = [colorway.name for colorway in list_colorways(shop)]
    for seed in SEEDS:
        variants, asked = try_seed(shop, seed)
        wanted = [colorways[(seed + place) % len(colorways)] for place in range(2)]
        assert [each.colorway for each in variants] == wanted
        assert asked == [(seed, name, index) for index, name in enumerate(wanted)]


def test_the_seed_decides_the_layout_that_is_tried_first(shop: Workshop) -> None:
    tried = {tuple(each.layout for each in try_seed(shop, seed)[0]) for seed in SEEDS}
    assert tried == {("plain", "second"), ("second", "plain")}


def test_creatives_of_two_jobs_or_two_briefs_have_other_seeds(shop: Workshop) -> None:
    other = open_workshop(Path(shop.spec.loaded.folder), "seed=8")
    seeds = [each.make_work(brief).tasks[0].seed for each in (shop, other) for brief in ("b-0", "b-1")]
    assert len(set(seeds)) == 4


def test_the_stage_that_composes_draws_each_try_from_its_own_seed(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[str, int]] = []
    real = creative_stage.draw_backdrop

    def draw(engine: object, config: object, slot: object, colorway: Colorway, seed: int) -> PaintedBackdrop:
        drawn.append((colorway.name, seed))
        return real(engine, config, slot, colorway, seed)  # type: ignore[arg-type]

    monkeypatch.setattr(creative_stage, "draw_backdrop", draw)
    shop.make_all(seed_work(shop, 101), seed_work(shop, 202))
    colorways = [colorway.name for colorway in list_colorways(shop)]
    wanted = [(seed, index) for seed in (101, 202) for index in range(2)]
    assert sorted(drawn) == sorted(
        (colorways[(seed + index) % len(colorways)], seed + index) for seed, index in wanted
    )


class Recorder(ProceduralEngine):
    """The procedural engine, which keeps what it was asked for: ground colour and seed."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def draw(self, prompts: Sequence[BackdropPrompt]) -> list[Pixels]:
        self.asked += [(prompt.colors["ground"], prompt.seed) for prompt in prompts]
        return super().draw(prompts)


def test_the_stage_that_draws_for_a_model_does_the_same(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Recorder()
    monkeypatch.setattr(backdrop_stage, "make_image_engine", lambda *_: engine)
    monkeypatch.setattr(backdrop_stage, "resolve_model", lambda *_: "")
    works = [seed_work(shop, seed) for seed in (101, 202)]
    shop.run_batch(backdrop_stage.BackdropStage(shop.context), [("copy", work.model_dump_json()) for work in works])
    grounds = [write_hex(colorway.colors["ground"]) for colorway in list_colorways(shop)]
    wanted = [(seed, index) for seed in (101, 202) for index in range(2)]
    assert engine.asked == [(grounds[(seed + index) % len(grounds)], seed + index) for seed, index in wanted]


def test_two_seeds_are_two_backdrops(shop: Workshop) -> None:
    colors = {name: write_hex(color) for name, color in list_colorways(shop)[0].colors.items()}
    one, same, other = (
        draw_procedural(BackdropPrompt("procedural: waves", "", 120, 90, seed, colors)).tobytes() for seed in (1, 1, 2)
    )
    assert one == same != other

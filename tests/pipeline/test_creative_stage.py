"""The stages that make pictures when something breaks beneath them: one creative pays for it, is tried again, and is told."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from factory.cluster.crash_tracker import MAX_IDLE_STARTS
from factory.engines.base import BackdropPrompt
from factory.engines.diffusers.call import finish_pictures
from factory.errors import EngineError, PictureError, StorageError
from factory.images.creative_maker import CreativeMaker
from factory.images.product.load import load_product
from factory.images.types import Cutout
from factory.pipeline import backdrop_stage, creative_stage
from factory.pipeline.backdrop_stage import BackdropStage
from factory.pipeline.image_rows import Drawn, unpack_work
from factory.pipeline.rows import list_rows
from schemas.creative import CopyWork, CreativeOutcome
from tests.support.image_jobs import make_picture_job
from tests.support.image_stages import LocalWatch, Workshop, open_workshop, try_again
from tests.support.model_builders import make_pipeline


class Died(BaseException):
    """The process ended here."""


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return open_workshop(make_picture_job(tmp_path / "job"), "execution.commit_seconds=0.1")


def list_refusals(outcomes: list[CreativeOutcome]) -> list[tuple[str, str, int, str]]:
    """Brief, reason, attempt and status of each."""
    refusals = [(each.quarantine, each.status) for each in outcomes if each.quarantine]
    return [(refusal.brief_id or "", refusal.reason, refusal.attempt, status) for refusal, status in refusals]


def break_loading(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Whoever loads pictures/b-1.png fails on `error`."""

    def load_or_break(uri: str, *rest: Any) -> Cutout:
        if uri.endswith("b-1.png"):
            raise error
        return load_product(uri, *rest)

    monkeypatch.setattr(creative_stage, "load_product", load_or_break)


def make_pair(shop: Workshop) -> tuple[CopyWork, CopyWork]:
    return shop.make_work("b-0", "pictures/b-0.png"), shop.make_work("b-1", "pictures/b-1.png")


@pytest.mark.parametrize("error", [RuntimeError("cv2: assertion failed"), MemoryError(), RecursionError("deep")])
def test_what_reading_a_picture_trips_over_costs_its_creatives_alone(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    break_loading(monkeypatch, error)
    good, bad = make_pair(shop)
    receipt = shop.make_all(good, bad)
    assert (receipt.creatives_accepted, receipt.creatives_failed) == (1, 1)
    shop.make_all(try_again(bad, 1))
    assert shop.make_all(try_again(bad, 2)).creatives_quarantined == 1
    assert list_refusals(shop.read_failures()) == [
        ("b-1", "raised", 1, "failed"),
        ("b-1", "raised", 2, "failed"),
        ("b-1", "raised", 3, "quarantined"),
    ]
    detail = shop.read_failures()[0].quarantine
    assert detail is not None and type(error).__name__ in detail.detail and "Traceback" not in detail.detail


def test_what_drawing_trips_over_costs_one_creative(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    make = CreativeMaker.make

    def make_or_break(maker: CreativeMaker, work: CopyWork, *rest: Any) -> CreativeOutcome:
        if work.request.brief.brief_id == "b-1":
            raise ZeroDivisionError("a defect of a layout's arithmetic")
        return make(maker, work, *rest)

    monkeypatch.setattr(CreativeMaker, "make", make_or_break)
    receipt = shop.make_all(*make_pair(shop), shop.make_work("b-2"))
    assert (receipt.creatives_accepted, receipt.creatives_failed) == (2, 1)
    assert list_refusals(shop.read_failures()) == [("b-1", "raised", 1, "failed")]


def test_a_product_that_was_not_cut_out_says_why(shop: Workshop, tmp_path: Path) -> None:
    scene = np.random.default_rng(1).integers(0, 255, (400, 400, 3), np.uint8)
    plain = np.full((400, 400, 3), 255, np.uint8)
    plain[100:300, 120:280] = (150, 30, 40)
    for name, pixels in (("scene", scene), ("plain", plain)):
        Image.fromarray(pixels).save(tmp_path / "job" / "pictures" / f"{name}.png")
    shop.make_all(shop.make_work("b-0", "pictures/plain.png"), shop.make_work("b-1", "pictures/scene.png"))
    cut, card = sorted(shop.read_done(), key=lambda each: each.request.brief.brief_id)
    notes = [check for check in card.variants[0].checks if check.rule == "product_not_cut_out"]
    assert [(note.passed, "border is not one plain background" in note.detail) for note in notes] == [(True, True)]
    assert "product_not_cut_out" not in {check.rule for variant in cut.variants for check in variant.checks}


def test_failures_of_many_texts_share_a_file(shop: Workshop) -> None:
    works = [shop.make_work(f"b-{number}", "pictures/nowhere.png") for number in range(16)]
    assert shop.make_all(*works).creatives_quarantined == 16
    assert len(shop.store.list("segments/images_failed")) == 1
    assert {row[1:] for row in list_refusals(shop.read_failures())} == {("missing", 1, "quarantined")}


def die_once_more(shop: Workshop, *works: CopyWork) -> None:
    """Ray would hand the works out again to a new process."""
    with pytest.raises(Died):
        shop.make_all(*works)


def test_a_picture_that_ends_its_process_is_told_from_its_neighbours(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_loading(monkeypatch, Died())
    good, bad = make_pair(shop)
    die_once_more(shop, bad)
    die_once_more(shop, bad)
    receipt = shop.make_all(good, bad)
    assert (receipt.creatives_accepted, receipt.creatives_failed) == (1, 1)
    shop.tracker = LocalWatch(strikes=1)  # each alone now
    die_once_more(shop, try_again(bad, 1))
    shop.make_all(try_again(bad, 1), try_again(shop.make_work("b-2", "pictures/b-0.png"), 1))
    assert list_refusals(shop.read_failures()) == [
        ("b-1", "process_died", 1, "failed"),
        ("b-1", "process_died", 2, "failed"),
    ]
    assert [each.request.brief.brief_id for each in shop.read_done()] == ["b-0", "b-2"]


def test_what_failed_before_is_read_alone(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    under_way: list[int] = [0]
    most: list[int] = []
    lock = threading.Lock()

    def load_slowly(*_: Any) -> Cutout:
        with lock:
            under_way[0] += 1
            most.append(under_way[0])
        time.sleep(0.02)
        with lock:
            under_way[0] -= 1
        raise PictureError("missing", "it is not there")

    monkeypatch.setattr(creative_stage, "load_product", load_slowly)
    works = [shop.make_work(f"b-{number}", f"pictures/{number}.png") for number in range(4)]
    shop.make_all(*works)
    assert max(most) > 1, "new ones are fetched beside one another"
    most.clear()
    shop.make_all(*(try_again(work, 1) for work in works))
    assert most == [1, 1, 1, 1]


def test_a_run_that_ends_reads_and_makes_nothing_new(shop: Workshop) -> None:
    shop.tracker.account.drain()
    receipt = shop.make_all(*make_pair(shop))
    assert (receipt.finished_creatives, receipt.creatives_failed) == (0, 0)
    assert shop.store.list() == []


def test_a_creative_or_a_product_picture_that_hangs_is_seen_by_the_watchdog(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: list[Any] = []
    seen: list[float] = []

    class Dog:
        def __init__(self, stall_seconds: float, read_silence: Any) -> None:
            watched.extend([stall_seconds, read_silence])

        def start(self) -> None:
            seen.append(watched[-1]())

    def hang(*_: Any) -> Any:
        time.sleep(0.05)
        seen.append(watched[-1]())
        raise PictureError("missing", "no matter")

    monkeypatch.setattr(creative_stage, "Watchdog", Dog)
    monkeypatch.setattr(CreativeMaker, "make", hang)
    shop.make_all(shop.make_work())
    assert watched[0] == shop.spec.loaded.job.execution.images.timeout_seconds
    assert seen[0] == 0.0 and 0.05 <= seen[1] < 5.0
    assert watched[-1]() == 0.0, "an idle stage is silent for no time"
    seen.clear()
    monkeypatch.setattr(creative_stage, "load_product", hang)
    shop.make_all(shop.make_work("b-1", "pictures/b-1.png"))
    assert seen[0] == 0.0 and 0.05 <= seen[1] < 5.0, "a product picture that hangs is seen too"
    assert watched[-1]() == 0.0


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """No file finds room, until the patch is undone."""

    def fill(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fill)
        yield patch


def test_a_full_disk_stops_clearly_and_loses_nothing(shop: Workshop, full_disk: pytest.MonkeyPatch) -> None:
    good, _ = make_pair(shop)
    with pytest.raises(StorageError, match="disk is full") as caught:
        shop.make_all(good)
    assert caught.value.exit_code == 1 and "space" in caught.value.hint
    assert [path for path in Path(shop.store.uri).rglob("*") if path.is_file()] == [], "nothing half written"
    full_disk.undo()
    shop.tracker = LocalWatch()
    assert shop.make_all(good).creatives_accepted == 1
    (done,) = shop.read_done()
    assert shop.store.exists(done.pictures[0].path) and shop.read_failures() == []


class Painter:
    """A picture engine that does what the prompt says."""

    name, model = "painter", "test"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.has_room = False  # for HEAVY pictures

    def start(self) -> None:
        """Ready at once."""

    def stop(self) -> None:
        """Nothing to free."""

    def draw(self, prompts: list[BackdropPrompt]) -> list[Any]:
        words = [prompt.prompt for prompt in prompts]
        self.calls.append(words)
        for word in words:
            match word:
                case "HEAVY" if not self.has_room:
                    raise PictureError("out_of_memory", "it does not fit", "lower max_side", retryable=True)
                case "NAN":
                    finish_pictures(torch.full((1, 3, 8, 8), torch.nan), [False])
                case "RAISER":
                    raise IndexError("a defect of the pipeline")
                case "DEAD":
                    raise EngineError("CUDA error: an illegal memory access was encountered")
        return [np.full((prompt.height, prompt.width, 3), 90, np.uint8) for prompt in prompts]


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch) -> Painter:
    """The engine of every backdrop stage; where one would end its process, it raises."""

    def die(_code: int) -> None:
        raise Died

    made = Painter()
    monkeypatch.setattr(backdrop_stage, "make_image_engine", lambda *_: made)
    monkeypatch.setattr(os, "_exit", die)
    monkeypatch.setattr(backdrop_stage, "RESTART_PAUSE", 0.0)
    return made


@pytest.fixture
def atelier(tmp_path: Path, painter: Painter) -> Workshop:
    """A job whose backdrops an engine draws, from the product's name."""
    model = str(make_pipeline(tmp_path / "pipeline"))
    prompt = "{% if brief.product_name == 'Broken' %}{{ 1 / 0 }}{% endif %}{{ brief.product_name }}"
    backdrop = {"engine": "diffusers", "model": model, "prompt": prompt}
    return open_workshop(make_picture_job(tmp_path / "job", images={"backdrop": backdrop}))


def draw_all(shop: Workshop, *works: CopyWork) -> dict[str, Drawn]:
    """What a new backdrop stage draws for these works, in one batch."""
    stage = BackdropStage(shop.context)
    rows = [("copy", work.model_dump_json()) for work in works]
    found = [unpack_work(*row) for table in shop.run_batch(stage, rows) for row in list_rows(table)]
    return {each.work.request.brief.product_name: each for each in found}


def name_errors(drawn: dict[str, Drawn]) -> dict[str, list[str]]:
    return {name: [error.reason for error in each.errors.values()] for name, each in drawn.items()}


def make_named(shop: Workshop, *names: str) -> list[CopyWork]:
    return [shop.make_work(f"b-{number}", product_name=name) for number, name in enumerate(names)]


@pytest.mark.parametrize(
    ("name", "reason", "retryable"),
    [
        ("HEAVY", "out_of_memory", True),
        ("NAN", "not_a_number", False),
        ("RAISER", "raised", True),
        ("Broken", "no_prompt", False),
    ],
)
def test_a_backdrop_that_fails_spoils_no_other(atelier: Workshop, name: str, reason: str, retryable: bool) -> None:
    drawn = draw_all(atelier, *make_named(atelier, "Lamp", name, "Chair"))
    assert name_errors(drawn) == {"Lamp": [], name: [reason], "Chair": []}
    (error,) = drawn[name].errors.values()
    assert error.retryable is retryable and error.hint + error.message
    assert all(len(drawn[each].backdrops) == 1 for each in ("Lamp", "Chair"))


def draw_and_make(shop: Workshop, work: CopyWork, retries: int, attempt: int) -> None:
    """Both stages, as a run has them, for one text whose creatives failed that often before."""
    row = work.change(tries={task.creative_id: (retries, attempt) for task in work.tasks})
    stage = BackdropStage(shop.context)
    tables = shop.run_batch(stage, [("copy", row.model_dump_json())])
    shop.make_all(rows=[row for table in tables for row in list_rows(table)])


def test_what_memory_did_not_hold_is_tried_again_told_and_saved_by_a_retry(
    atelier: Workshop, painter: Painter
) -> None:
    (work,) = make_named(atelier, "HEAVY")
    for attempt in range(3):
        draw_and_make(atelier, work, 0, attempt)
    assert list_refusals(atelier.read_failures()) == [
        ("b-0", "out_of_memory", 1, "failed"),
        ("b-0", "out_of_memory", 2, "failed"),
        ("b-0", "out_of_memory", 3, "quarantined"),
    ]
    assert "lower max_side" in str(atelier.read_failures()[0].quarantine)
    painter.has_room = True
    draw_and_make(atelier, work, 1, 0)
    (done,) = atelier.read_done()
    assert (done.status, done.pictures[0].backdrop_engine) == ("accepted", "painter")


def test_a_backdrop_that_ends_its_engine_is_told_from_its_neighbours(atelier: Workshop, painter: Painter) -> None:
    works = make_named(atelier, "Lamp", "DEAD")
    for _ in range(2):
        with pytest.raises(Died):
            draw_all(atelier, *works)
    drawn = draw_all(atelier, *works)
    assert name_errors(drawn) == {"Lamp": ["process_died"], "DEAD": ["process_died"]}
    assert all(error.retryable for each in drawn.values() for error in each.errors.values())
    atelier.tracker = LocalWatch(strikes=1)
    again = [try_again(work, 1) for work in works]
    with pytest.raises(Died):
        draw_all(atelier, *again)
    painter.calls.clear()
    assert name_errors(draw_all(atelier, *again)) == {"Lamp": [], "DEAD": ["process_died"]}
    assert painter.calls == [["Lamp"]], "each by itself, and what kills no more"


def test_engines_that_die_and_die_end_the_run(atelier: Workshop) -> None:
    with pytest.raises(EngineError, match="die one after the other") as caught:
        for _ in range(MAX_IDLE_STARTS + 2):
            atelier.tracker.account.open()
        draw_all(atelier, *make_named(atelier, "Lamp"))
    assert "same command resumes" in caught.value.hint


def test_an_engine_that_does_not_come_up_again_is_started_once_more(
    atelier: Workshop, painter: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Painter) -> None:
        raise EngineError("out of memory", "wait")

    monkeypatch.setattr(Painter, "start", fail)
    with pytest.raises(EngineError, match="out of memory"):
        draw_all(atelier, *make_named(atelier, "Lamp"))
    with pytest.raises(Died):
        draw_all(atelier, *make_named(atelier, "Lamp"))


def test_a_run_that_ends_draws_nothing_new(atelier: Workshop, painter: Painter) -> None:
    atelier.tracker.account.drain()
    assert draw_all(atelier, *make_named(atelier, "Lamp")) == {}
    assert painter.calls == []


def test_drawing_that_hangs_is_seen_for_each_picture(
    atelier: Workshop, painter: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    stage = BackdropStage(atelier.context)
    draw = Painter.draw

    def draw_slowly(engine: Painter, prompts: list[BackdropPrompt]) -> list[Any]:
        time.sleep(0.1)
        seen.append(stage.read_silence())
        return draw(engine, prompts)

    monkeypatch.setattr(Painter, "draw", draw_slowly)
    works = make_named(atelier, "Lamp", "Chair")
    atelier.run_batch(stage, [("copy", work.model_dump_json()) for work in works])
    assert 0.05 <= seen[0] < 2.0, "0.1 s for two"
    assert stage.read_silence() == 0.0

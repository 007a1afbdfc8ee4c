"""The diffusers engine with tiny pipelines of random weights: real loading, real steps, no network."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory.engines.base import BackdropPrompt, Pixels
from factory.engines.diffusers.engine import DiffusersEngine
from factory.engines.diffusers.sizes import find_bucket, fit_picture
from factory.errors import EngineError, JobError, PictureError
from schemas.images import Backdrop, ImageExecution
from tests.support.tiny_pipelines import build_tiny_pipeline

pytestmark = pytest.mark.integration  # a real pipeline, if a tiny one

Kinds = dict[str, Path]


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Kinds:
    folder = tmp_path_factory.mktemp("pipelines")
    return {kind: build_tiny_pipeline(folder / kind, kind) for kind in ("flux", "sd")}


def make_engine(folder: Path, execution: dict[str, Any] | None = None, **config: Any) -> DiffusersEngine:
    values = {"engine": "diffusers", "model": str(folder), "prompt": "x", "steps": 2, "max_side": 64} | config
    return DiffusersEngine(Backdrop(**values), ImageExecution(**(execution or {})), str(folder), device="cpu")


def start_engine(folder: Path, execution: dict[str, Any] | None = None, **config: Any) -> DiffusersEngine:
    engine = make_engine(folder, execution, **config)
    engine.start()
    return engine


def ask(seed: int, text: str = "soft light on wood", size: tuple[int, int] = (90, 47), **more: Any) -> BackdropPrompt:
    return BackdropPrompt(text, more.pop("negative", ""), *size, seed, {}, **more)


@pytest.fixture(scope="module")
def engines(pipelines: Kinds) -> dict[str, DiffusersEngine]:
    return {kind: start_engine(folder) for kind, folder in pipelines.items()}


@pytest.fixture(scope="module")
def flux(engines: dict[str, DiffusersEngine]) -> DiffusersEngine:
    return engines["flux"]


@pytest.mark.parametrize("kind", ["flux", "sd"])
@pytest.mark.parametrize("size", [(90, 47), (64, 64), (31, 200), (728, 90)])
def test_pictures_have_exactly_the_size_asked_for(
    engines: dict[str, DiffusersEngine], kind: str, size: tuple[int, int]
) -> None:
    (picture,) = engines[kind].draw([ask(1, size=size)])
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 1


@pytest.mark.parametrize("kind", ["flux", "sd"])
def test_a_batch_draws_what_each_seed_draws_alone(engines: dict[str, DiffusersEngine], kind: str) -> None:
    """Byte for byte the same on a second run and in another order; between batch sizes only sums are rounded otherwise."""
    engine = engines[kind]
    prompts = [ask(seed, text) for seed, text in enumerate(("soft light", "red wood", "soft light", "a stone table"))]
    together = engine.draw(prompts)
    assert same(together, engine.draw(prompts))
    assert same(together, engine.draw(prompts[::-1])[::-1])
    alone = [engine.draw([prompt])[0] for prompt in prompts]
    for one, other in zip(together, alone, strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 1
    assert not np.array_equal(together[0], together[2]), "another seed"


def same(some: list[Pixels], others: list[Pixels]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def test_more_prompts_than_a_batch_holds_come_back_in_order(pipelines: Kinds, flux: DiffusersEngine) -> None:
    prompts = [ask(seed) for seed in range(5)]
    small = start_engine(pipelines["flux"], {"batch_size": 2})
    for one, other in zip(small.draw(prompts), flux.draw(prompts), strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 1


def test_sizes_are_not_mixed_in_one_call(flux: DiffusersEngine) -> None:
    with pytest.raises(ValueError, match="several sizes"):
        flux.draw([ask(1), ask(2, size=(64, 64))])


def test_prompt_and_negative_prompt_reach_the_picture(pipelines: Kinds) -> None:
    engine = start_engine(pipelines["sd"], guidance=7.5)
    plain, other, without = engine.draw([ask(1), ask(1, "red"), ask(1, negative="blue")])
    assert not np.array_equal(plain, other)
    assert not np.array_equal(plain, without)


def test_a_pipeline_that_takes_no_negative_prompt_draws_without(pipelines: Kinds) -> None:
    engine = start_engine(pipelines["flux"])
    assert engine._text is not None
    pipeline, call = engine._text
    narrow = type(call)(call.config, call.names - {"negative_prompt"})
    assert "negative_prompt" not in narrow.write([ask(1, negative="blue")], (64, 64), [])
    engine._text = (pipeline, narrow)
    assert engine.draw([ask(1, negative="blue")])[0].shape == (47, 90, 3)


@pytest.mark.parametrize("kind", ["flux", "sd"])
def test_a_start_picture_is_kept_as_far_as_strength_says(pipelines: Kinds, kind: str) -> None:
    ramp = np.repeat(np.linspace(0, 255, 90).astype(np.uint8)[None, :, None], 47, axis=0).repeat(3, axis=2)
    engine = start_engine(pipelines[kind], steps=4, strength=0.5)
    from_ramp, from_flipped, from_noise = engine.draw([ask(1, start=ramp), ask(1, start=ramp[:, ::-1]), ask(1)])
    assert from_ramp.shape == from_noise.shape == (47, 90, 3)
    assert not np.array_equal(from_ramp, from_flipped)
    assert not np.array_equal(from_ramp, from_noise)


def test_strength_that_leaves_no_step_is_refused(pipelines: Kinds) -> None:
    with pytest.raises(JobError, match="less than one") as caught:
        start_engine(pipelines["flux"], steps=2, strength=0.1)
    assert "at least 10 steps" in caught.value.hint


def test_an_option_there_is_not_is_named_with_those_there_are(pipelines: Kinds) -> None:
    with pytest.raises(JobError, match="no option 'sigma'") as caught:
        start_engine(pipelines["flux"], options={"sigma": 1})
    assert "sigmas" in caught.value.hint
    assert "generator" not in caught.value.hint
    with pytest.raises(JobError, match="no option 'prompt_embeds'"):
        start_engine(pipelines["flux"], options={"prompt_embeds": [1]})


def test_options_are_passed_on_and_a_bad_value_is_told_at_the_start(pipelines: Kinds, flux: DiffusersEngine) -> None:
    other = start_engine(pipelines["flux"], options={"sigmas": [1.0, 0.3]})
    assert not np.array_equal(other.draw([ask(1)])[0], flux.draw([ask(1)])[0])
    with pytest.raises(JobError, match="max_sequence_length"):
        start_engine(pipelines["flux"], options={"max_sequence_length": 4096})


def test_pictures_of_no_numbers_and_black_ones_are_refused(pipelines: Kinds) -> None:
    engine = start_engine(pipelines["sd"])
    assert engine._text is not None
    bias = engine._text[0].vae.decoder.conv_out.bias
    for value in (float("nan"), -1e4):
        bias.data.fill_(value)
        with pytest.raises(PictureError) as caught:
            engine.draw([ask(1), ask(2)])
        assert caught.value.reason == "not_a_number"
        assert "float32" in caught.value.hint


def break_memory(engine: DiffusersEngine, holds: int) -> list[int]:
    """Make memory end above `holds` pictures; the list gets the size of every batch that is tried."""
    import torch

    assert engine._text is not None
    pipeline, call = engine._text
    tried: list[int] = []

    def draw(**arguments: Any) -> Any:
        tried.append(len(arguments["prompt"]))
        if tried[-1] > holds:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return pipeline(**arguments)

    engine._text = (draw, call)
    return tried


def test_a_batch_that_memory_does_not_hold_is_halved_for_good(pipelines: Kinds, flux: DiffusersEngine) -> None:
    engine = start_engine(pipelines["flux"], {"batch_size": 8})
    tried = break_memory(engine, holds=2)
    prompts = [ask(seed) for seed in range(5)]
    drawn = engine.draw(prompts)
    assert tried == [5, 2, 2, 1]
    engine.draw(prompts)
    assert tried[4:] == [2, 2, 1]
    for one, other in zip(drawn, flux.draw(prompts), strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 1


def test_one_picture_that_memory_does_not_hold_may_be_tried_again(pipelines: Kinds) -> None:
    engine = start_engine(pipelines["flux"])
    break_memory(engine, holds=0)
    with pytest.raises(PictureError) as caught:
        engine.draw([ask(1)])
    assert (caught.value.reason, caught.value.retryable) == ("out_of_memory", True)


@pytest.mark.parametrize("kind", ["first_block", "taylorseer", "faster", "pyramid_attention"])
def test_a_step_cache_draws_and_forgets_between_pictures(pipelines: Kinds, kind: str) -> None:
    options: dict[str, dict[str, Any]] = {
        "faster": {"is_guidance_distilled": True},
        "pyramid_attention": {"spatial_attention_block_skip_range": 2},
    }
    engine = start_engine(pipelines["flux"], cache={"kind": kind} | options.get(kind, {}), steps=5)
    first = engine.draw([ask(1)])
    engine.draw([ask(2)])
    assert same(first, engine.draw([ask(1)]))


@pytest.mark.parametrize(
    ("cache", "message", "hint"),
    [
        ({"kind": "deep"}, "no kind 'deep'", "first_block"),
        ({"kind": "first_block", "treshold": 1}, "takes no 'treshold'", "threshold"),
    ],
)
def test_a_cache_there_is_not_is_refused(pipelines: Kinds, cache: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(JobError, match=message) as caught:
        start_engine(pipelines["flux"], cache=cache)
    assert hint in caught.value.hint


def test_a_unet_has_no_step_cache(pipelines: Kinds) -> None:
    with pytest.raises(JobError, match="no transformer that can cache"):
        start_engine(pipelines["sd"], cache={"kind": "first_block"})


def remove_index(folder: Path) -> None:
    (folder / "model_index.json").unlink()


def pickle_weights(folder: Path) -> None:
    import torch

    for file in folder.rglob("*.safetensors"):
        torch.save({}, file.with_suffix(".bin"))
        file.unlink()


def cut_weights(folder: Path) -> None:
    file = next((folder / "transformer").glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:1000])


def bring_code(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    index["transformer"] = ["evil", "Transformer"]
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "transformer" / "evil.py").write_text("raise SystemExit('code of a model ran')")


@pytest.mark.parametrize("damage", [remove_index, pickle_weights, cut_weights, bring_code])
def test_a_folder_that_is_no_safe_pipeline_cannot_start(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    folder = build_tiny_pipeline(tmp_path / "model")
    damage(folder)
    with pytest.raises(EngineError, match="cannot be loaded") as caught:
        start_engine(folder)
    assert "model_index.json" in caught.value.hint
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("size", "max_side", "bucket"),
    [
        ((1200, 628), 1024, (1024, 528)),
        ((1080, 1080), 1024, (1024, 1024)),
        ((1080, 1920), 1024, (576, 1024)),
        ((300, 250), 1024, (1024, 848)),
        ((728, 90), 1024, (1024, 256)),
        ((160, 600), 1000, (272, 992)),
        ((50, 50), 64, (64, 64)),
    ],
)
def test_buckets(size: tuple[int, int], max_side: int, bucket: tuple[int, int]) -> None:
    assert find_bucket(*size, max_side) == bucket


def test_a_coarse_pipeline_has_coarse_buckets() -> None:
    assert find_bucket(1200, 628, 1000, step=32) == (992, 512)


@pytest.mark.parametrize("target", [(300, 250), (64, 48), (728, 90), (1, 1)])
def test_fitting_keeps_the_middle_and_the_proportions(target: tuple[int, int]) -> None:
    pixels = np.zeros((544, 1024, 3), np.uint8)
    pixels[252:292, 492:532] = 255
    fitted = fit_picture(pixels, *target)
    assert fitted.shape == (target[1], target[0], 3)
    if target != (1, 1):
        rows, columns = np.nonzero(fitted[..., 0] > 127)
        assert abs(rows.mean() + 0.5 - target[1] / 2) <= 1
        assert abs(columns.mean() + 0.5 - target[0] / 2) <= 1
        assert abs(np.ptp(rows) - np.ptp(columns)) <= 2

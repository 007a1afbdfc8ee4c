"""The bare side of `factory bench backdrops`: the pipeline in a plain loop, as diffusers' documentation shows it.

Run as `python -m factory.cli.bench.backdrops_bare FOLDER`, which holds what to draw: the very batches that the images phase drew.
Nothing is scaled, checked or kept. Then the factory's own engine draws squares, alone and in batches, plain and compiled.
"""

import json
import math
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.engines.base import BackdropPrompt
from factory.engines.diffusers.call import read_call
from factory.engines.diffusers.devices import choose_device, choose_dtype, free_memory
from factory.engines.diffusers.engine import DiffusersEngine, speed_up
from factory.engines.diffusers.sizes import find_bucket
from schemas.images import Backdrop, ImageExecution

WORK = "work"
RESULT = "result"
MODES = ((False, 1), (False, 0), (True, 1), (True, 0))  # compiled; pictures at once, 0 for the job's batch_size


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be drawn, and with what. `calls` are the prompts of each call of the factory's engine."""

    model_path: str
    config: Backdrop
    execution: ImageExecution
    calls: list[list[BackdropPrompt]]
    rounds: int  # calls of each mode that are timed
    compiled: bool  # whether the modes that compile are measured


@dataclass(frozen=True, slots=True)
class Mode:
    """The factory's engine on squares: whether blocks were compiled, pictures a call, and what came of it."""

    compiled: bool
    at_once: int
    ready_seconds: float
    pictures_per_second: float
    peak_bytes: int  # of the accelerator's memory; 0 on a CPU


def draw_bare(work: Work) -> float:
    """Return the seconds that the bare pipeline takes for all calls. Its first picture warms it and does not count."""
    import torch
    from diffusers import AutoPipelineForText2Image

    device = choose_device("auto")
    if device == "cpu":
        torch.set_num_threads(1)  # as the factory's engine: replicas share the processors
    pipeline: Any = AutoPipelineForText2Image.from_pretrained(
        work.model_path, dtype=choose_dtype(work.config.dtype, device), use_safetensors=True, local_files_only=True
    ).to(device)
    pipeline.set_progress_bar_config(disable=True)
    speed_up(pipeline, work.config.cache, work.execution)
    call, step = read_call(pipeline.__call__, work.config), math.lcm(16, int(pipeline.vae_scale_factor))

    def draw(prompts: Sequence[BackdropPrompt]) -> None:
        bucket = find_bucket(prompts[0].width, prompts[0].height, work.config.max_side, step)
        generators = [torch.Generator("cpu").manual_seed(prompt.seed % 2**63) for prompt in prompts]
        pipeline(**call.write(prompts, bucket, generators) | {"output_type": "pil"})

    size = work.execution.batch_size
    batches = [call[at : at + size] for call in work.calls for at in range(0, len(call), size)]
    for count in {len(batch) for batch in batches} if work.execution.compile_blocks else (1,):
        draw([batches[0][0]] * count)

    def draw_all() -> None:
        for batch in batches:
            draw(batch)

    return _time(draw_all)


def draw_squares(work: Work) -> list[Mode]:
    """Time the factory's engine in each mode."""
    import torch

    side = work.config.max_side
    modes = []
    engine: DiffusersEngine | None = None
    for compiled, at_once in MODES if work.compiled else MODES[:2]:
        count = at_once or work.execution.batch_size
        if engine is None or at_once == 1:
            ready = time.perf_counter()
            changes = {"compile_blocks": compiled}
            engine = DiffusersEngine(work.config, work.execution.model_copy(update=changes), work.model_path)
            engine.start()
            ready = time.perf_counter() - ready
        prompts = [BackdropPrompt(f"light on a wall {seed}", "", side, side, seed, {}, None) for seed in range(count)]
        engine.draw(prompts)
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        speeds = sorted(count / _time(lambda: engine.draw(prompts)) for _ in range(work.rounds))  # noqa: B023
        peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
        modes.append(Mode(compiled, count, ready, speeds[len(speeds) // 2], peak))
        if at_once != 1:
            engine.stop()
    return modes


def _time(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()  # what comes back lies in plain memory: the accelerator is done with it
    return time.perf_counter() - began


def main(folder: Path) -> None:
    """Do all of it and write the result down."""
    work: Work = pickle.loads((folder / WORK).read_bytes())  # of our own parent
    seconds = draw_bare(work)
    free_memory()
    modes = [[mode.compiled, mode.at_once, mode.ready_seconds, mode.pictures_per_second, mode.peak_bytes]
             for mode in draw_squares(work)]  # fmt: skip
    (folder / RESULT).write_text(json.dumps({"seconds": seconds, "modes": modes}), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

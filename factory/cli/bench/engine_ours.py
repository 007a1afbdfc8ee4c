"""Our side of `factory bench engine`: one Ray Data run over the real text stage, its input let through round by round."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray

from factory.cli.bench.rounds import Round, wait_for_gate
from factory.cli.bench.wrapped_engine import WrappedEngine
from factory.cluster.crash_actor import CrashActor
from factory.cluster.resources import READ_CPUS, plan_resources
from factory.config.job import RunSpec
from factory.engines.base import Generation, Prompt, TextEngine
from factory.pipeline import ray_data
from factory.pipeline.context import RunContext
from factory.pipeline.rows import list_rows, make_rows, unpack_outcomes
from factory.pipeline.text_stage import TextStage
from factory.storage.store import Store
from factory.text.write import TextSettings
from schemas.request import Request

SIDE = "ours"
TIMES = "ours-times"  # below the output: a line for each answer, written where the engine is


def open_flow(spec: RunSpec, store: Store, work: list[list[Request]], folder: Path) -> Iterator[pa.Table]:
    """Start the run and return its output, batch by batch, in the order in which rounds are opened."""
    payloads = [[request.model_dump_json() for request in requests] for requests in work]
    gates = ray.data.from_items([{"round": number} for number in range(len(work))], override_num_blocks=len(work))
    rows = gates.map_batches(
        _release,
        batch_size=1,
        batch_format="numpy",
        num_cpus=READ_CPUS,
        concurrency=1,
        fn_kwargs={"payloads": payloads, "folder": folder},
    )
    resources = plan_resources(spec)
    concurrency = ray_data.choose_concurrency(spec.loaded.job.execution.text, level=0)
    context = RunContext(spec, store, CrashActor(concurrency.strikes, resources.replicas))
    written = ray_data.write_rows(rows, context, resources, concurrency, TimedStage)
    return iter(written.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0))


def read_round(flow: Iterator[pa.Table], folder: Path, requests: Sequence[Request]) -> Round:
    """Take a round's outcomes from the flow; return its first submission to its last answer, and the tokens between."""
    left = len(requests)
    while left > 0:
        batch = next(flow)
        left -= sum(len(unpack_outcomes(payload)[0]) for kind, payload in list_rows(batch) if kind == "outcomes")
    wanted = {request.request_id for request in requests}
    text = (folder / "out" / TIMES).read_text(encoding="utf-8")
    calls = [call for call in map(json.loads, text.splitlines()) if call["request_id"] in wanted]
    seconds = max(call["ended"] for call in calls) - min(call["began"] for call in calls)
    return Round(seconds, sum(call["output_tokens"] for call in calls))


class TimedStage(TextStage):
    """The text stage with a clock at its engine's door."""

    async def _start(self) -> tuple[TextEngine, TextSettings]:
        engine, settings = await super()._start()
        return _TimedEngine(engine, Path(self._store.locate(TIMES))), settings


class _TimedEngine(WrappedEngine):
    """A TextEngine that notes when each call began and ended. The clock is the machine's, the same for all processes."""

    def __init__(self, engine: TextEngine, file: Path) -> None:
        super().__init__(engine)
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("a", encoding="utf-8", buffering=1)

    async def generate(self, prompt: Prompt) -> Generation:
        began = time.monotonic()
        generation = await super().generate(prompt)
        tokens = sum(completion.num_tokens for completion in generation.completions)
        call: dict[str, Any] = {"request_id": prompt.request_id, "began": began, "ended": time.monotonic()}
        self._file.write(json.dumps(call | {"output_tokens": tokens}) + "\n")
        return generation

    async def stop(self) -> None:
        await super().stop()
        self._file.close()


def _release(batch: dict[str, "np.ndarray[Any, Any]"], payloads: list[list[str]], folder: Path) -> Iterator[pa.Table]:
    for number in batch["round"]:
        wait_for_gate(folder, SIDE, int(number))
        yield make_rows([("request", payload) for payload in payloads[int(number)]])

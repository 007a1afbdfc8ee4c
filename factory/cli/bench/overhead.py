"""`factory bench overhead`: what everything costs that is neither engine nor scoring model.

The real command runs in a process of its own on jobs of growing size with the scripted engine. All CPU time of all its
processes counts, less a fixed start (a run of few requests) and less engine and embedder, which are timed apart.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from factory.briefs.read import read_split
from factory.briefs.requests import make_requests
from factory.cli.bench.processes import Usage, run_watched
from factory.cli.bench.sample_job import BATCH_ROWS, CANDIDATES, PLACEMENT, make_rows, write_job
from factory.cli.bench.wrapped_engine import WrappedEngine
from factory.cluster.machine import describe_machine
from factory.engines.base import Embedder, Generation, Prompt
from factory.engines.models.resolve import default_cache
from factory.errors import EngineError, JobError
from factory.pipeline.make_engines import make_embedder, make_engine
from factory.pipeline.text_stage import make_settings
from factory.runs import planning
from factory.text.scores.embeddings import embed_texts
from factory.text.write import write_request
from schemas.brief import Brief

# The run that shows what starting and ending cost: enough that all lexicons and detectors are loaded.
START_REQUESTS = 500
MODEL_REQUESTS = 1_000  # over which engine and embedder are timed
MINILM_TEXTS = 512
MINILM_BATCH = 64
_COMMAND = "from factory.cli.main import main; main()"


@dataclass(frozen=True, slots=True)
class ModelCost:
    """CPU milliseconds per request inside the scripted engine and inside the embedder."""

    engine: float
    embedder: float


def run_bench(sizes: list[int]) -> dict[str, Any]:
    """Measure runs of `sizes` requests each; return rows for a table and all numbers behind them.

    CPU in milliseconds per request, memory in MiB. Raises JobError for a size that the start run already has, and
    EngineError when a run fails.
    """
    if min(sizes) < 2 * START_REQUESTS:
        raise JobError(
            f"{min(sizes)} requests are too few to tell from the start", f"measure at least {2 * START_REQUESTS}"
        )
    with tempfile.TemporaryDirectory(prefix="factory-bench-") as name:
        folder = Path(name)
        models = measure_models(folder / "models")
        start = _run_factory(folder, START_REQUESTS)
        runs = {size: _run_factory(folder, size) for size in sorted(set(sizes))}
    rows = [_make_row(size, usage, start, models) for size, usage in runs.items()]
    minilm = measure_minilm()
    costs = ", ".join(f"{row['ms/request']:.3f} at {row['requests']}" for row in rows)
    return {
        "title": f"overhead: {PLACEMENT}, {CANDIDATES} candidates, scripted engine, batches of {BATCH_ROWS}",
        "rows": rows,
        "summary": f"CPU ms per request, all processes, without engine and embedder: {costs}.\nTaken off: start and end "
        f"{start.cpu_seconds:.1f} s (a run of {START_REQUESTS} requests), engine {models.engine:.3f} ms, embedder "
        f"{models.embedder:.3f} ms. MiniLM: {minilm:.2f} CPU ms per text in batches of {MINILM_BATCH}.\n{describe_machine()}",
        "start_cpu_seconds": round(start.cpu_seconds, 2),
        "start_seconds": round(start.wall_seconds, 2),
        "engine_ms_per_request": round(models.engine, 4),
        "embedder_ms_per_request": round(models.embedder, 4),
        "minilm_ms_per_text": round(minilm, 3),
        "machine": describe_machine(),
    }


def measure_models(folder: Path) -> ModelCost:
    """Time engine and embedder in this process, on the very calls that the flow makes for the same requests."""
    prepared = planning.prepare_job(str(write_job(folder, MODEL_REQUESTS)), planning.Options())
    loaded = prepared.spec.loaded
    briefs = [
        row
        for split in prepared.source.splits
        for row in read_split(split, loaded.job.columns)
        if isinstance(row, Brief)
    ]
    placements, batch = list(loaded.placements.values()), loaded.job.execution.text.batch_rows
    requests = [
        request
        for brief in briefs
        for request in make_requests(brief, placements, loaded.job.locales, prepared.spec.identity)
    ]
    engine = _TimedEngine(make_engine(prepared.spec))
    embedder = _TimedEmbedder(make_embedder(prepared.spec))
    settings = make_settings(prepared.spec, None)

    async def write_all() -> None:
        for at in range(0, len(requests), batch):
            outcomes = [await write_request(request, settings, engine) for request in requests[at : at + batch]]
            embed_texts(outcomes, loaded.placements, embedder)

    asyncio.run(write_all())
    return ModelCost(engine.seconds / len(requests) * 1e3, embedder.seconds / len(requests) * 1e3)


def measure_minilm() -> float:
    """Return the CPU milliseconds that the bundled sentence model takes for a text, in batches of 64. Raises EngineError."""
    from factory.engines.embedders.minilm import MiniLM

    model = MiniLM(default_cache(), batch_size=MINILM_BATCH, cached_texts=0)
    texts = [row["description"] for row in make_rows(0, MINILM_TEXTS + MINILM_BATCH)]
    model.embed(texts[:MINILM_BATCH])
    began = time.process_time()
    for at in range(MINILM_BATCH, len(texts), MINILM_BATCH):
        model.embed(texts[at : at + MINILM_BATCH])
    return (time.process_time() - began) / MINILM_TEXTS * 1e3


def _run_factory(folder: Path, size: int) -> Usage:
    job = write_job(folder / str(size), size)
    try:
        usage = run_watched([sys.executable, "-c", _COMMAND, "run", str(job), "--json"])
    except subprocess.CalledProcessError as error:
        raise EngineError(
            f"the run of {size:,} requests failed: {str(error.stderr)[-2_000:]}", "see the log it names"
        ) from error
    counts = json.loads(usage.stdout.splitlines()[-1])["counts"]
    if counts["planned"] != size or counts["remaining"]:
        raise EngineError(f"the run of {size:,} requests did something else: {counts}", "report this: it is a defect")
    return replace(usage, stdout=usage.stdout.splitlines()[-1])


def _make_row(size: int, usage: Usage, start: Usage, models: ModelCost) -> dict[str, Any]:
    said = json.loads(usage.stdout)
    requests = max(1, size - START_REQUESTS)
    cpu = (usage.cpu_seconds - start.cpu_seconds) / requests * 1e3
    seconds = said["phase_seconds"]
    return {
        "requests": f"{size:,}",
        "ms/request": round(cpu - models.engine - models.embedder, 3),
        "with engine": round(cpu, 3),
        "requests/s": round(size / max(0.01, seconds["generation"])),
        "end s": round(seconds["rest"], 1),
        "wall s": round(usage.wall_seconds, 1),
        "peak MiB": round(usage.peak_memory / 2**20),
        "store MiB": round(usage.peak_store / 2**20),
        "accepted": f"{said['accepted_share']:.1%}",
    }


class _TimedEngine(WrappedEngine):
    """A TextEngine that counts the CPU seconds spent inside another."""

    seconds = 0.0

    async def generate(self, prompt: Prompt) -> Generation:
        began = time.process_time()
        generation = await super().generate(prompt)
        self.seconds += time.process_time() - began
        return generation


class _TimedEmbedder:
    """An Embedder that counts the CPU seconds spent inside another."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.seconds = 0.0

    def embed(self, texts: Sequence[str]) -> Any:
        began = time.process_time()
        vectors: Any = np.asarray(self._embedder.embed(texts))
        self.seconds += time.process_time() - began
        return vectors

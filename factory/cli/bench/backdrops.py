"""`factory bench backdrops`: the images phase with a picture model, against the bare pipeline on the same prompts.

The job's texts are written by the scripted engine; then the real images phase runs on Ray with one engine, composing and all.
Its speed is backdrops over the seconds from the first call of its engine to the end of the last, taken in the process that
holds it. The peer draws the same batches in a plain loop (factory/cli/bench/backdrops_bare.py).
"""

import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from factory.cli.bench.backdrops_bare import RESULT, WORK, Mode, Work
from factory.cluster.machine import describe_machine
from factory.engines.base import BackdropPrompt, ImageEngine, Pixels
from factory.engines.models.resolve import IMAGE_INDEX, resolve_model
from factory.errors import EngineError, JobError
from factory.pipeline.backdrop_stage import BackdropStage
from factory.runs import planning
from factory.runs.images_phase import ImagesPhase
from factory.runs.log_redirect import redirect_logs
from factory.runs.progress import Progress
from factory.runs.remaining import find_remaining
from factory.runs.state import open_run
from factory.runs.stopping import StopSign
from factory.runs.supervisor import Supervisor
from factory.runs.text_phase import TextPhase
from factory.storage.store import Store

_SETTINGS = ["text.model=scripted", "execution.images.backdrop_replicas=1"]
_CALLS = "calls"  # below the output: what the engine was asked for, call by call
_TIMES = "times"


@dataclass(frozen=True, slots=True)
class Phase:
    """What the images phase asked its engine for, and the seconds from its first call to the end of its last."""

    calls: list[list[BackdropPrompt]]
    seconds: float
    busy_seconds: float  # of those, inside calls

    @property
    def pictures(self) -> int:
        """The backdrops drawn."""
        return sum(map(len, self.calls))


def run_bench(job: str, sets: Sequence[str], limit: int | None, rounds: int, compiled: bool) -> dict[str, Any]:
    """Measure `limit` briefs of a job and `rounds` calls of each mode; return rows for a table and the numbers.

    Raises JobError for a job without a picture model, EngineError when a side fails.
    """
    with tempfile.TemporaryDirectory(prefix="factory-bench-") as name:
        folder = Path(name)
        options = planning.Options([*sets, *_SETTINGS], output=str(folder / "out"), limit=limit)
        prepared = planning.prepare_job(job, options)
        images = prepared.spec.loaded.job.images
        if images is None or images.backdrop.engine == "procedural":
            raise JobError("the job has no picture model", "--set images.backdrop.engine=diffusers, model and prompt")
        if images.backdrop.strength is not None:
            raise JobError("the bare loop draws from text alone", "--set images.backdrop.strength=null")
        _run_phases(prepared, folder / "log")
        phase = _read_phase(folder / "out")
        model = resolve_model(images.backdrop.model or "", Path(prepared.spec.cache), IMAGE_INDEX)
        execution = prepared.spec.loaded.job.execution.images
        side = Work(str(model), images.backdrop, execution, phase.calls, rounds, compiled)
        seconds, modes = _run_side(side, folder)
    return _describe(phase, seconds, modes)


def _run_phases(prepared: planning.Prepared, log: Path) -> None:
    """Write the texts and make their pictures as a run does, by a backdrop stage with a clock. Nothing is published."""
    loaded, store, stop = prepared.spec.loaded, Store(prepared.spec.loaded.output_uri), StopSign()
    if prepared.setup is None:
        raise JobError("the job makes no pictures", "name one with an images section")
    state = open_run(store, loaded, prepared.spec.identity.job, prepared.digest, lambda: datetime.now(UTC))
    spec = replace(prepared.spec, run_id=state.run_id)
    with redirect_logs(log) as stderr, Progress(stderr, loaded.job.name) as progress, stop.watch_signals():
        left = find_remaining(store, spec, prepared)
        with Supervisor(loaded.job, progress, stop, check_lease=lambda: None) as supervisor:
            TextPhase(spec, store, prepared, left, supervisor).run()
            ImagesPhase(spec, prepared.setup, store, supervisor, TimedStage).run()
    if stop.reason:
        raise EngineError(f"the images phase was stopped: {stop.reason}", "let it finish")


def _read_phase(output: Path) -> Phase:
    if not (output / _CALLS).exists():
        raise EngineError("no backdrop was drawn", "take more briefs, or look at why their texts are refused")
    calls = []
    with (output / _CALLS).open("rb") as file:
        while file.peek(1):
            calls.append(pickle.load(file))  # of our own stage
    times = [json.loads(line) for line in (output / _TIMES).read_text(encoding="utf-8").splitlines()]
    return Phase(calls, times[-1][1] - times[0][0], sum(ended - began for began, ended in times))


def _run_side(work: Work, folder: Path) -> tuple[float, list[Mode]]:
    (folder / WORK).write_bytes(pickle.dumps(work))
    command = [sys.executable, "-m", "factory.cli.bench.backdrops_bare", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise EngineError(f"the bare pipeline failed: {ended.stderr[-2_000:]}", "see what it says above")
    result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    return result["seconds"], [Mode(*values) for values in result["modes"]]


def _describe(phase: Phase, bare_seconds: float, modes: Sequence[Mode]) -> dict[str, Any]:
    count = phase.pictures
    ours, bare = count / phase.seconds, count / bare_seconds
    rows = [
        {"what": "images phase", "pictures/s": round(ours, 3), "at once": "", "ready s": "", "peak MiB": ""},
        {"what": "bare loop", "pictures/s": round(bare, 3), "at once": "", "ready s": "", "peak MiB": ""},
    ]
    for mode in modes:
        rows.append(
            {
                "what": f"engine, {'compiled' if mode.compiled else 'eager'}",
                "pictures/s": round(mode.pictures_per_second, 3),
                "at once": str(mode.at_once),
                "ready s": f"{mode.ready_seconds:.1f}",
                "peak MiB": f"{mode.peak_bytes / 2**20:,.0f}",
            }
        )
    return {
        "title": f"backdrops: {count} in {len(phase.calls)} calls, sizes as the placements ask for",
        "rows": rows,
        "summary": f"Images phase over bare loop: {ours / bare:.3f}. Its engine was busy "
        f"{phase.busy_seconds / phase.seconds:.1%} of the time.\n{describe_machine()}",
        "ratio": round(ours / bare, 4),
        "busy_share": round(phase.busy_seconds / phase.seconds, 4),
        "pictures": count,
        "machine": describe_machine(),
    }


class TimedStage(BackdropStage):
    """The backdrop stage with a clock at its engine's door."""

    async def _start(self) -> ImageEngine:
        output = Path(Store(self._spec.loaded.output_uri).locate(""))
        self._engine = _TimedEngine(await super()._start(), output)  # the calls after the first ask for it there
        return self._engine


class _TimedEngine:
    """An ImageEngine that notes what it is asked for, and when each call began and ended."""

    def __init__(self, engine: ImageEngine, folder: Path) -> None:
        self._engine = engine
        self.name, self.model = engine.name, engine.model
        self._calls = (folder / _CALLS).open("ab", buffering=0)
        self._times = (folder / _TIMES).open("a", encoding="utf-8", buffering=1)

    def start(self) -> None:
        self._engine.start()

    def draw(self, prompts: Sequence[BackdropPrompt]) -> list[Pixels]:
        began = time.monotonic()
        pictures = self._engine.draw(prompts)
        self._times.write(json.dumps([began, time.monotonic()]) + "\n")
        self._calls.write(pickle.dumps(list(prompts)))
        return pictures

    def stop(self) -> None:
        self._engine.stop()

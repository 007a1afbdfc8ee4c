"""`factory bench engine`: the factory's text phase against a bare AsyncLLM on the same prompts, in interleaved rounds.

Both engines are loaded once and stay; one idles while the other works. Ours is one Ray Data run over the real text stage
whose input is let through round by round; checks are made, repairs and judge are off. The peer is `engine_bare.py`.
A side's speed is its output tokens over the seconds from its first submission to its last answer, taken in the process
that holds its engine. The first round warms both and does not count.
"""

import os
import pickle
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from factory.briefs.read import read_split
from factory.briefs.requests import make_requests
from factory.cli.bench import engine_bare
from factory.cli.bench.engine_ours import SIDE, open_flow, read_round
from factory.cli.bench.rounds import READY_SECONDS, Round, open_gate, read_result, save_prompts, wait_for_file
from factory.cluster import connection
from factory.cluster.machine import describe_machine, list_gpus
from factory.config.job import RunSpec
from factory.engines.base import EngineConfig
from factory.engines.models.resolve import resolve_model
from factory.engines.process_guard import end_processes
from factory.errors import EngineError, JobError
from factory.pipeline.text_stage import make_settings
from factory.runs import planning
from factory.runs.log_redirect import redirect_logs
from factory.storage.store import Store
from schemas.brief import Brief
from schemas.request import Request

# What is compared is writing, so nothing is asked of the engine a second time. One replica: the peer is one engine.
_SETTINGS = ["text.max_repairs=0", "judge=null", "execution.text.replicas=1"]
PEER_END_SECONDS = 20.0
_HALF = "execution.text.engine_options.gpu_memory_utilization=0.42"  # two engines share a GPU


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sides of one round."""

    ours: Round
    peer: Round

    @property
    def ratio(self) -> float:
        """Our speed over the peer's."""
        return self.ours.speed / self.peer.speed


def run_bench(job: str, sets: list[str], rounds: int, requests: int) -> dict[str, Any]:
    """Run `rounds` rounds of at least `requests` requests (whole batches); return rows for a table and the numbers.

    Speeds are output tokens per second. Raises JobError for a job without a model and EngineError when a side fails.
    """
    with tempfile.TemporaryDirectory(prefix="factory-bench-") as name:
        folder = Path(name)
        shared = [_HALF] if list_gpus() else []
        options = planning.Options([*shared, *sets, *_SETTINGS], None, str(folder / "out"))
        prepared = planning.prepare_job(job, options)
        if prepared.spec.scripted:
            raise JobError("the scripted engine has no peer", "leave out --set text.model=scripted")
        planning.check_engine(prepared.spec, prepared.preview)
        batch = prepared.spec.loaded.job.execution.text.batch_rows
        work = plan_rounds(list_requests(prepared), rounds + 1, -(-requests // batch) * batch)
        with redirect_logs(folder / "log"):
            try:
                pairs = _measure(prepared.spec, work, folder)
            except (OSError, TimeoutError) as error:
                raise EngineError(f"the benchmark stopped: {error}", _read_end(folder / "log")) from error
    return _describe(pairs, len(work[0]), prepared.spec.model)


def list_requests(prepared: planning.Prepared) -> list[Request]:
    """Return the job's requests in an order that mixes placements."""
    loaded = prepared.spec.loaded
    placements = list(loaded.placements.values())
    requests = [
        request
        for split in prepared.source.splits
        for brief in read_split(split, loaded.job.columns, prepared.duplicates)
        if isinstance(brief, Brief)
        for request in make_requests(brief, placements, loaded.job.locales, prepared.spec.identity)
    ]
    random.Random(loaded.job.seed).shuffle(requests)
    return requests


def plan_rounds(requests: list[Request], rounds: int, size: int) -> list[list[Request]]:
    """Return `rounds` lists of `size` requests; when the job has too few they come again with other ids and seeds."""
    planned = []
    for number in range(rounds * size):
        turn, place = divmod(number, len(requests))
        request = requests[place]
        seed = (request.seed + 104_729 * turn) % 2**31
        planned.append(request.change(request_id=f"{request.request_id}-{turn}", seed=seed))
    return [planned[at : at + size] for at in range(0, len(planned), size)]


def _measure(spec: RunSpec, work: list[list[Request]], folder: Path) -> list[Pair]:
    builder, placements = make_settings(spec, None).builder, spec.loaded.placements
    save_prompts(
        folder, [[builder.build(request, placements[request.placement]) for request in each] for each in work]
    )
    job = spec.loaded.job
    config = EngineConfig(resolve_model(spec.model, Path(spec.cache)), job.execution.text, job.seed)
    (folder / "engine").write_bytes(pickle.dumps(config))
    with _start_peer(folder) as child, connection.use_ray("local"):
        flow = open_flow(spec, Store(str(folder / "out")), work, folder)
        wait_for_file(folder / engine_bare.READY, READY_SECONDS, child)
        pairs = []
        for number, requests in enumerate(work):
            sides = {}
            for side in (engine_bare.SIDE, SIDE) if number % 2 else (SIDE, engine_bare.SIDE):
                open_gate(folder, side, number)
                if side == SIDE:
                    sides[side] = read_round(flow, folder, requests)
                else:
                    result = folder / f"{side}-{number}"
                    wait_for_file(result, READY_SECONDS, child)
                    sides[side] = read_result(result)
            pairs.append(Pair(sides[SIDE], sides[engine_bare.SIDE]))
    return pairs[1:]


@contextmanager
def _start_peer(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "factory.cli.bench.engine_bare", str(folder)]
    with subprocess.Popen(command, env={**os.environ}, start_new_session=True) as child:
        try:
            yield child
        finally:
            # Its engine is a process of its own that outlives it when it is ended while it shuts the engine down.
            family = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
            end_processes(family, PEER_END_SECONDS)


def _describe(pairs: list[Pair], requests: int, model: str) -> dict[str, Any]:
    ratios = [pair.ratio for pair in pairs]
    rows = [
        {
            "round": number,
            "ours tokens/s": round(pair.ours.speed, 1),
            "AsyncLLM tokens/s": round(pair.peer.speed, 1),
            "ratio": round(pair.ratio, 3),
            "ours tokens": pair.ours.output_tokens,
            "AsyncLLM tokens": pair.peer.output_tokens,
        }
        for number, pair in enumerate(pairs, start=1)
    ]
    median = statistics.median(ratios)
    return {
        "title": f"text phase against a bare AsyncLLM: {model}, {requests} requests a round",
        "rows": rows,
        "summary": f"ratio of output tokens per second: median {median:.3f}, from {min(ratios):.3f} to {max(ratios):.3f} "
        f"in {len(pairs)} rounds\n{describe_machine()}",
        "ratio_median": round(median, 4),
        "ratio_min": round(min(ratios), 4),
        "ratio_max": round(max(ratios), 4),
        "ours_tokens_per_second": round(statistics.median(pair.ours.speed for pair in pairs), 1),
        "peer_tokens_per_second": round(statistics.median(pair.peer.speed for pair in pairs), 1),
        "machine": describe_machine(),
    }


def _read_end(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
    return "the log ends: " + " | ".join(lines)

"""Measures what going on costs: time and memory to the first new request, work done twice after a kill, and committing.

A resume is a process of its own on an output with N finished requests, watched until a segment file with a new request is on
storage: later than the moment at which the request reached the engine, and the first that is seen from outside.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from factory.cli.bench.processes import Usage, run_watched, watch_until
from factory.cli.bench.resume_output import Sample, make_finished, read_samples
from factory.cli.bench.sample_job import write_job
from factory.cluster.machine import describe_machine
from factory.errors import EngineError
from factory.journal.phases import PLAN_PHASE, TEXT_PHASE
from factory.journal.segment_file import decode_segment
from factory.journal.segments import SegmentRow, list_segments, read_finished, write_segment
from factory.runs.planning import Options, prepare_job
from factory.storage.store import Store

NEW_REQUESTS = 64  # that are not finished when a resume is measured
SAMPLE_REQUESTS = 512  # whose outcomes the finished ones are made of
KILL_REQUESTS = 2_048
KILL_FILES = 4  # segment files on storage when the command is killed
# The scripted engine as a machine that has 128 requests in flight, each for two seconds: 64 requests a second.
DELAY_MS, BATCH_ROWS, BATCHES = 2_000, 8, 16
COMMAND = [sys.executable, "-c", "from factory.cli.main import main; main()", "run"]


def run_bench(sizes: Sequence[int], output: str | None = None) -> dict[str, Any]:
    """Measure resumes at `sizes` finished requests, then a kill and committing; return rows for a table and all numbers.

    Outputs lie below `output` (a folder or s3://bucket/prefix) while they are needed, else in a temporary folder. Memory in
    MiB. Raises EngineError when a command does something else than it should, StorageError.
    """
    with tempfile.TemporaryDirectory(prefix="factory-bench-") as name:
        folder = Path(name)
        root = output or str(folder / "outputs")
        samples = make_samples(folder / "sample", f"{root}/sample")
        rows = [measure_resume(folder / str(size), f"{root}/{size}", size, samples) for size in sizes]
        killed = measure_kill(folder / "kill", f"{root}/kill")
    commit = killed["commit"]
    return {
        "title": f"resume: {'S3' if output and output.startswith('s3://') else 'local'} output, scripted engine",
        "rows": rows,
        "summary": f"SIGKILL with {killed['committed']:,} of {KILL_REQUESTS:,} requests committed: the same command made "
        f"{killed['generated']:,} and no other, {killed['doubled']} rows are twice on storage. Rows are written once "
        f"{killed['commit_rows']} have gathered or the first has waited {killed['commit_seconds']:g} s; {BATCH_ROWS * BATCHES} "
        f"requests are with the engine at a time.\n"
        f"Committing {commit['requests']:,} requests in {commit['files']} files: {commit['seconds']:.2f} s "
        f"({commit['cpu_seconds']:.2f} of CPU), "
        f"{commit['share']:.2%} of the text phase at {commit['requests_per_second']:.0f} requests/s.\n"
        f"{describe_machine()}",
        "kill": killed,
        "machine": describe_machine(),
    }


def make_samples(folder: Path, output: str) -> list[Sample]:
    """Run a small job of the same kind and return what became of its requests."""
    job = write_job(folder, SAMPLE_REQUESTS)
    _run(job, output)
    samples = read_samples(Store(output))
    _remove(output)
    return samples


def measure_resume(folder: Path, output: str, size: int, samples: Sequence[Sample]) -> dict[str, Any]:
    """Make an output with `size` finished requests, go on with it until a new one is there, and remove it."""
    job = write_job(folder, size + NEW_REQUESTS)
    make_finished(prepare_job(str(job), Options(output=output)), samples, size)
    store = Store(output)
    before = {info.path for info in list_segments(store, TEXT_PHASE)}
    usage = _watch(job, output, lambda: any(info.path not in before for info in list_segments(store, TEXT_PHASE)))
    finished = read_finished(store, TEXT_PHASE)
    if len(finished) <= size:
        raise EngineError(f"a segment file of the resume at {size:,} holds nothing new", "report this: it is a defect")
    sizes = {phase: sum(info.size for info in list_segments(store, phase)) for phase in (TEXT_PHASE, PLAN_PHASE)}
    _remove(output)
    shutil.rmtree(folder)
    return {
        "finished": f"{size:,}",
        "seconds": round(usage.wall_seconds, 1),
        "CPU s": round(usage.cpu_seconds, 1),
        "peak MiB": round(usage.peak_memory / 2**20),
        "store MiB": round(usage.peak_store / 2**20),
        "files": f"{len(before):,}",
        "data MiB": round(sizes[TEXT_PHASE] / 2**20, 1),
        "records MiB": round(sizes[PLAN_PHASE] / 2**20, 1),
    }


def measure_kill(folder: Path, output: str) -> dict[str, Any]:
    """Kill a command in mid-flight, let the same command end the run, and count what is there more than once."""
    job = write_job(folder, KILL_REQUESTS)
    store = Store(output)
    _watch(job, output, lambda: len(list_segments(store, TEXT_PHASE)) >= KILL_FILES, *_list_settings())
    before = {info.path for info in list_segments(store, TEXT_PHASE)}
    committed = len(read_finished(store, TEXT_PHASE))
    said = _run(job, output, *_list_settings())
    infos = list_segments(store, TEXT_PHASE)
    num_rows = sum(pq.read_metadata(BytesIO(store.read_bytes(info.path))).num_rows for info in infos)
    counts = said["counts"]
    if counts["planned"] != KILL_REQUESTS or counts["remaining"] or said["generated"] + committed != KILL_REQUESTS:
        raise EngineError(
            f"the run after the kill lost requests or made some twice: {counts}", "report this: it is a defect"
        )
    commit = _measure_commit([info.path for info in infos if info.path not in before], store, said)
    execution = prepare_job(str(job), Options(output=output)).spec.loaded.job.execution
    _remove(output)
    return {
        "committed": committed,
        "generated": said["generated"],
        "doubled": num_rows - KILL_REQUESTS,
        "commit_rows": execution.commit_rows,
        "commit_seconds": execution.commit_seconds,
        "commit": commit,
    }


def _measure_commit(paths: Sequence[str], store: Store, said: dict[str, Any]) -> dict[str, Any]:
    """Write the same segment files again, one after the other, and set the time against that of the text phase."""
    tables = [decode_segment(store.read_bytes(path), TEXT_PHASE)[0] for path in paths]
    files = [[SegmentRow(**row) for row in table.to_pylist()] for table in tables]
    again = Store(f"{store.uri}/again")
    began, cpu = time.monotonic(), time.process_time()
    for rows in files:
        write_segment(again, TEXT_PHASE, rows, "again", datetime.now(UTC))
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    text = said["phase_seconds"]["generation"]
    return {
        "files": len(files),
        "requests": sum(map(len, files)),
        "seconds": round(seconds, 4),
        "cpu_seconds": round(cpu, 4),
        "text_seconds": text,
        "share": round(seconds / text, 5),
        "requests_per_second": round(said["generated"] / text, 1),
    }


def _list_settings() -> list[str]:
    settings = {"engine_options.delay_ms": DELAY_MS, "batch_rows": BATCH_ROWS, "batches_in_flight": BATCHES}
    return [each for name, value in settings.items() for each in ("--set", f"execution.text.{name}={value}")]


def _watch(job: Path, output: str, is_reached: Callable[[], bool], *settings: str) -> Usage:
    command = [*COMMAND, str(job), "--output", output, *settings]
    return _explain(lambda: watch_until(command, is_reached))


def _run(job: Path, output: str, *settings: str) -> dict[str, Any]:
    """Run a job to its end and return what it says of itself."""
    command = [*COMMAND, str(job), "--output", output, "--json", *settings]
    said: dict[str, Any] = json.loads(_explain(lambda: run_watched(command)).stdout.splitlines()[-1])
    return said


def _explain(call: Callable[[], Usage]) -> Usage:
    try:
        return call()
    except subprocess.CalledProcessError as error:
        raise EngineError(
            f"the command ended with {error.returncode}: {str(error.stderr)[-2_000:]}", "see its log"
        ) from error


def _remove(output: str) -> None:
    store = Store(output)
    if not store.is_remote:
        shutil.rmtree(store.uri)
        return
    for info in store.list():
        store.delete(info.path)

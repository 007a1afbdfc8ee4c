"""Chains the stages on Ray Data. The only file that imports ray.

Units of input -> read (tasks) -> small blocks -> text (actors that hold an engine) -> finish (CPU actors) -> receipts.
"""

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset
from ray.exceptions import RayError, RayTaskError

from factory.duplicates import Duplicates
from factory.engines.vllm_options import runs_on_cpu
from factory.errors import EngineError, FactoryError, JobError
from factory.runs import Plan
from factory.segments import Finished
from factory.stages import FinishStage, TextStage, read_requests
from factory.storage import Store
from factory.units import InputPlan
from schemas.run import Receipt

FINISH_CALLS = 64  # calls of the finish stage that may wait for their commit at once
READ_CPUS = 0.25
MAX_RESTARTS = 3  # of one actor; then the run ends with the engine's error


@dataclass(frozen=True, slots=True)
class Resources:
    """What the stages get of the cluster. Numbers are Ray's logical CPUs and GPUs."""

    replicas: int
    text_cpus: float
    text_gpus: float
    finish_replicas: int
    finish_cpus: float
    owned_cpus: float = 0.0  # of a machine that this run has to itself; 0 on a cluster that others may share

    @property
    def total_gpus(self) -> float:
        """GPUs that are paid for while the run lasts."""
        return self.replicas * self.text_gpus

    @property
    def total_cpus(self) -> float:
        """CPUs that are paid for while the run lasts: the whole machine, or what is booked on a shared cluster."""
        return self.owned_cpus or self.replicas * self.text_cpus + self.finish_replicas * self.finish_cpus


def start_ray(address: str | None) -> None:
    """Join the cluster at `address` (or RAY_ADDRESS), or start a private one in this process's machine. Raises JobError."""
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    options: dict[str, Any] = {"address": address, "log_to_driver": True, "configure_logging": True}
    if address == "local":
        options |= {"include_dashboard": False, "num_cpus": max(2, os.cpu_count() or 2)}
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise JobError(
            f"no Ray cluster at {address!r}: {error}", "unset RAY_ADDRESS to run on this machine, or start the cluster"
        ) from error
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.print_on_execution_start = False
    context.raise_original_map_exception = True


def stop_ray() -> None:
    """Leave the cluster, and end it when it is this process's own."""
    ray.shutdown()


def plan_resources(plan: Plan) -> Resources:
    """Share out the cluster: one engine a GPU (or one for all CPUs), small change for reading and finishing.

    Raises JobError when the job asks for GPUs that the cluster does not have.
    """
    execution = plan.loaded.job.execution
    total = ray.cluster_resources()
    num_gpus, num_cpus = float(total.get("GPU", 0)), float(total.get("CPU", 1))
    parallel = int(execution.text.engine_options.get("tensor_parallel_size", 1))
    parallel *= int(execution.text.engine_options.get("pipeline_parallel_size", 1))
    gpus = float(execution.text.gpus) if execution.text.gpus != "auto" else (float(parallel) if num_gpus else 0.0)
    if plan.scripted:
        gpus = 0.0
    is_shared = execution.ray_address is not None or "RAY_ADDRESS" in os.environ
    if gpus > num_gpus and not is_shared:
        raise JobError(
            f"execution.text.gpus asks for {gpus:g} GPUs and this machine has {num_gpus:g}",
            "set execution.text.gpus to auto, or run on a cluster (README, 'On a cluster')",
        )
    if not gpus and not plan.scripted and not runs_on_cpu():
        raise JobError(
            "the installed vLLM needs GPUs, and Ray shows none",
            "on a cluster that starts its workers on demand say what to ask for: --set execution.text.gpus=1 "
            "--set execution.text.replicas=4; without GPUs install the cpu extra",
        )
    replicas = execution.text.replicas
    if replicas == "auto":
        replicas = max(1, int(num_gpus // gpus)) if gpus else 1
    text_cpus = execution.text.cpus
    if text_cpus == "auto":
        # Bookkeeping only: the engine takes the cores that it is told to. One logical CPU stays free for Ray's own tasks.
        text_cpus = min(1.0, max(0.25, (num_cpus - 1.5) / int(replicas)))
    finish = execution.score.replicas
    if finish == "auto":
        finish = max(1, min(8, int(num_cpus // 8)))
    owned = 0.0 if is_shared else float(os.cpu_count() or 1)
    return Resources(int(replicas), float(text_cpus), gpus, int(finish), execution.score.cpus, owned)


def stream_receipts(
    plan: Plan, store: Store, source: InputPlan, duplicates: Duplicates, finished: Finished, resources: Resources
) -> Generator[Receipt]:
    """Run the whole flow and yield a receipt for every batch whose rows are on storage.

    Raises the stage's own FactoryError, or EngineError when Ray gave up.
    """
    execution = plan.loaded.job.execution
    shared = {"shared": [ray.put(plan), ray.put(duplicates), ray.put(finished)], "store": store}
    units = ray.data.from_items([{"unit": unit} for unit in source.units], override_num_blocks=len(source.units))
    rows = units.map_batches(
        _read_batch, batch_size=1, batch_format="numpy", num_cpus=READ_CPUS, fn_kwargs=shared
    ).repartition(target_num_rows_per_block=execution.text.batch_rows)
    written = write_rows(rows, plan, store, resources)
    receipts = written.map_batches(
        FinishStage,
        batch_size=None,
        batch_format="pyarrow",
        zero_copy_batch=True,
        fn_constructor_args=(plan, store, FINISH_CALLS),
        compute=ActorPoolStrategy(
            size=resources.finish_replicas,
            max_tasks_in_flight_per_actor=FINISH_CALLS * 2,
            max_concurrent_calls_per_actor=FINISH_CALLS,
        ),
        num_cpus=resources.finish_cpus,
    )
    try:
        for batch in receipts.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for text in batch.column("receipt").to_pylist():
                yield Receipt.model_validate_json(text)
    except FactoryError:
        raise
    except (RayError, RayTaskError) as error:
        raise _translate(error) from error


def write_rows(
    rows: Dataset, plan: Plan, store: Store, resources: Resources, stage: type[TextStage] = TextStage
) -> Dataset:
    """Return `rows` passed through the text stage; nothing runs yet."""
    execution = plan.loaded.job.execution.text
    return rows.map_batches(
        stage,
        batch_size=execution.batch_rows,
        batch_format="pyarrow",
        zero_copy_batch=True,
        fn_constructor_args=(plan, store),
        compute=ActorPoolStrategy(
            size=resources.replicas,
            max_tasks_in_flight_per_actor=execution.batches_in_flight * 2,
            max_concurrent_calls_per_actor=execution.batches_in_flight,
        ),
        num_cpus=resources.text_cpus,
        num_gpus=resources.text_gpus or None,
        max_restarts=MAX_RESTARTS,
    )


def _read_batch(batch: dict[str, Any], shared: Any, store: Store) -> Iterator[pa.Table]:
    plan, duplicates, finished = ray.get(shared)  # large when many requests are finished: fetched once a node
    for unit in batch["unit"]:
        yield from read_requests(unit, plan, store, duplicates, finished)


def _translate(error: BaseException) -> FactoryError:
    """Find our own error inside Ray's wrapping; what is left is an engine or cluster that died."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, FactoryError):
            return seen
        cause = getattr(seen, "cause", None)
        seen = cause if isinstance(cause, BaseException) else seen.__cause__
    inner = getattr(error, "cause", None) or error
    line = next(iter(str(inner).strip().splitlines()), "")
    return EngineError(
        f"the run stopped: {type(inner).__name__}: {line}",
        "finished requests are safe: run the same command again to go on",
    )

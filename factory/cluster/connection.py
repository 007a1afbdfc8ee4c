"""The Ray cluster under a run: joined or started, shared out among the stages, and the watch that outlives their processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import Popen
from typing import Any

import ray
from ray._private import auto_init_hook
from ray._private import utils as ray_settings
from ray.data import DataContext
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from factory.cluster.crash_tracker import Start, Verdict, Watch
from factory.config.job import Plan
from factory.engines.process_guard import let_be, start_follower
from factory.engines.vllm.options import runs_on_cpu
from factory.errors import EngineError, JobError

READ_CPUS = 0.25

Guard = Popen[bytes]
# Of clusters that were left in haste: closing one would end Ray under threads that still use it.
_left: list[Guard] = []


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


@dataclass(frozen=True, slots=True)
class PictureResources:
    """What the stages that make pictures get of the cluster. No `backdrop_replicas`: backdrops are drawn where they are used."""

    replicas: int
    cpus: float
    backdrop_replicas: int = 0
    backdrop_cpus: float = 0.0
    backdrop_gpus: float = 0.0

    @property
    def total_gpus(self) -> float:
        """GPUs that are paid for while pictures are made."""
        return self.backdrop_replicas * self.backdrop_gpus


class RayWatch:
    """The watch of a run, in a process of its own on the driver's node; for workers and, without `async`, for the driver."""

    def __init__(self, strikes: int, replicas: int) -> None:
        node = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._actor = ray.remote(Watch).options(num_cpus=0, scheduling_strategy=node).remote(strikes, replicas)

    async def open(self) -> Start:
        """As `Watch.open`."""
        return Start(await self._actor.open.remote())

    async def begin(self, key: str, is_new: bool = True) -> Verdict:
        """As `Watch.begin`."""
        return Verdict(await self._actor.begin.remote(key, is_new))

    async def end(self, key: str) -> None:
        """As `Watch.end`, without waiting: nothing depends on when it is known."""
        self._actor.end.remote(key)

    def drain(self) -> None:
        """As `Watch.drain`, from the driver."""
        ray.get(self._actor.drain.remote())

    def is_draining(self) -> bool:
        """As `Watch.is_draining`, from a task."""
        return bool(ray.get(self._actor.is_draining.remote()))


@contextmanager
def use_ray(address: str | None) -> Iterator[None]:
    """Join the cluster at `address` (or RAY_ADDRESS), or start a private one on this machine, while the block lasts.

    A private one ends with this process, however that ends: Ray's own agents would else live on for a minute or more.
    Raises JobError when there is no such cluster, EngineError when Ray does not come up.
    """
    guard = _start_guarded(address)
    try:
        yield
    except KeyboardInterrupt:  # a second signal: at once. The guard acts when this process is gone.
        _left.append(guard)
        raise
    except BaseException:
        _end_ray(guard)
        raise
    else:
        _end_ray(guard)


def list_nodes() -> set[str]:
    """Return the ids of the cluster's nodes that are alive."""
    return {node["NodeID"] for node in ray.nodes() if node["Alive"]}


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


def plan_pictures(plan: Plan) -> PictureResources:
    """Share out the cluster among the processes that make pictures: one a CPU, and one engine a GPU where backdrops need it.

    Raises JobError when the job asks for GPUs that the cluster does not have.
    """
    job = plan.loaded.job
    total = ray.cluster_resources()
    num_gpus, num_cpus = float(total.get("GPU", 0)), float(total.get("CPU", 1))
    wanted = job.execution.images
    engines, gpus, engine_cpus = 0, 0.0, 0.0
    if job.images is not None and job.images.backdrop.engine != "procedural":
        gpus = float(wanted.backdrop_gpus) if wanted.backdrop_gpus != "auto" else (1.0 if num_gpus else 0.0)
        if gpus > num_gpus and not (job.execution.ray_address or "RAY_ADDRESS" in os.environ):
            raise JobError(
                f"execution.images.backdrop_gpus asks for {gpus:g} GPUs and this machine has {num_gpus:g}",
                "set execution.images.backdrop_gpus to auto, or run on a cluster (README, 'On a cluster')",
            )
        auto = max(1, int(num_gpus // gpus)) if gpus else 1
        engines = auto if wanted.backdrop_replicas == "auto" else int(wanted.backdrop_replicas)
        engine_cpus = 0.25
    # Each uses its core fully, so there are as many as cores; by Ray's book they take less, for the tasks that read and that
    # cut rows into blocks must find room beside them: so much for each node that one has it, however Ray spreads the rest.
    # An engine has a core to itself: what feeds a GPU must not wait for those that compose.
    replicas = max(1, int(num_cpus) - engines) if wanted.replicas == "auto" else int(wanted.replicas)
    room = len(list_nodes()) * READ_CPUS * (3 if engines else 2)
    free = max(0.25, num_cpus - room - engines * engine_cpus)
    return PictureResources(replicas, min(1.0, free / replicas), engines, engine_cpus, gpus)


def _leave_signals(_handler: object) -> None:
    """Take no signal: `StopSign` has them."""


def _start_guarded(address: str | None) -> Guard:
    """Start or join, twice if need be: on a busy machine Ray's processes do not always find one another in time."""
    for is_last in (False, True):
        guard = start_follower()  # first: this process may be killed at any moment
        try:
            _start_ray(address)
        except EngineError:
            _end_ray(guard)
            if is_last:
                raise
        except BaseException:  # cut off by a second signal
            _end_ray(guard)
            raise
        else:
            let_be(guard)
            break
    return guard


def _end_ray(guard: Guard) -> None:
    ray.shutdown()
    guard.communicate()  # ends what Ray has left, and waits for that


def _start_ray(address: str | None) -> None:
    """Start or join."""
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    options: dict[str, Any] = {"address": address, "log_to_driver": True, "configure_logging": True}
    if address == "local":
        options |= {"include_dashboard": False, "num_cpus": max(2, os.cpu_count() or 2)}
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    # A thread of a flow that was left would else join a cluster of its own accord, and the next start find Ray taken.
    auto_init_hook.enable_auto_connect = False
    # Ray would take SIGTERM while it starts and end this process at once, without the processes that it has started.
    ray_settings.set_sigterm_handler = _leave_signals
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise JobError(
            f"no Ray cluster at {address!r}: {error}", "unset RAY_ADDRESS to run on this machine, or start the cluster"
        ) from error
    except Exception as error:  # Ray raises plain Exception when one of its processes does not come up
        words = " ".join(str(error).split())[:300]
        raise EngineError(
            f"Ray could not start: {words}", "often too little memory or too many other programs: run it again"
        ) from error
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.print_on_execution_start = False
    context.raise_original_map_exception = True

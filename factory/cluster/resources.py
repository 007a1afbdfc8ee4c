"""Shares out the cluster: how many processes of each stage there are, and what each takes of its CPUs and GPUs."""

import os
from dataclasses import dataclass

import ray

from factory.cluster.connection import (
    list_nodes,
)
from factory.config.job import RunSpec
from factory.engines.vllm.options import runs_on_cpu
from factory.errors import JobError

READ_CPUS = 0.25


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
class ImageResources:
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


def plan_resources(spec: RunSpec) -> Resources:
    """Share out the cluster: one engine a GPU (or one for all CPUs), small change for reading and finishing.

    Raises JobError when the job asks for GPUs that the cluster does not have.
    """
    execution = spec.loaded.job.execution
    total = ray.cluster_resources()
    num_gpus, num_cpus = float(total.get("GPU", 0)), float(total.get("CPU", 1))
    parallel = int(execution.text.engine_options.get("tensor_parallel_size", 1))
    parallel *= int(execution.text.engine_options.get("pipeline_parallel_size", 1))
    gpus = float(execution.text.gpus) if execution.text.gpus != "auto" else (float(parallel) if num_gpus else 0.0)
    if spec.scripted:
        gpus = 0.0
    is_shared = execution.ray_address is not None or "RAY_ADDRESS" in os.environ
    if gpus > num_gpus and not is_shared:
        raise JobError(
            f"execution.text.gpus asks for {gpus:g} GPUs and this machine has {num_gpus:g}",
            "set execution.text.gpus to auto, or run on a cluster (docs/cluster.md)",
        )
    if not gpus and not spec.scripted and not runs_on_cpu():
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


def plan_image_resources(spec: RunSpec) -> ImageResources:
    """Share out the cluster among the processes that make pictures: one a CPU, and one engine a GPU where backdrops need it.

    Raises JobError when the job asks for GPUs that the cluster does not have.
    """
    job = spec.loaded.job
    total = ray.cluster_resources()
    num_gpus, num_cpus = float(total.get("GPU", 0)), float(total.get("CPU", 1))
    wanted = job.execution.images
    engines, gpus, engine_cpus = 0, 0.0, 0.0
    if job.images is not None and job.images.backdrop.engine != "procedural":
        gpus = float(wanted.backdrop_gpus) if wanted.backdrop_gpus != "auto" else (1.0 if num_gpus else 0.0)
        if gpus > num_gpus and not (job.execution.ray_address or "RAY_ADDRESS" in os.environ):
            raise JobError(
                f"execution.images.backdrop_gpus asks for {gpus:g} GPUs and this machine has {num_gpus:g}",
                "set execution.images.backdrop_gpus to auto, or run on a cluster (docs/cluster.md)",
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
    return ImageResources(replicas, min(1.0, free / replicas), engines, engine_cpus, gpus)

"""The crash tracker of a run in a process of its own, so that it outlives the workers that it watches."""

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from factory.cluster.crash_tracker import CrashTracker, Start, Verdict


class CrashActor:
    """The watch of a run, in a process of its own on the driver's node; for workers and, without `async`, for the driver."""

    def __init__(self, strikes: int, replicas: int) -> None:
        node = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._actor = ray.remote(CrashTracker).options(num_cpus=0, scheduling_strategy=node).remote(strikes, replicas)

    async def open(self) -> Start:
        """As `CrashTracker.open`."""
        return Start(await self._actor.open.remote())

    async def begin(self, key: str, is_new: bool = True) -> Verdict:
        """As `CrashTracker.begin`."""
        return Verdict(await self._actor.begin.remote(key, is_new))

    async def end(self, key: str) -> None:
        """As `CrashTracker.end`, without waiting: nothing depends on when it is known."""
        self._actor.end.remote(key)

    def drain(self) -> None:
        """As `CrashTracker.drain`, from the driver."""
        ray.get(self._actor.drain.remote())

    def is_draining(self) -> bool:
        """As `CrashTracker.is_draining`, from a task."""
        return bool(ray.get(self._actor.is_draining.remote()))

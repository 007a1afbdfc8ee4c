"""Follows a flow on the cluster: takes its receipts, tells it when to end, and leaves it when it does not."""

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass, field

from factory.cluster import connection
from factory.cluster.crash_tracker import CrashTracking
from factory.errors import EngineError
from factory.runs.progress import Progress
from factory.runs.stall_detector import Bounds, StallDetector, Stalled
from factory.runs.stopping import StopSign, find_exhausted, iterate_with_ticks
from schemas.job import Job
from schemas.run import Receipt

TICK_SECONDS = 0.5  # between two looks at signals and budget while no receipt comes
MAX_RESTARTS = 2  # of a flow that stood still


@dataclass(slots=True)
class Supervisor:
    """What the flows of one command have in common: the cluster, until the block that it is entered for ends.

    `totals` is the sum of all receipts so far.
    """

    job: Job
    progress: Progress
    stop: StopSign
    check_lease: Callable[[], None]
    totals: Receipt = field(default_factory=lambda: Receipt(segment=""))
    flow_began: float = 0.0  # monotonic seconds, 0 before the first flow
    restarts: int = 0  # of the passes at hand
    _cluster: ExitStack | None = None

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def run(self, passes: Callable[[], None], what: str) -> None:
        """Do the passes on the cluster, and stay on it; when they stall, leave it and restart them.

        `restarts` tells them how often that was. `what` they finish is for the error. Raises FactoryError of any kind.
        """
        self.restarts = 0
        while True:
            try:
                self._join()
                passes()
                return
            except Stalled as stall:
                self.leave()
                if self.restarts == MAX_RESTARTS:
                    hint = "read the log for what happened to its nodes; finished "
                    hint += f"{what} are safe, the same command resumes"
                    raise EngineError(f"the run is stalled: {stall}", hint) from stall
                self.restarts += 1
                self.progress.say(f"{stall}; restarting what is left")

    def _join(self) -> None:
        if self._cluster is None:
            self._cluster = ExitStack()
            try:
                self._cluster.enter_context(connection.use_ray(self.job.execution.ray_address))
            finally:
                self.stop.take_signals()  # whatever Ray did with them

    def leave(self) -> None:
        """Leave the cluster, or end it, if one was joined."""
        if self._cluster is not None:
            try:
                self._cluster.close()
            finally:
                self._cluster = None
                self.stop.take_signals()

    def begin(self) -> None:
        """Note that the first flow begins now, unless one has begun before."""
        self.flow_began = self.flow_began or time.monotonic()

    def add(self, receipt: Receipt) -> None:
        """Count what finished."""
        self.totals = self.totals.add(receipt)

    def follow(
        self, flow: Callable[[], Generator[Receipt]], bounds: Bounds, gpus: float, tracker: CrashTracking
    ) -> None:
        """Take the receipts of one pass. When the run is told to stop, let what is in flight end within drain_seconds.

        `gpus` are in use meanwhile. Raises Standstill when nothing comes any more, and FactoryError of any kind.
        """
        self.begin()
        until: float | None = None
        detector = StallDetector(bounds, connection.list_nodes, hasty=self.restarts < MAX_RESTARTS)
        for receipt in iterate_with_ticks(flow, TICK_SECONDS):
            if receipt is not None:
                self.add(receipt)
                self.progress.update(self.totals)
                detector.note()
            detector.check(self.totals.engine_load_seconds)
            self.check_lease()
            self.stop.raise_for(find_exhausted(self.job.budget, self.totals, gpus, self.flow_began))
            if self.stop.reason and until is None:
                until = time.monotonic() + self.job.execution.drain_seconds
                self.progress.say(
                    f"stopping: {self.stop.reason}; what is in flight has {self.job.execution.drain_seconds:g} s"
                )
                tracker.drain()
            if until is not None and time.monotonic() > until:
                return  # what is still in flight is left to the next command

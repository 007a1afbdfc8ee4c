"""Streams a run's requests through the cluster, pass after pass, until each came to an end or the run is told to stop.

The first pass is over the input; each further one over what failed on the way, in smaller company.
"""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import pyarrow as pa

from factory import cluster, pipeline
from factory.cluster import Resources
from factory.errors import EngineError
from factory.failures import Failure, choose_level, read_failures
from factory.ledger import commit_unreadable, make_receipt, read_planned
from factory.planning import Prepared
from factory.progress import Progress
from factory.remaining import Left, read_left
from factory.row_keys import make_keys
from factory.runs import Plan
from factory.standstill import Patience, Standstill
from factory.stopping import StopSign, find_exhausted, iterate_with_ticks
from factory.storage import Store
from factory.unit_records import take_over
from factory.units import Unit
from schemas.run import Receipt

MAX_RESTARTS = 2  # of a flow that stood still
_STILL_HINT = "read the log for what happened to its nodes; finished requests are safe, the same command goes on"
TICK_SECONDS = 0.5  # between two looks at signals and budget while no receipt comes


@dataclass(slots=True)
class Generation:
    """One command's work, and what it has come to so far."""

    plan: Plan
    store: Store
    prepared: Prepared
    left: Left
    progress: Progress
    stop: StopSign
    check_lease: Callable[[], None]
    totals: Receipt = field(default_factory=lambda: Receipt(segment=""))
    resources: Resources | None = None
    flow_began: float = 0.0

    restarts: int = 0

    def run(self) -> None:
        """Do every pass. `totals` is then the sum of all receipts. Raises FactoryError of any kind."""
        self.totals = commit_unreadable(self.prepared.source, self.plan, self.store)
        while True:
            try:
                self._run_all()
                return
            except Standstill as standstill:
                if self.restarts == MAX_RESTARTS:
                    raise EngineError(f"the run stands still: {standstill}", _STILL_HINT) from standstill
                self.restarts += 1
                self.progress.say(f"{standstill}; what is left is begun anew")
                self.left = read_left(self.store, self.plan, self.prepared)

    def _run_all(self) -> None:
        """Do every pass over what is left, on a cluster that is joined or started for it."""
        try:
            with cluster.use_ray(self.plan.loaded.job.execution.ray_address):
                self.stop.take_signals()  # Ray takes SIGTERM for itself
                self._run_passes()
        finally:
            self.stop.take_signals()  # Ray gave them back to nobody

    def _run_passes(self) -> None:
        self.resources = cluster.plan_resources(self.plan)
        self.totals = self.totals.add(make_receipt("", [], take_over(self.left.split, self.plan, self.store)))
        self.flow_began = self.flow_began or time.monotonic()
        if self.left.split.left:
            self._run_first_pass(self.left.split.left, self.resources)
        tried: dict[str, Failure] = {}
        while not self.stop.reason:
            pending = self._find_pending(tried)
            if not pending:
                break
            level = choose_level(pending.values())
            chosen = {key: each for key, each in pending.items() if each.attempt == level}
            tried |= chosen
            self._run_pass(chosen, level, self.resources)

    def _find_pending(self, tried: dict[str, Failure]) -> dict[str, Failure]:
        """Return what failed and is to be tried again; what the job and its briefs no longer ask for is not."""
        pending = read_failures(self.store).find_pending(self.left.finished, tried)
        if not pending:
            return {}
        planned = read_planned(self.store, self.plan.attempt).keys
        keys = make_keys(pa.array(list(pending), type=pa.string())).tobytes()
        return {each: pending[each] for at, each in enumerate(pending) if keys[16 * at : 16 * at + 16] in planned}

    def _run_first_pass(self, units: list[Unit], resources: Resources) -> None:
        crowd = pipeline.choose_crowd(self.plan.loaded.job.execution.text, level=0)
        watch = cluster.RayWatch(crowd.strikes, resources.replicas)
        rows = pipeline.read_new(self.plan, self.store, units, self.prepared.duplicates, self.left.not_new, watch)
        self._follow(
            lambda: pipeline.stream_receipts(rows, self.plan, self.store, resources, crowd, watch), resources, watch
        )

    def _run_pass(self, chosen: dict[str, Failure], level: int, resources: Resources) -> None:
        crowd = pipeline.choose_crowd(self.plan.loaded.job.execution.text, level)
        together = crowd.rows * crowd.batches
        self.progress.say(
            f"trying {len(chosen):,} failed requests again, "
            f"{'each alone' if together == 1 else f'at most {together:,} at once'}"
        )
        watch = cluster.RayWatch(crowd.strikes, resources.replicas)
        rows = pipeline.read_failed(chosen, self.store)
        self._follow(
            lambda: pipeline.stream_receipts(rows, self.plan, self.store, resources, crowd, watch), resources, watch
        )

    def _follow(self, flow: Callable[[], Generator[Receipt]], resources: Resources, watch: cluster.RayWatch) -> None:
        """Take the receipts of one pass. When the run is told to stop, let what is under way end within drain_seconds."""
        job = self.plan.loaded.job
        until: float | None = None
        patience = Patience(job.execution.text, cluster.list_nodes, hasty=self.restarts < MAX_RESTARTS)
        for receipt in iterate_with_ticks(flow, TICK_SECONDS):
            if receipt is not None:
                self.totals = self.totals.add(receipt)
                self.progress.update(self.totals)
                patience.note()
            patience.check(self.totals.engine_load_seconds)
            self.check_lease()
            self.stop.raise_for(find_exhausted(job.budget, self.totals, resources.total_gpus, self.flow_began))
            if self.stop.reason and until is None:
                until = time.monotonic() + job.execution.drain_seconds
                self.progress.say(
                    f"stopping: {self.stop.reason}; what is under way has {job.execution.drain_seconds:g} s"
                )
                watch.drain()
            if until is not None and time.monotonic() > until:
                return  # what is still under way is left to the next command

"""Streams a run's requests through the cluster, pass after pass, until each came to an end or the run is told to stop.

The first pass is over the input; each further one over what failed on the way, in smaller company.
"""

from dataclasses import dataclass

from factory.briefs.splits import Unit
from factory.cluster import connection
from factory.cluster.connection import Resources
from factory.config.job import Plan
from factory.journal.failures import Failure, choose_level, read_failures
from factory.journal.records import commit_unreadable, keep_planned, make_receipt
from factory.journal.split_records import take_over
from factory.pipeline import ray_data
from factory.runs.planning import Prepared
from factory.runs.remaining import Left, read_left
from factory.runs.supervisor import Follower
from factory.storage.store import Store


@dataclass(slots=True)
class Generation:
    """One command's work, and what it has come to so far."""

    plan: Plan
    store: Store
    prepared: Prepared
    left: Left
    follower: Follower
    resources: Resources | None = None

    def run(self) -> None:
        """Do every pass. Raises FactoryError of any kind."""
        self.follower.add(commit_unreadable(self.prepared.source, self.plan, self.store))
        self._take_over()
        if self.left.split.left or self.left.failures.find_pending(self.left.finished):
            self.follower.run(self._run_passes, "requests")
        # else all of it was done before: nothing needs a cluster

    def _take_over(self) -> None:
        """Count the units that an earlier command has done."""
        self.follower.add(make_receipt("", [], take_over(self.left.split, self.plan, self.store)))

    def _run_passes(self) -> None:
        if self.follower.restarts:
            self.left = read_left(self.store, self.plan, self.prepared)
            self._take_over()
        self.resources = connection.plan_resources(self.plan)
        self.follower.begin()
        if self.left.split.left:
            self._run_first_pass(self.left.split.left, self.resources)
        tried: dict[str, Failure] = {}
        while not self.follower.stop.reason:
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
        return keep_planned(pending, self.store, self.plan.attempt)

    def _run_first_pass(self, units: list[Unit], resources: Resources) -> None:
        crowd = ray_data.choose_crowd(self.plan.loaded.job.execution.text, level=0)
        watch = connection.RayWatch(crowd.strikes, resources.replicas)
        rows = ray_data.read_new(self.plan, self.store, units, self.prepared.duplicates, self.left.not_new, watch)
        self._follow(rows, resources, crowd, watch)

    def _run_pass(self, chosen: dict[str, Failure], level: int, resources: Resources) -> None:
        crowd = ray_data.choose_crowd(self.plan.loaded.job.execution.text, level)
        together = crowd.rows * crowd.batches
        self.follower.progress.say(
            f"trying {len(chosen):,} failed requests again, "
            f"{'each alone' if together == 1 else f'at most {together:,} at once'}"
        )
        watch = connection.RayWatch(crowd.strikes, resources.replicas)
        rows = ray_data.read_failed(chosen, self.store)
        self._follow(rows, resources, crowd, watch)

    def _follow(
        self, rows: ray_data.Rows, resources: Resources, crowd: ray_data.Crowd, watch: connection.RayWatch
    ) -> None:
        self.follower.follow(
            lambda: ray_data.stream_receipts(rows, self.plan, self.store, resources, crowd, watch),
            self.plan.loaded.job.execution.text,
            resources.total_gpus,
            watch,
        )

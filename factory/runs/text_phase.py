"""Streams a run's requests through the cluster, pass after pass, until each came to an end or the run is told to stop.

The first pass is over the input; each further one over what failed on the way, in smaller batches.
"""

from dataclasses import dataclass

from factory.briefs.splits import InputSplit
from factory.cluster.crash_actor import CrashActor
from factory.cluster.resources import Resources, plan_resources
from factory.config.job import RunSpec
from factory.journal.failures import Failure, choose_level, read_failures
from factory.journal.planned import commit_unreadable, keep_planned
from factory.journal.receipts import make_receipt
from factory.journal.split_records import take_over
from factory.pipeline import ray_data
from factory.pipeline.context import RunContext
from factory.runs.planning import Prepared
from factory.runs.remaining import RemainingWork, find_remaining
from factory.runs.supervisor import Supervisor
from factory.storage.store import Store


@dataclass(slots=True)
class TextPhase:
    """One command's work, and what it has come to so far."""

    spec: RunSpec
    store: Store
    prepared: Prepared
    left: RemainingWork
    supervisor: Supervisor
    resources: Resources | None = None

    def run(self) -> None:
        """Do every pass. Raises FactoryError of any kind."""
        self.supervisor.add(commit_unreadable(self.prepared.source, self.spec, self.store))
        self._take_over()
        if self.left.split.left or self.left.failures.find_pending(self.left.finished):
            self.supervisor.run(self._run_passes, "requests")
        # else all of it was done before: nothing needs a cluster

    def _take_over(self) -> None:
        """Count the splits that an earlier command has done."""
        self.supervisor.add(make_receipt("", [], take_over(self.left.split, self.spec, self.store)))

    def _run_passes(self) -> None:
        if self.supervisor.restarts:
            self.left = find_remaining(self.store, self.spec, self.prepared)
            self._take_over()
        self.resources = plan_resources(self.spec)
        self.supervisor.begin()
        if self.left.split.left:
            self._run_first_pass(self.left.split.left, self.resources)
        tried: dict[str, Failure] = {}
        while not self.supervisor.stop.reason:
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
        return keep_planned(pending, self.store, self.spec.attempt)

    def _run_first_pass(self, splits: list[InputSplit], resources: Resources) -> None:
        concurrency = ray_data.choose_concurrency(self.spec.loaded.job.execution.text, level=0)
        context = self._make_context(concurrency, resources)
        rows = ray_data.read_new(context, splits, self.prepared.duplicates, self.left.not_new)
        self._follow(rows, context, resources, concurrency)

    def _run_pass(self, chosen: dict[str, Failure], level: int, resources: Resources) -> None:
        concurrency = ray_data.choose_concurrency(self.spec.loaded.job.execution.text, level)
        together = concurrency.rows * concurrency.batches
        self.supervisor.progress.say(
            f"trying {len(chosen):,} failed requests again, "
            f"{'each alone' if together == 1 else f'at most {together:,} at once'}"
        )
        context = self._make_context(concurrency, resources)
        self._follow(ray_data.read_failed(chosen, self.store), context, resources, concurrency)

    def _make_context(self, concurrency: ray_data.Concurrency, resources: Resources) -> RunContext:
        """Return the context of a pass, with a crash tracker of its own."""
        return RunContext(self.spec, self.store, CrashActor(concurrency.strikes, resources.replicas))

    def _follow(
        self, rows: ray_data.Rows, context: RunContext, resources: Resources, concurrency: ray_data.Concurrency
    ) -> None:
        self.supervisor.follow(
            lambda: ray_data.stream_receipts(rows, context, resources, concurrency),
            self.spec.loaded.job.execution.text,
            resources.total_gpus,
            context.tracker,
        )

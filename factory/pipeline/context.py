"""What every stage of a run is given: the run, its output and its crash tracker. Plain data, sent to each worker once."""

from dataclasses import dataclass

from factory.cluster.crash_tracker import CrashTracking
from factory.config.job import RunSpec
from factory.images.setup import ImageSetup
from factory.journal.committer import CommitLimits, Committer
from factory.storage.store import Store


@dataclass(frozen=True, slots=True)
class RunContext:
    """The context of one pass over the text phase; a pass has a crash tracker of its own."""

    spec: RunSpec
    store: Store
    tracker: CrashTracking


@dataclass(frozen=True, slots=True)
class ImagesContext(RunContext):
    """The same for a pass over the images phase, with what all creatives of the job share."""

    setup: ImageSetup


def make_committer(context: RunContext, phase: str, waiting_limit: int) -> Committer:
    """Return the committer of a stage's rows; `waiting_limit` calls of the stage may wait for one file."""
    execution = context.spec.loaded.job.execution
    limits = CommitLimits(execution.commit_rows, execution.commit_seconds, waiting_limit)
    return Committer(context.store, phase, context.spec.run_id, limits)

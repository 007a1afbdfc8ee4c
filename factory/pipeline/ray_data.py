"""Chains the stages on Ray Data. The only file that imports ray.data.

Rows (from splits of input, or from the records of what failed) -> small blocks -> text (actors that hold an engine) -> finish
(CPU actors) -> receipts. Then pictures: rows (from segment files of texts) -> backdrops (actors that hold an engine, where
backdrops are generated) -> pictures (CPU actors) -> receipts.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, Dataset
from ray.exceptions import RayError

from factory.briefs.duplicates import Duplicates
from factory.briefs.splits import InputSplit
from factory.cluster.resources import READ_CPUS, ImageResources, Resources
from factory.errors import EngineError, FactoryError
from factory.journal.accepted_texts import TextFile
from factory.journal.failures import Failure
from factory.journal.segments import Finished
from factory.pipeline.backdrop_stage import BackdropStage
from factory.pipeline.context import ImagesContext, RunContext
from factory.pipeline.creative_stage import CreativeStage
from factory.pipeline.image_rows import Tries, read_chosen, read_copy
from factory.pipeline.rows import read_again, read_requests
from factory.pipeline.score_stage import ScoreStage
from factory.pipeline.text_stage import TextStage
from factory.storage.store import Store
from schemas.job import TextExecution
from schemas.run import Receipt

Rows = Dataset

FINISH_CALLS = 64  # calls of the finish stage that may wait for their commit at once
STRIKES = 2  # deaths of a process after which a text whose creatives were in flight is suspect


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many requests one engine has in flight: batches of `rows`, `batches` at once."""

    rows: int
    batches: int
    strikes: int  # deaths of a process after which the batches that were in flight are suspect


def choose_concurrency(execution: TextExecution, level: int) -> Concurrency:
    """Return how requests that failed `level` times before are worked on: in ever smaller batches, at last alone.

    A request that kills its process is so told from those that died with it, at the cost of a death a level. New ones
    are worked on once more after a first death, for most deaths are no request's fault.
    """
    if level == 0:
        return Concurrency(execution.batch_rows, execution.batches_in_flight, strikes=2)
    return Concurrency(1, isqrt(execution.batch_rows * execution.batches_in_flight) if level == 1 else 1, strikes=1)


@dataclass(frozen=True, slots=True)
class ActorPool:
    """The processes of one stage: how many, what each books of its node, and how many calls each takes at once."""

    size: int
    calls: int
    num_cpus: float
    num_gpus: float = 0.0


def read_new(context: RunContext, splits: Sequence[InputSplit], duplicates: Duplicates, finished: Finished) -> Dataset:
    """Return the rows of `splits`, requests that `finished` holds left out; nothing is read yet."""
    # Large when many requests are finished: fetched once a node.
    return _read([{"split": split} for split in splits], _read_splits, context, duplicates, finished)


def read_failed(chosen: Mapping[str, Failure], store: Store) -> Dataset:
    """Return the rows of requests that failed before; nothing is read yet."""
    return _read([{"all": True}], _read_again, chosen, store)


def read_new_copy(context: ImagesContext, files: Sequence[TextFile], not_new: Finished) -> Dataset:
    """Return the texts in `files` with the creatives that are new; nothing is read yet."""
    return _read([{"file": file} for file in files], _read_copy, context, not_new)


def read_failed_copy(context: ImagesContext, files: Sequence[TextFile], chosen: Tries) -> Dataset:
    """Return the texts in `files` with the `chosen` creatives, which failed before; nothing is read yet."""
    return _read([{"file": file} for file in files], _read_copy_again, context, chosen)


def stream_receipts(
    rows: Dataset, context: RunContext, resources: Resources, concurrency: Concurrency
) -> Generator[Receipt]:
    """Run the whole flow over `rows` and yield a receipt for every batch whose rows are on storage.

    Raises the stage's own FactoryError, or EngineError when Ray gave up.
    """
    pool = ActorPool(resources.finish_replicas, FINISH_CALLS, resources.finish_cpus)
    written = write_rows(rows, context, resources, concurrency)
    yield from _take_receipts(_map_actors(written, ScoreStage, (context, FINISH_CALLS), None, pool))


def write_rows(
    rows: Dataset,
    context: RunContext,
    resources: Resources,
    concurrency: Concurrency,
    stage: type[TextStage] = TextStage,
) -> Dataset:
    """Return `rows` passed through the text stage; nothing runs yet."""
    pool = ActorPool(resources.replicas, concurrency.batches, resources.text_cpus, resources.text_gpus)
    return _map_actors(_rebatch(rows, concurrency.rows), stage, (context,), concurrency.rows, pool)


def stream_creatives(
    rows: Dataset, context: ImagesContext, resources: ImageResources, stage: type[BackdropStage] = BackdropStage
) -> Generator[Receipt]:
    """Make the creatives of `rows` and yield a receipt for every batch that is on storage. Raises as `stream_receipts`."""
    execution = context.spec.loaded.job.execution.images
    if resources.backdrop_replicas:
        num_rows = execution.batch_size
        # Of two calls one draws, while what the other has drawn is on its way to the next stage.
        pool = ActorPool(resources.backdrop_replicas, 2, resources.backdrop_cpus, resources.backdrop_gpus)
        rows = _map_actors(_rebatch(rows, num_rows), stage, (context,), num_rows, pool)
    pool = ActorPool(resources.replicas, execution.rows_in_flight, resources.cpus)
    arguments = (context, execution.rows_in_flight)
    yield from _take_receipts(_map_actors(_rebatch(rows, 1), CreativeStage, arguments, 1, pool))


def _read(items: list[dict[str, Any]], task: Callable[..., Iterator[pa.Table]], *shared: Any) -> Dataset:
    """Return what `task` makes of each item, in a Ray task of its own; what they share is put on the cluster once."""
    dataset = ray.data.from_items(items, override_num_blocks=len(items))
    return dataset.map_batches(
        task,
        batch_size=1,
        batch_format="numpy",
        num_cpus=READ_CPUS,
        fn_kwargs={"shared": [ray.put(each) for each in shared]},
    )


def _map_actors(
    rows: Dataset, stage: type[Any], arguments: tuple[Any, ...], batch_size: int | None, pool: ActorPool
) -> Dataset:
    """Return `rows` passed through the actors of a stage. Twice as many batches as are worked on wait at each of them."""
    return rows.map_batches(
        stage,
        batch_size=batch_size,
        batch_format="pyarrow",
        zero_copy_batch=True,
        fn_constructor_args=arguments,
        compute=ActorPoolStrategy(
            size=pool.size,
            max_tasks_in_flight_per_actor=pool.calls * 2,
            max_concurrent_calls_per_actor=pool.calls,
        ),
        num_cpus=pool.num_cpus,
        num_gpus=pool.num_gpus or None,
    )


def _rebatch(rows: Dataset, num_rows: int) -> Dataset:
    """Return `rows` in blocks of `num_rows`, cut by tasks that are content with a share of a logical CPU.

    Ray gives such tasks a whole one, without a parameter: where processes leave less on each node they wait for ever, as
    they do when a node has gone.
    """
    blocks = rows.repartition(target_num_rows_per_block=num_rows)
    blocks._logical_plan.dag.ray_remote_args["num_cpus"] = READ_CPUS
    return blocks


def _take_receipts(receipts: Dataset) -> Generator[Receipt]:
    try:
        for batch in receipts.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for text in batch.column("receipt").to_pylist():
                yield Receipt.model_validate_json(text)
    except RayError as error:
        raise _translate(error) from error


def _read_splits(batch: dict[str, Any], shared: Any) -> Iterator[pa.Table]:
    context, duplicates, finished = ray.get(shared)
    for split in batch["split"]:
        if not context.tracker.is_draining():
            yield from read_requests(split, context, duplicates, finished)


def _read_again(_batch: dict[str, Any], shared: Any) -> Iterator[pa.Table]:
    yield from read_again(*ray.get(shared))


def _read_copy(batch: dict[str, Any], shared: Any) -> Iterator[pa.Table]:
    context, not_new = ray.get(shared)
    for file in batch["file"]:
        if not context.tracker.is_draining():
            yield from read_copy(file, context, not_new)


def _read_copy_again(batch: dict[str, Any], shared: Any) -> Iterator[pa.Table]:
    context, chosen = ray.get(shared)
    for file in batch["file"]:
        yield from read_chosen(file, context, chosen)


def _translate(error: BaseException) -> FactoryError:
    """Find our own error inside Ray's wrapping; what is left is an engine or cluster that died."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, FactoryError) and not isinstance(seen, RayError):  # Ray makes classes that are both
            return seen
        cause = getattr(seen, "cause", None)
        seen = cause if isinstance(cause, BaseException) else seen.__cause__
    inner = getattr(error, "cause", None) or error
    line = next(iter(str(inner).strip().splitlines()), "")
    return EngineError(
        f"the run stopped: {type(inner).__name__}: {line}",
        "finished requests are safe: run the same command again to go on",
    )

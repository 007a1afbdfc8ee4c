"""Chains the stages on Ray Data. The only file that imports ray.data.

Rows (from splits of input, or from the records of what failed) -> small blocks -> text (actors that hold an engine) -> finish
(CPU actors) -> receipts. Then pictures: rows (from segment files of texts) -> backdrops (actors that hold an engine, where
backdrops are generated) -> pictures (CPU actors) -> receipts.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, Dataset
from ray.exceptions import RayError

from factory.briefs.duplicates import Duplicates
from factory.briefs.splits import InputSplit
from factory.cluster.crash_actor import CrashActor
from factory.cluster.crash_tracker import CrashTracking
from factory.cluster.resources import READ_CPUS, ImageResources, Resources
from factory.config.job import RunSpec
from factory.errors import EngineError, FactoryError
from factory.images.setup import ImageSetup
from factory.journal.accepted_texts import TextFile
from factory.journal.failures import Failure
from factory.journal.segments import Finished
from factory.pipeline.backdrop_stage import BackdropStage
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
STRIKES = 2  # deaths of a process after which a text whose creatives were under way is suspect


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many requests one engine has under way: batches of `rows`, `batches` at once."""

    rows: int
    batches: int
    strikes: int  # deaths of a process after which the batches that were under way are suspect


def choose_concurrency(execution: TextExecution, level: int) -> Concurrency:
    """Return how requests that failed `level` times before are worked on: in ever smaller company, at last alone.

    A request that kills its process is so told from those that died with it, at the cost of a death a level. New ones
    are worked on once more after a first death, for most deaths are no request's fault.
    """
    if level == 0:
        return Concurrency(execution.batch_rows, execution.batches_in_flight, strikes=2)
    return Concurrency(1, isqrt(execution.batch_rows * execution.batches_in_flight) if level == 1 else 1, strikes=1)


def read_new(
    spec: RunSpec,
    store: Store,
    splits: list[InputSplit],
    duplicates: Duplicates,
    finished: Finished,
    tracker: CrashActor,
) -> Dataset:
    """Return the rows of `splits`, requests that `finished` holds left out; nothing is read yet."""
    shared = {"shared": [ray.put(spec), ray.put(duplicates), ray.put(finished)], "store": store, "watch": tracker}
    items = ray.data.from_items([{"unit": split} for split in splits], override_num_blocks=len(splits))
    return items.map_batches(_read_batch, batch_size=1, batch_format="numpy", num_cpus=READ_CPUS, fn_kwargs=shared)


def read_failed(chosen: Mapping[str, Failure], store: Store) -> Dataset:
    """Return the rows of requests that failed before; nothing is read yet."""
    shared = {"chosen": ray.put(chosen), "store": store}
    one = ray.data.from_items([{"all": True}], override_num_blocks=1)
    return one.map_batches(_read_again, batch_size=1, batch_format="numpy", num_cpus=READ_CPUS, fn_kwargs=shared)


def stream_receipts(
    rows: Dataset, spec: RunSpec, store: Store, resources: Resources, concurrency: Concurrency, tracker: CrashActor
) -> Generator[Receipt]:
    """Run the whole flow over `rows` and yield a receipt for every batch whose rows are on storage.

    Raises the stage's own FactoryError, or EngineError when Ray gave up.
    """
    receipts = write_rows(rows, spec, store, resources, concurrency, tracker).map_batches(
        ScoreStage,
        batch_size=None,
        batch_format="pyarrow",
        zero_copy_batch=True,
        fn_constructor_args=(spec, store, tracker, FINISH_CALLS),
        compute=ActorPoolStrategy(
            size=resources.finish_replicas,
            max_tasks_in_flight_per_actor=FINISH_CALLS * 2,
            max_concurrent_calls_per_actor=FINISH_CALLS,
        ),
        num_cpus=resources.finish_cpus,
    )
    yield from _take_receipts(receipts)


def write_rows(
    rows: Dataset,
    spec: RunSpec,
    store: Store,
    resources: Resources,
    concurrency: Concurrency,
    tracker: CrashTracking,
    stage: type[TextStage] = TextStage,
) -> Dataset:
    """Return `rows` passed through the text stage; nothing runs yet."""
    return _rebatch(rows, concurrency.rows).map_batches(
        stage,
        batch_size=concurrency.rows,
        batch_format="pyarrow",
        zero_copy_batch=True,
        fn_constructor_args=(spec, store, tracker),
        compute=ActorPoolStrategy(
            size=resources.replicas,
            max_tasks_in_flight_per_actor=concurrency.batches * 2,
            max_concurrent_calls_per_actor=concurrency.batches,
        ),
        num_cpus=resources.text_cpus,
        num_gpus=resources.text_gpus or None,
    )


def read_new_copy(
    spec: RunSpec, setup: ImageSetup, store: Store, files: Sequence[TextFile], not_new: Finished, tracker: CrashActor
) -> Dataset:
    """Return the texts in `files` with the creatives that are new; nothing is read yet."""
    shared = {"shared": [ray.put(spec), ray.put(setup), ray.put(not_new)], "store": store, "watch": tracker}
    return _spread(files).map_batches(
        _read_copy, batch_size=1, batch_format="numpy", num_cpus=READ_CPUS, fn_kwargs=shared
    )


def read_failed_copy(
    spec: RunSpec, setup: ImageSetup, store: Store, files: Sequence[TextFile], chosen: Tries
) -> Dataset:
    """Return the texts in `files` with the `chosen` creatives, which failed before; nothing is read yet."""
    shared = {"shared": [ray.put(spec), ray.put(setup), ray.put(chosen)], "store": store}
    return _spread(files).map_batches(
        _read_copy_again, batch_size=1, batch_format="numpy", num_cpus=READ_CPUS, fn_kwargs=shared
    )


def stream_creatives(
    rows: Dataset,
    spec: RunSpec,
    setup: ImageSetup,
    store: Store,
    resources: ImageResources,
    tracker: CrashActor,
    stage: type[BackdropStage] = BackdropStage,
) -> Generator[Receipt]:
    """Make the creatives of `rows` and yield a receipt for every batch that is on storage. Raises as `stream_receipts`."""
    calls = spec.loaded.job.execution.images.rows_in_flight
    if resources.backdrop_replicas:
        num_rows = spec.loaded.job.execution.images.batch_size
        rows = _rebatch(rows, num_rows).map_batches(
            stage,
            batch_size=num_rows,
            batch_format="pyarrow",
            zero_copy_batch=True,
            fn_constructor_args=(spec, setup, tracker),
            # Of two calls one draws, while what the other has drawn is on its way to the next stage.
            compute=ActorPoolStrategy(
                size=resources.backdrop_replicas, max_tasks_in_flight_per_actor=4, max_concurrent_calls_per_actor=2
            ),
            num_cpus=resources.backdrop_cpus,
            num_gpus=resources.backdrop_gpus or None,
        )
    receipts = _rebatch(rows, 1).map_batches(
        CreativeStage,
        batch_size=1,
        batch_format="pyarrow",
        zero_copy_batch=True,
        fn_constructor_args=(spec, setup, store, tracker, calls),
        compute=ActorPoolStrategy(
            size=resources.replicas,
            max_tasks_in_flight_per_actor=calls * 2,
            max_concurrent_calls_per_actor=calls,
        ),
        num_cpus=resources.cpus,
    )
    yield from _take_receipts(receipts)


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


def _spread(files: Sequence[TextFile]) -> Dataset:
    return ray.data.from_items([{"file": file} for file in files], override_num_blocks=len(files))


def _read_copy(batch: dict[str, Any], shared: Any, store: Store, tracker: CrashActor) -> Iterator[pa.Table]:
    spec, setup, not_new = ray.get(shared)
    for file in batch["file"]:
        if not tracker.is_draining():
            yield from read_copy(file, spec, setup, store, not_new)


def _read_copy_again(batch: dict[str, Any], shared: Any, store: Store) -> Iterator[pa.Table]:
    spec, setup, chosen = ray.get(shared)
    for file in batch["file"]:
        yield from read_chosen(file, spec, setup, store, chosen)


def _read_batch(batch: dict[str, Any], shared: Any, store: Store, tracker: CrashActor) -> Iterator[pa.Table]:
    spec, duplicates, finished = ray.get(shared)  # large when many requests are finished: fetched once a node
    for split in batch["unit"]:
        if not tracker.is_draining():
            yield from read_requests(split, spec, store, duplicates, finished)


def _read_again(_batch: dict[str, Any], chosen: Any, store: Store) -> Iterator[pa.Table]:
    yield from read_again(ray.get(chosen), store)


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

"""Chains the stages on Ray Data. The only file that imports ray.data.

Rows (from units of input, or from the records of what failed) -> small blocks -> text (actors that hold an engine) -> finish
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
from factory.briefs.splits import Unit
from factory.cluster.connection import READ_CPUS, PictureResources, RayWatch, Resources
from factory.cluster.crash_tracker import Watching
from factory.config.job import Plan
from factory.errors import EngineError, FactoryError
from factory.images.setup import Studio
from factory.journal.accepted_texts import TextFile
from factory.journal.failures import Failure
from factory.journal.segments import Finished
from factory.pipeline.backdrop_stage import BackdropStage
from factory.pipeline.creative_stage import PictureStage
from factory.pipeline.image_rows import Tries, read_chosen, read_copy
from factory.pipeline.rows import read_again, read_requests
from factory.pipeline.score_stage import FinishStage
from factory.pipeline.text_stage import TextStage
from factory.storage.store import Store
from schemas.job import TextExecution
from schemas.run import Receipt

Rows = Dataset

FINISH_CALLS = 64  # calls of the finish stage that may wait for their commit at once
STRIKES = 2  # deaths of a process after which a text whose creatives were under way is suspect


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many requests one engine has under way: batches of `rows`, `batches` at once."""

    rows: int
    batches: int
    strikes: int  # deaths of a process after which the batches that were under way are suspect


def choose_crowd(execution: TextExecution, level: int) -> Crowd:
    """Return how requests that failed `level` times before are worked on: in ever smaller company, at last alone.

    A request that kills its process is so told from those that died with it, at the cost of a death a level. New ones
    are worked on once more after a first death, for most deaths are no request's fault.
    """
    if level == 0:
        return Crowd(execution.batch_rows, execution.batches_in_flight, strikes=2)
    return Crowd(1, isqrt(execution.batch_rows * execution.batches_in_flight) if level == 1 else 1, strikes=1)


def read_new(
    plan: Plan, store: Store, units: list[Unit], duplicates: Duplicates, finished: Finished, watch: RayWatch
) -> Dataset:
    """Return the rows of `units`, requests that `finished` holds left out; nothing is read yet."""
    shared = {"shared": [ray.put(plan), ray.put(duplicates), ray.put(finished)], "store": store, "watch": watch}
    items = ray.data.from_items([{"unit": unit} for unit in units], override_num_blocks=len(units))
    return items.map_batches(_read_batch, batch_size=1, batch_format="numpy", num_cpus=READ_CPUS, fn_kwargs=shared)


def read_failed(chosen: Mapping[str, Failure], store: Store) -> Dataset:
    """Return the rows of requests that failed before; nothing is read yet."""
    shared = {"chosen": ray.put(chosen), "store": store}
    one = ray.data.from_items([{"all": True}], override_num_blocks=1)
    return one.map_batches(_read_again, batch_size=1, batch_format="numpy", num_cpus=READ_CPUS, fn_kwargs=shared)


def stream_receipts(
    rows: Dataset, plan: Plan, store: Store, resources: Resources, crowd: Crowd, watch: RayWatch
) -> Generator[Receipt]:
    """Run the whole flow over `rows` and yield a receipt for every batch whose rows are on storage.

    Raises the stage's own FactoryError, or EngineError when Ray gave up.
    """
    receipts = write_rows(rows, plan, store, resources, crowd, watch).map_batches(
        FinishStage,
        batch_size=None,
        batch_format="pyarrow",
        zero_copy_batch=True,
        fn_constructor_args=(plan, store, watch, FINISH_CALLS),
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
    plan: Plan,
    store: Store,
    resources: Resources,
    crowd: Crowd,
    watch: Watching,
    stage: type[TextStage] = TextStage,
) -> Dataset:
    """Return `rows` passed through the text stage; nothing runs yet."""
    return _cut(rows, crowd.rows).map_batches(
        stage,
        batch_size=crowd.rows,
        batch_format="pyarrow",
        zero_copy_batch=True,
        fn_constructor_args=(plan, store, watch),
        compute=ActorPoolStrategy(
            size=resources.replicas,
            max_tasks_in_flight_per_actor=crowd.batches * 2,
            max_concurrent_calls_per_actor=crowd.batches,
        ),
        num_cpus=resources.text_cpus,
        num_gpus=resources.text_gpus or None,
    )


def read_new_copy(
    plan: Plan, studio: Studio, store: Store, files: Sequence[TextFile], not_new: Finished, watch: RayWatch
) -> Dataset:
    """Return the texts in `files` with the creatives that are new; nothing is read yet."""
    shared = {"shared": [ray.put(plan), ray.put(studio), ray.put(not_new)], "store": store, "watch": watch}
    return _spread(files).map_batches(
        _read_copy, batch_size=1, batch_format="numpy", num_cpus=READ_CPUS, fn_kwargs=shared
    )


def read_failed_copy(plan: Plan, studio: Studio, store: Store, files: Sequence[TextFile], chosen: Tries) -> Dataset:
    """Return the texts in `files` with the `chosen` creatives, which failed before; nothing is read yet."""
    shared = {"shared": [ray.put(plan), ray.put(studio), ray.put(chosen)], "store": store}
    return _spread(files).map_batches(
        _read_copy_again, batch_size=1, batch_format="numpy", num_cpus=READ_CPUS, fn_kwargs=shared
    )


def stream_pictures(
    rows: Dataset,
    plan: Plan,
    studio: Studio,
    store: Store,
    resources: PictureResources,
    watch: RayWatch,
    stage: type[BackdropStage] = BackdropStage,
) -> Generator[Receipt]:
    """Make the creatives of `rows` and yield a receipt for every batch that is on storage. Raises as `stream_receipts`."""
    calls = plan.loaded.job.execution.images.rows_in_flight
    if resources.backdrop_replicas:
        num_rows = plan.loaded.job.execution.images.batch_size
        rows = _cut(rows, num_rows).map_batches(
            stage,
            batch_size=num_rows,
            batch_format="pyarrow",
            zero_copy_batch=True,
            fn_constructor_args=(plan, studio, watch),
            # Of two calls one draws, while what the other has drawn is on its way to the next stage.
            compute=ActorPoolStrategy(
                size=resources.backdrop_replicas, max_tasks_in_flight_per_actor=4, max_concurrent_calls_per_actor=2
            ),
            num_cpus=resources.backdrop_cpus,
            num_gpus=resources.backdrop_gpus or None,
        )
    receipts = _cut(rows, 1).map_batches(
        PictureStage,
        batch_size=1,
        batch_format="pyarrow",
        zero_copy_batch=True,
        fn_constructor_args=(plan, studio, store, watch, calls),
        compute=ActorPoolStrategy(
            size=resources.replicas,
            max_tasks_in_flight_per_actor=calls * 2,
            max_concurrent_calls_per_actor=calls,
        ),
        num_cpus=resources.cpus,
    )
    yield from _take_receipts(receipts)


def _cut(rows: Dataset, num_rows: int) -> Dataset:
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


def _read_copy(batch: dict[str, Any], shared: Any, store: Store, watch: RayWatch) -> Iterator[pa.Table]:
    plan, studio, not_new = ray.get(shared)
    for file in batch["file"]:
        if not watch.is_draining():
            yield from read_copy(file, plan, studio, store, not_new)


def _read_copy_again(batch: dict[str, Any], shared: Any, store: Store) -> Iterator[pa.Table]:
    plan, studio, chosen = ray.get(shared)
    for file in batch["file"]:
        yield from read_chosen(file, plan, studio, store, chosen)


def _read_batch(batch: dict[str, Any], shared: Any, store: Store, watch: RayWatch) -> Iterator[pa.Table]:
    plan, duplicates, finished = ray.get(shared)  # large when many requests are finished: fetched once a node
    for unit in batch["unit"]:
        if not watch.is_draining():
            yield from read_requests(unit, plan, store, duplicates, finished)


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

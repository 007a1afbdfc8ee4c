"""Makes the output of a job as a killed command leaves it: N requests finished, a few not. Quick, for it skips the engine.

Ids, briefs, segment files and unit records are the real ones; what the requests came to is taken in turn from a small run
of the same job, so that files have their usual size.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from multiprocessing import get_context

from factory.briefs.read import read_split
from factory.briefs.requests import make_requests
from factory.briefs.splits import InputSplit
from factory.config.job import RunSpec
from factory.journal.phases import TEXT_PHASE
from factory.journal.segments import SegmentRow, iterate_rows, write_segment
from factory.journal.split_records import digest_basis, make_record, write_record
from factory.runs.planning import Prepared
from factory.runs.state import open_run
from factory.storage.store import Store
from schemas.brief import Brief
from schemas.outcome import Outcome
from schemas.run import UnitCount


@dataclass(frozen=True, slots=True)
class Sample:
    """One request's outcome: its status, and its JSON from behind the request on."""

    status: str
    rest: str


def read_samples(store: Store) -> list[Sample]:
    """Return the outcomes of all requests that are finished in `store`."""
    rows = [row for row in iterate_rows(store, TEXT_PHASE) if row.status != "refused"]
    outcomes = [(row.status, Outcome.model_validate_json(row.payload)) for row in rows]
    return [Sample(status, outcome.model_dump_json(exclude={"request"})[1:]) for status, outcome in outcomes]


def make_finished(prepared: Prepared, samples: Sequence[Sample], num_finished: int) -> None:
    """Write run.json, unit records and segment files to the job's output: the first `num_finished` rows are done.

    The job has one request a row and no row that is refused. Works in one process per core. Raises StorageError.
    """
    loaded = prepared.spec.loaded
    store = Store(loaded.output_uri)
    state = open_run(store, loaded, prepared.spec.identity.job, prepared.digest, lambda: datetime.now(UTC))
    shared = _Shared(replace(prepared, spec=replace(prepared.spec, run_id=state.run_id)), list(samples), num_finished)
    pool = ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _start_worker, (shared,))
    with pool:
        for _ in pool.map(_finish_split, prepared.source.splits):
            pass


@dataclass(frozen=True, slots=True)
class _Shared:
    prepared: Prepared
    samples: list[Sample]
    num_finished: int


_here: list[_Shared] = []  # of a worker process


def _start_worker(shared: _Shared) -> None:
    _here.append(shared)


def _finish_split(split: InputSplit) -> None:
    shared = _here[0]
    spec, duplicates = shared.prepared.spec, shared.prepared.duplicates
    loaded = spec.loaded
    store, placements = Store(loaded.output_uri), list(loaded.placements.values())
    briefs = [item for item in read_split(split, loaded.job.columns, duplicates) if isinstance(item, Brief)]
    made = [make_requests(brief, placements, loaded.job.locales, spec.identity) for brief in briefs]
    requests = list(chain.from_iterable(made))
    count = UnitCount(unit=split.id, rows=len(briefs), briefs=len(briefs), refused=0, planned=len(requests), skipped=0)
    ids = [request.request_id for request in requests]
    write_record(make_record(count, ids, digest_basis(split, spec, duplicates)), spec, store)
    rows = []
    for number, request in enumerate(requests[: max(0, shared.num_finished - split.position)], split.position):
        sample = shared.samples[number % len(shared.samples)]
        payload = f'{{"request":{request.model_dump_json()},{sample.rest}'
        brief_id = request.brief.brief_id
        rows.append(
            SegmentRow(request.request_id, sample.status, brief_id, request.placement, request.locale, payload)
        )
    _commit(rows, spec, store)


def _commit(rows: Sequence[SegmentRow], spec: RunSpec, store: Store) -> None:
    size = spec.loaded.job.execution.commit_rows
    for at in range(0, len(rows), size):
        write_segment(store, TEXT_PHASE, rows[at : at + size], spec.run_id, datetime.now(UTC))

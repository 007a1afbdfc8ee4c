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

from factory.briefs.read import read_unit
from factory.briefs.requests import make_requests
from factory.briefs.splits import Unit
from factory.config.job import Plan, open_run
from factory.journal.committer import PHASE
from factory.journal.records import commit_unit
from factory.journal.segments import SegmentRow, iterate_rows, write_segment
from factory.journal.split_records import digest_basis
from factory.runs.planning import Prepared
from factory.storage.store import Store
from schemas.asset import Outcome
from schemas.brief import Brief
from schemas.run import UnitCount


@dataclass(frozen=True, slots=True)
class Sample:
    """One request's outcome: its status, and its JSON from behind the request on."""

    status: str
    rest: str


def read_samples(store: Store) -> list[Sample]:
    """Return the outcomes of all requests that are finished in `store`."""
    rows = [row for row in iterate_rows(store, PHASE) if row.status != "refused"]
    outcomes = [(row.status, Outcome.model_validate_json(row.payload)) for row in rows]
    return [Sample(status, outcome.model_dump_json(exclude={"request"})[1:]) for status, outcome in outcomes]


def make_finished(prepared: Prepared, samples: Sequence[Sample], num_finished: int) -> None:
    """Write run.json, unit records and segment files to the job's output: the first `num_finished` rows are done.

    The job has one request a row and no row that is refused. Works in one process per core. Raises StorageError.
    """
    loaded = prepared.plan.loaded
    store = Store(loaded.output_uri)
    state = open_run(store, loaded, prepared.plan.identity.job, prepared.digest, lambda: datetime.now(UTC))
    shared = _Shared(replace(prepared, plan=replace(prepared.plan, run_id=state.run_id)), list(samples), num_finished)
    pool = ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _start_worker, (shared,))
    with pool:
        for _ in pool.map(_finish_unit, prepared.source.units):
            pass


@dataclass(frozen=True, slots=True)
class _Shared:
    prepared: Prepared
    samples: list[Sample]
    num_finished: int


_here: list[_Shared] = []  # of a worker process


def _start_worker(shared: _Shared) -> None:
    _here.append(shared)


def _finish_unit(unit: Unit) -> None:
    shared = _here[0]
    plan, duplicates = shared.prepared.plan, shared.prepared.duplicates
    loaded = plan.loaded
    store, placements = Store(loaded.output_uri), list(loaded.placements.values())
    briefs = [item for item in read_unit(unit, loaded.job.columns, duplicates) if isinstance(item, Brief)]
    made = [make_requests(brief, placements, loaded.job.locales, plan.identity) for brief in briefs]
    requests = list(chain.from_iterable(made))
    count = UnitCount(unit=unit.id, rows=len(briefs), briefs=len(briefs), refused=0, planned=len(requests), skipped=0)
    ids = [request.request_id for request in requests]
    commit_unit(count, ids, plan, store, digest_basis(unit, plan, duplicates))
    rows = []
    for number, request in enumerate(requests[: max(0, shared.num_finished - unit.position)], unit.position):
        sample = shared.samples[number % len(shared.samples)]
        payload = f'{{"request":{request.model_dump_json()},{sample.rest}'
        brief_id = request.brief.brief_id
        rows.append(
            SegmentRow(request.request_id, sample.status, brief_id, request.placement, request.locale, payload)
        )
    _commit(rows, plan, store)


def _commit(rows: Sequence[SegmentRow], plan: Plan, store: Store) -> None:
    size = plan.loaded.job.execution.commit_rows
    for at in range(0, len(rows), size):
        write_segment(store, PHASE, rows[at : at + size], plan.run_id, datetime.now(UTC))

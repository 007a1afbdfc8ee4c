"""The three stages that a row passes, as plain classes over Arrow batches: read, text, finish. Knows nothing of Ray.

A row is (kind, payload): a `request` on its way, the pickled `outcomes` of a batch, a `refused` input row, or a `unit` that
says how many rows it held; JSON but for the outcomes. Whatever comes in goes out or is committed: nothing is dropped here.
"""

import asyncio
import gc
import json
import os
import pickle
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial

import pyarrow as pa

from factory.calibration import find_calibration, find_judge_weight
from factory.check import check_candidate, make_context, trust_items
from factory.commit import Committer
from factory.duplicates import Duplicates
from factory.embeddings import embed_texts
from factory.engines.base import Embedder, TextEngine
from factory.engines.choose import make_embedder, make_engine
from factory.errors import EngineError
from factory.ledger import commit_unit, make_outcome_row, make_receipt, make_refused_id, make_refused_row
from factory.prepare import make_requests, order_key
from factory.prompt import PromptBuilder
from factory.read import read_unit
from factory.runs import COMPUTED_WEIGHTS, Plan
from factory.score import Scoring, score_candidates, score_outcomes
from factory.segments import Finished
from factory.select import Assessor, select_assets
from factory.storage import Store
from factory.text import TextSettings, write_request
from factory.units import Unit
from schemas.asset import Outcome, Refusal
from schemas.request import Request
from schemas.rubric import Calibration
from schemas.run import UnitCount

ROW_SCHEMA = pa.schema([("kind", pa.string()), ("payload", pa.binary())])  # type: ignore[arg-type]
RECEIPT_SCHEMA = pa.schema([("receipt", pa.string())])

Row = tuple[str, str | bytes]  # kind, payload


def read_requests(
    unit: Unit, plan: Plan, store: Store, duplicates: Duplicates, finished: Finished
) -> Iterator[pa.Table]:
    """Read one unit of input: its new requests in engine order, its refused rows, and one row that counts both."""
    job = plan.loaded.job
    placements = list(plan.loaded.placements.values())
    rows: list[Row] = []
    ids: list[str] = []
    requests: list[Request] = []
    num_rows = num_briefs = 0
    for item in read_unit(unit, job.columns, duplicates):
        num_rows += 1
        if isinstance(item, Refusal):
            rows.append(("refused", item.model_dump_json()))
            ids.append(make_refused_id(item))
        else:
            num_briefs += 1
            requests += make_requests(item, placements, job.locales, plan.identity)
    request_ids = [request.request_id for request in requests]
    is_done = finished.contains(request_ids)
    new = [request for request, done in zip(requests, is_done, strict=True) if not done]
    count = UnitCount(
        unit=unit.id,
        rows=num_rows,
        briefs=num_briefs,
        refused=num_rows - num_briefs,
        planned=len(requests),
        skipped=len(requests) - len(new),
    )
    commit_unit(count, request_ids + ids, plan, store)
    rows.append(("unit", count.model_dump_json()))
    rows += [("request", request.model_dump_json()) for request in sorted(new, key=order_key)]
    yield make_rows(rows)


class TextStage:
    """The stage that holds an engine: requests become outcomes, other rows pass through."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self._plan = plan
        self._store = store
        self._lock = asyncio.Lock()
        self._engine: TextEngine | None = None
        self._settings: TextSettings | None = None
        self._news: dict[str, float] = {}  # how long the engine took to load, told to the driver once

    async def __call__(self, batch: pa.Table) -> AsyncIterator[pa.Table]:
        rows = list_rows(batch)
        tasks = [asyncio.create_task(self._write(payload)) for kind, payload in rows if kind == "request"]
        others: list[Row] = [row for row in rows if row[0] != "request"]
        outcomes = await asyncio.gather(*tasks)
        # In one piece: what they share, above all the checks, is written and read once.
        written: list[Row] = [("outcomes", pickle.dumps(outcomes, pickle.HIGHEST_PROTOCOL))] if outcomes else []
        if self._news:
            others.append(("engine", json.dumps(self._news)))
            self._news = {}
        yield make_rows(others + written)

    async def stop(self) -> None:
        """End the engine's processes."""
        if self._engine is not None:
            await self._engine.stop()
            self._engine = None

    async def _write(self, payload: bytes) -> Outcome:
        request = Request.model_validate_json(payload)
        async with self._lock:
            if self._engine is None or self._settings is None:
                self._engine, self._settings = await self._start()
        try:
            return await write_request(request, self._settings, self._engine)
        except EngineError:
            # Only the process's end makes Ray restart the actor and replay its rows; a raised error fails the job.
            await self._engine.stop()
            os._exit(1)

    async def _start(self) -> tuple[TextEngine, TextSettings]:
        began = time.time()
        engine = make_engine(self._plan)
        await engine.start()
        calibration = await find_calibration(self._plan, self._store, engine)
        settle_memory()
        self._news = {"engine_load_seconds": time.time() - began, "engine_ready_at": time.time()}
        return engine, make_settings(self._plan, calibration)


class FinishStage:
    """The CPU stage beside the engine: score, select, commit. A receipt comes out once its rows are on storage."""

    def __init__(self, plan: Plan, store: Store, concurrent_calls: int) -> None:
        self._plan = plan
        self._store = store
        execution = plan.loaded.job.execution
        self._embedder: Embedder | None = None
        self._lock = asyncio.Lock()
        self._weight: float | None = None
        self._committer = Committer(
            store, plan.run_id, execution.commit_rows, execution.commit_seconds, waiting_limit=concurrent_calls
        )

    async def __call__(self, batch: pa.Table) -> AsyncIterator[pa.Table]:
        received = list_rows(batch)
        outcomes = [each for kind, payload in received if kind == "outcomes" for each in pickle.loads(payload)]
        async with self._lock:  # one model, one batch at a time: threads of the scorer never fight each other
            finished = await asyncio.to_thread(self._finish, outcomes) if outcomes else []
        refused = [Refusal.model_validate_json(payload) for kind, payload in received if kind == "refused"]
        rows = [make_refused_row(refusal) for refusal in refused] + [make_outcome_row(outcome) for outcome in finished]
        segment = await self._committer.commit(rows) if rows else ""
        counts = [UnitCount.model_validate_json(payload) for kind, payload in received if kind == "unit"]
        receipt = make_receipt(segment, finished, counts)
        news = [json.loads(payload) for kind, payload in received if kind == "engine"]
        receipt = receipt.model_copy(update=news[0]) if news else receipt
        yield pa.table({"receipt": [receipt.model_dump_json()]}, schema=RECEIPT_SCHEMA)

    def _finish(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        if self._embedder is None:
            self._embedder = make_embedder(self._plan)
            settle_memory()
        if self._weight is None:
            self._weight = find_judge_weight(self._plan, self._store)
        return finish_outcomes(outcomes, self._plan, self._weight, self._embedder)


def settle_memory() -> None:
    """Spare the garbage collector what is loaded by now, and call it less often: rows hold no cycles.

    Looking through a model's and Ray's objects again and again took a tenth of a request's time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def finish_outcomes(outcomes: Sequence[Outcome], plan: Plan, judge_weight: float, embedder: Embedder) -> list[Outcome]:
    """Score and select a batch of outcomes; quarantined ones pass as they are."""
    loaded = plan.loaded
    scoring = Scoring(loaded.rubric or COMPUTED_WEIGHTS, judge_weight, loaded.placements)
    table = embed_texts(outcomes, loaded.placements, embedder)
    finished = []
    for outcome in score_outcomes(outcomes, scoring, table):
        request = outcome.request
        placement = loaded.placements[request.placement]
        # The pool's items were judged one by one in the text stage, what the prompt leaked included: a set of them only
        # needs its own rules checked again.
        context = make_context(request, placement, loaded.job.checks, ())
        trust_items(context, outcome.pool)
        assessor = Assessor(
            check=partial(check_candidate, ctx=context),
            score=partial(score_candidates, request=request, scoring=scoring, table=table),
        )
        finished.append(select_assets(outcome, placement, loaded.job.select, table, assessor))
    return finished


def make_settings(plan: Plan, calibration: Calibration | None) -> TextSettings:
    """Return the text loop's settings; the judge is asked only when its calibration lets it count."""
    loaded = plan.loaded
    judge = loaded.rubric.judge if loaded.rubric else None
    return TextSettings(
        builder=PromptBuilder(loaded.template_source, loaded.template_where, loaded.job.text, loaded.examples),
        placements=loaded.placements,
        checks=loaded.job.checks,
        max_repairs=loaded.job.text.max_repairs,
        keep=loaded.job.select.keep,
        judge=judge if calibration is not None and calibration.weight > 0 else None,
    )


def list_rows(batch: pa.Table) -> list[tuple[str, bytes]]:
    """Return a batch as (kind, payload) rows."""
    columns = (batch.column(name).to_pylist() for name in ROW_SCHEMA.names)
    return list(zip(*columns, strict=True))


def make_rows(rows: Sequence[Row]) -> pa.Table:
    """Return a batch of (kind, payload) rows."""
    return pa.table({"kind": [k for k, _ in rows], "payload": [p for _, p in rows]}, schema=ROW_SCHEMA)

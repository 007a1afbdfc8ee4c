"""The CPU stage beside the engine: score, select, commit. A receipt comes out once its rows are on storage."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa

from factory.cluster.crash_tracker import Verdict
from factory.config.job import COMPUTED_WEIGHTS, RunSpec
from factory.engines.base import Embedder
from factory.errors import FactoryError
from factory.journal.failures import Try, fail, make_failure_row
from factory.journal.phases import FAILED_PHASE, TEXT_PHASE
from factory.journal.receipts import make_receipt
from factory.journal.records import make_outcome_row, make_refused_row
from factory.journal.segments import write_segment
from factory.pipeline.context import RunContext, make_committer
from factory.pipeline.make_engines import make_embedder
from factory.pipeline.rows import (
    Tries,
    describe_error,
    list_rows,
    make_receipts,
    name_batch,
    settle_memory,
    unpack_outcomes,
)
from factory.text.calibration import find_judge_weight
from factory.text.checks.checker import check_candidate, make_context, trust_items
from factory.text.scores.embeddings import embed_texts
from factory.text.scores.scorer import Scoring, score_candidates, score_outcomes
from factory.text.select import Assessor, select_assets
from schemas.outcome import Outcome, Refusal
from schemas.run import UnitCount


class ScoreStage:
    """Finishes batches. `concurrent_calls` of them may wait at once for the file that holds their rows."""

    def __init__(self, context: RunContext, concurrent_calls: int) -> None:
        self._spec = context.spec
        self._store = context.store
        self._tracker = context.tracker
        self._max_attempts = context.spec.loaded.job.execution.max_attempts
        self._embedder: Embedder | None = None
        self._lock = asyncio.Lock()
        self._weight: float | None = None
        self._committer = make_committer(context, TEXT_PHASE, concurrent_calls)

    async def __call__(self, batch: pa.Table) -> AsyncIterator[pa.Table]:
        received = list_rows(batch)
        payloads = [payload for kind, payload in received if kind == "outcomes"]
        finished = await self._finish(payloads) if payloads else []
        failed = [outcome for outcome in finished if outcome.quarantine is not None and outcome.quarantine.retryable]
        done = [outcome for outcome in finished if outcome.quarantine is None or not outcome.quarantine.retryable]
        refused = [Refusal.model_validate_json(payload) for kind, payload in received if kind == "refused"]
        rows = [make_refused_row(refusal) for refusal in refused] + [make_outcome_row(outcome) for outcome in done]
        segment = await self._committer.commit(rows) if rows else ""
        if failed:
            records = [make_failure_row(outcome) for outcome in failed]
            now = datetime.now(UTC)
            await asyncio.to_thread(write_segment, self._store, FAILED_PHASE, records, self._spec.run_id, now)
        counts = [UnitCount.model_validate_json(payload) for kind, payload in received if kind == "unit"]
        receipt = make_receipt(segment, finished, counts)
        news = [json.loads(payload) for kind, payload in received if kind == "engine"]
        yield make_receipts(receipt.model_copy(update=news[0]) if news else receipt)

    async def _finish(self, payloads: Sequence[bytes]) -> list[Outcome]:
        """Score and select, unless this very batch ended processes before."""
        outcomes: list[Outcome] = []
        tries: Tries = {}
        for payload in payloads:
            written, failed_before = unpack_outcomes(payload)
            outcomes += written
            tries |= failed_before
        key = name_batch("finish", payloads)
        if await self._tracker.begin(key, is_new=False) is Verdict.SUSPECT:
            finished = [
                self._fail(each, tries, "process_died", "the process that scored it died") for each in outcomes
            ]
        else:
            async with self._lock:  # one model, one batch at a time: threads of the scorer never fight each other
                finished = await asyncio.to_thread(self._score, outcomes, tries)
        await self._tracker.end(key)
        return finished

    def _score(self, outcomes: Sequence[Outcome], tries: Tries) -> list[Outcome]:
        if self._embedder is None:
            self._embedder = make_embedder(self._spec)
            settle_memory()
        if self._weight is None:
            self._weight = find_judge_weight(self._spec, self._store)
        try:
            return finish_outcomes(outcomes, self._spec, self._weight, self._embedder)
        except FactoryError:
            raise
        except Exception as error:  # one row's fault must not cost the batch: each by itself, then
            if len(outcomes) == 1:
                return [self._fail(outcomes[0], tries, "raised", describe_error(error))]
            return [finished for outcome in outcomes for finished in self._score([outcome], tries)]

    def _fail(self, outcome: Outcome, tries: Tries, reason: str, detail: str) -> Outcome:
        if outcome.quarantine is not None:
            return outcome
        this = Try(outcome.request, *tries.get(outcome.request.request_id, (0, 0)))
        return fail(this, "score", reason, detail, self._max_attempts)


def finish_outcomes(
    outcomes: Sequence[Outcome], spec: RunSpec, judge_weight: float, embedder: Embedder
) -> list[Outcome]:
    """Score and select a batch of outcomes; quarantined ones pass as they are."""
    loaded = spec.loaded
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

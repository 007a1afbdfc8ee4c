"""The stage that holds an engine: requests become outcomes, other rows pass through. Lives in a process that may die."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from typing import Never

import pyarrow as pa

from factory.cluster.crash_tracker import Start, Verdict
from factory.config.job import RunSpec
from factory.engines.base import TextEngine
from factory.errors import EngineError
from factory.journal.failures import Try, fail
from factory.pipeline.context import RunContext
from factory.pipeline.make_engines import make_engine
from factory.pipeline.rows import (
    Row,
    describe_error,
    list_rows,
    make_rows,
    name_batch,
    pack_outcomes,
    read_tries,
    settle_memory,
)
from factory.pipeline.watchdog import Watchdog
from factory.text.calibration import find_calibration
from factory.text.prompts.builder import PromptBuilder
from factory.text.write import TextSettings, write_request
from schemas.outcome import Outcome
from schemas.rubric import Calibration

# Seconds before an engine that did not come up again is started once more: its memory may not be free yet.
RESTART_PAUSE = 5.0
_HOPELESS_HINT = "read the log for what ends them; finished requests are safe, the same command resumes"


class TextStage:
    """Writes copy for batches of rows, many batches at once on one engine."""

    def __init__(self, context: RunContext) -> None:
        self._spec = context.spec
        self._store = context.store
        self._tracker = context.tracker
        self._execution = context.spec.loaded.job.execution
        self._lock = asyncio.Lock()
        self._engine: TextEngine | None = None
        self._settings: TextSettings | None = None
        self._watchdog: Watchdog | None = None
        self._news: dict[str, float] = {}  # how long the engine took to load, told to the driver once

    async def __call__(self, batch: pa.Table) -> AsyncIterator[pa.Table]:
        rows = list_rows(batch)
        tries = read_tries(rows)
        others: list[Row] = [row for row in rows if row[0] not in ("request", "again")]
        outcomes = await self._work(tries, [payload for _, payload in rows]) if tries else []
        written = [pack_outcomes(outcomes, tries)] if outcomes else []
        if self._news:
            others.append(("engine", json.dumps(self._news)))
            self._news = {}
        yield make_rows(others + written)

    async def stop(self) -> None:
        """End the engine's processes."""
        if self._watchdog is not None:
            self._watchdog.stop()
        if self._engine is not None:
            await self._engine.stop()
            self._engine = None

    async def _work(self, tries: Sequence[Try], payloads: Sequence[bytes]) -> list[Outcome]:
        """Write a batch, unless it is better given back: none of it when the run is ending, all as failed when it is suspect."""
        key = name_batch("text", payloads)
        verdict = await self._tracker.begin(key)
        if verdict is Verdict.STOP:
            return []
        if verdict is Verdict.SUSPECT:
            detail = f"the process that wrote it died; {len(tries)} requests were in its batch, others beside it"
            outcomes = [self._fail(each, "process_died", detail) for each in tries]
        else:
            outcomes = await asyncio.gather(*(self._write(each) for each in tries))
        await self._tracker.end(key)
        return outcomes

    async def _write(self, this: Try) -> Outcome:
        async with self._lock:
            if self._engine is None or self._settings is None:
                self._engine, self._settings = await self._start()
        seconds = self._execution.text.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                return await write_request(this.request, self._settings, self._engine)
        except TimeoutError:
            return self._fail(
                this, "timeout", f"was not done after execution.text.timeout_seconds {seconds:g}: aborted"
            )
        except EngineError as error:
            await self._die(error)
        except Exception as error:  # whatever a row fails on must not take its neighbours with it
            return self._fail(this, "raised", describe_error(error))

    def _fail(self, this: Try, reason: str, detail: str) -> Outcome:
        return fail(this, "text", reason, detail, self._execution.max_attempts)

    async def _die(self, error: EngineError) -> Never:
        """End this process: only that makes Ray restart it and hand its batches out again; an error fails the job."""
        print(f"the engine died: {error}", file=sys.stderr, flush=True)
        await self.stop()
        os._exit(1)

    async def _start(self) -> tuple[TextEngine, TextSettings]:
        start = await self._tracker.open()
        if start is Start.HOPELESS:
            raise EngineError("engines die one after the other, and no batch of requests gets done", _HOPELESS_HINT)
        began = time.time()
        engine = make_engine(self._spec)
        try:
            await engine.start()
            calibration = await find_calibration(self._spec, self._store, engine)
        except EngineError as error:
            if start is Start.FIRST:
                raise
            await asyncio.sleep(RESTART_PAUSE)
            await self._die(error)
        settle_memory()
        self._watchdog = Watchdog(self._execution.text.stall_seconds, engine.read_silence)
        self._watchdog.start()
        self._news = {"engine_load_seconds": time.time() - began, "engine_ready_at": time.time()}
        return engine, make_settings(self._spec, calibration)


def make_settings(spec: RunSpec, calibration: Calibration | None) -> TextSettings:
    """Return the text loop's settings; the judge is asked only when its calibration lets it count."""
    loaded = spec.loaded
    judge = loaded.rubric.judge if loaded.rubric else None
    return TextSettings(
        builder=PromptBuilder(loaded.template_source, loaded.template_where, loaded.job.text, loaded.examples),
        placements=loaded.placements,
        checks=loaded.job.checks,
        max_repairs=loaded.job.text.max_repairs,
        keep=loaded.job.select.keep,
        judge=judge if calibration is not None and calibration.weight > 0 else None,
    )

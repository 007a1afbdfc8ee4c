"""The stage that makes pictures: texts become creatives, files on storage, rows in segments. Lives in a process that may die.

One creative at a time is worked on, for each uses its core fully; fetching product pictures and waiting for commits overlap it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pyarrow as pa

from factory.backdrop import draw_backdrop
from factory.colorways import Colorway
from factory.commit import IMAGES_PHASE, Committer
from factory.composition import Backdrop, Cutout
from factory.creative import Easel
from factory.engines.base import ImageEngine
from factory.engines.choose import make_image_engine
from factory.errors import FactoryError, PictureError
from factory.failures import IMAGES_FAILED_PHASE, make_failure_row
from factory.finish_stage import make_receipts
from factory.ledger import make_outcome_row
from factory.picture_ledger import fail_creative, make_creative_receipt
from factory.picture_rows import Drawn, unpack_work
from factory.pictures.product import load_product
from factory.pictures.signing import load_signer
from factory.press import Press
from factory.runs import Plan
from factory.segments import write_segment
from factory.stages import list_rows, name_batch, settle_memory
from factory.storage import Store
from factory.studio import Studio
from factory.text_stage import describe_error
from factory.watch import Verdict, Watching
from factory.watchdog import Watchdog
from schemas.creative import CopyWork, CreativeOutcome, CreativeTask
from schemas.run import UnitCount


class PictureStage:
    """Makes the creatives of batches of texts. `concurrent_calls` of them may wait at once for the file that holds their rows."""

    def __init__(self, plan: Plan, studio: Studio, store: Store, watch: Watching, concurrent_calls: int) -> None:
        self._plan = plan
        self._studio = studio
        self._store = store
        self._watch = watch
        self._execution = plan.loaded.job.execution
        self._lock = asyncio.Lock()
        self._easel: Easel | None = None
        self._engine: ImageEngine | None = None  # procedural: drawn here; others were drawn before
        self._drawn: dict[str, list[Backdrop]] = {}
        self._busy_since = 0.0
        self._committer = Committer(
            store,
            IMAGES_PHASE,
            plan.run_id,
            self._execution.commit_rows,
            self._execution.commit_seconds,
            waiting_limit=concurrent_calls,
        )

    async def __call__(self, batch: pa.Table) -> AsyncIterator[pa.Table]:
        received = list_rows(batch)
        outcomes: list[CreativeOutcome] = []
        for kind, payload in received:
            if kind in ("copy", "drawn"):
                outcomes += await self._make_all(unpack_work(kind, payload), payload)
        failed = [outcome for outcome in outcomes if outcome.quarantine is not None]
        done = [outcome for outcome in outcomes if outcome.quarantine is None]
        segment = await self._committer.commit([make_outcome_row(outcome) for outcome in done]) if done else ""
        if failed:
            records = [make_failure_row(outcome) for outcome in failed]
            now = datetime.now(UTC)
            await asyncio.to_thread(write_segment, self._store, IMAGES_FAILED_PHASE, records, self._plan.run_id, now)
        counts = [UnitCount.model_validate_json(payload) for kind, payload in received if kind == "unit"]
        yield make_receipts(make_creative_receipt(segment, outcomes, counts))

    async def _make_all(self, drawn: Drawn, payload: bytes) -> list[CreativeOutcome]:
        """Make the creatives of one text, unless they are better given back: the run is ending, or they end processes."""
        work = drawn.work
        try:
            product: Cutout | PictureError | None = await self._load(work)
        except PictureError as error:
            product = error
        key = name_batch("images", [payload])
        async with self._lock:
            verdict = await self._watch.begin(key)
            if verdict is Verdict.STOP:
                return []
            if verdict is Verdict.SUSPECT:
                what = f"the process that made it died; {len(work.tasks)} creatives were in its batch"
                outcomes = [self._fail(work, task, "process_died", what) for task in work.tasks]
            elif isinstance(product, PictureError):
                outcomes = [self._refuse(work, task, product) for task in work.tasks]
            else:
                outcomes = await self._make_each(drawn, product)
            await self._watch.end(key)
        return outcomes

    async def _load(self, work: CopyWork) -> Cutout | None:
        uri = work.request.brief.image_uri
        if not uri:
            return None
        return await asyncio.to_thread(load_product, uri, self._studio.images.sources, self._plan.loaded.folder)

    async def _make_each(self, drawn: Drawn, product: Cutout | None) -> list[CreativeOutcome]:
        easel = self._easel or await self._start()
        self._drawn = drawn.backdrops
        outcomes = []
        for task in drawn.work.tasks:
            self._busy_since = time.monotonic()
            error = drawn.errors.get(task.creative_id)
            if error is not None:
                outcomes.append(self._refuse(drawn.work, task, error))
            else:
                outcomes.append(await asyncio.to_thread(self._make, easel, drawn.work, task, product))
            self._busy_since = 0.0
        return outcomes

    def _make(self, easel: Easel, work: CopyWork, task: CreativeTask, product: Cutout | None) -> CreativeOutcome:
        try:
            return easel.make(work, task, product)
        except PictureError as error:
            return self._refuse(work, task, error)
        except FactoryError:
            raise
        except Exception as error:  # whatever one creative trips over must not take its neighbours with it
            return self._fail(work, task, "raised", describe_error(error))

    async def _start(self) -> Easel:
        images = self._studio.images
        signer = load_signer(images.signing) if images.signing else None
        press = Press(self._store, self._plan.loaded.job.text.model, signer, images.backdrop.strength is not None)
        self._easel = Easel(self._studio, self._draw, press)
        if images.backdrop.engine == "procedural":
            self._engine = make_image_engine(images.backdrop, self._execution.images, "")
            self._engine.start()
        settle_memory()
        Watchdog(self._execution.images.timeout_seconds, self._read_silence).start()
        return self._easel

    def _read_silence(self) -> float:
        since = self._busy_since
        return time.monotonic() - since if since else 0.0

    def _draw(self, task: CreativeTask, colorway: Colorway, index: int) -> Backdrop:
        if self._engine is None:
            ready = self._drawn[task.creative_id]
            return ready[index % len(ready)]
        return draw_backdrop(self._engine, self._studio.images.backdrop, task.slot, colorway, task.seed + index)

    def _refuse(self, work: CopyWork, task: CreativeTask, error: PictureError) -> CreativeOutcome:
        """A passing reason is tried again by itself; a lasting one only when the user asks, who has mended it by then."""
        attempts = self._execution.max_attempts if error.retryable else 1
        return fail_creative(work, task, error.reason, str(error), attempts)

    def _fail(self, work: CopyWork, task: CreativeTask, reason: str, detail: str) -> CreativeOutcome:
        return fail_creative(work, task, reason, detail, self._execution.max_attempts)

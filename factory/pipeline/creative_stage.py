"""The stage that makes pictures: texts become creatives, files on storage, rows in segments. Lives in a process that may die.

One creative at a time is worked on, for each uses its core fully; fetching product pictures and waiting for commits overlap it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Literal

import pyarrow as pa

from factory.cluster.crash_tracker import Verdict
from factory.engines.base import ImageEngine
from factory.errors import FactoryError, PictureError
from factory.images.backdrops.draw import draw_backdrop
from factory.images.brand.colorways import Colorway
from factory.images.creative_maker import CreativeMaker
from factory.images.files.sign import load_signer
from factory.images.picture_writer import PictureWriter
from factory.images.product.load import load_product
from factory.images.types import Cutout, PaintedBackdrop
from factory.journal.failures import fail_creative, make_failure_row
from factory.journal.phases import IMAGES_FAILED_PHASE, IMAGES_PHASE
from factory.journal.receipts import make_creative_receipt
from factory.journal.records import make_outcome_row
from factory.pipeline.context import ImagesContext, make_committer
from factory.pipeline.image_rows import Drawn, unpack_work
from factory.pipeline.make_engines import make_image_engine
from factory.pipeline.rows import describe_error, list_rows, make_receipts, name_batch, settle_memory
from factory.pipeline.uploads import Uploads, settle
from factory.pipeline.watchdog import Watchdog
from schemas.creative import CopyWork, CreativeOutcome, CreativeTask
from schemas.run import UnitCount


class CreativeStage:
    """Makes the creatives of batches of texts. `concurrent_calls` of them may wait at once for the file that holds their rows."""

    def __init__(self, context: ImagesContext, concurrent_calls: int) -> None:
        self._spec = context.spec
        self._setup = context.setup
        self._tracker = context.tracker
        self._execution = context.spec.loaded.job.execution
        self._lock = asyncio.Lock()
        self._maker: CreativeMaker | None = None
        self._engine: ImageEngine | None = None  # procedural: drawn here; others were drawn before
        self._drawn: dict[str, list[PaintedBackdrop]] = {}
        self._busy_since = 0.0
        self._loading: dict[str, float] = {}  # by batch, when its product picture began to be read
        self._is_watched = False
        self._uploads = Uploads(context.store, concurrent_calls)
        # Threads of their own: what waits for a slow host must not keep back what is drawn and written.
        self._loaders = ThreadPoolExecutor(concurrent_calls, "product")
        self._committer = make_committer(context, IMAGES_PHASE, concurrent_calls)
        self._failures = make_committer(context, IMAGES_FAILED_PHASE, concurrent_calls)

    async def __call__(self, batch: pa.Table) -> AsyncIterator[pa.Table]:
        self._start_watchdog()
        received = list_rows(batch)
        outcomes: list[CreativeOutcome] = []
        for kind, payload in received:
            if kind in ("copy", "drawn"):
                outcomes += await self._make_all(unpack_work(kind, payload), payload)
        failed = [make_failure_row(outcome) for outcome in outcomes if outcome.quarantine is not None]
        done = [make_outcome_row(outcome) for outcome in outcomes if outcome.quarantine is None]
        segment = await self._committer.commit(done) if done else ""
        if failed:
            await self._failures.commit(failed)
        counts = [UnitCount.model_validate_json(payload) for kind, payload in received if kind == "unit"]
        yield make_receipts(make_creative_receipt(segment, outcomes, counts))

    def read_silence(self) -> float:
        """Return the seconds that the creative in flight, or a product picture that is being read, has taken so far.

        The longest of them; 0 without one. Called from another thread.
        """
        begun = list(self._loading.values())
        if since := self._busy_since:
            begun.append(since)
        return time.monotonic() - min(begun) if begun else 0.0

    async def _make_all(self, drawn: Drawn, payload: bytes) -> list[CreativeOutcome]:
        """Make the creatives of one text, unless they are better given back: the run is ending, or they end processes."""
        work = drawn.work
        # Of what failed before, nothing is in flight beside anything else: so it is known what ends a process.
        async with self._lock if work.tries else nullcontext():
            product = await self._load_watched(work, name_batch("product", [payload]))
        if product is Verdict.STOP:
            return []
        key = name_batch("images", [payload])
        async with self._lock:
            verdict = await self._tracker.begin(key)
            if verdict is Verdict.STOP:
                return []
            if verdict is Verdict.SUSPECT:
                product = _name_death(f"the process that made it died; {len(work.tasks)} creatives were in its batch")
            if isinstance(product, PictureError):
                outcomes = [self._refuse(work, task, product) for task in work.tasks]
            else:
                outcomes = await self._make_each(drawn, product)
            await self._tracker.end(key)
            writes = self._uploads.take()
        await settle(writes)  # before the rows that name them; the next text is worked on meanwhile
        return outcomes

    async def _load_watched(self, work: CopyWork, key: str) -> "Cutout | PictureError | Literal[Verdict.STOP] | None":
        """The product picture, None without one; what is wrong with it; or that it is not wanted any more."""
        if not work.request.brief.image_uri:
            return None
        verdict = await self._tracker.begin(key)
        if verdict is Verdict.STOP:
            return Verdict.STOP
        product: Cutout | PictureError = _name_death("the process that read its product picture died")
        if verdict is Verdict.WORK:
            product = await asyncio.get_running_loop().run_in_executor(self._loaders, self._load, work, key)
        await self._tracker.end(key)
        return product

    def _load(self, work: CopyWork, key: str) -> Cutout | PictureError:
        self._loading[key] = time.monotonic()
        try:
            images = self._setup.images
            uri, folder = work.request.brief.image_uri, self._spec.loaded.folder
            return load_product(uri, images.sources, folder, images.product.cutout)
        except PictureError as error:
            return error
        except Exception as error:  # hostile bytes find what nobody has thought of
            return PictureError("raised", describe_error(error), retryable=True)
        finally:
            self._loading.pop(key, None)

    async def _make_each(self, drawn: Drawn, product: Cutout | None) -> list[CreativeOutcome]:
        maker = self._maker or await self._start()
        self._drawn = drawn.backdrops
        outcomes = []
        for task in drawn.work.tasks:
            self._busy_since = time.monotonic()
            error = drawn.errors.get(task.creative_id)
            if error is not None:
                outcomes.append(self._refuse(drawn.work, task, error))
            else:
                outcomes.append(await asyncio.to_thread(self._make, maker, drawn.work, task, product))
            self._busy_since = 0.0
        return outcomes

    def _make(
        self, maker: CreativeMaker, work: CopyWork, task: CreativeTask, product: Cutout | None
    ) -> CreativeOutcome:
        try:
            return maker.make(work, task, product)
        except PictureError as error:
            return self._refuse(work, task, error)
        except FactoryError:
            raise
        except Exception as error:  # whatever one creative fails on must not take its neighbours with it
            return self._refuse(work, task, PictureError("raised", describe_error(error), retryable=True))

    def _start_watchdog(self) -> None:
        """Once in a process, when it has an event loop: reading the first product picture may hang already."""
        if not self._is_watched:
            Watchdog(self._execution.images.timeout_seconds, self.read_silence).start()
            self._is_watched = True

    async def _start(self) -> CreativeMaker:
        images = self._setup.images
        signer = load_signer(images.signing) if images.signing else None
        writer = PictureWriter(
            self._uploads, self._spec.loaded.job.text.model, signer, images.backdrop.strength is not None
        )
        if images.backdrop.engine == "procedural":
            self._engine = make_image_engine(images.backdrop, self._execution.images, "")
            self._engine.start()
        settle_memory()
        self._maker = CreativeMaker(self._setup, self._draw, writer)
        return self._maker

    def _draw(self, task: CreativeTask, colorway: Colorway, index: int) -> PaintedBackdrop:
        if self._engine is None:
            ready = self._drawn[task.creative_id]
            return ready[index % len(ready)]
        return draw_backdrop(self._engine, self._setup.images.backdrop, task.slot, colorway, task.seed + index)

    def _refuse(self, work: CopyWork, task: CreativeTask, error: PictureError) -> CreativeOutcome:
        """A passing reason is tried again by itself; a lasting one only when the user asks, who has fixed it by then."""
        attempts = self._execution.max_attempts if error.retryable else 1
        return fail_creative(work, task, error.reason, str(error), attempts)


def _name_death(what: str) -> PictureError:
    return PictureError("process_died", what, "read the run's log for what ended it", retryable=True)

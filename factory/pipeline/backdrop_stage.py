"""The stage that holds an image engine: texts get the backdrops of their creatives. Lives in a process that may die.

Only for engines that are asked for many pictures at once; procedural backdrops are drawn where they are used.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Never

import pyarrow as pa

from factory.cluster.crash_tracker import Start, Verdict
from factory.engines.base import ImageEngine
from factory.engines.models.resolve import IMAGE_INDEX, resolve_model
from factory.errors import EngineError, FactoryError, JobError, PictureError
from factory.images.backdrops.draw import BackdropOrder, draw_backdrops, write_prompt
from factory.images.brand.colorways import make_colorways
from factory.images.brand.kit import pick_brand
from factory.images.product.load import load_product
from factory.images.tasks import pick_colorway
from factory.images.types import Cutout, PaintedBackdrop
from factory.pipeline.context import ImagesContext
from factory.pipeline.image_rows import Drawn, pack_drawn, unpack_work
from factory.pipeline.make_engines import make_image_engine
from factory.pipeline.rows import Row, describe_error, list_rows, make_rows, name_batch, settle_memory
from factory.pipeline.text_stage import RESTART_PAUSE
from factory.pipeline.watchdog import Watchdog
from schemas.creative import CopyWork, CreativeTask

_LOG_HINT = "read the run's log for what ended it"
_HOPELESS = "picture engines die one after the other, and no batch of backdrops gets done"

Orders = list[tuple[Drawn, CreativeTask, BackdropOrder]]


class BackdropStage:
    """Draws for batches of texts, so that pictures of one size are drawn together."""

    def __init__(self, context: ImagesContext) -> None:
        self._spec = context.spec
        self._setup = context.setup
        self._tracker = context.tracker
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "engine")  # one for all calls: torch keeps some settings by thread
        self._engine: ImageEngine | None = None
        self._busy_since = 0.0
        self._num_drawn = 1  # creatives whose backdrops are in flight

    async def __call__(self, batch: pa.Table) -> AsyncIterator[pa.Table]:
        received = list_rows(batch)
        others: list[Row] = [row for row in received if row[0] != "copy"]
        texts = [(unpack_work(*row).work, row[1]) for row in received if row[0] == "copy"]
        drawn: list[Drawn] = []
        async with self._lock:
            for group in _split(texts):
                drawn += await self._draw_watched([work for work, _ in group], [payload for _, payload in group])
        yield make_rows([*others, *map(pack_drawn, drawn)])

    def read_silence(self) -> float:
        """Return the seconds that drawing takes so far, for each of the creatives in flight; 0 without one.

        Called from another thread.
        """
        since = self._busy_since
        return (time.monotonic() - since) / self._num_drawn if since else 0.0

    async def _draw_watched(self, works: Sequence[CopyWork], payloads: Sequence[bytes]) -> list[Drawn]:
        """Draw for some texts, unless they are better given back: the run is ending, or they end processes."""
        drawn = [Drawn(work) for work in works]
        key = name_batch("backdrops", payloads)
        verdict = await self._tracker.begin(key)
        if verdict is Verdict.STOP:
            return []
        if verdict is Verdict.SUSPECT:
            what = "the process that drew its backdrop died, or took longer than execution.images.timeout_seconds"
            death = PictureError("process_died", what, _LOG_HINT, retryable=True)
            for each in drawn:
                each.errors.update((task.creative_id, death) for task in each.work.tasks)
        else:
            await self._draw_all(drawn)
        await self._tracker.end(key)
        return drawn

    async def _draw_all(self, drawn: list[Drawn]) -> None:
        loop = asyncio.get_running_loop()
        orders = await loop.run_in_executor(self._thread, self._list_orders, drawn)
        if not orders:
            return
        engine = self._engine or await self._start()
        self._num_drawn = max(1, len({task.creative_id for _, task, _ in orders}))
        self._busy_since = time.monotonic()
        try:
            made = await loop.run_in_executor(self._thread, self._draw, engine, [order for _, _, order in orders])
        except EngineError as error:
            self._die(error)
        self._busy_since = 0.0
        for (each, task, _), backdrop in zip(orders, made, strict=True):
            if isinstance(backdrop, PictureError):
                each.errors[task.creative_id] = backdrop
            else:
                each.backdrops.setdefault(task.creative_id, []).append(backdrop)

    def _list_orders(self, drawn: list[Drawn]) -> Orders:
        """What is to be drawn. Whose prompt cannot be written is told in its `errors`."""
        layouts = self._setup.layouts
        roles = {layout.meta.role for layout in layouts if layout.meta.backdrop}
        orders: Orders = []
        for each in drawn:
            product = self._load(each.work)
            for task in each.work.tasks:
                try:
                    own = self._order(each.work, task, product) if task.slot.role in roles else []
                    orders += [(each, task, order) for order in own]
                except PictureError as error:
                    each.errors[task.creative_id] = error
                except JobError as error:  # the template was read, and fails for this brief
                    each.errors[task.creative_id] = PictureError("no_prompt", error.message, error.hint)
        return orders

    def _order(self, work: CopyWork, task: CreativeTask, product: Cutout | None) -> list[BackdropOrder]:
        """As many as variants are compared, each for the colourway of the try that will take it."""
        config = self._setup.images.backdrop
        colorways = make_colorways(pick_brand(self._setup.brands, work.request.brief.brand).kit.colors)
        orders = []
        for index in range(self._setup.images.variants):
            colorway = pick_colorway(colorways, task.seed, index)
            prompt = write_prompt(config, work.request, work.fields, task.slot, colorway)
            orders.append(BackdropOrder(task.slot, colorway, task.seed + index, prompt, product))
        return orders

    def _load(self, work: CopyWork) -> Cutout | None:
        """The product picture where the engine starts from it. What is wrong with it is said by the stage that sets it."""
        if self._setup.images.backdrop.strength is None or not work.request.brief.image_uri:
            return None
        try:
            images = self._setup.images
            uri, folder = work.request.brief.image_uri, self._spec.loaded.folder
            return load_product(uri, images.sources, folder, images.product.cutout)
        except Exception:  # whatever it is, that stage meets it again and names it
            return None

    def _draw(self, engine: ImageEngine, orders: Sequence[BackdropOrder]) -> list[PaintedBackdrop | PictureError]:
        try:
            return draw_backdrops(engine, self._setup.images.backdrop, orders)
        except FactoryError:
            raise
        except Exception as error:  # one picture's fault must not cost the batch: each by itself, then
            if len(orders) == 1:
                return [PictureError("raised", describe_error(error), retryable=True)]
            return [each for order in orders for each in self._draw(engine, [order])]

    async def _start(self) -> ImageEngine:
        start = await self._tracker.open()
        if start is Start.HOPELESS:
            raise EngineError(_HOPELESS, f"{_LOG_HINT}; finished pictures are safe, the same command resumes")
        config = self._setup.images.backdrop
        began = time.monotonic()
        folder = resolve_model(config.model, Path(self._spec.cache), IMAGE_INDEX) if config.model else ""
        engine = make_image_engine(config, self._spec.loaded.job.execution.images, folder)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, engine.start)
        except EngineError as error:
            if start is Start.FIRST:
                raise  # it did not come up: the job or the machine is at fault
            await asyncio.sleep(RESTART_PAUSE)
            self._die(error)
        settle_memory()
        self._engine = engine
        Watchdog(self._spec.loaded.job.execution.images.timeout_seconds, self.read_silence).start()
        print(f"backdrop engine ready after {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
        return engine

    def _die(self, error: EngineError) -> Never:
        """End this process: only that makes Ray restart it and hand its batches out again."""
        print(f"the image engine died: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def _split(texts: Sequence[tuple[CopyWork, bytes]]) -> list[list[tuple[CopyWork, bytes]]]:
    """New texts together, and each that failed before by itself: so it is known what ends a process."""
    new = [text for text in texts if not text[0].tries]
    return [group for group in (new, *([text] for text in texts if text[0].tries)) if group]

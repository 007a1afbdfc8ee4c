"""The stage that holds an image engine: texts get the backdrops of their creatives. Lives in a process that may die.

Only for engines that are asked for many pictures at once; procedural backdrops are drawn where they are used.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Never

import pyarrow as pa

from factory.backdrop import BackdropOrder, draw_backdrops, write_prompt
from factory.brands import pick_brand
from factory.colorways import make_colorways
from factory.composition import Backdrop, Cutout
from factory.creatives import pick_colorway
from factory.engines.base import ImageEngine
from factory.engines.choose import make_image_engine
from factory.engines.models import resolve_model
from factory.errors import EngineError, PictureError
from factory.picture_rows import Drawn, pack_drawn, unpack_work
from factory.pictures.product import load_product
from factory.runs import Plan
from factory.stages import Row, list_rows, make_rows, settle_memory
from factory.studio import Studio
from schemas.creative import CopyWork, CreativeTask

BARE = ("main", "logo")  # roles of pictures that have no backdrop


class BackdropStage:
    """Draws for batches of texts, so that pictures of one size are drawn together."""

    def __init__(self, plan: Plan, studio: Studio) -> None:
        self._plan = plan
        self._studio = studio
        self._engine: ImageEngine | None = None

    def __call__(self, batch: pa.Table) -> Iterator[pa.Table]:
        received = list_rows(batch)
        others: list[Row] = [row for row in received if row[0] != "copy"]
        works = [unpack_work(*row).work for row in received if row[0] == "copy"]
        yield make_rows([*others, *map(pack_drawn, self._draw_all(works))])

    def _draw_all(self, works: list[CopyWork]) -> list[Drawn]:
        drawn = [Drawn(work) for work in works]
        orders: list[tuple[Drawn, CreativeTask, BackdropOrder]] = []
        for each in drawn:
            product = self._load(each.work)
            for task in each.work.tasks:
                try:
                    own = self._order(each.work, task, product) if task.slot.role not in BARE else []
                    orders += [(each, task, order) for order in own]
                except PictureError as error:
                    each.errors[task.creative_id] = error
        made = self._draw([order for _, _, order in orders])
        for (each, task, _), backdrop in zip(orders, made, strict=True):
            if isinstance(backdrop, PictureError):
                each.errors[task.creative_id] = backdrop
            else:
                each.backdrops.setdefault(task.creative_id, []).append(backdrop)
        return drawn

    def _order(self, work: CopyWork, task: CreativeTask, product: Cutout | None) -> list[BackdropOrder]:
        """As many as variants are compared, each for the colourway of the try that will take it."""
        config = self._studio.images.backdrop
        colorways = make_colorways(pick_brand(self._studio.brands, work.request.brief.brand).kit.colors)
        orders = []
        for index in range(self._studio.images.variants):
            colorway = pick_colorway(colorways, task.seed, index)
            prompt = write_prompt(config, work.request, work.fields, task.slot, colorway)
            orders.append(BackdropOrder(task.slot, colorway, task.seed + index, prompt, product))
        return orders

    def _load(self, work: CopyWork) -> Cutout | None:
        """The product picture where the engine starts from it. That there is none is said by the stage that sets it."""
        if self._studio.images.backdrop.strength is None or not work.request.brief.image_uri:
            return None
        try:
            return load_product(work.request.brief.image_uri, self._studio.images.sources, self._plan.loaded.folder)
        except PictureError:
            return None

    def _draw(self, orders: list[BackdropOrder]) -> list[Backdrop | PictureError]:
        if not orders:
            return []
        try:
            engine = self._engine or self._start()
            return draw_backdrops(engine, self._studio.images.backdrop, orders)
        except EngineError as error:
            if self._engine is None:
                raise  # it did not come up: the job or the machine is at fault
            self._die(error)

    def _start(self) -> ImageEngine:
        config = self._studio.images.backdrop
        began = time.monotonic()
        folder = resolve_model(config.model or "", Path(self._plan.cache))
        engine = make_image_engine(config, self._plan.loaded.job.execution.images, folder)
        engine.start()
        settle_memory()
        self._engine = engine
        print(f"backdrop engine ready after {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
        return engine

    def _die(self, error: EngineError) -> Never:
        """End this process: only that makes Ray start it anew and hand its batches out again."""
        print(f"the image engine died: {error}", file=sys.stderr, flush=True)
        os._exit(1)

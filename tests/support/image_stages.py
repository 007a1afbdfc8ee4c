"""The stages that make pictures, driven in this process: a job's studio, texts as rows, and a watch that outlives a stage."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from factory.briefs.requests import make_requests
from factory.cluster.crash_tracker import CrashTracker, Start, Verdict
from factory.config.job import RunSpec
from factory.images.backdrops.draw import draw_backdrop
from factory.images.backdrops.procedural.engine import ProceduralEngine
from factory.images.brand.colorways import Colorway
from factory.images.creative_maker import CreativeMaker
from factory.images.picture_writer import PictureWriter
from factory.images.setup import ImageSetup
from factory.images.tasks import make_work
from factory.images.types import Cutout, PaintedBackdrop
from factory.journal.phases import IMAGES_FAILED_PHASE
from factory.journal.segments import iterate_rows, list_segments
from factory.pipeline.context import ImagesContext
from factory.pipeline.creative_stage import CreativeStage
from factory.pipeline.rows import Row, make_rows
from factory.storage.store import Store
from schemas.creative import CopyWork, CreativeOutcome, CreativeTask
from schemas.outcome import Candidate, Fields, Status
from schemas.run import Receipt
from tests.support.builders import make_brief
from tests.support.jobs import plan_job

COPY: Fields = {
    "primary_text": ["Waterproof leather and a rubber sole for long walks."],
    "headline": ["Boots for long walks", "Walk further"],
    "description": ["Made to last"],
}


class LocalWatch:
    """A watch as workers see it, over the account of a run."""

    def __init__(self, strikes: int = 2) -> None:
        self.account = CrashTracker(strikes, replicas=1)

    async def open(self) -> Start:
        return self.account.open()

    async def begin(self, key: str, is_new: bool = True) -> Verdict:
        return self.account.begin(key, is_new)

    async def end(self, key: str) -> None:
        self.account.end(key)


@dataclass
class Workshop:
    """A sound job with its image setup and an output of its own."""

    spec: RunSpec
    setup: ImageSetup
    store: Store
    tracker: LocalWatch = field(default_factory=LocalWatch)

    @property
    def context(self) -> ImagesContext:
        """What the stages of a pass are given."""
        return ImagesContext(self.spec, self.store, self.tracker, self.setup)

    def make_work(
        self, brief_id: str = "b-1", image_uri: str = "", copy: Fields | None = None, **brief: Any
    ) -> CopyWork:
        """The work of one accepted text of the job's first placement and locale."""
        loaded = self.spec.loaded
        values = {"sale_price": None, "offer": {}, "segments": [], "claims": [], "locale": "", **brief}
        changed = make_brief(brief_id=brief_id, image_uri=image_uri, **values)
        request = make_requests(changed, list(loaded.placements.values())[:1], loaded.job.locales, self.spec.identity)[
            0
        ]
        asset = Candidate(index=0, fields=COPY | (copy or {}), status=Status.ACCEPTED, rank=1)
        return make_work(request, asset, self.setup.slots[request.placement], self.setup.digest, loaded.job.seed)

    def make(self, work: CopyWork, product: Cutout | None = None, backdrop: Any = None) -> CreativeOutcome:
        """Make the first creative of `work` by the creative maker, on procedural backdrops or on what `backdrop` draws."""
        writer = PictureWriter(self.store, self.spec.model, None, redraws=False)
        return CreativeMaker(self.setup, backdrop or self.draw, writer).make(work, work.tasks[0], product)

    def draw(self, task: CreativeTask, colorway: Colorway, index: int) -> PaintedBackdrop:
        return draw_backdrop(ProceduralEngine(), self.setup.images.backdrop, task.slot, colorway, task.seed + index)

    def open_stage(self) -> CreativeStage:
        return CreativeStage(self.context, concurrent_calls=16)

    def run_batch(self, stage: Any, rows: Sequence[Row]) -> list[pa.Table]:
        """What comes out of a stage for one batch."""
        return asyncio.run(_call(stage, [make_rows(rows)]))

    def make_all(self, *works: CopyWork, rows: Sequence[Row] = ()) -> Receipt:
        """What a new picture stage counts of these works and rows, each in a batch of its own and all at once."""
        batches = [make_rows([row]) for row in (*rows, *(("copy", work.model_dump_json()) for work in works))]
        total = Receipt(segment="")
        for table in asyncio.run(_call(self.open_stage(), batches)):
            for text in table["receipt"].to_pylist():
                total = total.add(Receipt.model_validate_json(str(text)))
        return total

    def read_failures(self) -> list[CreativeOutcome]:
        """What was written down of creatives that failed, in the order of their attempts."""
        if not list_segments(self.store, IMAGES_FAILED_PHASE):
            return []
        found = [
            CreativeOutcome.model_validate_json(row.payload) for row in iterate_rows(self.store, IMAGES_FAILED_PHASE)
        ]
        return sorted(
            found, key=lambda each: (each.request.brief.brief_id, each.quarantine.attempt if each.quarantine else 0)
        )

    def read_done(self) -> list[CreativeOutcome]:
        """The creatives that finished, by brief."""
        if not list_segments(self.store, "images"):
            return []
        found = [CreativeOutcome.model_validate_json(row.payload) for row in iterate_rows(self.store, "images")]
        return sorted(found, key=lambda each: each.request.brief.brief_id)


def open_workshop(job: Path, *overrides: str) -> Workshop:
    """The workshop of a job folder, with the output that the job names."""
    prepared = plan_job(job, *overrides)
    assert prepared.setup is not None
    return Workshop(prepared.spec, prepared.setup, Store(prepared.spec.loaded.output_uri))


def try_again(work: CopyWork, attempt: int) -> CopyWork:
    """The work as it is read when `attempt` tries at its creatives have failed."""
    return work.change(tries={task.creative_id: (0, attempt) for task in work.tasks})


async def _call(stage: Any, batches: list[pa.Table]) -> list[pa.Table]:
    async def call(batch: pa.Table) -> list[pa.Table]:
        return [table async for table in stage(batch)]

    found = await asyncio.gather(*map(call, batches))
    return [table for tables in found for table in tables]

"""Outputs with creatives, made by the factory's own functions: segment files and picture files, compacted."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from factory.engines.base import Pixels
from factory.images.files.encode import encode_picture
from factory.images.files.thumbnail import make_thumbnail
from factory.journal.failures import fail_creative, make_failure_row
from factory.journal.keys import make_keys
from factory.journal.phases import IMAGES_FAILED_PHASE, IMAGES_PHASE, TEXT_PHASE
from factory.journal.records import make_outcome_row
from factory.journal.segments import write_segment
from factory.output.report.build import RunFacts
from factory.output.tables.compact import compact
from factory.output.tables.rows import RunLabels
from factory.storage.store import Store
from schemas.base import digest
from schemas.creative import CopyWork, CreativeOutcome, CreativeTask, Picture, Slot, Variant
from schemas.outcome import Check, Status
from schemas.placement import ImageSlot, Placement
from tests.support.builders import make_brief, make_placement, make_request
from tests.support.output_builders import make_facts

NOW = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
SQUARE = Slot(name="square", role="creative", width=320, height=320, max_bytes=150_000, formats=["jpg", "png"])
WIDE = Slot(name="wide", role="creative", width=600, height=75, max_bytes=40_000, formats=["png"])
FEED = make_placement(
    id="feed",
    title="Test feed",
    image_slots=[ImageSlot(name="square", width=320, height=320, max_kb=150), ImageSlot(name="wide", max_kb=40)],
)


def draw_pixels(slot: Slot, seed: int = 0) -> Pixels:
    """A picture of two colours in the slot's size."""
    pixels = np.full((slot.height, slot.width, 3), (40 + 37 * seed % 180, 90, 200 - 23 * seed % 160), np.uint8)
    pixels[slot.height // 4 : slot.height // 2, slot.width // 5 : slot.width // 2] = (240, 180, 60)
    return pixels


def print_file(store: Store, slot: Slot, variant: int = 0, seed: int = 0) -> Picture:
    """Put a picture on storage as the press does."""
    encoded = encode_picture(draw_pixels(slot, seed), slot)
    name = hashlib.sha256(encoded.data).hexdigest()
    path = f"images/{name[:2]}/{name}.{encoded.extension}"
    store.write_bytes(path, encoded.data)
    return Picture(
        variant=variant,
        path=path,
        sha256=name,
        mime=encoded.mime,
        width=slot.width,
        height=slot.height,
        num_bytes=len(encoded.data),
        source_type="compositeWithTrainedAlgorithmicMedia",
        backdrop_engine="procedural",
    )


def make_variant(index: int = 0, **changes: Any) -> Variant:
    """A try that passed and was kept."""
    values: dict[str, Any] = {
        "index": index,
        "layout": "hero",
        "colorway": "brand",
        "texts": {"headline": "Dry feet on every walk"},
        "checks": [Check(rule="size", passed=True), Check(rule="contrast", passed=True)],
        "scores": {"contrast": 0.9},
        "score": 0.8,
        "status": Status.ACCEPTED,
        "rank": 1,
    }
    return Variant(**(values | changes))


def make_lost(rule: str, detail: str, index: int = 0, **changes: Any) -> Variant:
    """A try that failed `rule`."""
    checks = [Check(rule="size", passed=True), Check(rule=rule, passed=False, detail=detail)]
    values = {"checks": checks, "scores": {}, "score": None, "status": Status.REJECTED, "rank": None}
    return make_variant(index, **(values | {"reason": f"{rule}: {detail}"} | changes))


def make_creative(
    brief_id: str,
    slot: Slot = SQUARE,
    variants: Sequence[Variant] = (),
    pictures: Sequence[Picture] = (),
    placement: str = "feed",
    thumbnail: str | None = None,
) -> CreativeOutcome:
    """All that came of one creative; a rejected one keeps a thumbnail."""
    request = make_request(request_id=f"r-{brief_id}"[:60], brief=make_brief(brief_id=brief_id), placement=placement)
    kept = "" if pictures else base64.b64encode(make_thumbnail(draw_pixels(slot, 5))).decode()
    return CreativeOutcome(
        creative_id=digest([brief_id, placement, slot.name]),
        request=request,
        text_rank=0,
        text_asset_id=digest([brief_id]),
        slot=slot,
        seed=7,
        variants=list(variants),
        pictures=list(pictures),
        seconds=0.1,
        thumbnail=kept if thumbnail is None else thumbnail,
    )


def make_refused(brief_id: str, reason: str, detail: str, slot: Slot = SQUARE) -> CreativeOutcome:
    """A creative that was quarantined for good."""
    made = make_creative(brief_id, slot)
    task = CreativeTask(creative_id=made.creative_id, slot=slot, seed=7)
    work = CopyWork(request=made.request, rank=0, asset_id=made.text_asset_id, fields={}, tasks=[task])
    return fail_creative(work, task, reason, detail, max_attempts=1)


def compact_creatives(store: Store, outcomes: Sequence[CreativeOutcome], **changes: Any) -> RunFacts:
    """Commit the creatives below `store`, make the tables of them, and return the run's facts."""
    done = [outcome for outcome in outcomes if outcome.quarantine is None]
    failed = [outcome for outcome in outcomes if outcome.quarantine is not None]
    if done:
        write_segment(store, IMAGES_PHASE, [make_outcome_row(outcome) for outcome in done], "run-1", NOW)
    if failed:
        write_segment(store, IMAGES_FAILED_PHASE, [make_failure_row(outcome) for outcome in failed], "run-1", NOW)
    placements = sorted({outcome.request.placement for outcome in outcomes} | {"feed"})
    labels = RunLabels("smollm2", "ad.j2", {}, tuple(placements))
    keys = {make_keys(pa.array([outcome.key])).tobytes() for outcome in outcomes}
    totals = compact(store, store, TEXT_PHASE, labels, wanted=set(), creatives=keys).totals
    counts = {name: getattr(totals, name) for name in ("creatives_accepted", "creatives_rejected", "pictures")}
    counts |= {"creatives_planned": len(outcomes), "creatives_quarantined": totals.creatives_quarantined}
    known: dict[str, Placement] = {"feed": FEED}
    facts = {"counts": counts | changes.pop("counts", {}), "placements": known} | changes
    return make_facts(**facts)

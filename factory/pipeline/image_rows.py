"""What travels through the images phase, and how rows enter it. Knows nothing of Ray.

A row is (kind, payload): `copy`, an accepted text with the creatives to make of it; `drawn`, the same with its backdrops; or a
`split`, which says how many creatives the texts of one file come to. Nothing is dropped.
"""

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from factory.errors import PictureError
from factory.images.tasks import keep_chosen, keep_new, make_work
from factory.images.types import PaintedBackdrop
from factory.journal.accepted_texts import TextFile, read_texts
from factory.journal.phases import IMAGES_PLAN_PHASE
from factory.journal.segments import Finished
from factory.journal.split_records import make_record, write_record
from factory.pipeline.context import ImagesContext
from factory.pipeline.rows import Row, make_rows
from schemas.creative import CopyWork
from schemas.run import UnitCount

HAND_ON = 16  # texts that are handed on at a time

Tries = Mapping[str, tuple[int, int]]  # creative id -> (retries, attempt)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A text with the backdrops of its creatives, by creative id; or why they could not be drawn."""

    work: CopyWork
    backdrops: dict[str, list[PaintedBackdrop]] = field(default_factory=dict)
    errors: dict[str, PictureError] = field(default_factory=dict)


def read_copy(file: TextFile, context: ImagesContext, not_new: Finished) -> Iterator[pa.Table]:
    """Read the texts of one file: their new creatives, and at the end one row that counts them all.

    The record of what was planned is on storage before the count goes out. Raises StorageError.
    """
    rows: list[Row] = []
    ids: list[str] = []
    num_texts = num_new = 0
    for work in _list_works(file, context):
        num_texts += 1
        own = [task.creative_id for task in work.tasks]
        new = keep_new(work, list(not_new.contains(own)))
        ids += own
        num_new += len(new.tasks)
        if new.tasks:
            rows.append(("copy", new.model_dump_json()))
        if len(rows) == HAND_ON:
            yield make_rows(rows)
            rows = []
    count = UnitCount(
        unit=file.path, rows=num_texts, briefs=0, refused=0, planned=len(ids), skipped=len(ids) - num_new
    )
    write_record(make_record(count, ids), context.spec, context.store, IMAGES_PLAN_PHASE)
    yield make_rows([*rows, ("unit", count.model_dump_json())])


def read_chosen(file: TextFile, context: ImagesContext, chosen: Tries) -> Iterator[pa.Table]:
    """Read the texts of one file, and hand on each of the `chosen` creatives by itself. Raises StorageError."""
    for work in _list_works(file, context):
        rows: list[Row] = [("copy", each.model_dump_json()) for each in keep_chosen(work, chosen)]
        if rows:
            yield make_rows(rows)


def pack_drawn(drawn: Drawn) -> Row:
    """Return the row of a text with its backdrops."""
    return "drawn", pickle.dumps(drawn, pickle.HIGHEST_PROTOCOL)


def unpack_work(kind: str, payload: bytes) -> Drawn:
    """Return what a `copy` or `drawn` row holds."""
    if kind == "copy":
        return Drawn(CopyWork.model_validate_json(payload))
    drawn: Drawn = pickle.loads(payload)
    return drawn


def _list_works(file: TextFile, context: ImagesContext) -> Iterator[CopyWork]:
    setup = context.setup
    for text in read_texts(file, context.store):
        slots = setup.slots.get(text.request.placement, ())
        for asset in text.assets if slots else ():
            yield make_work(text.request, asset, slots, setup.digest, context.spec.loaded.job.seed)

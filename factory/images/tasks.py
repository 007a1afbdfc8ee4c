"""Which creatives are made of a text: one for each picture slot of its placement, with an id of everything that decides it."""

from collections.abc import Mapping, Sequence

from factory.images.brand.colorways import Colorway
from factory.images.types import MOST_ENLARGED, Cutout
from schemas.base import digest
from schemas.creative import CopyWork, CreativeTask, Slot
from schemas.outcome import Candidate, make_asset_id
from schemas.request import Request
from schemas.run import SCHEME

MAIN_FILL = 0.9  # of the longer side: no channel asks more of the product in a main picture, no layout gives it less


def make_work(request: Request, asset: Candidate, slots: Sequence[Slot], identity: str, seed: int) -> CopyWork:
    """Return all that is to be made of one text asset.

    `identity` is the digest of what the creatives of a job share: brands, layouts, backdrops and the like. The address of
    the product picture is part of an id. Its content is not: that is known only after it was fetched.
    """
    rank = asset.rank or 0
    tasks = []
    for slot in slots:
        parts = [SCHEME, identity, request.request_id, rank, asset.fields, request.brief.image_uri, slot.name]
        creative_id = digest(parts)
        tasks.append(CreativeTask(creative_id=creative_id, slot=slot, seed=(int(creative_id[:8], 16) ^ seed) % 2**31))
    return CopyWork(
        request=request, rank=rank, asset_id=make_asset_id(request.request_id, rank), fields=asset.fields, tasks=tasks
    )


def fit_main(slot: Slot, product: Cutout | None) -> Slot:
    """Return a main picture's slot in a size that the product's pixels can fill, never below the least that the channel takes.

    The product must fill a main picture, and it is enlarged only so far: a small photo gets a smaller picture.
    """
    if slot.role != "main" or product is None:
        return slot
    fills = max(product.pixels.shape[:2]) * MOST_ENLARGED / MAIN_FILL / max(slot.width, slot.height)
    share = min(1.0, max(slot.least, fills))
    return slot.change(width=round(slot.width * share), height=round(slot.height * share))


def pick_colorway(colorways: Sequence[Colorway], seed: int, place: int) -> Colorway:
    """Return the colourway of the try at `place`. The seed decides which one comes first."""
    return colorways[(seed + place) % len(colorways)]


def keep_new(work: CopyWork, done: Sequence[bool]) -> CopyWork:
    """Return the work without the tasks that are done; `done` has one entry for each task."""
    return work.change(tasks=[task for task, is_done in zip(work.tasks, done, strict=True) if not is_done])


def keep_chosen(work: CopyWork, chosen: Mapping[str, tuple[int, int]]) -> list[CopyWork]:
    """Return the tasks that failed and are tried again, each as work of its own: one that kills its process harms no other.

    `chosen` has (retries, attempt) by creative id.
    """
    return [
        work.change(tasks=[task], tries={task.creative_id: chosen[task.creative_id]})
        for task in work.tasks
        if task.creative_id in chosen
    ]

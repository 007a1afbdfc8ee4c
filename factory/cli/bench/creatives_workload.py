"""What `factory bench creatives` makes pictures of: the briefs of a job with ready-made copy, as a run would hand them on.

The copy is the scripted engine's, scored and selected as always, so that no text model is needed.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from factory.cli.bench.engine import list_requests
from factory.engines.base import ImageEngine
from factory.errors import JobError, PictureError
from factory.images.backdrops.draw import draw_backdrop
from factory.images.brand.colorways import Colorway, make_colorways
from factory.images.brand.kit import pick_brand
from factory.images.checks.checker import judge_creative
from factory.images.compose.compose import Misfit, Order, compose
from factory.images.compose.slot_texts import list_texts
from factory.images.creative_maker import CreativeMaker
from factory.images.files.sign import load_signer
from factory.images.layouts.load import Layout
from factory.images.picture_writer import PictureWriter
from factory.images.product.load import load_product
from factory.images.setup import ImageSetup
from factory.images.tasks import make_work, pick_colorway
from factory.images.types import Composition, Cutout, PaintedBackdrop
from factory.pipeline.make_engines import make_embedder, make_engine, make_image_engine
from factory.pipeline.score_stage import finish_outcomes
from factory.pipeline.text_stage import make_settings
from factory.runs import planning
from factory.storage.store import Store
from factory.text.write import write_request
from schemas import images
from schemas.creative import CopyWork, CreativeTask, Slot
from schemas.layout import find_aspect

BRIEFS = 48  # that are read at most: more would make every round longer, and its pictures no other
WIDTH, HEIGHT = 1200, 628  # of the picture that speeds are compared by
_TEXTS = 5  # that a full picture holds at least
_SETTINGS = ["text.model=scripted", "judge=null"]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One creative to be made."""

    work: CopyWork
    task: CreativeTask
    product: Cutout | None


@dataclass(frozen=True, slots=True, eq=False)
class Full:
    """A creative in one layout that holds all there can be, and what it was composed of and came to."""

    piece: Piece
    layout: Layout
    order: Order
    made: Composition


@dataclass(frozen=True, slots=True, eq=False)
class Workshop:
    """A job that is ready to make pictures. Backdrops are procedural. `load_ms` is the median CPU time of a product picture."""

    setup: ImageSetup
    works: tuple[CopyWork, ...]
    products: dict[str, Cutout]
    engine: ImageEngine
    writer: PictureWriter
    load_ms: float

    def draw(self, task: CreativeTask, colorway: Colorway, index: int) -> PaintedBackdrop:
        """Return the backdrop of the `index`-th try, as the stage of a run does."""
        return draw_backdrop(self.engine, self.setup.images.backdrop, task.slot, colorway, task.seed + index)

    def set_up(self, layouts: tuple[Layout, ...] = (), variants: int | None = None) -> CreativeMaker:
        """Return an easel for the job's layouts and number of variants, or for other ones."""
        wanted = self.setup.images
        if variants is not None:
            wanted = wanted.model_copy(update={"variants": variants, "keep": 1})
        setup = replace(self.setup, images=wanted, layouts=layouts or self.setup.layouts)
        return CreativeMaker(setup, self.draw, self.writer)

    def list_pieces(self, slot: Slot, most: int) -> list[Piece]:
        """Return up to `most` creatives of one picture slot, of different briefs as far as there are."""
        pieces = [self._take(work, task) for work in self.works for task in work.tasks if task.slot == slot]
        return pieces[:most]

    def list_slots(self) -> list[Slot]:
        """Return the picture slots of the job, each once, the smallest first."""
        found = {slot.name: slot for slots in self.setup.slots.values() for slot in slots}
        return sorted(found.values(), key=lambda slot: (slot.width * slot.height, slot.name))

    def list_full(self, most: int) -> list[Full]:
        """Return up to `most` different pictures of 1200x628 that have product, logo, badge and five texts and pass every
        check; where the job has none, those that come nearest. Raises JobError when nothing passes in that size.
        """
        slot = next((each for each in self.list_slots() if _is_headline(each)), None) or Slot(
            name="picture", role="creative", width=WIDTH, height=HEIGHT, max_bytes=5_120_000, formats=["jpg"]
        )
        best: list[Full] = []
        for piece in self._list_headline(slot):
            for full in self._compose_all(piece):
                held = count_parts(full.made)
                if best and held < count_parts(best[0].made):
                    continue
                best = [full] if best and held > count_parts(best[0].made) else [*best, full]
                if held == len(PARTS) and len(best) == most:
                    return best
        if not best:
            raise JobError(
                f"no picture of {WIDTH}x{HEIGHT} passes its checks", "see why: factory run, then its report"
            )
        return best[:most]

    def list_orders(
        self, first: Piece, sizes: Sequence[tuple[int, int]], most: int
    ) -> Iterator[tuple[Order, Composition]]:
        """Yield every layout in up to `most` of the sizes that it is drawn for, with copy and product of `first`, or of
        another brief where the layout needs what that one has not.
        """
        pieces = [first, *(self._take(work, work.tasks[0]) for work in self.works)]
        for layout in self.setup.layouts:
            fitting = [size for size in sizes if find_aspect(*size) in layout.meta.aspects]
            for width, height in fitting[:most]:
                slot = Slot(name="picture", role=layout.meta.role, width=width, height=height, formats=["png"])
                for piece in pieces:
                    order = self._order(replace(piece, task=piece.task.change(slot=slot)), layout)
                    made = compose(order)
                    if not isinstance(made, Misfit):
                        yield order, made
                        break

    def _list_headline(self, slot: Slot) -> Iterator[Piece]:
        for work in self.works:
            own = [task for task in work.tasks if task.slot == slot]
            if own or slot.name == "picture":
                yield self._take(work, own[0] if own else work.tasks[0].change(slot=slot))

    def _compose_all(self, piece: Piece) -> Iterator[Full]:
        for layout in self.setup.layouts:
            if layout.meta.role != "creative" or find_aspect(WIDTH, HEIGHT) not in layout.meta.aspects:
                continue
            order = self._order(piece, layout)
            made = compose(order)
            if not isinstance(made, Misfit) and all(check.passed for check in judge_creative(made, order.slot)[0]):
                yield Full(piece, layout, order, made)

    def _order(self, piece: Piece, layout: Layout) -> Order:
        """The order of a creative's first try in `layout`, as `CreativeMaker` makes it."""
        work, task = piece.work, piece.task
        brand = pick_brand(self.setup.brands, work.request.brief.brand)
        colorway = pick_colorway(make_colorways(brand.kit.colors), task.seed, 0)
        backdrop = self.draw(task, colorway, 0) if layout.meta.backdrop else None
        texts = list_texts(work.request, work.fields, brand)
        return Order(texts, work.request.locale, task.slot, brand, layout, colorway, piece.product, backdrop)

    def _take(self, work: CopyWork, task: CreativeTask) -> Piece:
        return Piece(work, task, self.products.get(work.request.brief.image_uri))


def open_workshop(job: str, sets: list[str], output: str) -> Workshop:
    """Read a job and write its copy; files go below `output`. Raises JobError for one that makes no pictures."""
    prepared = planning.prepare_job(job, planning.Options([*sets, *_SETTINGS], None, output, limit=BRIEFS))
    if prepared.setup is None:
        raise JobError(f"the job {job} makes no pictures", "name one with an images section, such as jobs/creatives")
    setup = replace(prepared.setup, images=prepared.setup.images.model_copy(update={"backdrop": images.Backdrop()}))
    loaded = prepared.spec.loaded
    engine = make_image_engine(setup.images.backdrop, loaded.job.execution.images, "")
    engine.start()
    works = [work for work in _write_works(prepared, setup) if work.tasks]
    products: dict[str, Cutout] = {}
    spent: list[float] = []
    for uri in sorted({work.request.brief.image_uri for work in works} - {""}):
        began = time.process_time()
        try:
            products[uri] = load_product(uri, setup.images.sources, loaded.folder, setup.images.product.cutout)
        except PictureError:
            works = [work for work in works if work.request.brief.image_uri != uri]
        spent.append(time.process_time() - began)
    if not works:
        raise JobError(f"no brief of {job} can be made a picture of", "try factory run: its report says why")
    signer = load_signer(setup.images.signing) if setup.images.signing else None
    writer = PictureWriter(Store(output), prepared.spec.model, signer, redraws=False)
    return Workshop(setup, tuple(works), products, engine, writer, 1e3 * median(spent) if spent else 0.0)


# What a full picture has, and how it is seen that one has it.
PARTS: dict[str, Callable[[Composition], bool]] = {
    "product": lambda made: made.product is not None and made.product.mode == "cutout",
    "logo": lambda made: made.logo is not None,
    "badge": lambda made: any(text.slot == "badge" for text in made.texts),
    "five texts": lambda made: len(made.texts) >= _TEXTS,
}


def count_parts(made: Composition) -> int:
    """Return how many of PARTS a picture has."""
    return sum(has(made) for has in PARTS.values())


def _write_works(prepared: planning.Prepared, setup: ImageSetup) -> Iterator[CopyWork]:
    settings, engine = make_settings(prepared.spec, None), make_engine(prepared.spec)
    requests = [each for each in list_requests(prepared) if setup.slots.get(each.placement)]

    async def write_all() -> list[CopyWork]:
        written = [await write_request(request, settings, engine) for request in requests]
        finished = finish_outcomes(written, prepared.spec, 0.0, make_embedder(prepared.spec))
        seed = prepared.spec.loaded.job.seed
        return [
            make_work(outcome.request, asset, setup.slots[outcome.request.placement], setup.digest, seed)
            for outcome in finished
            for asset in outcome.accepted[:1]
        ]

    yield from asyncio.run(write_all())


def _is_headline(slot: Slot) -> bool:
    return (slot.width, slot.height, slot.role) == (WIDTH, HEIGHT, "creative")

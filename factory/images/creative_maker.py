"""Makes one creative: tries layouts in colourways until enough pass every check, keeps the best, and stores them."""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass

from factory.images.brand.colorways import Colorway, make_colorways
from factory.images.brand.kit import Brand, pick_brand
from factory.images.checks.checker import (
    check_safety,
    choose_pictures,
    fingerprint_composition,
    judge_creative,
    total_score,
)
from factory.images.compose.compose import Misfit, Order, compose
from factory.images.compose.slot_texts import AdTexts, list_present, list_texts
from factory.images.files.thumbnail import make_thumbnail
from factory.images.layouts.load import Layout, choose_layouts
from factory.images.picture_writer import PictureWriter
from factory.images.setup import ImageSetup
from factory.images.tasks import fit_main, pick_colorway
from factory.images.types import Composition, Cutout, PaintedBackdrop
from schemas.creative import CopyWork, CreativeOutcome, CreativeTask, Picture, Variant
from schemas.outcome import Check, Status

# Draws the backdrop of a creative in a colourway, for the try of this number.
Draw = Callable[[CreativeTask, Colorway, int], PaintedBackdrop]


@dataclass(frozen=True, slots=True, eq=False)
class _Subject:
    """What is the same for all tries at one creative."""

    task: CreativeTask
    texts: AdTexts
    locale: str
    brand: Brand
    product: Cutout | None


@dataclass(frozen=True, slots=True, eq=False)
class _Try:
    """One variant with its picture, None where nothing could be composed."""

    variant: Variant
    layout: Layout | None
    composition: Composition | None


@dataclass(frozen=True, slots=True, eq=False)
class CreativeMaker:
    """Makes creatives. `draw` draws a backdrop, `writer` turns a composition into a file on storage."""

    setup: ImageSetup
    draw: Draw
    writer: PictureWriter

    def make(self, work: CopyWork, task: CreativeTask, product: Cutout | None) -> CreativeOutcome:
        """Return the outcome of one creative: all variants, and the pictures of those that were accepted.

        Raises PictureError when a backdrop cannot be drawn, StorageError when a file cannot be written.
        """
        began = time.process_time()
        task = task.change(slot=fit_main(task.slot, product))
        tries = self._try_all(work, task, product)
        variants, pictures = self._keep_best(work, task, tries, product)
        return CreativeOutcome(
            creative_id=task.creative_id,
            request=work.request,
            text_rank=work.rank,
            text_asset_id=work.asset_id,
            slot=task.slot,
            seed=task.seed,
            variants=variants,
            pictures=pictures,
            thumbnail="" if pictures else _show_last(tries),
            seconds=time.process_time() - began,
        )

    def _try_all(self, work: CopyWork, task: CreativeTask, product: Cutout | None) -> list[_Try]:
        """Try layouts in colourways until as many have passed as the job compares, or nothing is left to try."""
        images, brand = self.setup.images, pick_brand(self.setup.brands, work.request.brief.brand)
        if product is None and images.require_product:
            return [_refuse("no_product", "the brief names no product picture, and images.require_product is on")]
        texts = list_texts(work.request, work.fields, brand)
        subject = _Subject(task, texts, work.request.locale, brand, product)
        options = self._list_options(subject)
        if not options:
            what = f"no layout for {task.slot.role} at {task.slot.width}x{task.slot.height} has all that it needs"
            return [_refuse("no_layout", f"{what} of this brief: add a layout that needs less")]
        tries: list[_Try] = []
        num_passed = 0
        hopeless: set[str] = set()  # layouts that have no room for this copy: another colourway does not change that
        for layout, colorway in options:
            if num_passed == images.variants or len(tries) == images.max_tries:
                break
            if layout.name in hopeless:
                continue
            made = self._try(subject, layout, colorway, len(tries))
            tries.append(made)
            if made.composition is None:
                hopeless.add(layout.name)
            num_passed += made.variant.passed
        return tries

    def _list_options(self, subject: _Subject) -> list[tuple[Layout, Colorway]]:
        """Every layout in every colourway: each layout once, in different colourways, then all again in the next ones."""
        slot, seed = subject.task.slot, subject.task.seed
        layouts = choose_layouts(self.setup.layouts, slot, list_present(subject.texts, subject.product), seed)
        colorways = make_colorways(subject.brand.kit.colors)
        return [
            (layout, pick_colorway(colorways, seed, place + turn))
            for turn in range(len(colorways))
            for place, layout in enumerate(layouts)
        ]

    def _try(self, subject: _Subject, layout: Layout, colorway: Colorway, index: int) -> _Try:
        slot, product = subject.task.slot, subject.product
        backdrop = self.draw(subject.task, colorway, index) if layout.meta.backdrop else None
        made = compose(Order(subject.texts, subject.locale, slot, subject.brand, layout, colorway, product, backdrop))
        variant = Variant(index=index, layout=layout.name, colorway=colorway.name)
        if isinstance(made, Misfit):
            check = Check(rule=made.reason, passed=False, detail=made.detail)
            return _Try(variant.change(checks=[check], reason=f"{made.reason}: {made.detail}"), layout, None)
        checks, scores = judge_creative(made, slot)
        if self.setup.images.backdrop.safety:
            checks = [*checks, check_safety(made.pixels)]
        if made.product is not None and product is not None and product.mode == "card":
            checks = [*checks, Check(rule="product_not_cut_out", passed=True, detail=product.doubt)]
        variant = variant.change(texts={each.slot: each.text for each in made.texts}, fit=made.fit, checks=checks)
        failed = next((check for check in checks if not check.passed), None)
        if failed is not None:
            return _Try(variant.change(reason=f"{failed.rule}: {failed.detail}"), layout, made)
        return _Try(variant.change(scores=scores, score=total_score(scores)), layout, made)

    def _keep_best(
        self, work: CopyWork, task: CreativeTask, tries: list[_Try], product: Cutout | None
    ) -> tuple[list[Variant], list[Picture]]:
        """Choose the best ones that differ and write them. One whose file fails a check makes room for the next."""
        images = self.setup.images
        variants = [each.variant for each in tries]
        fingerprints = {
            each.variant.index: fingerprint_composition(each.composition) for each in tries if each.composition
        }
        pictures: dict[int, Picture] = {}
        while True:
            variants = choose_pictures(variants, fingerprints, images.keep, images.min_distance, images.minimum_score)
            new = [each for each in variants if each.status is Status.ACCEPTED and each.index not in pictures]
            if not new:
                ranked = sorted((each for each in variants if each.status is Status.ACCEPTED), key=_read_rank)
                return variants, [pictures[each.index] for each in ranked]
            index = new[0].index
            written = self._write(work, task, tries[index], fingerprints[index], product)
            if isinstance(written, Picture):
                pictures[index] = written
            else:
                variants[index] = new[0].change(checks=[*new[0].checks, *written], rank=None)

    def _write(
        self, work: CopyWork, task: CreativeTask, chosen: _Try, phash: str, product: Cutout | None
    ) -> Picture | list[Check]:
        """Write one variant to storage. If its file must not go out, return the checks of the file, one of which failed."""
        made, layout = chosen.composition, chosen.layout
        if made is None or layout is None:
            raise ValueError("only what was composed can be written")
        written = self.writer.write(made, work, task, product)
        if isinstance(written, list):
            return written
        return written.change(variant=chosen.variant.index, phash=phash, layout_digest=layout.digest)


def _refuse(rule: str, detail: str) -> _Try:
    """The only variant of a creative for which no layout was tried."""
    check = Check(rule=rule, passed=False, detail=detail)
    return _Try(Variant(index=0, layout="", checks=[check], reason=f"{rule}: {detail}"), None, None)


def _read_rank(variant: Variant) -> int:
    return variant.rank or 0


def _show_last(tries: list[_Try]) -> str:
    """A thumbnail of the last try that gave a picture, to show why it was rejected; "" if none did."""
    pixels = next((each.composition.pixels for each in reversed(tries) if each.composition), None)
    return "" if pixels is None else base64.b64encode(make_thumbnail(pixels)).decode()

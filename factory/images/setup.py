"""What all creatives of a job share, read and checked before the run starts: brands, layouts, picture slots, backdrops."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from factory.config.job import LoadedJob
from factory.config.job_files import join_uri
from factory.engines.diffusers.files import check_pipeline
from factory.engines.models.resolve import IMAGE_INDEX, model_digest
from factory.errors import JobError
from factory.images.backdrops.draw import check_prompt
from factory.images.brand.kit import Brand, load_brands
from factory.images.checks.nsfw import require_classifier
from factory.images.files.sign import load_signer
from factory.images.layouts.load import Layout, load_layouts
from factory.images.product.cutout import make_cutter
from factory.images.slots import make_job_slots
from schemas.base import digest
from schemas.creative import Slot
from schemas.images import Images, ProductConfig
from schemas.layout import find_aspect


@dataclass(frozen=True, slots=True, eq=False)
class ImageSetup:
    """Sent to every process that makes pictures. `slots` are by placement; `digest` covers all that decides the output."""

    images: Images
    brands: tuple[Brand, ...]
    layouts: tuple[Layout, ...]
    slots: dict[str, list[Slot]]
    digest: str


def prepare_images(loaded: LoadedJob) -> ImageSetup | None:
    """Return the image setup of a job, None when it makes no pictures.

    Raises JobError for a kit, font, layout, slot, prompt, pipeline, cut-out engine or signing key that cannot be used,
    StorageError when a file cannot be read.
    """
    images = loaded.job.images
    if images is None:
        return None
    brands = load_brands([join_uri(loaded.folder, name) for name in images.brands])
    layouts = load_layouts(images.layouts, loaded.folder)
    wanted = make_job_slots(list(loaded.placements.values()), images)
    slots = {name: keep_possible(found, layouts, images.slots) for name, found in wanted.items()}
    if not any(slots.values()):
        raise JobError(
            "images: no layout serves any picture slot of the placements",
            "add a layout of the slots' role and shape to images.layouts",
        )
    check_prompt(images.backdrop)
    check_requirements(images)
    cutter = make_cutter(images.product.cutout)
    model = images.backdrop.model
    # Where pictures may come from does not decide what is made of them.
    excluded = {"sources", "brands", "layouts", "slots"}
    if images.product == ProductConfig():
        # Outputs from before there was a choice were made in this way: with the key, none of their creatives would be
        # found done.
        excluded.add("product")
    identity = {
        "images": images.model_dump(mode="json", exclude=excluded),
        "brands": [brand.digest for brand in brands],
        "layouts": sorted([layout.name, layout.digest] for layout in layouts),
        "slots": {name: [slot.model_dump(mode="json") for slot in found] for name, found in slots.items()},
        "model": model_digest(model, IMAGE_INDEX) if model is not None else "",
        "seed": loaded.job.seed,
    }
    if cutter.digest:
        identity["cutout"] = cutter.digest
    return ImageSetup(images, brands, layouts, slots, digest(identity))


def check_requirements(images: Images) -> None:
    """Raise JobError for what the pictures need and this machine lacks: a pipeline, keys to sign with, a safety model."""
    backdrop = images.backdrop
    if backdrop.model is not None:
        check_pipeline(backdrop.model)
    if backdrop.strength is not None and int(backdrop.steps * backdrop.strength) < 1:
        what = f"images.backdrop: {backdrop.steps} steps at strength {backdrop.strength:g} are less than one"
        raise JobError(what, f"take at least {ceil(1 / backdrop.strength)} steps")
    if backdrop.safety:
        require_classifier()
    if images.signing is not None:
        load_signer(images.signing)


def keep_possible(slots: Sequence[Slot], layouts: Sequence[Layout], named: Sequence[str]) -> list[Slot]:
    """Return the slots that a layout serves. Slots of a role that no layout has are left out, unless the job names them.

    Raises JobError for a slot whose role layouts serve in other shapes only: a picture that is asked for would be missing.
    """
    possible = []
    for slot in slots:
        aspect = find_aspect(slot.width, slot.height)
        of_role = [layout for layout in layouts if layout.meta.role == slot.role]
        if any(aspect in layout.meta.aspects for layout in of_role):
            possible.append(slot)
        elif of_role or slot.name in named:
            raise JobError(
                f"no layout of role {slot.role} is drawn for {aspect.value}, which slot {slot.name} "
                f"({slot.width}x{slot.height}) needs",
                "add the shape to a layout's aspects, or leave the slot out by naming the others in images.slots",
            )
    return possible

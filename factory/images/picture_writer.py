"""Writes a composition to storage as a file: encoded, stamped, signed if the job asks for it, checked, named by its content."""

import hashlib
from typing import Protocol

from factory.errors import PictureError
from factory.images.checks.checker import check_file
from factory.images.files.encode import encode_picture
from factory.images.files.provenance import Provenance, check_stamp, decide_source_type, write_xmp
from factory.images.files.sign import Signer
from factory.images.types import Composition, Cutout, PaintedBackdrop
from schemas.creative import CopyWork, CreativeTask, Picture
from schemas.outcome import Check

FOLDER = "images"
WRITTEN = frozenset({"headline", "body", "benefits"})  # slots of layouts that may hold copy that a model wrote


class Files(Protocol):
    """Where pictures are written to."""

    def write_bytes(self, rel: str, data: bytes) -> None:
        """Write the file `rel`, or begin to write it. Raises StorageError."""


class PictureWriter:
    """Writes pictures to `files`. `model` is the name of the text model; `signer` is None where nothing is signed."""

    def __init__(self, files: Files, model: str, signer: Signer | None, redraws: bool) -> None:
        self._files = files
        self._model = model
        self._signer = signer
        self._redraws = redraws  # whether a generative engine starts from the product's picture

    def write(
        self, made: Composition, work: CopyWork, task: CreativeTask, product: Cutout | None
    ) -> Picture | list[Check]:
        """Return the picture that was written, or the checks of a file that must not go out.

        When work is done twice, the same file is written again: its name is the hash of its content. Raises StorageError,
        and PictureError where signing failed and may succeed later.
        """
        source = product if made.product is not None else None
        provenance = self._describe(made, work, task, source)
        reserve = self._signer.overhead if self._signer else 0
        try:
            encoded = encode_picture(made.pixels, task.slot, reserve, write_xmp(provenance))
            data = encoded.data
            if self._signer is not None:
                data = self._signer.sign(data, encoded.mime, provenance)
            check_stamp(data, provenance)
        except PictureError as error:
            if error.retryable:
                raise
            return [Check(rule=error.reason, passed=False, detail=error.message)]
        checks = check_file(data, task.slot, made)
        if not all(check.passed for check in checks):
            return checks
        name = hashlib.sha256(data).hexdigest()
        path = f"{FOLDER}/{name[:2]}/{name}.{encoded.extension}"
        self._files.write_bytes(path, data)
        picture = Picture(
            variant=0,
            path=path,
            sha256=name,
            mime=encoded.mime,
            width=task.slot.width,
            height=task.slot.height,
            num_bytes=len(data),
            source_type=provenance.source_type,
            source_uri=source.uri.partition("?")[0] if source else "",  # a signed address is a secret
            source_digest=source.digest if source else "",
            signed=self._signer is not None,
        )
        return _add_backdrop(picture, made.backdrop)

    def _describe(self, made: Composition, work: CopyWork, task: CreativeTask, source: Cutout | None) -> Provenance:
        written = any(each.slot in WRITTEN for each in made.texts)
        backdrop = made.backdrop
        engine = backdrop.engine if backdrop else ""
        return Provenance(
            source_type=decide_source_type(
                text_by_model=written,
                backdrop_engine=engine,
                has_product=source is not None,
                redrawn=self._redraws and source is not None,
                has_text=bool(made.texts),
            ),
            creative_id=task.creative_id,
            text_asset_id=work.asset_id,
            brief_id=work.request.brief.brief_id,
            layout=made.layout,
            models=tuple(filter(None, (self._model if written else "", backdrop.model if backdrop else ""))),
            product_digest=source.digest if source else "",
            credit=work.request.brief.brand,
        )


def _add_backdrop(picture: Picture, backdrop: PaintedBackdrop | None) -> Picture:
    if backdrop is None:
        return picture
    return picture.change(
        backdrop_engine=backdrop.engine,
        backdrop_model=backdrop.model,
        backdrop_seed=backdrop.seed,
        backdrop_prompt=backdrop.prompt,
    )

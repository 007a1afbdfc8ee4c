"""Where a picture comes from, written into the file: IPTC digital source type, ids of what it was made of, models.

The terms are IPTC's NewsCodes (http://cv.iptc.org/newscodes/digitalsourcetype/, as modified 2024-10-23), which Google, Meta,
schema.org and C2PA read. Of a brief only its id is written, and no secret.
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from factory.errors import PictureError
from factory.images.files.xmp import read_property, write_packet

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"  # what every source type's address starts with
PROPERTY = "Iptc4xmpExt:DigitalSourceType"
CREATOR = "content-factory"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is written about one picture. `source_type` is the last part of an address of IPTC's vocabulary.

    `models` are those that wrote its text or drew its backdrop, `product_digest` is the SHA-256 of the product picture in it,
    `credit` is whose picture it is (the brand). Empty values are left out.
    """

    source_type: str
    creative_id: str = ""
    text_asset_id: str = ""
    brief_id: str = ""
    layout: str = ""
    models: tuple[str, ...] = ()
    product_digest: str = ""
    credit: str = ""


def decide_source_type(
    text_by_model: bool, backdrop_engine: str, has_product: bool, redrawn: bool = False, has_text: bool = True
) -> str:
    """Return the IPTC digital source type of a picture that this factory composed, as the last part of its address.

    `backdrop_engine` is "procedural", "" for a plain ground, or a generative engine; `redrawn` says that a generative engine
    started from the product's picture; `text_by_model` that the copy in the picture was written by a model. By IPTC's
    definitions, most specific first:

    - compositeWithTrainedAlgorithmicMedia, "Augmentation, correction or enhancement using a Generative AI model, such as
      with inpainting or outpainting operations": a model continued the product's picture (`redrawn`).
    - trainedAlgorithmicMedia, "Digital media created algorithmically using an Artificial Intelligence model trained on
      captured content": a generated backdrop and nothing that was captured. Letters and a logo on it change nothing: this is
      the strictest mark, and channels ask for it (Google Merchant Center).
    - compositeSynthetic, "Mix or composite of several elements, at least one of which is Generative AI": a real product
      in front of a generated backdrop, or model-written copy in an otherwise drawn or photographed picture.
    - algorithmicMedia, "Media created purely by an algorithm not based on any sampled training data": shapes, logo and copy
      that no model wrote.
    - algorithmicallyEnhanced, "Modification or correction by algorithm without changing the main content": the product
      alone, cut out on a plain ground, without a word.
    - composite, "Mix or composite of several elements, any of which may or may not be generative AI": the rest, a real
      product with drawn shapes or copy that no model wrote. compositeCapture would mean that all of it was captured.
    """
    generated = backdrop_engine not in ("", "procedural")
    if generated and has_product:
        return "compositeWithTrainedAlgorithmicMedia" if redrawn else "compositeSynthetic"
    if generated:
        return "trainedAlgorithmicMedia"
    if text_by_model and has_text:
        return "compositeSynthetic"
    if not has_product:
        return "algorithmicMedia"
    return "algorithmicallyEnhanced" if not backdrop_engine and not has_text else "composite"


def write_xmp(provenance: Provenance) -> bytes:
    """Return the XMP packet for `encode_picture`, which writes it in the same pass and counts its bytes.

    AISystemUsed is of the IPTC Photo Metadata Standard 2025.1, dc:source of Dublin Core ("a related resource from which the
    described resource is derived").
    """
    digest = provenance.product_digest
    return write_packet(
        {
            PROPERTY: SOURCE_TYPES + provenance.source_type,
            "Iptc4xmpExt:AISystemUsed": "; ".join(provenance.models),
            "xmp:CreatorTool": f"{CREATOR} {find_version()}",
            "photoshop:Credit": provenance.credit,
            "dc:identifier": provenance.creative_id,
            "dc:source": f"sha256:{digest}" if digest else "",
            "factory:TextAsset": provenance.text_asset_id,
            "factory:Brief": provenance.brief_id,
            "factory:Layout": provenance.layout,
        }
    )


def read_source_type(data: bytes) -> str:
    """Return the source type in a picture file, the last part of its address; "" without one of this vocabulary."""
    address = read_property(data, PROPERTY)
    return address.removeprefix(SOURCE_TYPES) if address.startswith(SOURCE_TYPES) else ""


def check_stamp(data: bytes, provenance: Provenance) -> None:
    """Read the finished file back, not with its writer. Raises PictureError stamp_lost where it says something else."""
    found = read_source_type(data)
    if found != provenance.source_type:
        raise PictureError(
            "stamp_lost",
            f"the file should say {provenance.source_type} and says {found or 'nothing'}",
            "an unmarked picture is not delivered: report this, it is a defect",
        )


@cache
def find_version() -> str:
    """Return the installed version of this project."""
    return version(CREATOR)

"""Checks on a finished file, decoded again from its bytes, as a channel would read it. Never raises for bad bytes."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from factory.engines.base import Pixels
from factory.images.checks.pixels import find_reduction, shrink, shrink_composition
from factory.images.files.provenance import read_source_type
from factory.images.types import Composition
from schemas.creative import Slot

# Those that the factory writes, by Pillow's names.
FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif"}
MOST_DIFFERENCE = 8.0  # levels by which a file may differ from what was composed, on average over all pixels
WHITE = 250  # level that white still has at the edge after encoding


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A slot's file as it was read: `format` by its content ("" for one that the factory does not write), `image` in RGB."""

    slot: Slot
    data: bytes
    format: str
    mode: str
    width: int
    height: int
    num_frames: int
    is_opaque: bool
    image: Image.Image


def open_file(data: bytes, slot: Slot) -> Opened | str:
    """Return the decoded file, or why it cannot be decoded. A file of another size than the slot's is not decoded at all."""
    try:
        with Image.open(io.BytesIO(data), formats=list(FORMATS)) as image:
            if image.size != (slot.width, slot.height):
                return f"the file is {image.width}x{image.height}, not {slot.width}x{slot.height}"
            image.load()
            return Opened(
                slot=slot,
                data=data,
                format=FORMATS.get(image.format or "", ""),
                mode=image.mode,
                width=image.width,
                height=image.height,
                num_frames=getattr(image, "n_frames", 1),
                is_opaque=not image.has_transparency_data
                or image.convert("RGBA").getchannel("A").getextrema()[0] == 255,
                image=image if image.mode == "RGB" else image.convert("RGB"),
            )
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return f"the file cannot be read: {str(error)[:80]}"


def find_wrong_format(opened: Opened) -> str:
    """It is one of the slot's formats, by its content."""
    return (
        ""
        if opened.format in opened.slot.formats
        else f"it is {opened.format}, not {' or '.join(opened.slot.formats)}"
    )


def find_weight(opened: Opened) -> str:
    """It weighs no more than the slot allows."""
    if opened.slot.max_bytes is None or len(opened.data) <= opened.slot.max_bytes:
        return ""
    return f"it weighs {len(opened.data):,} bytes, at most {opened.slot.max_bytes:,}"


def find_transparency(opened: Opened) -> str:
    """It is opaque: what shows through a picture differs from page to page, and some channels paint it black."""
    return "" if opened.is_opaque else "it is transparent in places"


def find_color_model(opened: Opened) -> str:
    """It is in RGB, 8 bits a channel."""
    return "" if opened.mode in ("RGB", "RGBA") else f"its pixels are {opened.mode}, not RGB"


def find_frames(opened: Opened) -> str:
    """It is a single frame."""
    return "" if opened.num_frames == 1 else f"it has {opened.num_frames} frames"


def find_no_source_type(opened: Opened) -> str:
    """Its XMP holds an IPTC digital source type."""
    return "" if read_source_type(opened.data) else "it has no IPTC digital source type"


def find_gray_edge(opened: Opened) -> str:
    """Its edge is white, as far as encoding preserves that. `channel.py` judges the edge exactly, before encoding."""
    pixels = np.asarray(opened.image)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    share = float((edge.min(axis=1) >= WHITE).mean())
    return f"{1 - share:.0%} of its edge is not white" if share < 0.5 else ""


def find_difference(opened: Opened, composition: Composition) -> str:
    """It shows what was composed and checked."""
    one, other = _shrink(opened.image), shrink_composition(composition)
    if one.shape != other.shape:
        return "it has another size than the composition"
    difference = float(cv2.absdiff(one, other).mean())
    return f"it differs from the composition by {difference:.1f} levels" if difference > MOST_DIFFERENCE else ""


def _shrink(image: Image.Image) -> Pixels:
    """Return what `shrink` does for the image's pixels, without copying all of them first."""
    times = find_reduction(image.width, image.height)
    wide, high = image.width // times, image.height // times
    if not wide or not high:
        return shrink(np.asarray(image))
    return np.asarray(image.reduce(times, (0, 0, wide * times, high * times)), np.uint8)


# Rules for every file.
ALWAYS: dict[str, Callable[[Opened], str]] = {
    "file_format": find_wrong_format,
    "file_weight": find_weight,
    "file_opaque": find_transparency,
    "file_color": find_color_model,
}
# Rules that picture slots name.
RULES: dict[str, Callable[[Opened], str]] = {
    "animation_max_30s": find_frames,
    "keep_iptc_digital_source_type": find_no_source_type,
    "no_animation": find_frames,
    "pure_white_background": find_gray_edge,
}

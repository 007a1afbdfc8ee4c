"""Pixels -> the bytes of a file that a picture slot takes: format, quality, weight. Same pixels, same bytes.

Pillow's encoder and OpenCV's are both libjpeg-turbo and give the same sizes. Pillow is used because it writes an XMP packet
in the same pass. No colour profile is written: without one, browsers and channels assume sRGB, and a profile would take up to
3 KB of a banner's 50.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, log
from typing import Any

from PIL import Image, PngImagePlugin

from factory.engines.base import Pixels
from factory.errors import PictureError
from schemas.creative import Slot

MIMES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "avif": "image/avif"}

# A file that fills this share of its budget is good enough: one step of quality more would hardly be visible.
_GOOD_ENOUGH = 0.96


@dataclass(frozen=True, slots=True)
class Encoded:
    """A file. `extension` has no dot. `quality` is the encoder's, 1..100; None for a PNG."""

    data: bytes
    mime: str
    extension: str
    quality: int | None


@dataclass(frozen=True, slots=True)
class _Rung:
    """One way to encode with loss. The weight is about proportional to (101 - quality) ** -power, as measured on creatives.

    `share` is the weight relative to the rung before it, at the same quality.
    """

    pillow: str
    floor: int  # below it, artefacts around letters are visible
    power: float
    options: Mapping[str, Any]
    top: int = 90
    share: float = 1.0
    is_last: bool = True


@dataclass(frozen=True, slots=True)
class _Try:
    """The result of one quality. `weight` is in bytes, without the XMP packet."""

    quality: int
    weight: int
    data: bytes


# Full colour resolution comes first: half of it smears coloured letters. WebP has only half. AVIF's 80 looks like JPEG's 90.
# AVIF uses one thread, because the number of threads changes the number of tiles, and so the bytes.
_LADDERS = {
    "jpg": (
        _Rung("JPEG", 80, 0.5, {"subsampling": 0}, is_last=False),
        _Rung("JPEG", 60, 0.5, {"subsampling": 2, "optimize": True}, share=0.7),
    ),
    "webp": (_Rung("WEBP", 60, 0.6, {"method": 2, "use_sharp_yuv": True}),),
    "avif": (_Rung("AVIF", 50, 1.0, {"speed": 8, "max_threads": 1, "subsampling": "4:4:4"}, top=80),),
}


def encode_picture(pixels: Pixels, slot: Slot, reserve: int = 0, xmp: bytes = b"") -> Encoded:
    """Return RGB `pixels` (height, width, 3) as a file in the first of the slot's formats that fits its weight.

    `reserve` bytes are left free below `slot.max_bytes`, for a signature. `xmp` is an XMP packet that is written into the file
    and counts. Quality is lowered only as far as the weight requires, and PNG gets a palette only if no format fits without.
    Raises PictureError: no_format, over_budget.
    """
    if not slot.formats or not set(slot.formats) <= MIMES.keys():
        raise PictureError(
            "no_format",
            f"slot {slot.name} allows {', '.join(slot.formats) or 'no format'}, of which none can be written",
            f"list one of {', '.join(MIMES)} that the channel takes in images.formats",
        )
    image = Image.fromarray(pixels)
    budget = None if slot.max_bytes is None else slot.max_bytes - reserve
    smallest: dict[str, int] = {}  # the least bytes of each format
    for name in slot.formats:
        encoded = _encode_png(image, budget, xmp, smallest) if name == "png" else None
        encoded = encoded or _encode_lossy(image, name, budget, xmp, smallest)
        if encoded is not None:
            return encoded
    if "png" in slot.formats:
        few = image.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        if (encoded := _encode_png(few, budget, xmp, smallest)) is not None:
            return encoded
    raise PictureError(
        "over_budget",
        f"{slot.name} ({slot.width}x{slot.height}) may weigh {slot.max_bytes:,} bytes, {reserve:,} of them for the signature; "
        f"the least was {', '.join(f'{name} {size:,}' for name, size in smallest.items())}",
        "choose a calmer backdrop or layout, or add webp or avif to images.formats where the channel takes them",
    )


def _encode_lossy(
    image: Image.Image, name: str, budget: int | None, xmp: bytes, smallest: dict[str, int]
) -> Encoded | None:
    last: _Try | None = None
    for rung in _LADDERS.get(name, ()):
        start = None if last is None else replace(last, weight=round(last.weight * rung.share))
        best, last = _search(image, rung, start, budget, xmp)
        if best is not None:
            return Encoded(best.data, MIMES[name], name, best.quality)
        smallest[name] = len(last.data)
    return None


def _search(
    image: Image.Image, rung: _Rung, start: _Try | None, budget: int | None, xmp: bytes
) -> tuple[_Try | None, _Try]:
    """Return the best try of `rung` that fits `budget`, None without one, and the last try that was made.

    `start` is the last try of the rung before, with the weight that it would have here. The model of weight usually finds the
    quality in two or three tries; in any case the range shrinks with each, so the search ends.
    """
    room = 0 if budget is None else budget - len(xmp)
    low, high = rung.floor, rung.top
    quality = rung.top if start is None else _guess(rung, start, room)
    best: _Try | None = None
    heavy: _Try | None = None
    while True:
        quality = min(high, max(low, quality))
        data = _save(image, rung.pillow, xmp, quality=quality, **rung.options)
        last = _Try(quality, len(data) - len(xmp), data)
        if budget is None:
            return last, last
        if len(data) <= budget:
            best, low = last, quality + 1
        else:
            heavy, high = last, quality - 1
        if low > high or (best is not None and len(best.data) >= _GOOD_ENOUGH * budget):
            return best, last
        quality = _interpolate(best, heavy, room) if best and heavy else _guess(rung, last, room)
        if best is None and not rung.is_last and quality < rung.floor - 2:
            return None, last


def _guess(rung: _Rung, tried: _Try, room: int) -> int:
    """Return the quality that should fill 99 % of `room` bytes, from the weight of `tried`."""
    if room <= 0:
        return 0
    loss: float = (101 - tried.quality) * (tried.weight / (0.99 * room)) ** (1 / rung.power)
    return 101 - max(1, ceil(loss))


def _interpolate(fits: _Try, heavy: _Try, room: int) -> int:
    """Return the same from a try on either side: between them the logarithm of the weight is nearly linear."""
    share = log(0.99 * room / fits.weight) / log(heavy.weight / fits.weight)
    return fits.quality + int(share * (heavy.quality - fits.quality))


def _encode_png(image: Image.Image, budget: int | None, xmp: bytes, smallest: dict[str, int]) -> Encoded | None:
    data = _save(image, "PNG", xmp)
    if budget is not None and len(data) > budget:
        smallest["png"] = len(data)
        return None
    return Encoded(data, MIMES["png"], "png", None)


def _save(image: Image.Image, pillow: str, xmp: bytes, **options: Any) -> bytes:
    if xmp and pillow == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    elif xmp:
        options["xmp"] = xmp
    file = io.BytesIO()
    image.save(file, pillow, **options)
    return file.getvalue()

"""Bytes of a picture -> RGBA pixels in sRGB, upright and at most `WORK_SIDE` long. The bytes may be hostile.

A file's content decides what it is, not its name. Only the decoders named here are ever tried, and limits are checked on the
header, before anything is decompressed. Animations are refused: nobody can say which of their frames is the product picture.
"""

import warnings
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms, ImageOps

from factory.engines.base import Pixels
from factory.errors import PictureError
from schemas.images import Sources

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP")
WORK_SIDE = 1600  # pixels of the longer side that are kept: more than any creative shows of a product
_STILLS = ("JPEG", "MPO", "TIFF")  # further pictures in these are previews, gain maps and pages, not an animation
_HINT = "give a JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP file"


def decode_picture(data: bytes, sources: Sources) -> Pixels:
    """Return pixels (height, width, 4), uint8 with straight alpha, sides at most `WORK_SIDE`.

    Raises PictureError, never retryable: empty, not_a_picture, animated, too_many_pixels, too_small, damaged. CMYK without
    an embedded profile is read as plain inverted RGB.
    """
    if not data:
        raise PictureError("empty", "the file holds 0 bytes", "upload the picture again")
    image = _open(data)
    _check_header(image, sources)
    try:
        image.draft(None, (WORK_SIDE, WORK_SIDE))  # a JPEG may be decoded at 1/2, 1/4 or 1/8, still this large
        image.load()
        return _finish(image)
    except MemoryError:
        raise
    except Exception as error:  # on hostile bytes Pillow's decoders raise almost anything
        message = f"a damaged or truncated {image.format} file: {error}"[:200]
        raise PictureError("damaged", message, "upload the picture again") from error


def _open(data: bytes) -> Image.Image:
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError("too_many_pixels", f"{error}"[:200], "give a smaller picture") from error
    except Exception as error:
        start = data[:400].lstrip().lower()
        text = " (it is text: SVG, HTML or the like)" if start.startswith((b"<", b"{")) else ""
        raise PictureError("not_a_picture", f"not a picture that can be read{text}", _HINT) from error


def _check_header(image: Image.Image, sources: Sources) -> None:
    width, height = image.size
    if width * height > sources.max_pixels:
        message = f"{width}x{height} pixels are more than max_pixels {sources.max_pixels}"
        raise PictureError("too_many_pixels", message, "give a smaller picture, or raise images.sources.max_pixels")
    if min(width, height) < sources.min_side:
        message = f"{width}x{height} pixels: a side is below min_side {sources.min_side}"
        raise PictureError("too_small", message, "give a larger picture, or lower images.sources.min_side")
    if image.format not in _STILLS and getattr(image, "is_animated", False):
        raise PictureError("animated", f"an animated {image.format}", "give a still picture")


def _finish(image: Image.Image) -> Pixels:
    profile = image.info.get("icc_profile")
    plain = _reduce_depth(image)
    # HAMMING costs a third of what LANCZOS costs.
    plain.thumbnail((WORK_SIDE, WORK_SIDE), Image.Resampling.HAMMING, reducing_gap=3.0)
    alpha = plain.getchannel("A") if "A" in plain.getbands() else None
    color = _convert_to_srgb(plain, profile)
    if alpha is not None:
        color.putalpha(alpha)
    upright = _turn_upright(color, image)
    return np.array(upright if upright.mode == "RGBA" else upright.convert("RGBA"))


def _reduce_depth(image: Image.Image) -> Image.Image:
    """The picture in a mode of 8 bits a channel: L, LA, RGB, RGBA or CMYK."""
    if image.mode.startswith("I"):  # 16 bits of grey, which convert() would cut off at 255
        grey = np.asarray(image).astype(np.int64)
        return Image.fromarray((np.clip(grey, 0, 65535) >> 8).astype(np.uint8))
    if image.mode in ("L", "RGB") and "transparency" in image.info:
        return image.convert("LA" if image.mode == "L" else "RGBA")
    if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return image
    return image.convert("RGBA")


def _convert_to_srgb(image: Image.Image, profile: object) -> Image.Image:
    """RGB by the embedded ICC profile. A profile that is broken or of other channels is ignored."""
    bare = image.convert("RGB") if image.mode == "RGBA" else image.convert("L") if image.mode == "LA" else image
    plain = bare if bare.mode == "RGB" else bare.convert("RGB")
    if not isinstance(profile, bytes) or not profile:
        return plain
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return plain  # a transform would only add rounding
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        target = ImageCms.createProfile("sRGB")
        made = ImageCms.profileToProfile(bare, source, target, intent, outputMode="RGB", flags=flags)
        return made if made is not None else plain
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return plain


def _turn_upright(picture: Image.Image, source: Image.Image) -> Image.Image:
    """Turned as the EXIF of `source` says; nonsense in it is ignored."""
    try:
        orientation = source.getexif().get(0x0112, 1)
        if orientation == 1:
            return picture
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture.info["exif"] = exif.tobytes()
        return ImageOps.exif_transpose(picture)
    except Exception:  # hostile EXIF may raise anything, and the picture is good without it
        return picture

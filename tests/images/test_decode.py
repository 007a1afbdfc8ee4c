"""Bytes to pixels: every kind that is taken, and the bytes that are not."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from factory.errors import PictureError
from factory.images.product.decode import WORK_SIDE, decode_picture
from schemas.images import Sources

SMALL = Sources(min_side=1)


def save(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def make_quarters(mode: str = "RGB") -> Image.Image:
    """Red, green / blue, white: 80 x 40."""
    image = Image.new("RGB", (80, 40), "white")
    for color, corner in (("red", (0, 0)), ("lime", (40, 0)), ("blue", (0, 20))):
        image.paste(color, (*corner, corner[0] + 40, corner[1] + 20))
    return image.convert(mode)


def refuse(data: bytes, sources: Sources = SMALL) -> str:
    with pytest.raises(PictureError) as refused:
        decode_picture(data, sources)
    assert not refused.value.retryable
    return refused.value.reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
def test_kinds_that_are_read(kind: str) -> None:
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"quality": 95} if kind != "TIFF" else {}
    pixels = decode_picture(save(make_quarters(), kind, **options), SMALL)
    assert (pixels.shape, pixels.dtype) == ((40, 80, 4), np.uint8)
    assert np.abs(pixels[10, 10].astype(int) - (255, 0, 0, 255)).max() < 12
    assert np.abs(pixels[30, 10].astype(int) - (0, 0, 255, 255)).max() < 12


@pytest.mark.parametrize("kind", ["PPM", "ICO", "PCX", "TGA", "JPEG2000", "EPS", "PDF", "SGI"])
def test_other_kinds_are_refused(kind: str) -> None:
    assert refuse(save(make_quarters(), kind)) == "not_a_picture"


@pytest.mark.parametrize(
    "data",
    [
        b"this is a text and not a picture, whatever its name says",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg>&a;</svg>",
        b"<!doctype html><title>Please log in</title>",
        b"\x89PNG\r\n\x1a\n",
        b"\0" * 1000,
        b"GIF89a",
        b"%PDF-1.7",
    ],
)
def test_what_is_no_picture(data: bytes) -> None:
    assert refuse(data) == "not_a_picture"


def test_no_bytes() -> None:
    assert refuse(b"") == "empty"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file(kind: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    data = save(Image.fromarray(noise), kind)
    assert refuse(data[: int(len(data) * share)]) in ("damaged", "not_a_picture")


def test_one_pixel() -> None:
    assert refuse(save(Image.new("RGB", (1, 1)), "PNG"), Sources()) == "too_small"


def write_png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that declares the size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"), [(30_000, 30_000), (10_000, 10_000), (8_000, 7_000), (2**31 - 1, 2**31 - 1)]
)
def test_a_declared_size_is_refused_from_the_header(width: int, height: int) -> None:
    assert refuse(write_png_header(width, height)) == "too_many_pixels"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_an_animation(kind: str) -> None:
    frames = [make_quarters(), make_quarters().rotate(180)]
    assert refuse(save(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)) == "animated"


def test_a_gain_map_is_no_movement() -> None:
    data = save(make_quarters(), "MPO", save_all=True, append_images=[make_quarters()])
    assert decode_picture(data, SMALL).shape == (40, 80, 4)


def test_cmyk_becomes_rgb() -> None:
    pixels = decode_picture(save(make_quarters("CMYK"), "JPEG", quality=95, subsampling=0), SMALL)
    assert np.abs(pixels[10, 60].astype(int) - (0, 255, 0, 255)).max() < 12
    assert np.abs(pixels[30, 60].astype(int) - 255).max() < 12


def test_a_profile_is_applied_and_a_broken_one_ignored() -> None:
    grey = Image.new("RGB", (40, 40), (120, 120, 120))
    plain = decode_picture(save(grey, "PNG"), SMALL)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for wrong in (b"no profile", lab, b"\0" * 200):
        assert (decode_picture(save(grey, "PNG", icc_profile=wrong), SMALL) == plain).all()
    srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    swapped = bytes(srgb).replace(b"rXYZ", b"tmpX").replace(b"bXYZ", b"rXYZ").replace(b"tmpX", b"bXYZ")
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be")).replace(b"sRGB", b"test")
    red = decode_picture(save(Image.new("RGBA", (40, 40), (255, 0, 0, 100)), "PNG", icc_profile=swapped), SMALL)
    assert np.abs(red[0, 0].astype(int) - (0, 0, 255, 100)).max() < 12  # its red is another's blue


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(("orientation", "turned"), [(3, 180), (6, 270), (8, 90)])
def test_exif_turns_the_picture_upright(kind: str, orientation: int, turned: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    if kind == "WEBP":
        options = {"lossless": True}
    pixels = decode_picture(save(make_quarters(), kind, exif=exif, **options), SMALL)
    wanted = np.asarray(make_quarters().rotate(turned, expand=True))
    assert pixels.shape[:2] == wanted.shape[:2]
    assert np.abs(pixels[5, 5, :3].astype(int) - wanted[5, 5]).max() < 12


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_nonsense_in_exif_turns_nothing() -> None:
    data = save(make_quarters(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01" * 40)
    assert decode_picture(data, SMALL).shape == (40, 80, 4)


def test_alpha_is_kept() -> None:
    image = Image.new("RGBA", (40, 40), (10, 20, 30, 0))
    image.paste((200, 100, 50, 128), (10, 10, 30, 30))
    for kind in ("PNG", "WEBP", "TIFF"):
        options = {"lossless": True} if kind == "WEBP" else {}
        pixels = decode_picture(save(image, kind, **options), SMALL)
        assert pixels[0, 0, 3] == 0
        assert tuple(pixels[20, 20]) == (200, 100, 50, 128)


def test_palettes_and_their_transparent_entry() -> None:
    image = make_quarters().convert("P", palette=Image.Palette.ADAPTIVE)
    blue = image.getpixel((10, 30))
    pixels = decode_picture(save(image, "PNG", transparency=blue), SMALL)
    assert tuple(pixels[10, 10]) == (255, 0, 0, 255)
    assert pixels[30, 10, 3] == 0


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_keep_their_shades(kind: str) -> None:
    ramp = np.linspace(0, 65535, 256 * 4).astype(np.uint16).reshape(4, 256)
    pixels = decode_picture(save(Image.fromarray(ramp), kind), SMALL)
    assert (pixels[..., 0] == ramp >> 8).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_modes(mode: str) -> None:
    assert decode_picture(save(make_quarters(mode), "PNG"), SMALL).shape == (40, 80, 4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_large_picture_is_brought_to_working_size(kind: str) -> None:
    pixels = decode_picture(save(make_quarters().resize((4000, 2000), Image.Resampling.NEAREST), kind), SMALL)
    assert pixels.shape == (WORK_SIDE // 2, WORK_SIDE, 4)
    assert np.abs(pixels[100, 100].astype(int) - (255, 0, 0, 255)).max() < 12


def test_a_long_text_chunk_does_not_fill_the_memory() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "a" * 3_000_000, zip=True)
    assert refuse(save(make_quarters(), "PNG", pnginfo=info)) in ("damaged", "not_a_picture")

"""Pixels to files: every format, weight budgets, the same bytes for the same pixels."""

import hashlib
import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from factory.engines.base import Pixels
from factory.errors import PictureError
from factory.images.files import encode as encode_module
from factory.images.files.encode import Encoded, encode_picture
from factory.images.files.thumbnail import make_thumbnail
from schemas.creative import Slot
from tests.support.composition_builders import draw_creative

PACKET = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + b"x" * 1200 + b"</x:xmpmeta>"


def make_slot(width: int, height: int, formats: list[str], max_bytes: int | None = None) -> Slot:
    return Slot(name="test", role="creative", width=width, height=height, formats=formats, max_bytes=max_bytes)


def encode(pixels: Pixels, formats: list[str], max_bytes: int | None = None, reserve: int = 0) -> Encoded:
    return encode_picture(pixels, make_slot(pixels.shape[1], pixels.shape[0], formats, max_bytes), reserve, PACKET)


def open_picture(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(
    ("name", "pillow", "mime", "quality", "error"),
    [
        ("jpg", "JPEG", "image/jpeg", 90, 5),
        ("png", "PNG", "image/png", None, 0),
        ("webp", "WEBP", "image/webp", 90, 7),
        ("avif", "AVIF", "image/avif", 80, 7),
    ],
)
def test_each_format_holds_the_picture(name: str, pillow: str, mime: str, quality: int | None, error: float) -> None:
    pixels = draw_creative(300, 250)
    encoded = encode(pixels, [name])
    image = open_picture(encoded.data)
    assert (encoded.mime, encoded.extension, encoded.quality) == (mime, name, quality)
    assert (image.format, image.mode, image.size) == (pillow, "RGB", (300, 250))
    assert np.abs(np.asarray(image).astype(int) - pixels).mean() <= error
    assert image.info["xmp"] == PACKET
    assert "icc_profile" not in image.info


@pytest.mark.parametrize("name", ["jpg", "png", "webp", "avif"])
def test_a_packet_changes_no_pixel(name: str) -> None:
    pixels = draw_creative(160, 120)
    slot = make_slot(160, 120, [name])
    bare, stamped = encode_picture(pixels, slot), encode_picture(pixels, slot, xmp=PACKET)
    assert len(stamped.data) > len(bare.data)
    assert np.array_equal(np.asarray(open_picture(bare.data)), np.asarray(open_picture(stamped.data)))


@pytest.mark.parametrize(
    ("width", "height", "kilobytes"),
    [(320, 50, 50), (320, 50, 9), (728, 90, 40), (300, 250, 40), (970, 250, 150), (970, 250, 60), (1200, 628, 150)],
)
@pytest.mark.parametrize("name", ["jpg", "webp"])
def test_a_budget_holds_and_is_used(
    width: int, height: int, kilobytes: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    save = encode_module._save

    def count(*arguments: object, **options: object) -> bytes:
        data = save(*arguments, **options)  # type: ignore[arg-type]
        tries.append(len(data))
        return data

    monkeypatch.setattr(encode_module, "_save", count)
    pixels, budget = draw_creative(width, height), kilobytes * 1000 - 3700
    encoded = encode(pixels, [name], kilobytes * 1000, reserve=3700)
    assert len(encoded.data) <= budget
    assert encoded.quality is not None and encoded.quality >= 60
    assert encoded.quality == 90 or len(encoded.data) >= 0.93 * budget, "quality was given away"
    assert len(tries) <= 4


def test_letters_keep_their_colour_where_the_weight_allows() -> None:
    pixels = draw_creative(300, 250)
    light, heavy = encode(pixels, ["jpg"], 20_000), encode(pixels, ["jpg"])
    assert open_picture(heavy.data).layer[1][1:3] == (1, 1)  # type: ignore[attr-defined]
    assert [part[1:3] for part in open_picture(light.data).layer] == [(2, 2), (1, 1), (1, 1)]  # type: ignore[attr-defined]


def test_formats_are_taken_in_their_order_and_a_palette_last() -> None:
    flat = np.full((250, 300, 3), 200, np.uint8)
    assert encode(flat, ["png", "jpg"], 20_000).extension == "png"
    grainy = draw_creative(300, 250)
    assert encode(grainy, ["png", "jpg"], 40_000).extension == "jpg"
    assert encode(grainy, ["jpg", "avif"], 12_000).extension == "avif"
    only = encode(draw_creative(300, 250, noise=3), ["png"], 50_000)
    assert (only.extension, open_picture(only.data).mode) == ("png", "P")
    assert open_picture(only.data).info["xmp"] == PACKET


def test_what_cannot_fit_says_what_was_tried() -> None:
    with pytest.raises(PictureError) as caught:
        encode(draw_creative(336, 280), ["jpg", "png"], 9_000, reserve=3_000)
    assert caught.value.reason == "over_budget"
    assert all(part in caught.value.message for part in ("336x280", "9,000", "3,000", "jpg ", "png "))
    assert "avif" in caught.value.hint


@pytest.mark.parametrize("max_bytes", [100, 3_000])
def test_a_budget_smaller_than_packet_or_signature_ends(max_bytes: int) -> None:
    with pytest.raises(PictureError, match="may weigh"):
        encode(draw_creative(64, 64), ["webp", "jpg", "avif"], max_bytes, reserve=2_900)


@pytest.mark.parametrize("formats", [[], ["gif"], ["jpg", "tiff"]])
def test_formats_that_cannot_be_written_are_named(formats: list[str]) -> None:
    with pytest.raises(PictureError) as caught:
        encode(draw_creative(64, 64), formats)
    assert caught.value.reason == "no_format"


def test_bytes_are_the_same_in_another_process() -> None:
    program = (
        "import hashlib, tests.images.test_encode as t, factory.images.files.thumbnail as s\n"
        "for n in ('jpg', 'png', 'webp', 'avif'):\n"
        "    print(hashlib.sha256(t.encode(t.draw_creative(300, 250), [n], 60_000).data).hexdigest())\n"
        "print(hashlib.sha256(s.make_thumbnail(t.draw_creative(1200, 628))).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    files = [encode(draw_creative(300, 250), [name], 60_000).data for name in ("jpg", "png", "webp", "avif")]
    files.append(make_thumbnail(draw_creative(1200, 628)))
    assert done.stdout.split() == [hashlib.sha256(data).hexdigest() for data in files]


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1200, 628), (256, 134)), ((160, 600), (68, 256)), ((100, 50), (100, 50)), ((2000, 2), (256, 1))],
)
def test_thumbnails_are_small_webps(size: tuple[int, int], expected: tuple[int, int]) -> None:
    data = make_thumbnail(draw_creative(*size))
    image = open_picture(data)
    assert (image.format, image.size) == ("WEBP", expected)
    assert len(data) < 12_000

"""Finished files are judged by their bytes: what is damaged, heavy, see-through or of another kind is found."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from factory.engines.base import Pixels
from factory.images.checks.checker import check_file
from factory.images.checks.files import ALWAYS, RULES
from schemas.creative import Slot
from tests.support.composition_builders import make_composition, make_main, make_slot

GOOD = make_composition()
SOURCE_TYPE = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
    b"<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
    b"</Iptc4xmpExt:DigitalSourceType></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def encode(pixels: Pixels | Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def fail(data: bytes, slot: Slot | None = None, whole: bool = True) -> dict[str, str]:
    checks = check_file(data, slot or make_slot(), GOOD if whole else None)
    assert all(bool(check.detail) is not check.passed for check in checks)
    return {check.rule: check.detail for check in checks if not check.passed}


@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [
        ("JPEG", "jpg", {"quality": 40}),
        ("PNG", "png", {}),
        ("WEBP", "webp", {"quality": 60}),
        ("AVIF", "avif", {"speed": 10}),
    ],
)
def test_a_file_of_every_format_passes(kind: str, name: str, options: dict[str, Any]) -> None:
    checks = check_file(encode(GOOD.pixels, kind, **options), make_slot(formats=[name], max_bytes=400_000), GOOD)
    assert [check.rule for check in checks] == ["file_readable", *ALWAYS, "file_likeness"]
    assert [check for check in checks if not check.passed] == []


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff\xe0not a picture", encode(GOOD.pixels)[:9000], encode(GOOD.pixels, "GIF")]
)
def test_what_cannot_be_read_gets_no_other_verdict(data: bytes) -> None:
    checks = check_file(data, make_slot(), GOOD)
    assert [(check.rule, check.passed) for check in checks] == [("file_readable", False)]
    assert checks[0].detail.startswith("the file cannot be read")


def test_another_size_is_not_decoded() -> None:
    assert fail(encode(GOOD.pixels[:-1])) == {"file_readable": "the file is 1200x627, not 1200x628"}


def test_the_format_is_that_of_the_content() -> None:
    assert fail(encode(GOOD.pixels, "WEBP")) == {"file_format": "it is webp, not jpg or png"}


def test_a_byte_too_many_is_too_heavy() -> None:
    data = encode(GOOD.pixels)
    assert fail(data, make_slot(max_bytes=len(data))) == {}
    assert "at most" in fail(data, make_slot(max_bytes=len(data) - 1))["file_weight"]


def test_one_see_through_pixel_is_found_and_an_opaque_alpha_is_not() -> None:
    alpha = np.full((628, 1200, 1), 255, np.uint8)
    assert fail(encode(np.dstack([GOOD.pixels, alpha]), "PNG")) == {}
    alpha[5, 5] = 254
    assert fail(encode(np.dstack([GOOD.pixels, alpha]), "PNG")) == {"file_opaque": "it is transparent in places"}


def test_other_colour_models_are_found() -> None:
    image = Image.fromarray(GOOD.pixels)
    assert set(fail(encode(image.convert("CMYK")), whole=False)) == {"file_color"}
    assert fail(encode(image.convert("L")), whole=False) == {"file_color": "its pixels are L, not RGB"}
    palette = image.convert("P")
    assert set(fail(encode(palette, "PNG", transparency=0), whole=False)) == {"file_color", "file_opaque"}


def test_another_picture_is_found() -> None:
    assert "differs from the composition" in fail(encode(255 - GOOD.pixels))["file_likeness"]
    mirrored = np.ascontiguousarray(GOOD.pixels[:, ::-1])
    assert set(fail(encode(mirrored))) == {"file_likeness"}


def animate() -> bytes:
    frames = [Image.fromarray(GOOD.pixels), Image.fromarray(255 - GOOD.pixels)]
    return encode(frames[0], "PNG", save_all=True, append_images=frames[1:])


CASES: dict[str, tuple[bytes, bytes]] = {
    "animation_max_30s": (encode(GOOD.pixels, "PNG"), animate()),
    "no_animation": (encode(GOOD.pixels, "PNG"), animate()),
    "keep_iptc_digital_source_type": (encode(GOOD.pixels, xmp=SOURCE_TYPE), encode(GOOD.pixels)),
    "pure_white_background": (encode(np.full((628, 1200, 3), 255, np.uint8)), encode(GOOD.pixels)),
}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_on_files_finds_what_it_forbids(rule: str) -> None:
    good, bad = CASES[rule]
    slot = make_slot(rules=[rule])
    assert fail(good, slot, whole=False) == {}
    assert set(fail(bad, slot, whole=False)) == {f"file_{rule}"}


def test_white_is_still_white_in_a_main_picture_s_file() -> None:
    main = make_main()
    slot = make_slot(600, 600, rules=["pure_white_background"])
    assert all(check.passed for check in check_file(encode(main.pixels, quality=50), slot, main))

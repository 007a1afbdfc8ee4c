"""What a picture says about where it comes from: written, read back by others, and never markup."""

import re
import struct
import zlib
from xml.dom import minidom

import numpy as np
import pytest

from factory.errors import PictureError
from factory.images.files.encode import Encoded, encode_picture
from factory.images.files.provenance import Provenance, check_stamp, decide_source_type, read_source_type, write_xmp
from factory.images.files.xmp import MAX_VALUE, read_property, write_packet
from schemas.creative import Slot

FORMATS = ["jpg", "png", "webp", "avif"]
FULL = Provenance(
    source_type="compositeSynthetic",
    creative_id="c" * 32,
    text_asset_id="a" * 32,
    brief_id="b-1",
    layout="hero",
    models=("smollm2-135m-instruct", "sana-sprint"),
    product_digest="d" * 64,
    credit="Daybird",
)


def stamp(provenance: Provenance, name: str = "jpg") -> Encoded:
    slot = Slot(name="test", role="creative", width=64, height=48, formats=[name])
    pixels = np.linspace(0, 255, 64 * 48 * 3).astype(np.uint8).reshape(48, 64, 3)
    return encode_picture(pixels, slot, xmp=write_xmp(provenance))


def find_packet(data: bytes) -> bytes:
    """The packet by the rules of each container, without Pillow. One and no more."""
    if data[:2] == b"\xff\xd8":
        packets, at = [], 2
        while data[at + 1] != 0xDA:  # start of scan
            size = struct.unpack(">H", data[at + 2 : at + 4])[0]
            header = b"http://ns.adobe.com/xap/1.0/\0"
            if data[at + 1] == 0xE1 and data[at + 4 :].startswith(header):
                packets.append(data[at + 4 + len(header) : at + 2 + size])
            at += 2 + size
    elif data[:8] == b"\x89PNG\r\n\x1a\n":
        packets, at = [], 8
        while at < len(data):
            size, kind = struct.unpack(">I4s", data[at : at + 8])
            body = data[at + 8 : at + 8 + size]
            assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
            if kind == b"iTXt" and body.startswith(b"XML:com.adobe.xmp\0"):
                assert body[18:22] == b"\0\0\0\0", "compressed, or with a language: XMP readers do not look there"
                packets.append(body[22:])
            at += 12 + size
    elif data[:4] == b"RIFF":
        assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
        packets, at = [], 12
        while at < len(data):
            kind, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
            if kind == b"VP8X":
                assert data[at + 8] & 0x04, "the header does not say that there is XMP"
            if kind == b"XMP ":
                packets.append(data[at + 8 : at + 8 + size])
            at += 8 + size + size % 2
    else:
        assert data[4:12] == b"ftypavif"
        assert b"mime\0application/rdf+xml" in data or b"application/rdf+xml\0" in data
        packets = re.findall(rb"<\?xpacket begin.*?<\?xpacket end=\"r\"\?>", data, re.DOTALL)
    assert len(packets) == 1
    return packets[0]


def read_elements(packet: bytes) -> dict[str, str]:
    """Every property by its written name, by another XML parser than the reader's."""
    description = minidom.parseString(packet).getElementsByTagName("rdf:Description")[0]
    return {node.tagName: node.firstChild.data for node in description.childNodes}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_carries_the_packet_where_readers_look(name: str) -> None:
    encoded = stamp(FULL, name)
    check_stamp(encoded.data, FULL)
    elements = read_elements(find_packet(encoded.data))
    assert elements.pop("xmp:CreatorTool").startswith("content-factory ")
    assert elements == {
        "Iptc4xmpExt:DigitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic",
        "Iptc4xmpExt:AISystemUsed": "smollm2-135m-instruct; sana-sprint",
        "photoshop:Credit": "Daybird",
        "dc:identifier": "c" * 32,
        "dc:source": f"sha256:{'d' * 64}",
        "factory:TextAsset": "a" * 32,
        "factory:Brief": "b-1",
        "factory:Layout": "hero",
    }


def test_nothing_empty_is_written_and_the_packet_stays_small() -> None:
    assert read_elements(write_xmp(Provenance("composite"))).keys() == {
        "Iptc4xmpExt:DigitalSourceType",
        "xmp:CreatorTool",
    }
    assert len(write_xmp(FULL)) < 1_500


@pytest.mark.parametrize(
    "hostile",
    [
        '"><script>alert(1)</script>',
        "]]></factory:Brief><Iptc4xmpExt:DigitalSourceType>digitalCapture</Iptc4xmpExt:DigitalSourceType>",
        '<?xpacket end="w"?>',
        "<!DOCTYPE x [<!ENTITY y 'z'>]>&y;",
        "&#0;&lt;",
        "a\tb\r\nc",
        "クリーム ☕ שלום 👟",
    ],
)
@pytest.mark.parametrize("name", FORMATS)
def test_a_hostile_brief_id_stays_data(hostile: str, name: str) -> None:
    encoded = stamp(Provenance("composite", brief_id=hostile), name)
    assert read_source_type(encoded.data) == "composite"
    assert read_property(encoded.data, "factory:Brief") == hostile
    assert list(read_elements(find_packet(encoded.data))) == [
        "Iptc4xmpExt:DigitalSourceType",
        "xmp:CreatorTool",
        "factory:Brief",
    ]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a\0b", "a\ufffdb"),
        ("\x1b[31m", "\ufffd[31m"),
        ("\ud800", "\ufffd"),
        ("\uffff", "\ufffd"),
        ("x" * 900, "x" * MAX_VALUE),
    ],
)
def test_what_xml_cannot_hold_is_replaced(value: str, kept: str) -> None:
    assert read_property(stamp(Provenance("composite", brief_id=value)).data, "factory:Brief") == kept


def test_a_lost_or_changed_stamp_is_an_error() -> None:
    data = stamp(FULL).data
    at = data.index(b"\xff\xe1")
    size = struct.unpack(">H", data[at + 2 : at + 4])[0]
    stripped = data[:at] + data[at + 2 + size :]
    for broken in (
        stripped,
        data.replace(b"compositeSynthetic", b"digitalCreation   "),
        data[:40],
        b"",
        b"no picture",
    ):
        with pytest.raises(PictureError) as caught:
            check_stamp(broken, FULL)
        assert caught.value.reason == "stamp_lost"


def test_both_ways_to_write_a_property_are_read() -> None:
    slot = Slot(name="test", role="creative", width=8, height=8, formats=["png"])
    packet = write_packet({"Iptc4xmpExt:DigitalSourceType": "X"}).replace(
        b"><Iptc4xmpExt:DigitalSourceType>X</Iptc4xmpExt:DigitalSourceType>", b' Iptc4xmpExt:DigitalSourceType="X">'
    )
    data = encode_picture(np.zeros((8, 8, 3), np.uint8), slot, xmp=packet).data
    assert read_property(data, "Iptc4xmpExt:DigitalSourceType") == "X"
    assert read_source_type(data) == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((True, "diffusers", True, True), "compositeWithTrainedAlgorithmicMedia"),
        ((True, "diffusers", True), "compositeSynthetic"),
        ((False, "diffusers", True), "compositeSynthetic"),
        ((True, "diffusers", False), "trainedAlgorithmicMedia"),
        ((False, "diffusers", False, False, False), "trainedAlgorithmicMedia"),
        ((True, "procedural", True), "compositeSynthetic"),
        ((True, "", True), "compositeSynthetic"),
        ((True, "procedural", False), "compositeSynthetic"),
        ((False, "procedural", True), "composite"),
        ((True, "procedural", True, False, False), "composite"),
        ((False, "", True, False, False), "algorithmicallyEnhanced"),
        ((False, "procedural", False), "algorithmicMedia"),
    ],
)
def test_source_types_follow_the_definitions(arguments: tuple[bool, str, bool], expected: str) -> None:
    assert decide_source_type(*arguments) == expected

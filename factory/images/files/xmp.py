"""XMP packets (ISO 16684-1): named texts inside a picture file. They are written here and put into the file by the encoder."""

import io
import re
from collections.abc import Mapping
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from PIL import Image

# "urn:content-factory:" is this project's own, for what no standard property says.
NAMESPACES = {
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "factory": "urn:content-factory:",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}
# Characters of one text: the packet has to fit into one JPEG segment (65,502 bytes), and into a banner.
MAX_VALUE = 300

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
# XML 1.0 cannot represent these characters, not even as references.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_packet(properties: Mapping[str, str]) -> bytes:
    """Return a read-only packet (UTF-8) of properties named like "dc:identifier", in their order; empty ones are left out.

    Values are data: markup in them is escaped, characters that XML cannot represent become U+FFFD, and only the first
    MAX_VALUE characters are kept. Raises KeyError for a prefix that is not in NAMESPACES.
    """
    lines = [f"<{name}>{_escape(value)}</{name}>" for name, value in properties.items() if value]
    prefixes = sorted({name.split(":")[0] for name in properties})
    spaces = "".join(f' xmlns:{prefix}="{NAMESPACES[prefix]}"' for prefix in prefixes)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about=""{spaces}>'
        + "".join(lines)
        + '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def read_property(data: bytes, name: str) -> str:
    """Return the simple property `name` from the XMP packet that Pillow finds in a picture file; "" without one.

    It may be written as an element or as an attribute. A file or packet that cannot be read has no properties.
    """
    prefix, local = name.split(":")
    tag = f"{{{NAMESPACES[prefix]}}}{local}"
    try:
        with Image.open(io.BytesIO(data)) as image:
            packet = image.info.get("xmp", b"")
        root = ElementTree.fromstring(packet.rstrip(b"\x00 "))
    except (OSError, ValueError, Image.DecompressionBombError, ElementTree.ParseError):
        return ""
    for description in root.iter(f"{{{_RDF}}}Description"):
        if (value := description.get(tag)) is not None or (value := description.findtext(tag)) is not None:
            return value
    return ""


def _escape(value: str) -> str:
    # A carriage return would be read back as a line feed (XML 1.0, 2.11).
    return escape(_NOT_XML.sub("\ufffd", value[:MAX_VALUE]), {"\r": "&#13;"})

"""Fonts of a brand: bundled families by name, files beside the kit by path, and the characters that none of them can draw.

Every font gets a family name made from its bytes: two brands may use different files of the same name, and the renderer has
one list of fonts for the whole process. The fonts of the machine are never used.
"""

import hashlib
import os
import tempfile
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from threading import Lock

from factory.config.job_files import read_job_file
from factory.errors import JobError
from factory.images.brand.font_files import FIX, make_empty_font, read_font, rename_font
from schemas.brand import Fonts
from schemas.locales import get_language, list_wider

MAX_BYTES = 40_000_000  # of one font file; a complete CJK face has 17 million
# Family -> package and file in it. All are under the SIL Open Font License; all but the CJK one have every weight.
BUNDLED = {
    "inter": ("fontpkg_inter", "files/Inter[opsz,wght].ttf"),
    "noto-sans": ("fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf"),
    "noto-sans-arabic": ("fontpkg_noto_sans_arabic", "files/NotoSansArabic[wdth,wght].ttf"),
    "noto-sans-devanagari": ("fontpkg_noto_sans_devanagari", "files/NotoSansDevanagari[wdth,wght].ttf"),
    "noto-sans-cjk": ("noto_cjk_sans_jp_bold", "NotoSansCJKjp-Bold.otf"),
}
# Families for scripts that the Latin ones cannot draw, and their languages. They come after the brand's own.
SCRIPT_FAMILIES = {
    "noto-sans-arabic": ("ar", "ckb", "fa", "ps", "sd", "ug", "ur"),
    "noto-sans-devanagari": ("bho", "doi", "hi", "kok", "mai", "mr", "ne", "sa"),
    "noto-sans-cjk": ("ja", "ko", "yue", "zh"),
}
LAST_FAMILY = "noto-sans"

_NO_FONTS = (
    '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">'
    "<fontconfig><dir>{folder}</dir><cachedir>{folder}</cachedir></fontconfig>"
)

_lock = Lock()
_registered: set[str] = set()  # families that this process's renderer knows


@dataclass(frozen=True, slots=True)
class Font:
    """One font file. `family` is the CSS family that it is registered as; `digest` is the SHA-256 of the file.

    `data` is the file with that family name in it. `covered` are the code points that every file of the family draws.
    """

    name: str
    family: str
    data: bytes = field(repr=False, compare=False)
    digest: str
    covered: frozenset[int] = field(default=frozenset(), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class FontStack:
    """The fonts of one locale, in order of preference."""

    heading: tuple[Font, ...]
    body: tuple[Font, ...]

    def css(self, heading: bool) -> str:
        """Return the value of CSS font-family for headings, or for all other text. It holds no quotes."""
        return ", ".join(dict.fromkeys(font.family for font in (self.heading if heading else self.body)))

    def find_missing(self, text: str, heading: bool) -> str:
        """Return the characters of `text` that no font of the stack draws, each once, in their order.

        A letter and its marks have to be in the same font: a renderer does not combine two fonts. Spaces, joiners, direction
        marks and variation selectors need no glyph.
        """
        return _find_missing(self.heading if heading else self.body, text)


def load_stack(fonts: Fonts, folder: str, locale: str) -> FontStack:
    """Return the fonts for texts in `locale` of the brand whose kit lies in `folder` (a path or s3://).

    First come those of `by_locale` (the locale, wider ones, default), then the brand's own, the bundled family for the
    locale's script, and Noto Sans. What was read is kept in memory. Raises JobError for a file that is missing, too large or
    no font, and for a name that is neither a bundled family nor a file.
    """
    local = [name for key in (*list_wider(locale), "default") for name in fonts.by_locale.get(key, [])]
    language = get_language(locale)
    last = [family for family, languages in SCRIPT_FAMILIES.items() if language in languages] + [LAST_FAMILY]
    heading, body = (tuple(dict.fromkeys(map(_fold, [*local, *own, *last]))) for own in (fonts.heading, fonts.body))
    return _load_stack(heading, body, folder)


def read_kit_files(fonts: Fonts, folder: str) -> dict[str, bytes]:
    """Return the bytes of every font file that a kit names, by name, sorted. Raises JobError as `load_stack` does."""
    names = {name for names in (fonts.heading, fonts.body, *fonts.by_locale.values()) for name in names}
    found = {name: _read_kit_file(folder, name) for name in sorted(names) if _fold(name) not in BUNDLED}
    for name, data in found.items():
        read_font(name, data)
    return found


def register_stack(stack: FontStack) -> None:
    """Register the fonts with blitz, each once in a process. This must come before any other use of blitz in that process.

    The first call shuts the machine's fonts out, so that the same is drawn everywhere.
    """
    with _lock:
        new = {font.digest + font.family: font for font in (*stack.heading, *stack.body)}
        new = {key: font for key, font in new.items() if key not in _registered}
        if not new:
            return
        if not _registered:
            _shut_system_fonts()
        import blitz_py

        for key, font in new.items():
            if blitz_py.register_fonts([font.data]) != [font.family]:
                raise JobError(f"the font {font.name} cannot be used: the renderer reads no glyphs from it", FIX)
            _registered.add(key)


@lru_cache(maxsize=64)
def _load_stack(heading: tuple[str, ...], body: tuple[str, ...], folder: str) -> FontStack:
    own = [name for name in dict.fromkeys(heading + body) if name not in BUNDLED]
    fonts = {font.name: font for font in _load_kit_fonts(own, folder)}
    fonts |= {name: _load_bundled(name) for name in heading + body if name not in fonts}
    return FontStack(tuple(fonts[name] for name in heading), tuple(fonts[name] for name in body))


def _load_kit_fonts(names: Sequence[str], folder: str) -> Iterator[Font]:
    """Files of one family by their own names (Regular, Bold) stay one: CSS then takes the file of the right weight."""
    families: dict[str, list[tuple[str, bytes, frozenset[int]]]] = defaultdict(list)
    for name in names:
        data = _read_kit_file(folder, name)
        family, covered = read_font(name, data)
        families[family].append((name, data, covered))
    for members in families.values():
        covered = frozenset.intersection(*(codes for _, _, codes in members))
        digests = {name: hashlib.sha256(data).hexdigest() for name, data, _ in members}
        family = _name_family(sorted(digests.values()))
        for name, data, _ in members:
            yield Font(name, family, rename_font(name, data, family), digests[name], covered)


@cache
def _load_bundled(name: str) -> Font:
    package, file = BUNDLED[name]
    data = files(package).joinpath(file).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    family = _name_family([digest])
    return Font(name, family, rename_font(name, data, family), digest, read_font(name, data)[1])


def _fold(name: str) -> str:
    """The name in BUNDLED that is meant (as by "Noto Sans"), else the name itself."""
    folded = "-".join(name.casefold().split())
    return folded if folded in BUNDLED else name


def _read_kit_file(folder: str, name: str) -> bytes:
    if not name.casefold().endswith((".ttf", ".otf")):
        hint = f"name a bundled family ({', '.join(BUNDLED)}), or a TTF or OTF file beside the brand kit"
        raise JobError(f"fonts: {name[:120]!r} is no bundled family and no font file", hint)
    return read_job_file(folder, name, MAX_BYTES, "fonts")


def _name_family(digests: Sequence[str]) -> str:
    return f"ff-{hashlib.sha256(''.join(digests).encode()).hexdigest()[:16]}"


@lru_cache(maxsize=4096)  # all sizes of an ad, and all tries at each, have the same texts
def _find_missing(fonts: tuple[Font, ...], text: str) -> str:
    missing: dict[int, None] = {}
    for cluster in _split_clusters(unicodedata.normalize("NFC", text)):
        if any(font.covered.issuperset(cluster) for font in fonts):
            continue
        nowhere = [code for code in cluster if not any(code in font.covered for font in fonts)]
        missing |= dict.fromkeys(nowhere or cluster[1:])
    return "".join(map(chr, missing))


def _split_clusters(text: str) -> Iterator[list[int]]:
    """The code points of each letter and the marks that follow it, without what needs no glyph."""
    cluster: list[int] = []
    for char in text:
        if _needs_no_glyph(char):
            continue
        if cluster and unicodedata.category(char)[0] != "M":
            yield cluster
            cluster = []
        cluster.append(ord(char))
    if cluster:
        yield cluster


@cache
def _needs_no_glyph(char: str) -> bool:
    code, category = ord(char), unicodedata.category(char)
    if category in ("Zs", "Zl", "Zp", "Cc"):
        return True
    if category == "Cf":
        return not 0x600 <= code <= 0x6DD  # Arabic number signs are of this category and visible
    return 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF  # variation selectors


def _shut_system_fonts() -> None:
    """Use blitz for the first time while fontconfig knows only one font without letters: blitz lists the fonts only then.

    With no font at all it would write a warning to stderr in every process.
    """
    import blitz_py

    variable, before = "FONTCONFIG_FILE", os.environ.get("FONTCONFIG_FILE")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "empty.ttf").write_bytes(make_empty_font())
        Path(folder, "fonts.conf").write_text(_NO_FONTS.format(folder=folder), encoding="utf-8")
        os.environ[variable] = f"{folder}/fonts.conf"
        try:
            blitz_py.measure_text("a", font_size=10)
        finally:
            if before is None:
                del os.environ[variable]
            else:
                os.environ[variable] = before

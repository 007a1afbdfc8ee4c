"""Numbers as people write them: digits of any script, and the decimal and grouping marks of a locale.

Marks come from CLDR by way of babel, once per locale; numbers themselves are read here, since babel takes 20 µs a number.
"""

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from schemas.locales import get_language

LONGEST = 24  # characters; more digits than any price, count or measure has

_FOREIGN_DIGIT = re.compile(r"(?![0-9])\d")
_SPACES = "\u00a0\u202f\u2009 "
_PLAIN = re.compile(r"[0-9]+(?:[.,'\u2019\u066b\u066c][0-9]+)*")
_SPACED = re.compile(
    r"[0-9]{1,3}(?: [0-9]{3}(?![0-9]))+(?:[.,\u066b][0-9]+)?|[0-9]+(?:[.,'\u2019\u066b\u066c][0-9]+)*"
)
_CLOSERS = str.maketrans("", "", "'\u2019\u066c ")  # marks that never are a decimal point


class Marks(NamedTuple):
    """A locale's decimal mark and grouping mark (a space for all kinds of space)."""

    decimal: str
    group: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a number looks like; a plain space groups only where the locale groups with a space."""
        return _SPACED if self.group == " " else _PLAIN


@lru_cache(maxsize=256)
def parse_locale(tag: str) -> Any:
    """Return babel's `Locale` for a BCP 47 tag, or for its language alone, or English: whichever CLDR knows first."""
    from babel import Locale, UnknownLocaleError

    for candidate in (tag, get_language(tag)):
        try:
            return Locale.parse(candidate, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")


@lru_cache(maxsize=256)
def get_marks(locale: str) -> Marks:
    """Return the marks for Western digits in a BCP 47 locale, from CLDR; those of English when CLDR has none."""
    symbols = parse_locale(locale).number_symbols["latn"]
    group = symbols.get("group") or ","
    return Marks(symbols.get("decimal") or ".", " " if group in _SPACES else group)


def normalize_digits(text: str) -> str:
    """Return `text` in NFKC with Western digits: Arabic-Indic, Devanagari and full-width ones included."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", text)
    return _FOREIGN_DIGIT.sub(lambda match: str(unicodedata.digit(match.group(), 0)), plain)


def parse_number(raw: str, marks: Marks, max_decimals: int = 9) -> Decimal | None:
    """Return the value of a written number, or None when it has no sensible reading (`2.0.1`).

    A lone mark before exactly three digits is the locale's: 1.299 is 1299 in German and 1.299 in English, unless
    `max_decimals` (2 for most prices) rules that out.
    """
    if len(raw) > LONGEST:
        return None
    text = raw.translate(_CLOSERS)
    if "\u066b" in text:
        return _join(text.replace(",", "").replace(".", ""), "\u066b")
    dots, commas = text.count("."), text.count(",")
    if not dots and not commas:
        return Decimal(text)
    if dots and commas:
        last = "." if text.rfind(".") > text.rfind(",") else ","
        other = "," if last == "." else "."
        whole = text[: text.rfind(last)]
        return (
            _join(text.replace(other, ""), last) if text.count(last) == 1 and _is_grouped(whole.split(other)) else None
        )
    mark = "." if dots else ","
    parts = text.split(mark)
    if len(parts) > 2:
        return Decimal("".join(parts)) if _is_grouped(parts) else None
    groups = len(parts[1]) == 3 and len(parts[0]) <= 3 and parts[0].lstrip("0") != ""
    if groups and (mark != marks.decimal or max_decimals < 3):
        return Decimal("".join(parts))
    return _join(text, mark)


def _is_grouped(parts: list[str]) -> bool:
    """Groups of three, or of two before the last three as in India."""
    return len(parts[-1]) == 3 and 1 <= len(parts[0]) <= 3 and all(2 <= len(part) <= 3 for part in parts[1:-1])


def _join(text: str, mark: str) -> Decimal | None:
    return Decimal(text.replace(mark, ".")) if text.count(mark) == 1 else None

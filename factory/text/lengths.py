"""How channels measure text: one function per `Counting`, and the bounds that follow for text of a locale.

Text is measured in NFC, the form in which it is stored. Nothing here judges a text beyond its size.
"""

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import regex

from schemas.locales import get_language
from schemas.placement import Counting, TextField

# Multi-part messages lose 7 septets or 3 units a part to the concatenation header (3GPP TS 23.040, 9.2.3.24.1).
SMS_SIZES = {"GSM-7": (160, 153), "UCS-2": (70, 67)}  # units in a lone message, units in each part of a longer one

# 3GPP TS 23.038, 6.2.1: the default alphabet, and the characters that cost an escape septet as well.
GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")

X_URL = 23  # https://docs.x.com/fundamentals/counting-characters
_X_HEAVY = regex.compile("[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")  # these weigh 2

# One pictograph with its modifiers, or up to four joined (the longest in Unicode's list of emoji), a flag, a keycap.
# (c), (R) and TM are emoji only with the variation selector that makes them so.
_TAGS = r"(?:[\U000E0020-\U000E007E]{1,6}\U000E007F)?"
_PICTOGRAPH = rf"(?:[©®™]\uFE0F|(?![©®™])\p{{Extended_Pictographic}}\uFE0F?)\p{{Emoji_Modifier}}?{_TAGS}"
EMOJI = regex.compile(
    rf"[0-9#*]\uFE0F?\u20E3|\p{{Regional_Indicator}}{{2}}|{_PICTOGRAPH}(?:\u200D{_PICTOGRAPH}){{0,3}}"
)
_X_LINK = regex.compile(
    r"(?<![\w@.-])(?:https?://)?(?:[a-z0-9-]++\.)+[a-z]{2,}+(?![0-9-])(?:[/?#][!-~]*+)?", regex.IGNORECASE
)
_LINK_END = ".,;:!?'\")]}"
_GRAPHEME = regex.compile(r"\X")
_WIDE = regex.compile(r"[\p{East_Asian_Width=Wide}\p{East_Asian_Width=Fullwidth}]")
_FREE_OF_BYTES = regex.compile(r"[\p{P}\p{Z}\s]+")

# Languages by what their letters cost.
_WIDE_LANGUAGES = frozenset(["zh", "ja", "ko", "yue", "ii"])
_WIDE_SCRIPTS = frozenset(["Hans", "Hant", "Hani", "Jpan", "Kore", "Hang", "Hira", "Kana", "Yiii", "Bopo"])
_X_HEAVY_LANGUAGES = frozenset("am byn ccp chr csw gez hnj ig iu km mni rhg sat ti tig vai vi wal yo zgh".split())
_GSM_LANGUAGES = frozenset(["en", "de", "sv", "da", "nb", "nn", "no", "fi", "it", "id", "ms", "sw"])
_ONE_BYTE = frozenset(["en", "id", "ms", "sw", "zu", "xh", "so"])
_TWO_BYTES = frozenset(
    "af ar az be bg bs ca cs cy da de el es et eu fa fi fil fo fr fy ga gd gl he hr hu hy is it kk ky lb lt lv mk mn"
    " mt nb nl nn no pl ps pt rm ro ru sk sl sq sr sv tg tk tr tt uk ur uz yi".split()
)


def count(text: str, counting: Counting) -> int:
    """Return the size of `text` in the unit of `counting`. Any string is accepted, lone surrogates included."""
    return COUNTERS[counting](text if text.isascii() else unicodedata.normalize("NFC", text))


def find_emoji(text: str) -> list[str]:
    """Return the emoji in `text`, in order, each whole sequence (family, flag, keycap, skin tone) as one string."""
    return [] if text.isascii() else EMOJI.findall(text)


def sms_segments(text: str) -> tuple[Literal["GSM-7", "UCS-2"], int, int]:
    """Return how a phone network carries `text`: its encoding, its units, and the messages that are billed.

    Units are septets (3GPP TS 23.038; `^ { } \\ [ ~ ] |` and the euro sign cost two) or, as soon as one character is
    outside that alphabet, UTF-16 code units. A pair is never split over two parts, so a part may stay one unit short.
    """
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    encoding: Literal["GSM-7", "UCS-2"] = (
        "GSM-7" if all(char in GSM_BASIC or char in GSM_EXTENSION for char in text) else "UCS-2"
    )
    if encoding == "GSM-7":
        costs = [2 if char in GSM_EXTENSION else 1 for char in text]
    else:
        costs = [2 if char > "\uffff" else 1 for char in text]
    units = sum(costs)
    alone, part = SMS_SIZES[encoding]
    if units <= alone:
        return encoding, units, 1 if text else 0
    segments, room = 1, part
    for cost in costs:
        if cost > room:
            segments, room = segments + 1, part
        room -= cost
    return encoding, units, segments


def fits(text: str, field: TextField) -> bool:
    """Whether one item of `field` is neither too short nor too long, nor takes more messages than `max_segments`."""
    return not describe_misfit(text, field)


def describe_misfit(text: str, field: TextField) -> str:
    """Return in words why `text` does not fit `field`, or "" when it does."""
    size = count(text, field.counting)
    unit = UNIT_NAMES[field.counting]
    if size > field.max:
        limit = "limit of" if field.limit == "hard" else "advised"
        return f"measures {size} {unit}, {size - field.max} over the {limit} {field.max}"
    if size < field.min:
        return f"measures {size} {unit}, below the least {field.min}"
    if field.max_segments is not None:
        encoding, units, segments = sms_segments(text)
        if segments > field.max_segments:
            return f"takes {segments} messages ({units} units in {encoding}), above {field.max_segments}"
    return ""


def char_bound(field: TextField, locale: str) -> int:
    """Return how many code points of NFC text in `locale` always fit `field`, or its `recommended` size if less.

    `locale` is a BCP 47 tag or only its language. What counts as text of the locale is its letters, ASCII and general
    punctuation: no emoji; for X no link, and no euro or ellipsis sign; for SMS none of GSM-7's extension, and in the
    languages that it can spell only its basic characters. What goes beyond is found by the length check. At least 1.
    """
    limit = field.max if field.recommended is None else min(field.max, field.recommended)
    return _bound_chars(limit, field.counting, field.max_segments, locale)


@lru_cache(maxsize=4096)
def _bound_chars(limit: int, counting: Counting, max_segments: int | None, locale: str) -> int:
    language = get_language(locale)
    wide = language in _WIDE_LANGUAGES or not _WIDE_SCRIPTS.isdisjoint(locale.split("-"))
    match counting:
        case Counting.DISPLAY_WIDTH | Counting.DISPLAY_WIDTH_EMOJI2:
            limit //= 2 if wide else 1
        case Counting.X_WEIGHTED:
            limit //= 2 if wide or language in _X_HEAVY_LANGUAGES else 1
        case Counting.UTF8_BYTES:
            limit //= 3 if wide else 1 if language in _ONE_BYTE else 2 if language in _TWO_BYTES else 3
        case Counting.CHARS | Counting.GRAPHEMES | Counting.SMS_SEGMENTS:
            pass  # a grapheme is at least one code point; messages are bounded below
    if max_segments is not None:
        alone, part = SMS_SIZES["UCS-2" if wide or language not in _GSM_LANGUAGES else "GSM-7"]
        limit = min(limit, alone if max_segments == 1 else part * max_segments)
    return max(1, limit)


def _count_chars(text: str) -> int:
    return len(text)


def _count_graphemes(text: str) -> int:
    return len(_GRAPHEME.findall(text))


def _count_display_width(text: str) -> int:
    # The regex library's Unicode tables are newer than the standard library's, which call new emoji narrow.
    return len(text) if text.isascii() else len(text) + len(_WIDE.findall(text))


def _count_display_width_emoji2(text: str) -> int:
    if text.isascii():
        return len(text)
    # Joined emoji count by their characters: Microsoft does not say that a sequence is one.
    narrow = [emoji for emoji in EMOJI.findall(text) if _count_display_width(emoji) < 2]
    return _count_display_width(text) + len(narrow)


def _count_x_weighted(text: str) -> int:
    # A joined sequence counts as one emoji, whether or not X draws it as one: only those that it draws are in use.
    total = 0
    if "." in text:
        total = X_URL * len(_X_LINK.findall(text))
        text = _X_LINK.sub(_keep_link_end, text)
    if text.isascii():
        return total + len(text)
    plain: str = EMOJI.sub("", text)
    return total + 2 * len(EMOJI.findall(text)) + len(plain) + len(_X_HEAVY.findall(plain))


def _keep_link_end(match: "regex.Match[str]") -> str:
    """Return the sentence's punctuation after a link: it is not part of it, and counts on its own."""
    link: str = match.group()
    end: str = link[len(link.rstrip(_LINK_END)) :]
    return end


def _count_utf8_bytes(text: str) -> int:
    kept: str = _FREE_OF_BYTES.sub("", text)
    return len(kept.encode("utf-8", "surrogatepass"))


def _count_sms_units(text: str) -> int:
    return sms_segments(text)[1]


COUNTERS: dict[Counting, Callable[[str], int]] = {
    Counting.CHARS: _count_chars,
    Counting.GRAPHEMES: _count_graphemes,
    Counting.DISPLAY_WIDTH: _count_display_width,
    Counting.DISPLAY_WIDTH_EMOJI2: _count_display_width_emoji2,
    Counting.X_WEIGHTED: _count_x_weighted,
    Counting.UTF8_BYTES: _count_utf8_bytes,
    Counting.SMS_SEGMENTS: _count_sms_units,
}

UNIT_NAMES: dict[Counting, str] = {
    Counting.CHARS: "characters",
    Counting.GRAPHEMES: "characters",
    Counting.DISPLAY_WIDTH: "columns (Chinese, Japanese and Korean characters take 2)",
    Counting.DISPLAY_WIDTH_EMOJI2: "columns (Chinese, Japanese and Korean characters and emoji take 2)",
    Counting.X_WEIGHTED: "weighted characters",
    Counting.UTF8_BYTES: "bytes without spaces and punctuation",
    Counting.SMS_SEGMENTS: "message units",
}

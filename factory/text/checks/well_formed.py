"""Form: what every text must be, whatever it says. Fits its field, has letters, no hidden characters, is whole."""

import re
from functools import lru_cache

from factory.text.checks.context import CheckContext
from factory.text.checks.lexicon import load_lexicon
from factory.text.checks.words import Item
from factory.text.invisible import find_hidden
from factory.text.lengths import UNIT_NAMES, count, sms_segments
from schemas.placement import TextField

_LETTER = re.compile(r"[^\W\d_]")
_CLOSED = (".", "!", "?", "\u3002", "\uff01", "\uff1f", "\u061f", "\u06d4")
_OPEN_END = re.compile(r"(?:[,;:\u060c\u061b\u3001\uff0c\u2026&+(\[/\u2013\u2014-]|\.\.)\s*$")
_LAST_WORD = re.compile(r"([^\W_]+(?:['\u2019][^\W_]+)?)\W*$")
_PAIRS = (("(", ")"), ("[", "]"), ("«", "»"), ("「", "」"), ("『", "』"), ("（", "）"), ("【", "】"))
_PAIRED = re.compile(r'["\u201c\u201d\u201e()\[\]«»「」『』（）【】]')
_INCH = re.compile(r"(?<=[0-9])\"")
_ENDINGS = frozenset("s es e en er em n r ed d ing ly y 's a o as os i al".split())  # "boot" is no cut of "boots"
_LONG = 60  # from here on a text that fills its field to the last character was rather cut than finished


def find_misfit(text: str, field: TextField) -> str:
    """A text longer or shorter than its field allows, in the channel's own counting (`factory/text/lengths.py`)."""
    size = count(text, field.counting)
    if size > field.max:
        return f"has {size} {UNIT_NAMES[field.counting]}, at most {field.max}"
    if size < field.min:
        return f"has {size} {UNIT_NAMES[field.counting]}, at least {field.min}"
    if field.max_segments is not None:
        encoding, units, segments = sms_segments(text)
        if segments > field.max_segments:
            return f"takes {segments} messages ({units} units in {encoding}), at most {field.max_segments}"
    return ""


def find_empty(item: Item, ctx: CheckContext, argument: str) -> str:
    """Nothing, only white space, or no letter at all."""
    return "" if _LETTER.search(item.whole) else "has no letter"


def find_newline(item: Item, field: TextField) -> str:
    """A line break in a field of one line."""
    return "has a line break" if not field.multiline and ("\n" in item.whole or "\r" in item.whole) else ""


def find_invisible(item: Item, ctx: CheckContext, argument: str) -> str:
    """Control characters, and characters that nobody sees: zero-width, bidirectional, private use."""
    return find_hidden(item.whole)


def find_incomplete(item: Item, ctx: CheckContext, argument: str) -> str:
    """A text that stops in the middle: on a comma, an ellipsis, "and", inside quotes or brackets.

    Google refuses cut-off text: https://support.google.com/adspolicy/answer/14848297
    """
    text = item.text.rstrip()
    if not text:
        return ""
    if _OPEN_END.search(text[-12:]):
        return f'ends on "{text[-1]}"'
    if not text.endswith(_CLOSED) and _may_dangle(item, ctx.language):
        last = _LAST_WORD.search(text[-40:])
        if (
            last is not None
            and last.group(1).casefold() in _dangling(ctx.language)
            and not item.padded.endswith(_allowed_ends(ctx.language))
        ):
            return f'ends on "{last.group(1)}"'
    return _find_unbalanced(text)


def find_cut(item: Item, ctx: CheckContext, field: TextField) -> str:
    """A text that decoding cut: it fills the field exactly and ends inside a word of the brief, or a long text without an end."""
    text = item.whole.rstrip()
    if text.endswith(_CLOSED) or len(text) < 8 or count(item.whole, field.counting) != field.max:
        return ""
    last = item.words[-1] if item.words else ""
    known = ctx.facts.word_set
    if len(text) > _LONG and last not in ctx.own_words:
        return f'is cut off at the limit after "{last}"'
    if last and last not in known and any(_is_cut_of(last, word) for word in known):
        return f'is cut off in the word "{last}"'
    return ""


def _may_dangle(item: Item, language: str) -> bool:
    """Whether the last word may be one that cannot end a text; for plain text the list of words tells it at once."""
    return not item.is_ascii or "'" in item.text or (bool(item.words) and item.words[-1] in _dangling(language))


def _is_cut_of(last: str, word: str) -> bool:
    return len(word) > len(last) and word.startswith(last) and word[len(last) :] not in _ENDINGS


def _find_unbalanced(text: str) -> str:
    if not _PAIRED.search(text):
        return ""
    for opening, closing in _PAIRS:
        if text.count(opening) != text.count(closing):
            return f'has an unmatched "{opening}" or "{closing}"'
    straight = text.count('"')
    if straight % 2 and len(_INCH.findall(text)) < straight:
        return "has an unmatched quotation mark"
    if sum(text.count(mark) for mark in "\u201c\u201d\u201e") % 2:
        return "has an unmatched quotation mark"
    return ""


@lru_cache(maxsize=64)
def _dangling(language: str) -> frozenset[str]:
    return frozenset(load_lexicon("language")["dangling"].get(language, ()))


@lru_cache(maxsize=64)
def _allowed_ends(language: str) -> tuple[str, ...]:
    return tuple(f" {phrase} " for phrase in load_lexicon("language")["allowed_ends"].get(language, ())) or ("\0",)

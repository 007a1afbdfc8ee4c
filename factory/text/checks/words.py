"""Text made ready for checking: folded, cut into words, searched for phrases. Nothing here knows a rule or a brief.

Words are lower case; Chinese and Japanese, which have no spaces, give one word per character, so that one way of
finding phrases serves all scripts. No regular expression is ever built from a brief's text.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

CJK = r"\u3005\u3006\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"

NAME = re.compile(r"(?<![^\W_])[^\W\d_](?:[^\W_]|['\u2019&-](?=[^\W\d_]))+")  # as written: GORE-TEX, H&M, iPhone

_WORD = re.compile(rf"[{CJK}]|[^\W_{CJK}]+(?:'[^\W_{CJK}]+)*")
_ASCII_WORD = re.compile("[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*")  # the same for plain text, twice as fast
_ASCII_GAPS = "".join(chr(code) if chr(code).isalnum() else " " for code in range(128))  # and without apostrophes
_CJK = re.compile(rf"[{CJK}]")
_ODD = re.compile(
    r"[\u2019\u02bc\u00ad\u200b-\u200f\u2060\ufeff\u0640\u064b-\u065f\u0670\u0623\u0625\u0622\u0649\u0629]"
)
# Arabic is written with and without vowel marks and hamza: one spelling for comparing (as search engines do).
_FOLDS = (
    dict.fromkeys((173, 8288, 65279, 1600, 1648, *range(8203, 8208), *range(1611, 1632)))
    | dict.fromkeys((0x2019, 0x2BC), "'")
    | dict.fromkeys((0x622, 0x623, 0x625), "\u0627")
    | {0x649: "\u064a", 0x629: "\u0647"}
)
_MARKS = re.compile(r"[™®©℠]")  # else NFKC turns a trademark sign into letters of the name
# The article, with or without "and", "with", "for" … before it, and a bare "and" before a longer word.
_ARABIC_PREFIX = re.compile(
    r"^(?:[\u0648\u0641\u0628\u0643]?\u0627\u0644|\u0648?\u0644\u0644)(?=\S{2})|^\u0648(?=\S{4})"
)


def fold(text: str) -> str:
    """Return `text` for comparing: NFKC, case folded, without marks that do not change the word."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", _MARKS.sub(" ", text)).casefold()
    return folded.translate(_FOLDS) if _ODD.search(folded) else folded


def split_words(folded: str) -> list[str]:
    """Return the words of a folded text, in order."""
    if folded.isascii():
        return _ASCII_WORD.findall(folded) if "'" in folded else folded.translate(_ASCII_GAPS).split()
    words = _WORD.findall(folded)
    if any("\u0621" <= word[0] <= "\u064a" for word in words):
        return [_ARABIC_PREFIX.sub("", word) for word in words]
    return words


def pad(words: Iterable[str]) -> str:
    """Return words as one text in which a phrase is found whole: `" w1 w2 w3 "`."""
    return f" {' '.join(words)} "


def pad_text(text: str) -> str:
    """Return `pad` of a raw text's words."""
    return pad(split_words(fold(text)))


def is_cjk(word: str) -> bool:
    """Whether a word is one Chinese or Japanese character."""
    return len(word) == 1 and _CJK.match(word) is not None


def quote(text: str, longest: int = 60) -> str:
    """Return `text` on one line in quotation marks, cut to `longest` characters."""
    line = " ".join(text.split())
    return f'"{line if len(line) <= longest else line[: longest - 1] + "…"}"'


@dataclass(slots=True)
class Item:
    """One text under check, less the legal line that code appended; each form of it is computed once."""

    text: str
    folded: str
    words: list[str]
    padded: str
    whole: str  # with the legal line
    is_ascii: bool
    has_digit: bool
    mentions: Any = None  # quantities found in it, set by grounding
    claims: Any = None


_DIGIT = re.compile(r"\d")


def make_item(text: str, whole: str = "") -> Item:
    """Return `text` with its folded forms; `whole` is the text as published, where that is longer."""
    folded = fold(text)
    words = split_words(folded)
    return Item(text, folded, words, pad(words), whole or text, text.isascii(), _DIGIT.search(text) is not None)


class PhraseBook:
    """Phrases found as whole words. `_` in a phrase stands for up to two words; `exceptions` are read over.

    A phrase is looked up by its longest word, so a text costs one dictionary look-up a word.
    """

    def __init__(self, phrases: dict[str, str], exceptions: Iterable[str] = ()) -> None:
        """`phrases` maps each phrase to its label; text given by users is matched literally."""
        self._by_word: dict[str, list[tuple[str, str, re.Pattern[str] | None]]] = {}
        self._exceptions: dict[str, list[str]] = {}
        for words in filter(None, map(_phrase_words, exceptions)):
            self._exceptions.setdefault(max(words, key=len), []).append(pad(words))
        for phrase, label in phrases.items():
            words = _phrase_words(phrase)
            solid = [word for word in words if word != "_"]
            if not solid:
                continue
            gap = r"(?:\S+ ){0,2}"
            pattern = (
                re.compile(" " + "".join(gap if w == "_" else re.escape(w) + " " for w in words))
                if len(solid) < len(words)
                else None
            )
            self._by_word.setdefault(max(solid, key=len), []).append((pad(words), label, pattern))

    def find(self, item: Item) -> tuple[str, str] | None:
        """Return the first phrase found and its label, or None."""
        if self._by_word.keys().isdisjoint(item.words):
            return None
        return next(iter(self.find_all(item.words, item.padded)), None)

    def find_all(self, words: Collection[str], padded: str) -> list[tuple[str, str]]:
        """Return every phrase found and its label, in the order of the words that gave them away."""
        if self._by_word.keys().isdisjoint(words):
            return []
        words = dict.fromkeys(words)
        hits = [entries for word in words if (entries := self._by_word.get(word)) is not None]
        if not self._exceptions.keys().isdisjoint(words):
            for exception in [text for word in words for text in self._exceptions.get(word, ())]:
                padded = padded.replace(exception, " \u00b7 ")
        found: dict[str, str] = {}
        for entries in hits:
            for phrase, label, pattern in entries:
                match = pattern.search(padded) if pattern else None
                if match is not None:
                    found.setdefault(show(match.group()), label)
                elif pattern is None and phrase in padded:
                    found.setdefault(show(phrase), label)
        return list(found.items())


def show(padded: str) -> str:
    """Return a padded phrase as people write it: Chinese and Japanese characters closed up."""
    words = padded.split()
    return ("" if words and all(map(is_cjk, words)) else " ").join(words)


def _phrase_words(phrase: str) -> list[str]:
    words: list[str] = []
    for part in re.split(r"(?:(?<=\s)|^)(_)(?=\s|$)", phrase):
        words += ["_"] if part == "_" else split_words(fold(part))
    return words

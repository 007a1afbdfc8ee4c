"""Content words of any language, without a list of stop words: what two texts have in common."""

import re
import unicodedata
from functools import lru_cache

# Scripts written without spaces (Thai, Lao, Burmese, Khmer, Kana, Han), and Hangul, whose words carry their particles.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uff66-\uff9f"
_RUN = re.compile(rf"[{_UNSPACED}\U00020000-\U0003ffff]+|[^\W_{_UNSPACED}\U00020000-\U0003ffff]+")
_ASCII_RUN = re.compile("[a-z0-9]+")  # most copy: three times as fast
_UNSPACED_START = re.compile(rf"[{_UNSPACED}\U00020000-\U0003ffff]")
# Digits with marks between them; a plain space only where it parts thousands.
_NUMBER = re.compile(r"\d+(?:(?:[.,'’\u00a0\u202f\u066b\u066c]| (?=\d{3}\b))\d+)*")

STEM = 5  # characters of a word that are compared
SHORT = 3  # words up to this length are left out, unless they hold a digit


@lru_cache(maxsize=8192)
def split_words(text: str) -> frozenset[str]:
    """Return the content words of `text`: casefolded, cut to their first 5 characters, short ones left out.

    Cutting is the plainest stemmer that suits most languages (Can et al. 2008, https://doi.org/10.1002/asi.20750).
    Runs of a script without spaces give their character pairs. When only short words are there ("HP"), they count.
    """
    if text.isascii():
        runs = _ASCII_RUN.findall(text.lower())
        return frozenset([run[:STEM] for run in runs if len(run) > SHORT or not run.isalpha()] or runs)
    long: set[str] = set()
    short: set[str] = set()
    for run in _RUN.findall(text.casefold()):
        if _UNSPACED_START.match(run):
            long.update([run[i : i + 2] for i in range(len(run) - 1)] or [run])
        elif len(run) > SHORT or any(character.isdigit() for character in run):
            long.add(run[:STEM])
        else:
            short.add(run)
    return frozenset(long or short)


@lru_cache(maxsize=8192)
def find_numbers(text: str) -> frozenset[str]:
    """Return the numbers in `text` as their digits alone, so that 1,299.00, 1.299,00 and ١٢٩٩٫٠٠ are the same."""
    return frozenset(_keep_digits(number) for number in _NUMBER.findall(text))


def _keep_digits(number: str) -> str:
    if number.isascii():
        return "".join(character for character in number if character.isdigit())
    return "".join(str(unicodedata.digit(character)) for character in number if character.isdecimal())

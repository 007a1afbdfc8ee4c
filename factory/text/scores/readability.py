"""Readability: how easily is the copy read in its own language? Missing, by name, where no formula exists."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from factory.text.scores.syllables import count_syllables
from schemas.locales import get_language


class ReadingEase(NamedTuple):
    """Reading ease = base - per_sentence x (words per sentence) - per_word x (syllables per word)."""

    base: float
    per_sentence: float
    per_word: float


# Flesch's formula and its adaptations, collected at https://github.com/Yoast/YoastSEO.js/issues/267. Those printed in
# syllables per 100 words (Spanish, Italian, Dutch) are written per word here.
FORMULAS = {
    "en": ReadingEase(206.835, 1.015, 84.6),  # Flesch 1948, https://doi.org/10.1037/h0057532
    "de": ReadingEase(180.0, 1.0, 58.5),  # Amstad 1978
    "fr": ReadingEase(207.0, 1.015, 73.6),  # Kandel and Moles 1958
    # Fernández Huerta 1959, with words per sentence: https://linguistlist.org/issues/22/22-2332.html
    "es": ReadingEase(206.84, 1.02, 60.0),
    "it": ReadingEase(217.0, 1.3, 60.0),  # Flesch-Vacca: Franchina and Vacca
    "nl": ReadingEase(206.84, 0.93, 77.0),  # Douma 1960
    "ru": ReadingEase(206.835, 1.3, 60.1),  # Oborneva 2006
}

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ASCII_WORD = re.compile("[a-z]+(?:'[a-z]+)*")
_SENTENCE_END = re.compile(r"[.!?…]+(?=\s|$)|\n+")


def score_readability(items: Iterable[str], locale: str) -> float | None:
    """Return the reading ease of `items` divided by 100 and held within 0..1; None without a formula or without words.

    Each item ends a sentence, because a headline has no full stop; words are runs of letters, so prices do not
    count. 0.6 and more is plain language on Flesch's scale, under 0.3 is for specialists. There is no formula for
    Japanese, Arabic and others: their writing does not show the syllables or the words.
    """
    language = get_language(locale)
    formula = FORMULAS.get(language)
    if formula is None:
        return None
    num_sentences = num_words = num_syllables = 0
    for item in items:
        sentences, words, syllables = _measure(item, language)
        num_sentences += sentences
        num_words += words
        num_syllables += syllables
    if not num_words:
        return None
    ease = (
        formula.base - formula.per_sentence * num_words / num_sentences - formula.per_word * num_syllables / num_words
    )
    return min(1.0, max(0.0, ease / 100))


@lru_cache(maxsize=8192)
def _measure(text: str, language: str) -> tuple[int, int, int]:
    """Return the sentences, words and syllables of one item; a sentence without a word is none."""
    sentences = words = syllables = 0
    find_words = (_ASCII_WORD if text.isascii() else _WORD).findall
    for sentence in _SENTENCE_END.split(text.lower()):
        found = find_words(sentence)
        if found:
            sentences += 1
            words += len(found)
            syllables += sum(count_syllables(word, language) for word in found)
    return sentences, words, syllables

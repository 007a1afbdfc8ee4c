"""The language of a candidate against its locale: by script, then by its function words, then by a detector.

Judged over all written text of a candidate, never over one headline; only a confident answer fails. The detector (lingua,
https://github.com/pemistahl/lingua-py) is loaded on first use and asked only where function words do not settle it.
"""

import re
from functools import lru_cache
from typing import Any

from factory.text.checks.context import CheckContext
from factory.text.checks.lexicon import load_lexicon
from factory.text.checks.words import fold, split_words

LEAST_LETTERS = 12  # below this a script is no evidence
LEAST_WORDS = 8  # below this a detector guesses
LEAST_CONFIDENCE = 0.9  # of the other language
MOST_TEXT = 2_000  # characters read

_SCRIPTS = {
    "latin": "A-Za-z\u00aa-\u024f\u1e00-\u1eff",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "cyrillic": "\u0400-\u052f",
    "hebrew": "\u0590-\u05ff\ufb1d-\ufb4f",
    "arabic": "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff",
    "devanagari": "\u0900-\u097f",
    "thai": "\u0e00-\u0e7f",
    "hangul": "\u1100-\u11ff\uac00-\ud7af",
    "kana": "\u3041-\u30ff\uff66-\uff9f",
    "han": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff",
}
_LETTER = re.compile(r"[^\W\d_]")
_EXPECTED = {
    **dict.fromkeys("ar fa ur ps ckb ug sd".split(), ("arabic",)),
    **dict.fromkeys("ru uk bg be mk kk ky mn tg".split(), ("cyrillic",)),
    **dict.fromkeys("hi mr ne bho mai kok sa".split(), ("devanagari",)),
    "ja": ("kana", "han"), "zh": ("han",), "yue": ("han",), "ko": ("hangul",),
    "el": ("greek",), "he": ("hebrew",), "th": ("thai",),
}  # fmt: skip
_LATIN = frozenset(
    "af az bs ca cs cy da de en es et eu fi fil fr ga gl hr hu id is it lt lv ms mt nb"
    " nl nn no pl pt ro sk sl sq sv sw tr vi zu".split()
)


def find_language(texts: list[str], ctx: CheckContext) -> str:
    """Return what is wrong with the language of a candidate's written `texts`, or "".

    Names and codes of the brief do not count.
    """
    own_words = ctx.own_words
    words = [word for word in split_words(fold(" ".join(texts)[:MOST_TEXT])) if word not in own_words]
    language = ctx.language
    wrong = _find_script(words, language)
    if wrong or language not in _LATIN:
        return wrong or _find_chinese(words, language)
    counts = _count_function_words(words)
    own = counts.pop(language, 0)
    rival = max(counts, key=lambda code: counts[code], default="")
    most = counts.get(rival, 0)
    if own > most or len(words) < LEAST_WORDS:
        return ""
    detected, confidence = detect(" ".join(words), language)
    if detected and detected != language and confidence >= LEAST_CONFIDENCE and own <= most:
        return f"reads as {detected}, not {language}"
    return ""


def _find_script(words: list[str], language: str) -> str:
    expected = ("latin",) if language in _LATIN else _EXPECTED.get(language)
    joined = "".join(words)
    if expected is None or len(joined) < LEAST_LETTERS or (joined.isascii() and expected == ("latin",)):
        return ""
    total = len(_LETTER.findall(joined))
    if total < LEAST_LETTERS:
        return ""
    # Loan words are common, so a third is enough; a Latin text has hardly a letter of another script.
    fitting = sum(len(_script_pattern(script).findall(joined)) for script in expected)
    return "" if fitting * 3 >= total else f"is not written in the script of {language}"


def _find_chinese(words: list[str], language: str) -> str:
    """Japanese of any length has kana; without it, the text is Chinese."""
    if language == "ja" and len(words) >= 2 * LEAST_LETTERS and not _script_pattern("kana").search("".join(words)):
        return "reads as zh, not ja"
    return "reads as ja, not zh" if language == "zh" and _script_pattern("kana").search("".join(words)) else ""


def _count_function_words(words: list[str]) -> dict[str, int]:
    table = _function_words()
    counts: dict[str, int] = {}
    for word in words:
        for code in table.get(word, ()):
            counts[code] = counts.get(code, 0) + 1
    return counts


@lru_cache(maxsize=1)
def _function_words() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for code, words in load_lexicon("language")["function_words"].items():
        for word in words:
            table[word] = (*table.get(word, ()), code)
    return table


@lru_cache(maxsize=16)
def _script_pattern(script: str) -> re.Pattern[str]:
    return re.compile(f"[{_SCRIPTS[script]}]")


def detect(text: str, language: str) -> tuple[str, float]:
    """Return the likeliest language (ISO 639-1) of `text` and the belief in it, 0..1.

    ("", 0) where the detector does not know `language`, so that nothing can be said.
    """
    detector = _open_detector(language)
    if detector is None:
        return "", 0.0
    values = detector.compute_language_confidence_values(text)
    return (str(values[0].language.iso_code_639_1.name).lower(), float(values[0].value)) if values else ("", 0.0)


@lru_cache(maxsize=32)
def _open_detector(language: str) -> Any:
    """A detector between the locale's language and those that models fall back to.

    Full models, not lingua's low-accuracy mode: that one takes a German sentence for Dutch with 97 % and is no faster.
    """
    from lingua import Language, LanguageDetectorBuilder

    by_code = {entry.iso_code_639_1.name.lower(): entry for entry in Language.all()}
    if language not in by_code:
        return None
    codes = dict.fromkeys([language, "en", "de", "fr", "es", "it", "pt", "nl", "sv", "pl", "tr"])
    return LanguageDetectorBuilder.from_languages(*(by_code[code] for code in codes)).build()

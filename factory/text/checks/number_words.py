"""What may stand beside a number: currency signs, unit and percent words, of one locale and currency."""

import re
from collections.abc import Container
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from factory.text.checks.lexicon import load_lexicon
from factory.text.checks.numerals import parse_locale
from factory.text.checks.words import fold, is_cjk, split_words
from schemas.locales import CURRENCIES, get_language

Codes = tuple[str, ...]  # ISO 4217

# Codes that are also words ("try 20", "all 3 colours"): known only when they are the brief's own currency.
_WORDY_CODES = frozenset(
    ["ALL", "TRY", "TOP", "CUP", "MAD", "PEN", "GEL", "MOP", "BOB", "COP", "SOS", "RON", "BAM", "MUR", "LAK"]
)
_LONGEST_UNSPACED = 8  # characters of the longest Japanese unit in the lexicon
# Units that are also everyday words: taken as units only when nothing but punctuation follows, or when attached.
_DOUBTFUL = frozenset("in am an ma ps ms mi ore ora".split())


class Suffix(NamedTuple):
    """What a word after a number makes of it. `length` is in characters of folded text."""

    kind: Literal["price", "percent", "unit"]
    factor: Decimal
    unit: str
    currencies: Codes
    length: int
    needs_care: bool = False


class Sign(NamedTuple):
    """A currency sign or code, as found, and the currencies that it may mean."""

    sign: str
    currencies: Codes


@dataclass(frozen=True, slots=True)
class Tables:
    """Signs and words of one locale. `pairs` are two-word suffixes and their one-word forms."""

    signs: dict[str, Codes]
    sign_before: re.Pattern[str]
    sign_ends: frozenset[str]  # the last three characters of each sign, or all of a shorter one
    suffixes: dict[str, Suffix]
    pairs: tuple[tuple[str, str], ...]
    number_words: dict[str, int]

    def find_sign_before(self, before: str) -> Sign | None:
        """Return the currency sign or code at the very end of `before` (folded, right-stripped)."""
        if not before or (
            self.sign_ends.isdisjoint((before[-3:], before[-2:], before[-1])) and before[-1] not in ".\n"
        ):
            return None  # as most words before a number; the pattern tries every sign at every place
        match = self.sign_before.search(before)
        return Sign(match.group(), self.signs[match.group(1) or match.group(2)]) if match else None

    def find_suffix(self, suffix: str) -> Suffix | None:
        """Return what `suffix` (folded, not empty) means after a number.

        In unspaced scripts the longest known beginning counts; Arabic words are tried without their article.
        """
        known = self.suffixes.get(suffix)
        if known is not None:
            return known
        if suffix.isascii() and suffix.isalpha():
            return None
        if is_cjk(suffix[0]) or not suffix[0].isalpha() or "\uac00" <= suffix[0] <= "\ud7a3":
            beginnings = (suffix[:size] for size in range(min(_LONGEST_UNSPACED, len(suffix)), 0, -1))
            return next((found for part in beginnings if (found := self.suffixes.get(part)) is not None), None)
        stems = split_words(suffix)
        return self.suffixes.get(stems[0]) if len(stems) == 1 else None


@lru_cache(maxsize=512)
def open_tables(locale: str, currency: str) -> Tables:
    """Return the tables for a BCP 47 locale; the currency's own sign and name in that locale come from CLDR."""
    lexicon = load_lexicon("quantities")
    signs: dict[str, Codes] = {code.lower(): (code,) for code in CURRENCIES - (_WORDY_CODES - {currency})}
    signs |= {fold(sign): tuple(codes) for sign, codes in lexicon["currency_signs"].items()}
    words = {fold(word): tuple(codes) for keys, codes in lexicon["currency_words"].items() for word in keys.split()}
    if currency:
        _add_local_names(signs, words, locale, currency)
    prices = signs | words
    suffixes = {word: Suffix("price", Decimal(1), "", codes, len(word)) for word, codes in prices.items()}
    for keys, codes in lexicon["minor_words"].items():
        suffixes |= {
            fold(word): Suffix("price", Decimal("0.01"), "", tuple(codes), len(word)) for word in keys.split()
        }
    # "Pound" is money where the brief is in pounds, else a weight.
    suffixes |= _read_units(lexicon["units"], avoid=suffixes if currency in prices["£"] else ())
    percents = [fold(word) for word in lexicon["percent_words"]]
    suffixes |= {word: Suffix("percent", Decimal(1), "", (), len(word)) for word in percents}
    suffixes["割"] = Suffix("percent", Decimal(10), "", (), 1)
    pairs = tuple((fold(pair), short) for pair, short in lexicon["pairs"].items())
    suffixes |= {pair: suffixes[short] for pair, short in pairs}
    numbers = lexicon["number_words"]["en"] | lexicon["number_words"].get(get_language(locale), {})
    ends = frozenset(sign[-3:] for sign in signs)
    number_words = {fold(word): value for word, value in numbers.items()}
    return Tables(signs, _compile_signs(signs), ends, suffixes, pairs, number_words)


def _add_local_names(signs: dict[str, Codes], words: dict[str, Codes], locale: str, currency: str) -> None:
    from babel.numbers import get_currency_name, get_currency_symbol

    spelled: Any = parse_locale(locale)
    names = {fold(str(get_currency_name(currency, count=count, locale=spelled))) for count in (1, 2, 5)}
    for table, name in [
        (signs, fold(str(get_currency_symbol(currency, spelled))).strip(" .")),
        *((words, n) for n in names),
    ]:
        known = table.get(name, ())
        if name and " " not in name and currency not in known:
            table[name] = (*known, currency)


def _read_units(units: dict[str, dict[str, str]], avoid: Container[str]) -> dict[str, Suffix]:
    return {
        word: Suffix("unit", Decimal(factor), dimension, (), len(word), word in _DOUBTFUL)
        for dimension, factors in units.items()
        for factor, words in factors.items()
        for word in map(fold, words.split())
        if word not in avoid
    }


def _compile_signs(signs: dict[str, Codes]) -> re.Pattern[str]:
    ordered = sorted(signs, key=len, reverse=True)
    lettered = "|".join(re.escape(sign) for sign in ordered if sign[0].isalpha())
    plain = "|".join(re.escape(sign) for sign in ordered if not sign[0].isalpha())
    return re.compile(rf"(?:(?<![^\W_])({lettered})\.?|({plain}))$")

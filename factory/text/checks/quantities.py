"""The quantities in a text: prices, percentages, measures, days and bare numbers, read as the locale writes them."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple

from factory.text.checks.dates import DayMention, read_days
from factory.text.checks.number_words import Suffix, Tables, open_tables
from factory.text.checks.numerals import Marks, get_marks, normalize_digits, parse_number
from factory.text.checks.words import CJK, is_cjk

Kind = Literal["number", "price", "percent", "unit", "token"]

_UNSPACED = rf"{CJK}\u0621-\u064a\uac00-\ud7a3"
_BLANK = " \u00b7 "
_BY = " \u00d7 "
_DIGIT = re.compile("[0-9]")
_GAP = re.compile(r"[ \u2010\u2011-]?")
_SUFFIX = re.compile(
    rf"[^\W\d_{CJK}]+(?:[./$][^\W\d_{CJK}]+|[23](?![^\W_]))*|[{CJK}]+"
    r"|[°′″\"%٪¢€£¥₹₩₽₺₫₪฿₱₦₴$][^\W\d_]?"
)
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|ère|ème|e|re|º|ª|x)(?![^\W_])")
_TOKEN = re.compile(rf"[^\W_{_UNSPACED}]+(?:[-./][^\W_{_UNSPACED}]+)*")
_RANGE_PERCENT = re.compile(r"\s?(?:[-–—]|to\b|bis\b|à\b|a\b)\s?[0-9.,]{1,9}\s?[%٪]")
_FRACTION = re.compile(r"(?<![0-9.,/:])[0-9]{1,4}[/⁄:][0-9]{1,4}(?![0-9/:])")
_SLASHES = frozenset("/⁄:")
_IN_ONE = re.compile(r"(?<=[0-9])[- ]in[- ](?=[0-9])")
_TIMES = re.compile(r"(?<=[0-9])\s?[x×]\s?(?=[0-9])")
_LETTER = re.compile(rf"[^\W\d_{_UNSPACED}]")
_THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])  # ISO 4217 minor unit 3
_LONGEST_TOKEN = 60


class Quantity(NamedTuple):
    """One quantity. `unit` is a dimension, `currencies` what the sign may mean; `value` is None when unreadable."""

    kind: Kind
    value: Decimal | None
    raw: str
    unit: str = ""
    currencies: tuple[str, ...] = ()
    factor: Decimal = Decimal(1)  # of the unit, in its dimension's base


@dataclass(frozen=True, slots=True)
class Quantities:
    """All that a text counts, measures, prices or dates. A token is a word with a digit in it (`x200`, `24/7`)."""

    items: tuple[Quantity, ...] = ()
    days: tuple[DayMention, ...] = ()


NOTHING = Quantities()


@dataclass(frozen=True, slots=True)
class Reader:
    """How to read the numbers of one locale, with one currency at hand."""

    locale: str
    marks: Marks
    pattern: re.Pattern[str]
    tables: Tables
    money_decimals: int


@lru_cache(maxsize=512)
def make_reader(locale: str, currency: str) -> Reader:
    """Return the reader for a BCP 47 locale and an ISO 4217 currency (or "")."""
    marks = get_marks(locale)
    return Reader(locale, marks, marks.pattern, open_tables(locale, currency), 3 if currency in _THREE_DECIMALS else 2)


def read_quantities(folded: str, words: list[str], reader: Reader, all_words: bool = False) -> Quantities:
    """Return the quantities of a folded text. `all_words` also takes number words that nothing is counted with."""
    found = _read_number_words(words, reader.tables, all_words)
    text = normalize_digits(folded)
    if not _DIGIT.search(text):
        return Quantities(tuple(found)) if found else NOTHING
    days, text = read_days(text, words, reader.locale)
    if "in" in text:
        text = _IN_ONE.sub(_BLANK, text)
    if "x" in text or "×" in text:
        text = _TIMES.sub(_BY, text)
    if not _SLASHES.isdisjoint(text):
        found += [Quantity("token", None, match.group()) for match in _FRACTION.finditer(text)]
        text = _FRACTION.sub(_BLANK, text)
    for pair, short in reader.tables.pairs:
        text = text.replace(pair, short)
    end = 0
    sides = 0  # how many bare numbers of "120 x 60 x 40 cm" wait for their unit
    for match in reader.pattern.finditer(text):
        if match.start() < end:
            continue
        if text[end : match.start()] != _BY:
            sides = 0
        quantity, end = _read_one(text, match, reader)
        if quantity.kind == "unit" and sides:
            found[-sides:] = [_measure_side(side, quantity) for side in found[-sides:]]
        sides = sides + 1 if quantity.kind == "number" else 0
        found.append(quantity)
    return Quantities(tuple(found), tuple(days))


def _read_one(text: str, match: re.Match[str], reader: Reader) -> tuple[Quantity, int]:
    """Return the quantity whose number `match` is, and where it ends in `text`."""
    raw, start, end = match.group(), match.start(), match.end()
    before = text[max(0, start - 12) : start].rstrip(" ")
    sign = reader.tables.find_sign_before(before)
    if sign is not None:
        value = parse_number(raw, reader.marks, reader.money_decimals)
        return Quantity("price", value, sign.sign + raw, "", sign.currencies), end
    if start and _LETTER.match(text[start - 1]):
        return _read_token(text, start)
    gap = _GAP.match(text, end)
    suffix_start = gap.end() if gap else end
    suffix_match = _SUFFIX.match(text, suffix_start, suffix_start + 24)
    suffix = reader.tables.find_suffix(suffix_match.group()) if suffix_match else None
    if suffix_match and suffix and not (suffix.needs_care and _is_doubtful(text, end, suffix_match.end())):
        return _measure(text, match, suffix, suffix_start + min(suffix.length, len(suffix_match.group())), reader)
    if _RANGE_PERCENT.match(text, end):
        return Quantity("percent", parse_number(raw, reader.marks), raw + "%"), end
    if _LETTER.match(text[end : end + 1]) and not _ORDINAL.match(text, end):
        return _read_token(text, start)
    return Quantity("number", parse_number(raw, reader.marks), raw), end


def _measure_side(side: Quantity, measured: Quantity) -> Quantity:
    return side._replace(kind="unit", value=side.value and side.value * measured.factor, unit=measured.unit)


def _measure(text: str, match: re.Match[str], suffix: Suffix, end: int, reader: Reader) -> tuple[Quantity, int]:
    decimals = reader.money_decimals if suffix.kind == "price" else 9
    value = parse_number(match.group(), reader.marks, decimals)
    scaled = None if value is None else value * suffix.factor
    return Quantity(suffix.kind, scaled, text[match.start() : end], suffix.unit, suffix.currencies, suffix.factor), end


def _read_token(text: str, start: int) -> tuple[Quantity, int]:
    """Return the word with a digit in it that covers `start`."""
    first = start
    while first and start - first < _LONGEST_TOKEN and (text[first - 1] in "-./" or _is_spaced(text[first - 1])):
        first -= 1
    while text[first] in "-./":
        first += 1
    match = _TOKEN.match(text, first)
    end = max(match.end() if match else start, start + 1)
    return Quantity("token", None, text[first:end]), end


def _is_doubtful(text: str, end: int, suffix_end: int) -> bool:
    """Whether "in", "m", "a" … after a space is rather the next word: "2 in stock" against "12 in." or "12-in"."""
    return text[end : end + 1] == " " and text[suffix_end : suffix_end + 2].strip(" .,;x×") != ""


def _is_spaced(character: str) -> bool:
    return character.isalnum() and not is_cjk(character) and not "\u0621" <= character <= "\u064a"


def _read_number_words(words: list[str], tables: Tables, all_words: bool) -> list[Quantity]:
    numbers = tables.number_words
    found: list[Quantity] = []
    if numbers.keys().isdisjoint(words):
        return found
    for place, word in enumerate(words):
        value = numbers.get(word)
        if value is None or (value < 10 and place and numbers.get(words[place - 1], 0) >= 20):
            continue
        following = words[place + 1 : place + 3]
        if value >= 20 and following and 0 < numbers.get(following[0], 0) < 10:
            value, following = value + numbers[following[0]], words[place + 2 : place + 4]
        known = None
        if following:
            known = tables.find_suffix(" ".join(following)) or tables.find_suffix(following[0])
        if known is not None and not known.needs_care:
            found.append(
                Quantity(known.kind, value * known.factor, f"{word} {following[0]}", known.unit, known.currencies)
            )
        elif all_words:
            found.append(Quantity("number", Decimal(value), word))
    return found

"""Days named in a text, in the formats of its locale; and whether a day is one of those that the brief names."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from factory.text.checks.numerals import parse_locale
from factory.text.checks.words import fold
from schemas.locales import get_language

_YEAR = r"(?P<y>(?:19|20)[0-9]{2})"
_MONTH_FIRST = frozenset(["US", "PH", "PW", "FM", "MH"])  # regions whose numeric dates start with the month (CLDR)

# Not before a decimal, a percent sign or more digits: "March 5.5 km".
_END = r"(?![0-9]|[.,][0-9]|\s?%)"
_ISO = re.compile(rf"(?<![0-9])(?P<y>(?:19|20)[0-9]{{2}})[-/.](?P<m>[0-9]{{1,2}})[-/.](?P<d>[0-9]{{1,2}}){_END}")
_NUMERIC = re.compile(
    rf"(?<![0-9.,/])(?P<a>[0-9]{{1,2}})(?P<s>[./-])(?P<b>[0-9]{{1,2}})(?P=s)(?P<y>(?:[0-9]{{2}})?[0-9]{{2}}){_END}"
)
_GERMAN = re.compile(r"(?<![0-9.,])(?P<d>[0-9]{1,2})\.\s?(?P<m>0?[1-9]|1[0-2])\.(?![0-9])")
_LIKE_NUMERIC = re.compile(r"[0-9][-./][0-9]{1,2}[-./][0-9]")
_CJK = re.compile(
    r"(?:(?P<y>(?:19|20)[0-9]{2})年)?(?P<m>[0-9]{1,2})月(?:(?P<d>[0-9]{1,2})日)?|(?P<y2>(?:19|20)[0-9]{2})年"
)


class Day(NamedTuple):
    """A day, 0 where a part is not said."""

    year: int
    month: int
    day: int


class DayMention(NamedTuple):
    """A day as the text names it."""

    day: Day
    raw: str


@lru_cache(maxsize=64)
def _month_numbers(language: str) -> dict[str, int]:
    names: dict[str, int] = {}
    for code in {"en", language}:
        months = parse_locale(code).months
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                names |= {fold(str(name)).rstrip("."): number for number, name in months[context][width].items()}
    names["sept"] = 9
    return {name: number for name, number in names.items() if not name[0].isdigit() and len(name) > 1}


@lru_cache(maxsize=64)
def _named_pattern(language: str) -> re.Pattern[str]:
    months = "|".join(re.escape(name) for name in sorted(_month_numbers(language), key=len, reverse=True))
    year = rf"(?:,?\s(?:del?\s)?{_YEAR})?"
    day_first = rf"(?<![0-9.,])(?P<d>[0-9]{{1,2}})(?:st|nd|rd|th|er|\.|º)?\s?(?:of\s|de\s|)(?P<m>{months})(?![^\W\d_])\.?{year}"
    month_first = (
        rf"(?<![^\W_])(?P<m2>{months})\.?\s(?P<d2>[0-9]{{1,2}})(?:st|nd|rd|th)?{_END}{year.replace('<y>', '<y2>')}"
    )
    month_year = rf"(?<![^\W_])(?P<m3>{months})\.?\s(?:del?\s)?{_YEAR.replace('<y>', '<y3>')}{_END}"
    return re.compile(f"{day_first}|{month_first}|{month_year}", re.IGNORECASE)


def read_days(text: str, words: list[str], locale: str) -> tuple[list[DayMention], str]:
    """Return the days named in a folded `text` (Western digits) of these `words`, and the text with them blanked out."""
    found: list[DayMention] = []
    language = get_language(locale)

    def take(match: re.Match[str]) -> str:
        day = _read_match(match, language, locale)
        if day is None:
            return match.group()
        found.append(DayMention(day, match.group().strip()))
        return " \u00b7 "

    patterns = [_ISO, _NUMERIC] if _LIKE_NUMERIC.search(text) else []
    if not _month_numbers(language).keys().isdisjoint(words):
        patterns.append(_named_pattern(language))
    if "月" in text or "年" in text:
        patterns.append(_CJK)
    if language not in ("en", "ja", "zh"):
        patterns.append(_GERMAN)
    for pattern in patterns:
        text = pattern.sub(take, text)
    return found, text


def _read_match(match: re.Match[str], language: str, locale: str) -> Day | None:
    parts = match.groupdict()
    if "a" in parts:
        first, second, year = int(parts["a"]), int(parts["b"]), int(parts["y"])
        month_first = locale.rpartition("-")[2] in _MONTH_FIRST
        month, day = (first, second) if (month_first and first <= 12) or second > 12 else (second, first)
        return _make_day(year if year > 99 else 2000 + year, month, day)
    month_text = next((parts[key] for key in ("m", "m2", "m3") if parts.get(key)), "0")
    month = int(month_text) if month_text.isdigit() else _month_numbers(language).get(fold(month_text), 0)
    year = next((int(parts[key]) for key in ("y", "y2", "y3") if parts.get(key)), 0)
    day = next((int(parts[key]) for key in ("d", "d2") if parts.get(key)), 0)
    return _make_day(year, month, day)


def _make_day(year: int, month: int, day: int) -> Day | None:
    return Day(year, month, day) if 0 <= month <= 12 and 0 <= day <= 31 and (month or year) else None


def is_named(mention: Day, known: Iterable[Day], years: frozenset[int]) -> bool:
    """Whether the brief names this day: every part said agrees; a year may come from elsewhere in the brief."""
    if not mention.month:
        return mention.year in years
    for day in known:
        if day.month != mention.month or (mention.day and day.day != mention.day):
            continue
        if not mention.year or mention.year == day.year or (not day.year and mention.year in years):
            return True
    return False


@lru_cache(maxsize=64)
def weekday_numbers(language: str) -> dict[str, int]:
    """Return the folded names of the weekdays in `language` and English, Monday 0."""
    names: dict[str, int] = {}
    for code in {"en", language}:
        names |= {fold(str(name)): number for number, name in parse_locale(code).days["format"]["wide"].items()}
    return names

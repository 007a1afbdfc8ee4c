"""What a brief says, as facts that copy is checked against; and the facts that follow from its prices."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

from factory.checks.dates import Day
from factory.checks.lexicon import open_claims
from factory.checks.quantities import Quantities, make_reader, read_quantities
from factory.checks.words import NAME, fold, pad, split_words
from schemas.brief import Brief, Segment
from schemas.locales import get_language

MOST_CAPS = 0.2  # of a brief's words; beyond, capitals are its style and tell no acronym from shouting

Measure = tuple[str, Decimal]


class BriefText(NamedTuple):
    """The parts of a brief that ground copy; hashable, so that facts are worked out once a brief and locale."""

    texts: tuple[str, ...]
    loose_texts: tuple[str, ...]  # attribute values: their units may be in the attribute's name
    price: Decimal | None
    sale_price: Decimal | None
    currency: str
    days: tuple[date, ...]
    own_locale: str
    locale: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything countable that the brief says, its words, and the kinds of claims that it makes."""

    numbers: frozenset[Decimal]
    loose: frozenset[Decimal]
    prices: frozenset[Measure]
    percents: frozenset[Decimal]
    units: frozenset[Measure]
    days: tuple[Day, ...]
    years: frozenset[int]
    tokens: frozenset[str]
    folded: str
    padded: str
    word_set: frozenset[str]
    claims: dict[str, tuple[str, ...]]  # category -> the phrases that make it
    has_sale: bool
    caps: frozenset[str]  # words that the brief writes in capitals, unless it shouts throughout


def select_texts(brief: Brief, segment: Segment | None, locale: str) -> BriefText:
    """Return what of a brief grounds copy for one segment and locale. Tone, voice and web addresses are no facts."""
    offer = brief.offer
    texts = (
        brief.product_name, brief.brand, brief.category, brief.description, *brief.key_messages, offer.text, offer.code,
        *brief.must_include, *(f"{claim.text}. {claim.evidence}" for claim in brief.claims), brief.disclaimer,
        *((segment.name, segment.needs) if segment else ()),
        *(f"{key}: {value}" for key, value in brief.attributes.items()),
    )  # fmt: skip
    days = tuple(day for day in (offer.starts, offer.ends) if day)
    loose = tuple(brief.attributes.values())
    return BriefText(
        tuple(filter(None, texts)), loose, brief.price, brief.sale_price, brief.currency, days, brief.locale, locale
    )


@lru_cache(maxsize=512)
def read_facts(source: BriefText) -> Facts:
    """Return the facts of a brief, its text read in its own locale (or the request's, where it names none)."""
    # Parted, so that no quantity and no phrase runs from one field into the next.
    parts = [fold(text) for text in source.texts]
    folded = " . ".join(parts)
    words_of_parts = [split_words(part) for part in parts]
    words = [word for part in words_of_parts for word in part]
    padded = "\u00b7".join(pad(part) for part in words_of_parts)
    reader = make_reader(source.own_locale or source.locale, source.currency)
    found = read_quantities(folded, words, reader, all_words=True)
    numbers, prices, percents, units, tokens = _sort_quantities(found, source.currency)
    derived_prices, derived_percents = derive_discounts(source.price, source.sale_price)
    prices |= {(source.currency, amount) for amount in derived_prices}
    days = (*(mention.day for mention in found.days), *(Day(day.year, day.month, day.day) for day in source.days))
    claims: dict[str, tuple[str, ...]] = {}
    for phrase, category in open_claims("").find_all(list(dict.fromkeys(words)), padded):
        claims[category] = (*claims.get(category, ()), phrase)
    return Facts(
        numbers=frozenset(numbers | {amount for _, amount in prices}),
        loose=_read_loose(source),
        prices=frozenset(prices),
        percents=frozenset(percents | derived_percents),
        units=frozenset(units),
        days=days,
        years=frozenset({day.year for day in days} | {int(n) for n in numbers if 1900 <= n < 2100 and n == int(n)}),
        tokens=frozenset(tokens),
        folded=folded,
        padded=padded,
        word_set=frozenset(words),
        claims=claims,
        caps=_read_caps(" ".join(source.texts)),
        has_sale=source.sale_price is not None and source.sale_price != source.price,
    )


def derive_discounts(price: Decimal | None, sale_price: Decimal | None) -> tuple[set[Decimal], set[Decimal]]:
    """Return the amounts and the percentages that a price and a sale price give.

    Amounts: both prices and what is saved. Percentages of the price: to one decimal, cut to a whole number, and rounded
    to the nearest whole number, which is how shops state it (19.6 % may be called 19 % or 20 %).
    """
    amounts = {amount for amount in (price, sale_price) if amount is not None}
    if price is None or sale_price is None or not sale_price < price:
        return amounts, set()
    percent = (price - sale_price) / price * 100
    tenth, one = Decimal("0.1"), Decimal(1)
    roundings = [(tenth, ROUND_DOWN), (tenth, ROUND_HALF_UP), (one, ROUND_DOWN), (one, ROUND_HALF_UP)]
    percents = {percent.quantize(step, rounding=way) for step, way in roundings}
    return amounts | {price - sale_price}, {value for value in percents if value}


def _sort_quantities(
    found: Quantities, currency: str
) -> tuple[set[Decimal], set[Measure], set[Decimal], set[Measure], set[str]]:
    numbers: set[Decimal] = set()
    prices: set[Measure] = set()
    percents: set[Decimal] = set()
    units: set[Measure] = set()
    tokens: set[str] = set()
    for kind, value, raw, unit, currencies, _ in found.items:
        tokens.add(raw)
        if kind == "token":
            tokens.update(part for mark in "-./" for part in raw.split(mark))
        elif value is None:
            continue
        elif kind == "price":
            # A sign that several currencies share means the brief's own one, where that is among them.
            prices.update((code, value) for code in ([currency] if currency in currencies else currencies))
        elif kind == "percent":
            percents.add(value)
        elif kind == "unit":
            units.add((unit, value))
        else:
            numbers.add(value)
    return numbers, prices, percents, units, tokens


def _read_caps(text: str) -> frozenset[str]:
    words = NAME.findall(text)
    caps = [word for word in words if word.isupper()]
    return frozenset(caps) if len(caps) <= MOST_CAPS * len(words) else frozenset()


def _read_loose(source: BriefText) -> frozenset[Decimal]:
    reader = make_reader(source.own_locale or source.locale, source.currency)
    folded = fold(" . ".join(source.loose_texts))
    found = read_quantities(folded, [], reader)
    return frozenset(q.value for q in found.items if q.kind == "number" and q.value is not None)


@lru_cache(maxsize=256)
def has_unit_words(locale: str) -> bool:
    """Whether the unit words of the locale's language are known; where not, "480 gramas" reads as a bare number."""
    return get_language(locale) in ("en", "de", "fr", "es", "it", "ja", "ar")

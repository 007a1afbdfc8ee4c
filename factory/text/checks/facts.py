"""What a brief says, as facts that copy is checked against; and the facts that follow from its prices."""

from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import cached_property, lru_cache
from typing import NamedTuple

from factory.text.checks.dates import Day
from factory.text.checks.lexicon import open_claims
from factory.text.checks.quantities import Quantities, make_reader, read_quantities
from factory.text.checks.words import NAME, fold, pad, split_words
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


class Facts:
    """Everything countable that a brief says, its words, and the kinds of claims that it makes.

    Each kind of fact is worked out when a rule first asks for it: most copy needs few of them.
    """

    def __init__(self, source: BriefText) -> None:
        # Parted, so that no quantity and no phrase runs from one field into the next.
        parts = [fold(text) for text in source.texts]
        words = [split_words(part) for part in parts]
        self._source = source
        self._words = [word for part in words for word in part]
        self._reader = make_reader(source.own_locale or source.locale, source.currency)
        self.folded = " . ".join(parts)
        self.padded = "\u00b7".join(map(pad, words))
        self.has_sale = source.sale_price is not None and source.sale_price != source.price

    @cached_property
    def word_set(self) -> frozenset[str]:
        """All words."""
        return frozenset(self._words)

    @cached_property
    def numbers(self) -> frozenset[Decimal]:
        """Bare numbers, and the amounts of prices."""
        return frozenset(self._amounts.numbers | {amount for _, amount in self.prices})

    @cached_property
    def loose(self) -> frozenset[Decimal]:
        """Numbers of the attributes, whose units may be in the attribute's name."""
        folded = fold(" . ".join(self._source.loose_texts))
        found = read_quantities(folded, [], self._reader)
        return frozenset(q.value for q in found.items if q.kind == "number" and q.value is not None)

    @cached_property
    def prices(self) -> frozenset[Measure]:
        """Amounts by currency, those included that the prices give."""
        derived, _ = self._discounts
        return frozenset(self._amounts.prices | {(self._source.currency, amount) for amount in derived})

    @cached_property
    def percents(self) -> frozenset[Decimal]:
        """Percentages, the discount included that the prices give."""
        _, derived = self._discounts
        return frozenset(self._amounts.percents | derived)

    @property
    def units(self) -> set[Measure]:
        """Measures, in the base unit of their dimension."""
        return self._amounts.units

    @cached_property
    def days(self) -> tuple[Day, ...]:
        """Days named, and those of the offer."""
        named = (mention.day for mention in self._quantities.days)
        return (*named, *(Day(day.year, day.month, day.day) for day in self._source.days))

    @cached_property
    def years(self) -> frozenset[int]:
        """Years of the days, and bare numbers that may be years."""
        numbers = self._amounts.numbers
        return frozenset(
            {day.year for day in self.days} | {int(n) for n in numbers if 1900 <= n < 2100 and n == int(n)}
        )

    @property
    def tokens(self) -> set[str]:
        """Everything with a digit in it, as written."""
        return self._amounts.tokens

    @cached_property
    def claims(self) -> dict[str, tuple[str, ...]]:
        """By category, the phrases that make such a claim."""
        claims: dict[str, tuple[str, ...]] = {}
        for phrase, category in open_claims("").find_all(list(dict.fromkeys(self._words)), self.padded):
            claims[category] = (*claims.get(category, ()), phrase)
        return claims

    @cached_property
    def caps(self) -> frozenset[str]:
        """Words that the brief writes in capitals, unless it shouts throughout."""
        words = NAME.findall(" ".join(self._source.texts))
        caps = [word for word in words if word.isupper()]
        return frozenset(caps) if len(caps) <= MOST_CAPS * len(words) else frozenset()

    @cached_property
    def _quantities(self) -> Quantities:
        return read_quantities(self.folded, self._words, self._reader, all_words=True)

    @cached_property
    def _amounts(self) -> "_Amounts":
        return _sort_quantities(self._quantities, self._source.currency)

    @cached_property
    def _discounts(self) -> tuple[set[Decimal], set[Decimal]]:
        return derive_discounts(self._source.price, self._source.sale_price)


class _Amounts(NamedTuple):
    """The quantities of a brief by kind, and all that has a digit as written."""

    numbers: set[Decimal]
    prices: set[Measure]
    percents: set[Decimal]
    units: set[Measure]
    tokens: set[str]


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
    return Facts(source)


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


def _sort_quantities(found: Quantities, currency: str) -> _Amounts:
    amounts = _Amounts(set(), set(), set(), set(), set())
    numbers, prices, percents, units, tokens = amounts
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
    return amounts


@lru_cache(maxsize=256)
def has_unit_words(locale: str) -> bool:
    """Whether the unit words of the locale's language are known; where not, "480 gramas" reads as a bare number."""
    return get_language(locale) in ("en", "de", "fr", "es", "it", "ja", "ar")

"""Specificity: does the copy use the brief's own facts, or could it sell anything?"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from factory.text.scores.words import find_numbers, split_words
from schemas.brief import Brief

ENOUGH = 5  # facts that make an ad as specific as it can usefully be
SHARE = 0.5  # of a phrase's content words that must be there

_NO_WORDS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a brief states. Names must be used whole, half of a phrase will do, the amounts are one fact together."""

    names: frozenset[frozenset[str]]
    phrases: frozenset[frozenset[str]]
    amounts: frozenset[str]  # every way to write the price or the sale price, digits only

    @property
    def total(self) -> int:
        """How many facts there are."""
        return len(self.names) + len(self.phrases) + bool(self.amounts)


def find_facts(brief: Brief) -> Facts:
    """Return the facts of `brief`: product name, brand, prices, offer or its code, messages, claims, attributes."""
    phrases = [brief.product_name, brief.offer.text or brief.offer.code, *brief.key_messages]
    phrases += [claim.text for claim in brief.claims]
    phrases += brief.attributes.values()
    return _find_facts(brief.brand, tuple(phrases), brief.price, brief.sale_price)


@lru_cache(maxsize=256)
def _find_facts(brand: str, texts: tuple[str, ...], price: Decimal | None, sale_price: Decimal | None) -> Facts:
    """Once for a request's candidates and once more for its pooled set, and a brief has several requests."""
    amounts = [_write_amount(amount) for amount in (price, sale_price) if amount is not None]
    names = {split_words(brand)} - {_NO_WORDS}
    return Facts(
        names=frozenset(names),
        phrases=frozenset({split_words(phrase) for phrase in texts} - {_NO_WORDS} - names),
        amounts=frozenset().union(*amounts),
    )


def score_specificity(items: Sequence[str], facts: Facts) -> float | None:
    """Return the facts that `items` use, over how many could be used (at most 5); None when there is no fact.

    A brand counts as used when all its content words are in the copy, a phrase when half of them are, a price when its
    digits are. A short text cannot hold thirty attributes, hence the ceiling. In copy of another language than the
    brief's only names and prices can match, for all candidates alike. Our own measure; for words see `words.py`.
    """
    if not facts.total:
        return None
    words = _NO_WORDS.union(*map(split_words, items))
    used = 0
    for name in facts.names:
        used += name <= words
    for phrase in facts.phrases:
        used += len(phrase & words) >= SHARE * len(phrase)
    if facts.amounts:
        used += any(not facts.amounts.isdisjoint(find_numbers(item)) for item in items)
    return min(1.0, used / min(facts.total, ENOUGH))


@lru_cache(maxsize=8192)
def _write_amount(amount: Decimal) -> frozenset[str]:
    """Return the digits in which an amount may be written: 88.00 as 88 and 8800, 87.9 as 879 and 8790."""
    plain = f"{amount.normalize():f}".replace(".", "")
    return frozenset({plain, f"{amount:.2f}".replace(".", "")})

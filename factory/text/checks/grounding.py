"""Grounding: a figure or a strong claim stands in copy only if the brief says it, or its prices give it.

The duty behind it: ad claims need proof before they run (FTC Act; https://www.ftc.gov/legal-library/browse/ftc-policy-statement-regarding-advertising-substantiation;
in Europe Directive 2005/29/EC, art. 6 and 12), and Google refuses unreliable claims
(https://support.google.com/adspolicy/answer/15936857).
"""

import re
from functools import lru_cache

from factory.text.checks.context import CheckContext
from factory.text.checks.dates import Day, is_named, weekday_numbers
from factory.text.checks.facts import has_unit_words
from factory.text.checks.lexicon import inflect, load_lexicon, open_claims
from factory.text.checks.quantities import Quantities, Quantity, read_quantities
from factory.text.checks.words import Item, PhraseBook, pad_text, show

_NOT_SAID = "is not in the brief"
_PART = re.compile(r"[-./]")
_DAY_MONTH = re.compile(r"^([0-9]{1,2})[/⁄]([0-9]{1,2})$")
_MOST_CONTEXT = 3  # words on either side of "free" that say what is free
_NO_CONTENT = frozenset(
    "a an the is are and or with for of to your our you we it get und mit der die das für le la les des avec y con".split()
)


def read_item(item: Item, ctx: CheckContext) -> Quantities:
    """Return the item's quantities, read once."""
    if item.mentions is None:
        item.mentions = read_quantities(item.folded, item.words, ctx.reader)
    quantities: Quantities = item.mentions
    return quantities


def find_number(item: Item, ctx: CheckContext, argument: str) -> str:
    """A bare number, or a word with digits (`X200`, `24/7`, `10:30`), that the brief does not have."""
    facts = ctx.facts
    for quantity in read_item(item, ctx).items:
        if quantity.kind == "token":
            if not _is_known_token(quantity.raw, ctx):
                return f'"{quantity.raw}" {_NOT_SAID}'
        elif quantity.kind == "number" and not _is_year(quantity):
            value = quantity.value
            if value in facts.numbers or value in facts.loose or quantity.raw in facts.tokens:
                continue
            if not has_unit_words(ctx.request.locale) and any(value == known for _, known in facts.units):
                continue
            return f'"{quantity.raw}" {_NOT_SAID}'
    return ""


def find_price(item: Item, ctx: CheckContext, argument: str) -> str:
    """An amount of money that is neither in the brief nor what its prices save, or is so in another currency.

    Former and current price must be real: 16 CFR 233.1, https://www.ecfr.gov/current/title-16/part-233, and in the EU
    Directive 98/6/EC, article 6a.
    """
    for quantity in read_item(item, ctx).items:
        if quantity.kind == "price" and not any(
            (code, quantity.value) in ctx.facts.prices for code in quantity.currencies
        ):
            amounts = {value for _, value in ctx.facts.prices}
            other = (
                "is in another currency than the brief's"
                if quantity.value in amounts
                else "is not a price of the brief"
            )
            return f'"{quantity.raw}" {other}'
    return ""


def find_percent(item: Item, ctx: CheckContext, argument: str) -> str:
    """A percentage (or "half price") that is neither in the brief nor the discount that its prices give."""
    for quantity in read_item(item, ctx).items:
        if quantity.kind == "percent" and quantity.value not in ctx.facts.percents:
            return f'"{quantity.raw}" {_NOT_SAID}'
    half = _half_price().find(item)
    if half and 50 not in ctx.facts.percents and _half_price().find_all(ctx.facts.word_set, ctx.facts.padded) == []:
        return f'"{half[0]}" {_NOT_SAID}'
    return ""


def find_unit(item: Item, ctx: CheckContext, argument: str) -> str:
    """A measure (weight, length, time, power …) that is not the brief's; 0.48 kg is the brief's 480 g."""
    for quantity in read_item(item, ctx).items:
        if quantity.kind == "unit" and (quantity.unit, quantity.value) not in ctx.facts.units:
            bare = quantity.value / quantity.factor if quantity.value is not None else None
            if bare not in ctx.facts.loose:
                return f'"{quantity.raw}" {_NOT_SAID}'
    return ""


def find_date(item: Item, ctx: CheckContext, argument: str) -> str:
    """A day, year or deadline that the brief does not set ("until Friday", "today only", "limited time")."""
    facts, found = ctx.facts, read_item(item, ctx)
    for mention in found.days:
        if not is_named(mention.day, facts.days, facts.years):
            return f'"{mention.raw}" {_NOT_SAID}'
    for quantity in found.items:
        if quantity.kind != "number" or not _is_year(quantity) or int(quantity.raw) in facts.years:
            continue
        if quantity.value not in facts.numbers and quantity.value not in facts.loose:
            return f'"{quantity.raw}" {_NOT_SAID}'
    deadline = _deadlines().find(item)
    if deadline is not None:
        phrase, label = deadline
        if f" {phrase} " not in facts.padded and not (label == "soon" and facts.days):
            return f'"{phrase}" {_NOT_SAID}'
    return _find_weekday(item, ctx)


def find_claim(item: Item, ctx: CheckContext, argument: str) -> str:
    """A claim of the lexicon (free, guarantee, best, #1, only, certified, award, clinically …) that the brief does not make.

    A claim is the brief's when the brief has its phrase or another of the same kind; for "free" it must also be about the
    same thing; a discount needs an offer or a sale price. Lists: `lexicons/claims.yaml`.
    """
    for phrase, category in open_claims(ctx.language).find_all(item.words, item.padded):
        if not _is_claimed(phrase, category, item, ctx):
            return f'"{phrase}" {_NOT_SAID}'
    if "#1" in item.folded and "number_one" not in ctx.facts.claims and "#1" not in ctx.facts.folded:
        return f'"#1" {_NOT_SAID}'
    return ""


def _is_claimed(phrase: str, category: str, item: Item, ctx: CheckContext) -> bool:
    facts = ctx.facts
    if category == "discount":
        return facts.has_sale or bool(ctx.request.brief.offer.text) or category in facts.claims
    known = facts.claims.get(category)
    if not known:
        return f" {phrase} " in ctx.own_text
    same_language = _free_phrases(ctx.language).intersection(known)
    if category != "free" or not same_language:
        return True
    said = set().union(*(_read_neighbours(facts.padded, free) for free in same_language))
    return not _read_neighbours(item.padded, phrase).isdisjoint(said)


def _read_neighbours(padded: str, phrase: str) -> set[str]:
    """Return the content words near each place of `phrase`."""
    near: set[str] = set()
    place = padded.find(f" {phrase} ")
    while place >= 0:
        after = place + len(phrase) + 1
        near.update(
            padded[max(0, place - 80) : place].split()[-_MOST_CONTEXT:],
            padded[after : after + 80].split()[:_MOST_CONTEXT],
        )
        place = padded.find(f" {phrase} ", after)
    return near - _NO_CONTENT


def _is_year(quantity: Quantity) -> bool:
    return len(quantity.raw) == 4 and quantity.raw.isdigit() and "1900" <= quantity.raw < "2100"


def _is_known_token(raw: str, ctx: CheckContext) -> bool:
    facts = ctx.facts
    if raw in facts.word_set or raw in facts.tokens:
        return True
    date = _DAY_MONTH.match(raw)
    if date is not None:
        first, second = int(date[1]), int(date[2])
        month_first = ctx.request.locale.endswith(("-US", "-PH"))
        day = Day(0, first, second) if month_first else Day(0, second, first)
        return is_named(day, facts.days, facts.years)
    if "/" in raw or ":" in raw or "⁄" in raw:
        return False
    parts = [part for part in _PART.split(raw) if any(character.isdigit() for character in part)]
    return len(parts) > 0 and all(part in facts.word_set or part in facts.tokens for part in parts)


def _find_weekday(item: Item, ctx: CheckContext) -> str:
    """A weekday that closes an offer, when the brief names neither it nor an end on that day."""
    weekdays = weekday_numbers(ctx.language)
    named = [word for word in item.words if word in weekdays]
    if not named:
        return ""
    ends = ctx.request.brief.offer.ends
    for word in named:
        known = word in ctx.facts.word_set or (ends is not None and ends.weekday() == weekdays[word])
        if not known and any(f" {until} {word} " in item.padded for until in _until_words()):
            return f'"{word}" {_NOT_SAID}'
    return ""


@lru_cache(maxsize=64)
def _free_phrases(language: str) -> frozenset[str]:
    phrases = load_lexicon("claims")["categories"]["free"]
    return frozenset(show(pad_text(phrase)) for phrase in inflect(phrases.get(language, phrases["en"]), language))


@lru_cache(maxsize=1)
def _until_words() -> tuple[str, ...]:
    return tuple(load_lexicon("quantities")["until"])


@lru_cache(maxsize=1)
def _half_price() -> PhraseBook:
    return PhraseBook(dict.fromkeys(load_lexicon("quantities")["half_price"], ""))


@lru_cache(maxsize=1)
def _deadlines() -> PhraseBook:
    lexicon = load_lexicon("quantities")
    return PhraseBook(dict.fromkeys(lexicon["deadline_soon"], "soon") | dict.fromkeys(lexicon["deadline_now"], "now"))

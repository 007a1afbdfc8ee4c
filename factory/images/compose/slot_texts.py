"""Which texts may go into which slot of a layout: complete ones from copy, brief and kit, longest first.

Nothing is written here, and nothing is cut inside a sentence: an option is an item of the copy, its first sentences, an
amount formatted for the locale, or words of the brand kit.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from factory.briefs.template_values import format_money, format_percent
from factory.images.brand.kit import Brand, find_actions, find_legal
from factory.images.types import Cutout
from schemas.brief import Brief
from schemas.layout import SlotName
from schemas.outcome import Fields
from schemas.request import Request

Options = dict[SlotName, list[str]]  # longest first, none empty

MAX_HEADLINE = 80  # characters: a catalog title of 200 is no headline
MAX_BODY = 220
MAX_BADGE = 40
MAX_OPTIONS = 6  # of one slot: the longest, the shortest and those between

# Fields of the placements by their part in an ad, in order of preference. Others are no copy (paths, ids).
HEADLINES = ("headline", "title", "card_title", "subject", "long_headline")
BODIES = (
    "primary_text", "description", "text", "copy", "ad_text", "post_text", "long_headline", "introductory_text",
    "preheader", "body", "product_highlight", "bullet_point",
)  # fmt: skip
LISTS = ("product_highlight", "bullet_point")
# Names under which a brief's attributes hold what a customer said.
REVIEWS = ("review", "quote", "testimonial", "customer_review")

_SENTENCE = re.compile(
    r".+?(?:[.!?\u2026\u0964\u061f]+[\"'\u201d\u2019)]*(?=\s|$)|[\u3002\uff01\uff1f]+|$)", re.DOTALL
)
_SPACE = re.compile(r"\s+")
_NO_BREAK = "\u00a0"


@dataclass(frozen=True, slots=True)
class AdTexts:
    """The options of every slot that has any. `legal` is the line as brand and brief have it.

    `last` is what a slot gets when none of its options has room, not even in small type.
    """

    options: Options
    last: Options
    legal: str


def list_texts(request: Request, fields: Fields, brand: Brand) -> AdTexts:
    """Return the texts of each slot for a request and its accepted `fields`, in the request's locale.

    A text with a phrase of the kit's `do_not_use` is left out. The legal line is never changed.
    """
    brief, kit, locale = request.brief, brand.kit, request.locale
    legal = find_legal(kit, locale)
    line = " ".join(dict.fromkeys(part for part in (_flatten(legal), _flatten(brief.disclaimer)) if part))
    headlines, bodies = _list_pitches(fields, _flatten(brief.disclaimer))
    found: dict[SlotName, Iterable[str]] = {
        "brand": [kit.name],
        "headline": headlines,
        "body": bodies,
        "benefits": _list_benefits(brief, fields),
        "quote": _list_quotes(brief),
        "price": [_write_price(brief, locale)],
        "was": [_write_was(brief, locale)],
        "badge": _list_badges(brief, locale),
        "action": find_actions(kit, locale),
    }
    options: Options = {}
    for slot, texts in found.items():
        kept = {text: None for text in texts if text and not find_phrase(text, kit.do_not_use)}
        if kept:
            options[slot] = _thin_out(sorted(kept, key=len, reverse=True))
    last: Options = {}
    name = _flatten(brief.product_name)
    if len(name) <= MAX_HEADLINE and not find_phrase(name, kit.do_not_use):
        (last if "headline" in options else options)["headline"] = [name]
    if line:
        options["legal"] = [line]
    return AdTexts(options, last, line)


def list_present(texts: AdTexts, product: Cutout | None) -> frozenset[str]:
    """Return the slots that have texts, and "product" if there is a picture of it."""
    return frozenset(texts.options) | ({"product"} if product is not None else set())


def find_phrase(text: str, phrases: Iterable[str]) -> str:
    """Return the first of `phrases` that stands in `text` as whole words, in any case; "" for none."""
    folded = _flatten(text).casefold()
    for phrase in phrases:
        words = _flatten(phrase).casefold()
        if words and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", folded):
            return phrase
    return ""


def write_percent(share: Decimal, locale: str) -> str:
    """Return a saving as it is written in `locale`, rounded down to a whole percentage: -20% in en-US, -20 % in de-DE."""
    whole = (share * 100).to_integral_value(ROUND_DOWN) / 100
    return _hold_together(format_percent(-whole, locale))


def _list_pitches(fields: Fields, disclaimer: str) -> tuple[list[str], list[str]]:
    """Return headlines and bodies. No body repeats what a headline may say.

    If the copy has no headline, the first sentence becomes one, and the rest of that text the body.
    """
    heads = _read(fields, HEADLINES[:-1], disclaimer) or _read(fields, HEADLINES[-1:], disclaimer)
    heads = [text for text in heads if len(text) <= MAX_HEADLINE]
    bodies = _read(fields, BODIES, disclaimer)
    if not heads and bodies:
        first = _list_beginnings(bodies[0])[-1]
        if len(first) <= MAX_HEADLINE:
            heads, bodies = [first], [bodies[0].removeprefix(first).strip()]
    said = {text.casefold() for text in heads}
    beginnings = [part for text in bodies for part in _list_beginnings(text)]
    return heads, [part for part in beginnings if len(part) <= MAX_BODY and part.casefold() not in said]


def _list_beginnings(text: str) -> list[str]:
    """Return the whole text, then the text up to the end of each earlier sentence, longest first."""
    ends = [match.end() for match in _SENTENCE.finditer(text) if match.group().strip()]
    return [text[:end].strip() for end in reversed(ends)]


def _list_benefits(brief: Brief, fields: Fields) -> Iterator[str]:
    items = [text for text in _read(fields, LISTS) if len(text) <= 60] or [
        _flatten(text) for text in brief.key_messages
    ]
    items = [item.rstrip(".") for item in items if 0 < len(item) <= 60]
    for count in range(min(4, len(items)), 0, -1):
        yield "\n".join(f"\u2022{_NO_BREAK}{item}" for item in items[:count])


def _list_quotes(brief: Brief) -> Iterator[str]:
    for name, value in brief.attributes.items():
        if name.casefold().replace(" ", "_") in REVIEWS and value:
            yield f"\u201c{_flatten(value).strip(chr(34))}\u201d"
    yield from (_flatten(claim.text) for claim in brief.claims)


def _write_price(brief: Brief, locale: str) -> str:
    amount = brief.price if brief.sale_price is None else brief.sale_price
    return _hold_together(format_money(amount, brief.currency, locale))


def _write_was(brief: Brief, locale: str) -> str:
    return _hold_together(format_money(brief.price, brief.currency, locale)) if _is_reduced(brief) else ""


def _list_badges(brief: Brief, locale: str) -> Iterator[str]:
    offer = _flatten(brief.offer.text)
    if len(offer) <= MAX_BADGE:
        yield offer
    if _is_reduced(brief) and brief.price and brief.sale_price is not None:
        share = (brief.price - brief.sale_price) / brief.price
        if share >= Decimal("0.01"):
            yield write_percent(share, locale)


def _is_reduced(brief: Brief) -> bool:
    return brief.price is not None and brief.sale_price is not None and brief.sale_price < brief.price


def _read(fields: Fields, names: Iterable[str], disclaimer: str = "") -> list[str]:
    """Return the texts of some fields, without the disclaimer at their end: in the picture it has a line of its own."""
    texts = (_flatten(text) for name in names for text in fields.get(name, []))
    return [text.removesuffix(disclaimer).rstrip() for text in texts]


def _flatten(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _hold_together(text: str) -> str:
    """With no-break spaces. The narrow one in French amounts is replaced too: few fonts have it."""
    return text.replace(" ", _NO_BREAK).replace("\u202f", _NO_BREAK)


def _thin_out(texts: list[str]) -> list[str]:
    if len(texts) <= MAX_OPTIONS:
        return texts
    last = len(texts) - 1
    return [texts[round(step * last / (MAX_OPTIONS - 1))] for step in range(MAX_OPTIONS)]

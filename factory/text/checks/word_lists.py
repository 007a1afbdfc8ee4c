"""Words that copy must not use: the brief's and the job's lists, profanity, and the reader's personal attributes."""

import re

from factory.text.checks.context import CheckContext
from factory.text.checks.lexicon import open_personal, open_profanity
from factory.text.checks.words import Item, make_item

_DISGUISED = re.compile(r"[a-z0-9@$!*]*[a-z][a-z0-9@$!*]*")
_MIXED = re.compile(r"[a-z](?:[@$*013457]|!(?=[a-z]))|[@$*013457][a-z]")
_SIGNS = frozenset("@$!*")
_LEET = str.maketrans("@$!013457", "asioieast"[:9])


def find_avoided(item: Item, ctx: CheckContext, argument: str) -> str:
    """A word of the brief's `must_avoid` or the job's `checks.must_avoid`."""
    term = ctx.avoid.find(item)
    return f'has "{term}", which must be avoided' if term else ""


def find_competitor(item: Item, ctx: CheckContext, argument: str) -> str:
    """A competitor's name, unless it is part of the brief's own brand or product name."""
    term = ctx.competitors.find(item)
    return f'names the competitor "{term}"' if term else ""


def find_trademark(item: Item, ctx: CheckContext, argument: str) -> str:
    """A trademark of the job's list that is not part of the brief's own brand or product name.

    Google restricts others' marks in ad text: https://support.google.com/adspolicy/answer/6118
    """
    term = ctx.trademarks.find(item)
    return f'uses the trademark "{term}"' if term else ""


def find_profanity(item: Item, ctx: CheckContext, argument: str) -> str:
    """A swear word or slur of the output's language, in English also in disguise (`sh1t`, `a$$hole`, `f*ck`).

    Google "Inappropriate content": https://support.google.com/adspolicy/answer/6015406; brand and product words are exempt.
    """
    book = open_profanity(ctx.language)
    found = book.find(item)
    if found is None and ctx.language == "en" and _MIXED.search(item.folded):
        plain = " ".join(filter(None, (_unmask(token) for token in item.folded.split())))
        found = book.find(make_item(plain)) if plain else None
    return f'has the swear word "{found[0]}"' if found and f" {found[0]} " not in ctx.own_text else ""


def _unmask(token: str) -> str:
    """Return a token with its look-alike signs read as letters; "" where it has none or is rather a code such as A55."""
    token = token.strip(".,;:?()\"'")
    letters = sum(character.isalpha() for character in token)
    if len(token) > 20 or letters == len(token) or not _DISGUISED.fullmatch(token):
        return ""
    if token[-1] == "!":
        token = token.rstrip("!")
    if letters * 2 < len(token) and _SIGNS.isdisjoint(token):
        return ""
    return token.translate(_LEET).replace("*", "u")


def find_personal(item: Item, ctx: CheckContext, argument: str) -> str:
    """Copy that says or implies something personal of the reader: health, religion, origin, age, money, orientation …

    Meta, "Personal attributes": "your diabetes", "are you single?", "other Christians" are refused; naming a product for
    a condition is not. https://www.facebook.com/business/help/2557868957763449
    """
    found = open_personal(ctx.language).find(item)
    return f'speaks of the reader\'s personal attributes: "{found[0]}"' if found else ""

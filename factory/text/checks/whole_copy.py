"""Rules over a whole candidate: how many items, all different, what must be there, and rules of the placement."""

from collections.abc import Callable
from urllib.parse import urlsplit

from factory.text.checks.context import CheckContext
from factory.text.checks.language import find_language
from factory.text.checks.words import fold, quote, split_words
from factory.text.lengths import count
from schemas.outcome import Fields
from schemas.placement import Counting

SetRule = Callable[[Fields, CheckContext], list[str]]


def find_counts(fields: Fields, ctx: CheckContext) -> list[str]:
    """Fields with too few or too many items, and fields that the placement does not have."""
    known = {field.name for field in ctx.placement.fields}
    problems = [f"{name}: is not a field of this placement" for name in fields if name not in known]
    for field in ctx.placement.fields:
        number = len(fields.get(field.name, ()))
        if number < field.min_count:
            problems.append(f"{field.name}: has {number} items, at least {field.min_count}")
        elif number > field.max_count:
            problems.append(f"{field.name}: has {number} items, at most {field.max_count}")
    return problems


def find_repeats(fields: Fields, ctx: CheckContext) -> list[str]:
    """Items of a field that differ only in case and punctuation.

    https://developers.google.com/google-ads/api/docs/responsive-search-ads/overview
    """
    problems: list[str] = []
    for field in ctx.placement.written:
        items = fields.get(field.name, ())
        if not field.unique or len(items) < 2:
            continue
        seen: dict[str, int] = {}
        for number, text in enumerate(items, 1):
            key = " ".join(split_words(fold(text)))
            if seen.setdefault(key, number) != number:
                problems.append(f"{field.name} {number}: says the same as {field.name} {seen[key]}, {quote(text)}")
    return problems


def find_too_few_short(fields: Fields, ctx: CheckContext) -> list[str]:
    """Fields in which some items must be short and too few are.

    https://developers.google.com/google-ads/api/performance-max/asset-requirements
    """
    problems: list[str] = []
    for field in ctx.placement.fields:
        if field.short is not None and (items := fields.get(field.name, ())):
            short = sum(count(text, field.counting) <= field.short.max for text in items)
            if short < field.short.count:
                problems.append(
                    f"{field.name}: has {short} items of at most {field.short.max} characters, at least {field.short.count}"
                )
    return problems


def find_missing_partner(fields: Fields, ctx: CheckContext) -> list[str]:
    """Fields that stand without the field they need (a second path without a first)."""
    return [
        f"{field.name}: needs {field.requires}, which is empty"
        for field in ctx.placement.fields
        if field.requires and fields.get(field.name) and not fields.get(field.requires)
    ]


def find_missing_phrase(fields: Fields, ctx: CheckContext) -> list[str]:
    """Phrases of the brief's `must_include` that stand in no field; case and white space do not matter."""
    if not ctx.must_include:
        return []
    whole = "\n".join(" ".join(fold(text).split()) for items in fields.values() for text in items)
    return [f"asset: lacks {quote(given)}" for folded, given in ctx.must_include if folded not in whole]


def find_missing_disclaimer(fields: Fields, ctx: CheckContext) -> list[str]:
    """The brief's disclaimer, word for word, where the placement has a field to carry it."""
    if not ctx.disclaimer or any(
        ctx.disclaimer in " ".join(text.split()) for items in fields.values() for text in items
    ):
        return []
    return [f"asset: lacks the disclaimer {quote(ctx.disclaimer)}"]


def find_wrong_language(fields: Fields, ctx: CheckContext) -> list[str]:
    """A candidate in another language than its locale's; see `factory/text/checks/language.py`."""
    texts = [text for field in ctx.placement.written for text in fields.get(field.name, ())]
    if ctx.disclaimer:
        texts = [" ".join(text.split()).replace(ctx.disclaimer, " ") for text in texts]
    found = find_language(texts, ctx)
    return [f"asset: {found}"] if found else []


def find_long_display_url(fields: Fields, ctx: CheckContext, argument: str) -> str:
    """Domain and paths together wider than N (East Asian characters 2).

    https://learn.microsoft.com/en-us/advertising/bulk-service/responsive-search-ad?view=bingads-13
    """
    paths = [text for name, items in fields.items() if name.startswith("path") for text in items[:1]]
    shown = "/".join([urlsplit(ctx.request.brief.url).hostname or "", *paths])
    size = count(shown, Counting.DISPLAY_WIDTH)
    return (
        f"the display address {quote(shown)} has {size} characters, at most {argument}" if size > int(argument) else ""
    )

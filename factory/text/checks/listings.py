"""Rules on characters, links, case and repetition, for product data and the like; placements name them in `rules`."""

import re
from collections import Counter

from factory.text.checks.context import CheckContext
from factory.text.checks.editorial import get_small_words
from factory.text.checks.words import Item

_ASIN = re.compile(r"(?<![A-Za-z0-9])B0[0-9A-Z]{8}(?![A-Za-z0-9])")
_LINK = re.compile(
    r"https?://|(?<!\w)www\.\w|[\w.+-]{1,64}@[\w-]{1,64}\.\w"
    r"|(?<![\w@.])[a-z0-9-]{1,63}\.(?:com|net|org|io|co|shop|store|biz|info|app|dev|ai|me|tv|eu|uk|us|de|fr|es|it|nl|jp|ae|sa|eg|ch|at|be|se|pl|ca|au|in|cn|example)(?![\w-])",
    re.IGNORECASE,
)
_HTML = re.compile(r"</?[a-zA-Z][^<>]{0,300}>|&(?:[a-z]{2,8}|#[0-9]{1,6});|<!--")
_BREAK = re.compile(r"<br\s?/?>", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{2}")


def find_chars(item: Item, ctx: CheckContext, argument: str) -> str:
    """One of the characters that the placement bans (Amazon titles).

    https://sellercentral-europe.amazon.com/help/hub/reference/external/201100890
    """
    banned = [character for character in argument if character in item.text]
    return f'has the character "{banned[0]}"' if banned else ""


def find_word_repeats(item: Item, ctx: CheckContext, argument: str) -> str:
    """A word more than N times, articles, prepositions and conjunctions apart (Amazon titles since January 2025).

    https://forestleopard.com/knowledgedetail/Amazon-US-announcement--the-ne
    """
    words = item.words
    if len(words) - len(set(words)) < int(argument):
        return ""
    small = get_small_words(ctx.language)
    for word, times in Counter(words).items():
        if times > int(argument) and len(word) > 1 and word not in small:
            return f'uses the word "{word}" {times} times, at most {argument}'
    return ""


def find_duplicate_words(item: Item, ctx: CheckContext, argument: str) -> str:
    """A word twice in search terms. https://sellercentral.amazon.com/gp/help/external/help.html?itemID=23501"""
    seen: set[str] = set()
    for word in item.words:
        if word in seen and len(word) > 1:
            return f'repeats the word "{word}"'
        seen.add(word)
    return ""


def find_asin(item: Item, ctx: CheckContext, argument: str) -> str:
    """An Amazon product number. https://sellercentral.amazon.com/gp/help/external/help.html?itemID=23501"""
    found = _ASIN.search(item.text)
    return f'has the ASIN "{found.group()}"' if found else ""


def find_link(item: Item, ctx: CheckContext, argument: str) -> str:
    """A web or mail address, unless it is the brief's own name (Booking.com).

    https://support.google.com/merchants/answer/6324350
    """
    for match in _LINK.finditer(item.text):
        start = match.start()
        token = item.text[start : start + 80].split()[0].strip(".,;:!?()")
        if token not in ctx.own_tokens:
            return f'has the address "{token}"'
    return ""


def find_html(item: Item, ctx: CheckContext, argument: str) -> str:
    """HTML tags or entities; with the argument `br`, line breaks are let be.

    https://sellercentral.amazon.com/gp/help/external/200390640
    """
    text = _BREAK.sub(" ", item.text) if argument == "br" else item.text
    found = _HTML.search(text) if "<" in text or "&" in text else None
    return f'has the markup "{found.group()}"' if found else ""


def find_low_start(item: Item, ctx: CheckContext, argument: str) -> str:
    """A first letter that is not a capital, where the script has capitals. Amazon bullets, source as in `find_guarantee`."""
    first = next((character for character in item.text if character.isalnum()), "")
    own = item.text.split()[0].strip(".,;:!?") in ctx.own_tokens if item.text.split() else False
    return "does not start with a capital letter" if first.islower() and not own else ""


def find_capitals(item: Item, ctx: CheckContext, argument: str) -> str:
    """Capital letters in search terms. https://sellercentral.amazon.com/gp/help/external/help.html?itemID=23501"""
    return "has capital letters" if item.text != item.text.lower() else ""


def find_no_word(item: Item, ctx: CheckContext, argument: str) -> str:
    """No word at all (Microsoft).

    https://learn.microsoft.com/en-us/advertising/bulk-service/responsive-search-ad?view=bingads-13
    """
    has_word = _WORD.search(item.text) or (not item.is_ascii and item.words)
    return "" if has_word else "has no word"


def find_slash(item: Item, ctx: CheckContext, argument: str) -> str:
    """A slash in a display path. https://developers.google.com/google-ads/api/docs/responsive-search-ads/overview"""
    return "has a slash" if "/" in item.text or "\uff0f" in item.text else ""

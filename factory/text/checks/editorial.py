"""Editorial rules on signs, capitals and repetition, in the manner of Google Ads; placements name them in `rules`.

Sources: https://support.google.com/adspolicy/answer/14847994 (punctuation and symbols), …/14848297 (style and spelling),
…/6021546 (editorial overview). Each function returns what it found, or "".
"""

import re
from collections import Counter
from functools import lru_cache

from factory.text.checks.context import CheckContext
from factory.text.checks.lexicon import load_lexicon
from factory.text.checks.numerals import normalize_digits
from factory.text.checks.words import NAME, Item
from factory.text.lengths import find_emoji

_REPEATED = re.compile(
    r"([!?.,;:*…#&$%~=+_|\u3002\u3001\uff01\uff1f\u061f\u060c])(?:\s?\1)+|[!?\uff01\uff1f\u061f]{2,}|-{2,}"
)
_SYMBOLS = re.compile(r"[•‣◦●○■□▪▫▲△▼▽◆◇►▶◄◀★☆✓✔✗✘✦✧✩✪❤♥♡♪♫☞☛→←↑↓⇒⇐➜➔➤~^|\\<>\uff66-\uff9f]|(?<!\S)\*|\*\*|_{2,}")
_SPACED_OUT = re.compile(r"(?<![^\W\d_])(?:[^\W\d_][.\-*_ ]){3,}[^\W\d_](?![^\W\d_])")
_SUBSTITUTED = re.compile(
    r"(?<![^\W_])(?:[a-z]{2,}[0134579@$]+[a-z]+|[a-z]+[0134579@$]+[a-z]{2,})(?![^\W_])", re.IGNORECASE
)
_INSIDE = re.compile(r"[a-z][0134579@$]+[a-z]")
_SUPERSCRIPT = re.compile(r"(?<![mM])[\u2070\u00b9\u00b2\u00b3\u2074-\u209c]")
_SUSPECT = re.compile(r"[A-Z][A-Z'&-]|[a-z][A-Z]")
_INTERCAPS = re.compile(r"[a-z][A-Z]")
_PHONE = re.compile(r"(?<![\w.,$€£¥])(?:\+|\(|00)?[0-9](?:[0-9]|[ ().\-/\u2010-\u2013](?=[ ()0-9])){5,24}(?![\w%])")
_VANITY = re.compile(r"(?<!\w)1[- ]?8[0-9]{2}[- ][A-Z0-9][A-Z0-9-]{5,}")
_NO_PHONE = re.compile(  # a grouped number, a date, a decimal
    r"[0-9]{1,3}(?: [0-9]{3})+$|(?:19|20)[0-9]{2}[-/.][0-9]{1,2}[-/.][0-9]{1,2}$"
    r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:19|20)?[0-9]{2}$|[0-9]+\.[0-9]+$"
)
_EXCLAMATIONS = re.compile(r"[!\uff01]")
_MOST_IN_A_ROW = 2
_MOST_IN_A_LINE = 2  # times that a content word may stand in a text of at most `_LINE` words
_LINE = 12


def find_repeated_punct(item: Item, ctx: CheckContext, argument: str) -> str:
    """Two or more of a punctuation mark in a row: "flowers!!", "really?!", "wait...".

    https://support.google.com/adspolicy/answer/14847994
    """
    for match in _REPEATED.finditer(item.text):
        around = item.text[max(0, match.start() - 20) : match.end() + 20].split()
        if not any(match.group() in token and token in ctx.own_tokens for token in around):
            return f'repeats "{match.group()}"'
    return ""


def find_gimmick(item: Item, ctx: CheckContext, argument: str) -> str:
    """Bullets and decoration, F.L.O.W.E.R.S, f1owers, superscripts, half-width katakana; a legal asterisk after a word is fine.

    https://support.google.com/adspolicy/answer/14847994
    """
    text = item.text
    found = _SYMBOLS.search(text) or _SUPERSCRIPT.search(text)
    if found is not None:
        return f'uses the symbol "{found.group()}" as decoration'
    spaced = _SPACED_OUT.search(text) if len([word for word in item.words if len(word) == 1]) > 3 else None
    if spaced is not None and not _is_own(spaced.group(), ctx):
        return f'spells out "{spaced.group()}"'
    if _INSIDE.search(item.folded):
        for match in _SUBSTITUTED.finditer(text):
            if match.group().casefold() not in ctx.facts.folded:
                return f'swaps letters in "{match.group()}"'
    return ""


def find_caps(item: Item, ctx: CheckContext, argument: str) -> str:
    """Words in capitals other than acronyms, the brief's names and codes and the job's `allowed_caps`; iNtErCaPs.

    https://support.google.com/adspolicy/answer/14848297
    """
    text = item.text
    if text == item.folded or (item.is_ascii and not _SUSPECT.search(text)):
        return ""
    for word in NAME.findall(text):
        if word.isupper() and len(word) > 1:
            if not (word in ctx.own_tokens or _is_acronym(word, ctx) or _is_own_caps(word, ctx)):
                return f'has "{word}" in capitals'
        elif len(_INTERCAPS.findall(word)) > 1 and word not in ctx.own_tokens and not _is_own(word, ctx):
            return f'has odd capitals in "{word}"'
    return ""


def find_phone(item: Item, ctx: CheckContext, argument: str) -> str:
    """A telephone number: 7 to 15 digits (ITU-T E.164) with the usual separators, or 1-800-FLOWERS.

    https://support.google.com/adspolicy/answer/6021546
    """
    if not item.has_digit:
        return ""
    vanity = _VANITY.search(item.text)
    if vanity is not None:
        return f'has the phone number "{vanity.group()}"'
    for match in _PHONE.finditer(normalize_digits(item.text)):
        text = match.group().strip(" -./")
        digits = sum(character.isdigit() for character in text)
        bare_code = text.isdigit() and (text in ctx.facts.tokens or digits < 9)
        if 7 <= digits <= 15 and not _NO_PHONE.match(text) and not bare_code:
            return f'has the phone number "{text}"'
    return ""


def find_word_repetition(item: Item, ctx: CheckContext, argument: str) -> str:
    """The same word three times in a row, or a content word three times in a line.

    https://support.google.com/adspolicy/answer/14847994
    """
    words = item.words
    if len(words) == len(set(words)):
        return ""
    small = get_small_words(ctx.language)
    for first in range(len(words) - _MOST_IN_A_ROW):
        run = words[first : first + _MOST_IN_A_ROW + 1]
        if len(set(run)) == 1 and len(run[0]) > 1:
            return f'repeats the word "{run[0]}"'
    if len(words) <= _LINE:
        word, times = (
            Counter(word for word in words if len(word) > 2 and word not in small).most_common(1)[0]
            if any(len(w) > 2 and w not in small for w in words)
            else ("", 0)
        )
        if times > _MOST_IN_A_LINE:
            return f'repeats the word "{word}" {times} times'
    return ""


def find_emoji_in(item: Item, ctx: CheckContext, argument: str) -> str:
    """Any emoji or pictograph. https://support.google.com/adspolicy/answer/14847994"""
    found = [] if item.is_ascii else find_emoji(item.text)
    return f'has the emoji "{found[0]}"' if found else ""


def find_many_emojis(item: Item, ctx: CheckContext, argument: str) -> str:
    """More than N emoji, each sequence (flag, family, skin tone) one.

    LinkedIn: https://www.linkedin.com/help/lms/answer/a426534
    """
    found = 0 if item.is_ascii else len(find_emoji(item.text))
    return f"has {found} emoji, at most {argument}" if found > int(argument) else ""


def find_exclamation(item: Item, ctx: CheckContext, argument: str) -> str:
    """Any exclamation mark: Google's long-standing rule for headlines.

    https://support.google.com/adspolicy/answer/14847994
    """
    return "has an exclamation mark" if _EXCLAMATIONS.search(item.text) else ""


def find_many_exclamations(item: Item, ctx: CheckContext, argument: str) -> str:
    """More than N exclamation marks. https://support.google.com/adspolicy/answer/14847994"""
    found = len(_EXCLAMATIONS.findall(item.text))
    return f"has {found} exclamation marks, at most {argument}" if found > int(argument) else ""


def find_quotes_around(item: Item, ctx: CheckContext, argument: str) -> str:
    """Quotation marks around the whole text.

    Microsoft: https://learn.microsoft.com/en-us/advertising/msa-help/hlp_ba_conc_aboutbingmerchantcentercatalogfile
    """
    text = item.text.strip()
    ends = {
        '"': '"',
        "'": "'",
        "\u201c": "\u201d",
        "\u201e": "\u201c\u201d",
        "\u00ab": "\u00bb",
        "\u300c": "\u300d",
        "\u2018": "\u2019",
    }
    if len(text) > 1 and text[-1] in ends.get(text[0], "") and text.count(text[0]) <= 2:
        return "stands in quotation marks"
    return ""


@lru_cache(maxsize=64)
def get_small_words(language: str) -> frozenset[str]:
    """Return the articles, prepositions and conjunctions of a language, which may repeat."""
    words = load_lexicon("language")["small_words"]
    return frozenset([*words["en"], *words.get(language, ())])


@lru_cache(maxsize=1)
def _shouted() -> frozenset[str]:
    return frozenset(load_lexicon("phrases")["shouted"])


@lru_cache(maxsize=1)
def _acronyms() -> frozenset[str]:
    return frozenset(load_lexicon("phrases")["acronyms"])


def _is_acronym(word: str, ctx: CheckContext) -> bool:
    """Whether a word in capitals is a known acronym, or one of the brief's that is not merely shouted (FREE, NEW)."""
    return word in _acronyms() or (word in ctx.facts.caps and word.casefold() not in _shouted())


def _is_own(text: str, ctx: CheckContext) -> bool:
    """Whether the brief's names have the text as it is."""
    return any(text in token for token in ctx.own_tokens)


def _is_own_caps(word: str, ctx: CheckContext) -> bool:
    """Parts of a name or code joined by a hyphen or an apostrophe (TRAIL20, H&M, LED-TV)."""
    parts = [part for part in re.split(r"['\u2019&-]", word) if part]
    return all(len(part) == 1 or part == "S" or part in ctx.own_tokens or part in _acronyms() for part in parts)

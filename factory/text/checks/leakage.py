"""Leakage: text that belongs to the prompt, the format or the model instead of the reader; and brief text copied at length."""

import re
from functools import lru_cache

from factory.text.checks.context import CheckContext
from factory.text.checks.lexicon import load_lexicon
from factory.text.checks.words import Item, PhraseBook, fold, is_cjk, pad, pad_text, show, split_words

LEAK_WORDS = 6  # words in a row that copy does not share with instructions by chance
LEAK_CHARACTERS = 16  # the same for Chinese and Japanese
ECHO_WORDS = 12  # words in a row of the description: a sentence lifted whole
ECHO_CHARACTERS = 30
NEAR_SHARE = 0.6  # of a text's three-word runs found in the instructions: a near copy, words changed here and there
NEAR_LEAST = 8  # runs; shorter texts share this much by chance

_FORMAT = re.compile(
    r"[{}]|<\|[^|<>]{0,40}\|?>|\|>|\[/?INST\]|<</?SYS>>|</?s>|</?[a-z]|<[!?]|```|#{2,}\s?\w"
    r"|\\[nu\"]|\"\s*:\s*[\"\[]|^\s*[\[\"]\s*\"|\",\s*\"",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"[\[<\u3010]\s*([^\W\d_][^\[\]<>\u3010\u3011\n]{0,60})[\]>\u3011]|\bX{2,}\s?%|\$X{1,3}\b|_{3,}"
)
_SENTENCE_END = re.compile(r"[.!?]\s+|[\u3002\uff01\uff1f\n]")
_ROLE = re.compile(r"^\s*(?:assistant|user|system|human|ai)\s*[:\uff1a]", re.IGNORECASE)
_NEEDS_LOOK = frozenset('{}<>|[]`#\\"\u3010_X:\uff1a')


def find_leak(item: Item, ctx: CheckContext, argument: str) -> str:
    """Prompt, template, JSON or chat markup in copy; placeholders; the model speaking of its task; copied instructions.

    OWASP "LLM07 System Prompt Leakage": https://genai.owasp.org/llmrisk/llm072025-system-prompt-leakage/
    """
    text = item.text
    if not _NEEDS_LOOK.isdisjoint(text):
        found = (
            _FORMAT.search(text)
            or _ROLE.search(text)
            or _label_pattern(tuple(field.name for field in ctx.placement.fields)).search(text)
        )
        if found is not None:
            return f'has markup or a label "{found.group().strip()}"'
        for place in _PLACEHOLDER.finditer(text):
            if not place.group(1) or pad_text(place.group(1)) not in ctx.own_text:
                return f'has the placeholder "{place.group()}"'
    spoken = _phrases(ctx.language).find(item)
    # The brief's names excuse such words; its description does not, since it may be the one that gives orders.
    if spoken is not None and f" {spoken[0]} " not in ctx.own_text:
        return f'speaks as the model: "{spoken[0]}"'
    opening = _opening(item, ctx)
    if opening:
        return f'opens with "{opening}"'
    echoed = _find_echoed_sentence(item, ctx)
    if echoed:
        return f'repeats the prompt: "{echoed}"'
    copied = find_run(item, ctx.prompt_text, ctx.facts.padded, LEAK_WORDS, LEAK_CHARACTERS)
    if copied:
        return f'repeats the instructions: "{copied}"'
    return "is close to the instructions" if _is_near_copy(item, ctx) else ""


def find_echo(item: Item, ctx: CheckContext, argument: str) -> str:
    """Twelve words in a row (30 characters in Chinese and Japanese) of the brief's description or brand voice.

    Names, claims, key messages, required phrases and the legal line may be said word for word, and do not count.
    """
    copied = find_run(item, ctx.echo_text, ctx.excused_text, ECHO_WORDS, ECHO_CHARACTERS)
    return f'copies the brief word for word: "{copied}"' if copied else ""


def find_run(item: Item, source: str, excused: str, num_words: int, num_characters: int) -> str:
    """Return the first run of words that the item shares with `source` and not with `excused`, or ""."""
    words = item.words
    size = num_words if item.is_ascii or sum(map(is_cjk, words)) * 2 < len(words) else num_characters
    if len(words) < size or not _may_share(words, source, size):
        return ""
    for first in range(len(words) - size + 1):
        run = pad(words[first : first + size])
        if run in source and run not in excused:
            return show(run)
    return ""


def _may_share(words: list[str], source: str, size: int) -> bool:
    """Whether a run of `size` words can be in `source`: any such run holds one of these spaced-out shorter runs whole."""
    short = size // 2
    return any(
        pad(words[first : first + short]) in source for first in range(0, len(words) - short + 1, size - short + 1)
    )


def _find_echoed_sentence(item: Item, ctx: CheckContext) -> str:
    """Return a whole sentence, or a "label: value", that stands in the prompt and not in the brief, however short."""
    text = item.text
    least = 2 if ":" in text or "\uff1a" in text else 3
    parts = _SENTENCE_END.split(text) if _SENTENCE_END.search(text) else ()
    for words in (item.words, *(split_words(fold(part)) for part in parts)):
        if len(words) < least or (is_cjk(words[0]) and len(words) < LEAK_CHARACTERS):
            continue
        run = pad(words)
        if run in ctx.prompt_text and run not in ctx.facts.padded:
            return show(run)
    return ""


def _is_near_copy(item: Item, ctx: CheckContext) -> bool:
    words = item.words
    if len(words) - 2 < NEAR_LEAST or is_cjk(words[0]):
        return False
    num_runs = len(words) - 2
    misses = (1 - NEAR_SHARE) * num_runs
    for first in range(num_runs):
        run = pad(words[first : first + 3])
        if run not in ctx.prompt_text or run in ctx.facts.padded:
            misses -= 1
            if misses < 0:
                return False
    return True


def _opening(item: Item, ctx: CheckContext) -> str:
    """Return the words with which a chat model announces its answer ("Sure, …", "Here are three headlines"), or ""."""
    if not item.words or item.words[0] not in _first_words(ctx.language):
        return ""
    entry = load_lexicon("leakage")
    for code in dict.fromkeys((ctx.language, "en")):
        interjections = entry["interjections"].get(code, ())
        head = item.folded[:24].lstrip(" \"'*")
        for word in interjections:
            if head.startswith(word) and head[len(word) : len(word) + 1] in (
                ",",
                "!",
                "\u3001",
                "\uff01",
                "\u060c",
                ":",
            ):
                return str(word)
        start = item.padded[:120]
        for lead in entry["leads"].get(code, ()):
            if start.startswith(f" {lead} ") and any(
                w in _task_words(code) and w not in ctx.facts.word_set for w in item.words[:10]
            ):
                return str(lead)
    return ""


@lru_cache(maxsize=64)
def _first_words(language: str) -> frozenset[str]:
    entry = load_lexicon("leakage")
    texts = [
        text for kind in ("interjections", "leads") for code in (language, "en") for text in entry[kind].get(code, ())
    ]
    return frozenset(split_words(fold(text))[0] for text in texts)


@lru_cache(maxsize=64)
def _task_words(language: str) -> frozenset[str]:
    return frozenset(load_lexicon("leakage")["task_words"].get(language, ()))


@lru_cache(maxsize=64)
def _phrases(language: str) -> PhraseBook:
    entry = load_lexicon("leakage")["phrases"]
    return PhraseBook(dict.fromkeys([*entry["en"], *entry.get(language, ())], ""))


@lru_cache(maxsize=256)
def _label_pattern(fields: tuple[str, ...]) -> re.Pattern[str]:
    """A field's name before a colon or with a number, at the start of a line: "Headline 1:", "path_1:"."""
    known = {
        "headline",
        "title",
        "description",
        "subject",
        "body",
        "primary text",
        "caption",
        "cta",
        "preheader",
        "json",
        "output",
    }
    names = known | {field.replace("_", " ") for field in fields} | set(fields)
    choices = "|".join(re.escape(name).replace(r"\ ", r"[\s_-]") for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"^[\s\"'*-]{{0,4}}(?:{choices})\s?#?[0-9]{{0,2}}\s?[:\uff1a]", re.IGNORECASE | re.MULTILINE)

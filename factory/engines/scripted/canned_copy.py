"""Ready-made copy by language, fitted to a JSON schema: what the scripted engine writes from.

A schema is read once: every text field gets the list of ready texts that it allows, so that writing is picking.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from pathlib import Path
from typing import Any

from factory.config.load import load_config
from schemas.base import Config

FALLBACK = "en"
_FOLDER = Path(__file__).parent / "canned"
_ENOUGH = 6  # texts of one kind that make candidates differ
_MOST_TEXTS = 24  # texts kept where kinds are mixed
_MOST_SENTENCES = 5
_LONG = 400  # characters that ready text fills of a longer field


class CannedCopy(Config):
    """The ready texts of one language: single words or pairs, headlines, whole sentences, how to stop messages."""

    words: list[str]
    headlines: list[str]
    sentences: list[str]
    opt_out: str


@dataclass(frozen=True, slots=True)
class TextSlot:
    """One field of a schema: how many texts it takes (0 = one, not in a list), and what fits it."""

    name: str
    count: int
    texts: tuple[str, ...]
    allowed: re.Pattern[str]


@lru_cache(maxsize=64)
def load_copy(language: str) -> CannedCopy:
    """Return the ready copy of a language, English where there is none."""
    file = _FOLDER / f"{language}.yaml"
    if not file.is_file():
        file = _FOLDER / f"{FALLBACK}.yaml"
    return load_config(CannedCopy, file.read_text(encoding="utf-8"), f"canned copy {file.name}")


def read_slot(name: str, spec: dict[str, Any], language: str) -> TextSlot:
    """Return a text field of an object schema with the ready texts of `language` that fit it.

    Raises ValueError for a field that is not a text or a list of texts, or that no ready text fits.
    """
    is_list = spec.get("type") == "array"
    text = spec["items"] if is_list else spec
    allowed = _compile(name, text)
    texts = tuple(text["enum"]) if "enum" in text else _fit(load_copy(language), allowed)
    if not texts:
        raise ValueError(f"the scripted engine has no {language} text for {name}: {allowed.pattern[:200]}")
    return TextSlot(name, spec.get("minItems", 1) if is_list else 0, texts, allowed)


def _compile(name: str, text: dict[str, Any]) -> re.Pattern[str]:
    if "enum" in text:
        return re.compile("|".join(map(re.escape, text["enum"])))
    if text.get("type") != "string":
        raise ValueError(f"the scripted engine writes texts only, and {name} is {text.get('type')}")
    if "pattern" in text:
        return re.compile(text["pattern"])
    return re.compile(rf"[\s\S]{{{text.get('minLength', 0)},{text.get('maxLength', _LONG)}}}")


def _fit(copy: CannedCopy, allowed: re.Pattern[str]) -> tuple[str, ...]:
    """Take the longest kind of which enough texts fit: several sentences, one, headlines, words; else pairs of those."""
    joined = [_join(copy.sentences, number) for number in range(_MOST_SENTENCES, 0, -1)]
    for kind in (*joined, copy.headlines, copy.words):
        found = [text for text in kind if len(text) <= _LONG and allowed.fullmatch(text)]
        if len(found) >= min(_ENOUGH, len(kind)):
            return tuple(found)
    parts = copy.words + copy.headlines
    pairs = (f"{first} {second}" for first, second in permutations(parts, 2))
    either = [text for text in (*copy.sentences, *parts, *pairs) if allowed.fullmatch(text)]
    return tuple(dict.fromkeys(either))[:_MOST_TEXTS]


def _join(sentences: list[str], number: int) -> list[str]:
    """Join `number` sentences, each time starting at another one."""
    spaced = "" if sentences[0].endswith("。") else " "
    turned = sentences + sentences
    return [spaced.join(turned[start : start + number]) for start in range(len(sentences))]

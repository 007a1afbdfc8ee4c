"""Word lists of `lexicons/`, read once and shared. Lists are by language; a language without one has no list."""

from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from factory.text.checks.words import PhraseBook


@lru_cache(maxsize=16)
def load_lexicon(name: str) -> dict[str, Any]:
    """Return the content of `lexicons/<name>.yaml`. It is shared: do not change it."""
    text = files("factory.text.checks").joinpath("lexicons", f"{name}.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def inflect(phrases: Iterable[str], language: str) -> list[str]:
    """Return the phrases with the endings of German adjectives (`garantierte`: -r, -s, -n, -m); other lists as they are."""
    if language != "de":
        return list(phrases)
    return [form for phrase in phrases for form in [phrase, *(phrase + end for end in "rsnm" if phrase.endswith("e"))]]


@lru_cache(maxsize=512)
def open_phrases(name: str, key: str, language: str) -> PhraseBook:
    """Return the phrases under `key` of a lexicon in `language` and in English, which copy of any language borrows from."""
    entry = load_lexicon(name)[key]
    languages = [language] if language == "en" else [language, "en"]
    phrases = {phrase: key for code in languages for phrase in inflect(entry.get(code, ()), code)}
    exceptions = [text for code in languages for text in entry.get("except", {}).get(code, ())]
    return PhraseBook(phrases, exceptions)


@lru_cache(maxsize=64)
def open_claims(language: str) -> PhraseBook:
    """Return the claim phrases of `language` and English, labelled by category; `language` "" is all languages."""
    lexicon = load_lexicon("claims")
    wanted = None if not language else {language, "en"}
    phrases: dict[str, str] = {}
    for category, by_language in lexicon["categories"].items():
        for code, words in by_language.items():
            if wanted is None or code in wanted:
                phrases.update(dict.fromkeys(inflect(words, code), category))
    exceptions = [
        t for code, words in lexicon["exceptions"].items() if wanted is None or code in wanted for t in words
    ]
    return PhraseBook(phrases, exceptions)


@lru_cache(maxsize=64)
def open_profanity(language: str) -> PhraseBook:
    """Return the swear words of `language` alone: one language's oath is another's everyday word."""
    lexicon = load_lexicon("profanity")
    return PhraseBook(
        dict.fromkeys(inflect(lexicon["words"].get(language, ()), language), ""), lexicon["except"].get(language, ())
    )


@lru_cache(maxsize=64)
def open_personal(language: str) -> PhraseBook:
    """Return the phrases of `language` that tie the reader to a personal attribute: frames filled with attributes."""
    entry = load_lexicon("personal").get(language)
    if entry is None:
        return PhraseBook({})
    phrases: dict[str, str] = {}
    for frame in entry["frames"]:
        group = next((name for name in entry["groups"] if "{" + name + "}" in frame), "")
        words = entry["groups"][group] if group else [""]
        phrases.update({frame.replace("{" + group + "}", word): group for word in words})
    return PhraseBook(phrases, entry.get("except", ()))

"""Takes the unfinished end off a text that ran into its length limit: the cheapest repair there is, and no model writes it.

An editor would do the same: keep the whole sentences, or leave out the last words until the phrase stands by itself.
"""

import re
from collections.abc import Callable, Iterator

MAX_WORDS_DROPPED = 6
LEAST_SHARE = 0.3  # of the text that must be left

_SENTENCES = re.compile(r"^.*[.!?\u3002\uff01\uff1f\u061f](?=\s|$|[\u3040-\u9fff])", re.DOTALL)
_LOOSE_END = " \n,;:-\u2013\u2014&(/\u3001\uff0c\u060c"


def tidy_item(text: str, ran_into_limit: bool, passes: Callable[[str], bool]) -> str:
    """Return `text`, or the longest whole beginning of it that `passes`; `text` itself when none does.

    `ran_into_limit` says that decoding ended the text, so that its last word may be half a word.
    """
    closed = _SENTENCES.fullmatch(text) is not None
    if passes(text) and (closed or not ran_into_limit):
        return text
    for shorter in _shorten(text, ran_into_limit):
        if len(shorter) >= LEAST_SHARE * len(text) and passes(shorter):
            return shorter
    return text


def _shorten(text: str, ran_into_limit: bool) -> Iterator[str]:
    if not ran_into_limit:
        yield text.rstrip(_LOOSE_END)
    sentences = _SENTENCES.match(text)
    if sentences is not None:
        yield sentences.group()
    words = text.split(" ")
    for dropped in range(1, min(MAX_WORDS_DROPPED, len(words) - 2) + 1):
        yield " ".join(words[:-dropped]).rstrip(_LOOSE_END)

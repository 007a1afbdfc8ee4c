"""Tries again what failed for a passing reason, after pauses that grow and are drawn at random, up to a bounded time.

Exponential back-off with full jitter: many workers that failed together do not come back together
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
"""

import itertools
import random
import time
from collections.abc import Callable
from typing import TypeVar

from factory.storage.failures import classify, is_silent, is_transient

PATIENCE_SECONDS = 75.0  # a store that restarts or asks for less is back within a minute
FEWEST_ATTEMPTS = 3  # however long each takes: one that hangs until its time-out is no proof
# A store that never answered this process and stays silent is more likely a wrong address than a hiccup.
FIRST_PATIENCE_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 8.0

Result = TypeVar("Result")

_answered: set[str] = set()  # endpoints that have answered this process, or one that told it so


def persist(action: Callable[[], Result], endpoint: str) -> Result:
    """Return what `action` returns, calling it again while it fails for a passing reason.

    `action` must be safe to repeat. Its last error passes through, with a note on how often and how long it was tried.
    """
    began = time.monotonic()
    for attempt in itertools.count(1):
        try:
            result = action()
        except Exception as error:
            if not is_transient(error):
                if classify(error) == "missing":
                    note_answer(endpoint)
                raise
            pause = random.uniform(0, min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt))
            spent = time.monotonic() - began
            early = is_silent(error) and not has_answered(endpoint)
            enough = early or attempt >= FEWEST_ATTEMPTS
            if enough and spent + pause > (FIRST_PATIENCE_SECONDS if early else PATIENCE_SECONDS):
                error.add_note(f"tried {attempt} times in {spent:.0f} s")
                raise
            time.sleep(pause)
        else:
            note_answer(endpoint)
            return result
    raise AssertionError("unreachable")


def has_answered(endpoint: str) -> bool:
    """Whether this process knows that there is a store at `endpoint`."""
    return endpoint in _answered


def note_answer(endpoint: str) -> None:
    """Remember that there is a store at `endpoint`."""
    _answered.add(endpoint)

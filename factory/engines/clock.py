"""Shares the time of an engine out over the calls that it works on together."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class SharedClock:
    """Shares wall time out over the calls in flight: each gets dt / calls of every interval, so the shares add up."""

    def __init__(self) -> None:
        self._calls = 0
        self._at = 0.0
        self._share = 0.0

    def _advance(self) -> None:
        now = time.perf_counter()
        if self._calls:
            self._share += (now - self._at) / self._calls
        self._at = now

    @contextmanager
    def measure(self) -> Iterator[list[float]]:
        """Count one call; the list that is yielded holds its share in seconds once the block is left."""
        self._advance()
        self._calls += 1
        began, result = self._share, [0.0]
        try:
            yield result
        finally:
            self._advance()
            self._calls -= 1
            result[0] = self._share - began

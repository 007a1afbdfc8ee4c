"""An engine's time: shared out over the calls that it works on together, and when it was last heard of."""

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


class Pulse:
    """When an engine last gave a sign of life, for a watcher in another thread."""

    def __init__(self) -> None:
        self._calls = 0
        self._at = time.monotonic()

    def beat(self) -> None:
        """Note a sign of life."""
        self._at = time.monotonic()

    def read_silence(self) -> float:
        """Return the seconds since the last sign of life or, when that was later, since there is work; 0 without work."""
        return time.monotonic() - self._at if self._calls else 0.0

    @contextmanager
    def work(self) -> Iterator[None]:
        """Count one call that waits for the engine."""
        if not self._calls:
            self.beat()
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1

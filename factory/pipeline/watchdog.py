"""Ends this process when its engine gives no sign of life, or its event loop hangs. A hang is worse than a death: nobody acts.

Runs in a thread of its own, so that a call which never returns to the event loop is noticed too.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable

LOOKS = 20  # in the time after which a stall is declared
LONGEST_PAUSE = 5.0  # seconds between two looks


class Watchdog:
    """Watches from `start` to `stop`. `read_silence` returns the seconds since the engine last gave a token; 0 when idle."""

    def __init__(self, stall_seconds: float, read_silence: Callable[[], float]) -> None:
        self._stall = stall_seconds
        self._read_silence = read_silence
        self._ended = threading.Event()
        self._loop_seen = 0.0

    def start(self) -> None:
        """Begin to watch the engine and the event loop that runs now."""
        loop = asyncio.get_running_loop()
        self._loop_seen = time.monotonic()
        threading.Thread(target=self._watch, args=(loop,), name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Stop watching."""
        self._ended.set()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._ended.wait(min(LONGEST_PAUSE, self._stall / LOOKS)):
            if loop.is_closed():
                return
            loop.call_soon_threadsafe(self._see_loop)
            silence, lag = self._read_silence(), time.monotonic() - self._loop_seen
            if max(silence, lag) > self._stall:
                what = (
                    f"no token for {silence:.0f} s" if silence > lag else f"no turn of the event loop for {lag:.0f} s"
                )
                # stderr goes to the run's log. Only the end of the process makes Ray restart it.
                print(f"stalled: {what}; ending this process", file=sys.stderr, flush=True)
                os._exit(1)

    def _see_loop(self) -> None:
        self._loop_seen = time.monotonic()

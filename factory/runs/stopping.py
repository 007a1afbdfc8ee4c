"""Why and how a run stops before its end: a signal, or a bound of its budget. What is in flight may end; nothing new begins."""

import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Any, TypeVar

from schemas.job import Budget
from schemas.run import Receipt

SIGNALS = (signal.SIGINT, signal.SIGTERM)

Item = TypeVar("Item")


class StopSign:
    """Tells a run to stop. `reason` is "" until then; `by_signal` says that somebody outside asked, and may not wait long."""

    def __init__(self) -> None:
        self.reason = ""
        self.by_signal = False

    def raise_for(self, reason: str) -> None:
        """Ask the run to stop, for a bound of its own; the first reason stays."""
        self.reason = self.reason or reason

    @contextmanager
    def watch_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM as the wish to stop while the block lasts; a second one raises KeyboardInterrupt."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may take signals; who runs a job in another stops it otherwise
            return
        before = {number: signal.getsignal(number) for number in SIGNALS}
        self.take_signals()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def take_signals(self) -> None:
        """Take the signals again, after a library that takes them for itself when it starts."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._take)
            # Of one that came meanwhile Ray has made a report, and set an alarm that aborts the process three seconds later.
            signal.alarm(0)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self.by_signal:
            raise KeyboardInterrupt
        self.by_signal = True
        self.reason = self.reason or f"{signal.Signals(number).name} was received"


def find_exhausted(budget: Budget, totals: Receipt, gpus: float, flow_began: float) -> str:
    """Return which bound of the budget is reached, in words; "" while none is. `flow_began` is on the monotonic clock."""
    tokens = totals.prompt_tokens + totals.output_tokens
    hours = (time.monotonic() - flow_began) * gpus / 3600
    if budget.deadline is not None and datetime.now(UTC) >= budget.deadline.astimezone(UTC):
        return f"the deadline {budget.deadline.isoformat()} is here"
    if budget.tokens is not None and tokens >= budget.tokens:
        return f"{tokens:,} of {budget.tokens:,} tokens are spent"
    if budget.gpu_hours is not None and hours >= budget.gpu_hours:
        return f"{hours:.2f} of {budget.gpu_hours:g} GPU hours are spent"
    return ""


def iterate_with_ticks(source: Callable[[], Iterator[Item]], seconds: float) -> Iterator[Item | None]:
    """Yield what `source()` yields, and None whenever nothing came for `seconds`.

    The source runs in a thread of its own, so that whoever waits for it can still act. When this iterator is left early
    the thread keeps running until its source fails or ends: end what the source waits for.
    """
    items: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def run() -> None:
        try:
            for item in source():
                items.put(("item", item))
        except BaseException as error:
            items.put(("error", error))
        else:
            items.put(("end", None))

    threading.Thread(target=run, name="flow", daemon=True).start()
    while True:
        try:
            kind, value = items.get(timeout=seconds)
        except queue.Empty:
            yield None
            continue
        if kind == "end":
            return
        if kind == "error":
            raise value
        yield value

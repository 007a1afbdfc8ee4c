"""What makes a run stop, and the iterator that lets the driver act while nothing comes."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from factory.runs.stopping import StopSign, iterate_with_ticks


def test_the_first_reason_stays() -> None:
    stop = StopSign()
    stop.raise_for("")
    assert stop.reason == ""
    stop.raise_for("the deadline is here")
    stop.raise_for("tokens are spent")
    assert (stop.reason, stop.by_signal) == ("the deadline is here", False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_first_signal_asks_and_a_second_one_ends(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    stop = StopSign()
    with pytest.raises(KeyboardInterrupt), stop.watch_signals():
        os.kill(os.getpid(), number)
        time.sleep(0.01)
        assert (stop.reason, stop.by_signal) == (f"{number.name} was received", True)
        os.kill(os.getpid(), number)
        time.sleep(1)
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == before


def test_signals_are_left_alone_outside_the_main_thread() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def enter() -> None:
        with StopSign().watch_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before]


def test_ticks_come_while_nothing_else_does() -> None:
    go = threading.Event()

    def count() -> Iterator[int]:
        yield 1
        go.wait()
        yield 2

    seen: list[int | None] = []
    for item in iterate_with_ticks(count, 0.05):
        seen.append(item)
        if seen.count(None) == 2:
            go.set()
    assert [item for item in seen if item is not None] == [1, 2]
    assert seen.count(None) >= 2


def test_an_error_of_the_source_comes_out_where_it_is_awaited() -> None:
    def fail() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(iterate_with_ticks(fail, 1.0))

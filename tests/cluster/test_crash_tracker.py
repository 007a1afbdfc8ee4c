"""The account of batches in flight, and the dog that ends a process which hangs."""

import subprocess
import sys

import pytest

from factory.cluster.crash_tracker import MAX_IDLE_STARTS, CrashTracker, Start, Verdict
from tests.support.paths import ROOT


def test_a_batch_is_suspect_when_it_came_back_as_often_as_there_are_strikes() -> None:
    tracker = CrashTracker(strikes=2, replicas=1)
    assert [tracker.begin("a"), tracker.begin("a"), tracker.begin("a")] == [
        Verdict.WORK,
        Verdict.WORK,
        Verdict.SUSPECT,
    ]
    assert tracker.begin("b") is Verdict.WORK, "another batch has an account of its own"
    tracker.end("a")
    assert tracker.begin("a") is Verdict.WORK, "what ended starts again"


def test_a_run_that_ends_lets_no_new_batch_begin_and_lets_written_ones_finish() -> None:
    tracker = CrashTracker(strikes=2, replicas=1)
    assert tracker.begin("a") is Verdict.WORK and not tracker.is_draining()
    tracker.drain()
    assert tracker.begin("b") is Verdict.STOP and tracker.is_draining()
    assert tracker.begin("finish a", is_new=False) is Verdict.WORK


def test_the_first_start_of_each_replica_is_told_from_a_restart_and_a_storm_is_hopeless() -> None:
    tracker = CrashTracker(strikes=2, replicas=2)
    assert [tracker.open() for _ in range(3)] == [Start.FIRST, Start.FIRST, Start.AGAIN]
    tracker.end("a")
    for _ in range(2 + MAX_IDLE_STARTS):
        assert tracker.open() is Start.AGAIN
    assert tracker.open() is Start.HOPELESS
    tracker.end("b")
    assert tracker.open() is Start.AGAIN, "a batch that ended shows that there is hope"


WATCHED = """
import asyncio, time
from factory.pipeline.watchdog import Watchdog

async def main() -> None:
    dog = Watchdog(0.5, lambda: {silence})
    dog.start()
    {act}
    dog.stop()
    print("alive")

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("silence", "act", "words"),
    [
        ("0.0", "await asyncio.sleep(1.5)", ""),
        ("0.4", "await asyncio.sleep(1.5)", ""),
        ("9.0", "await asyncio.sleep(30)", "no token for 9 s"),
        ("0.0", "time.sleep(30)", "no turn of the event loop"),
    ],
)
def test_the_watchdog_ends_a_silent_engine_and_a_blocked_loop_and_nothing_else(
    silence: str, act: str, words: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WATCHED.format(silence=silence, act=act)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout.strip()) == ((1, "") if words else (0, "alive")), ended.stderr
    assert words in ended.stderr

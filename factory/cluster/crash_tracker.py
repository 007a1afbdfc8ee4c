"""Keeps account of the batches that are in flight in processes that may die: what came back once too often is suspect.

Ray hands the batches of a dead process out again by itself. Most deaths are a machine's fault, so a batch is worked on again
at once; one that was in flight at `strikes` deaths may hold the row that kills, and is given back as failed instead. Plain
data: the pipeline puts one instance, which all workers share, into a process that outlives them.
"""

from collections import Counter
from enum import StrEnum
from typing import Protocol

MAX_IDLE_STARTS = 6  # starts since a batch last ended, beyond one for each replica: more of them would change nothing


class Start(StrEnum):
    """What the start of an engine is."""

    FIRST = "first"  # of its replica: when it fails, the job or the machine is at fault
    AGAIN = "again"  # after a death
    HOPELESS = "hopeless"  # after many, without a batch that ended


class Verdict(StrEnum):
    """What to do with a batch."""

    WORK = "work"
    SUSPECT = "suspect"  # it was in flight when a process died, often enough
    STOP = "stop"  # the run is ending: leave it for the next one


class CrashTracking(Protocol):
    """The watch, as workers see it: every call may go over the network."""

    async def open(self) -> Start:
        """Note that an engine starts, and learn what that means."""

    async def begin(self, key: str, is_new: bool = True) -> Verdict:
        """Note that a batch is in flight, and learn what to do with it. One that is not new never stops."""

    async def end(self, key: str) -> None:
        """Note that the batch is done, whatever became of its rows."""

    def drain(self) -> None:
        """Let no new batch begin from now on."""

    def is_draining(self) -> bool:
        """Whether the run is ending: what has not begun is left for the next one."""


class CrashTracker:
    """The account itself, of `replicas` engines. `strikes` deaths make a batch suspect."""

    def __init__(self, strikes: int, replicas: int) -> None:
        self._strikes = strikes
        self._replicas = replicas
        self._under_way: Counter[str] = Counter()  # batch -> how often it began without an end
        self._starts = 0
        self._idle_starts = 0  # since a batch last ended
        self._draining = False

    def open(self) -> Start:
        """Count a start of an engine and say what it is."""
        self._starts += 1
        self._idle_starts += 1
        if self._idle_starts > self._replicas + MAX_IDLE_STARTS:
            return Start.HOPELESS
        return Start.FIRST if self._starts <= self._replicas else Start.AGAIN

    def begin(self, key: str, is_new: bool = True) -> Verdict:
        """Count a beginning of the batch `key` and judge it."""
        if self._draining and is_new:
            return Verdict.STOP
        self._under_way[key] += 1
        return Verdict.SUSPECT if self._under_way[key] > self._strikes else Verdict.WORK

    def end(self, key: str) -> None:
        """Forget the batch: it came to an end."""
        self._idle_starts = 0
        self._under_way.pop(key, None)

    def drain(self) -> None:
        """Let no new batch begin from now on."""
        self._draining = True

    def is_draining(self) -> bool:
        """Whether the run is ending."""
        return self._draining

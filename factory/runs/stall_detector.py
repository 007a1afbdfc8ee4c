"""Notices a flow that has stalled: Ray can lose track of work that was on a node which went away, and then waits for ever."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

LOOK_SECONDS = 5.0  # between two looks at the cluster's nodes
LEAST_SECONDS = 60.0  # given to a flow however short the job's own bounds are: processes need time to restart
STALLS = 3  # of an engine, one after the other, before nobody waits any longer


class Bounds(Protocol):
    """How long a flow's work may take: `timeout_seconds` one request, `stall_seconds` an engine without a sign of life."""

    @property
    def timeout_seconds(self) -> float: ...
    @property
    def stall_seconds(self) -> float: ...


class Stalled(Exception):
    """The flow gives no sign of life any more: it is to be ended, and what it had left is started again."""


@dataclass(slots=True)
class StallDetector:
    """Waits for signs of life of one pass. `list_nodes` names the cluster's nodes, `clock` is monotonic, in seconds.

    Only a `hasty` one takes the loss of a node for a reason to wait less: a node may also have gone because it was idle.
    """

    bounds: Bounds
    list_nodes: Callable[[], set[str]]
    hasty: bool = True
    clock: Callable[[], float] = time.monotonic
    _nodes: set[str] = field(default_factory=set)
    _looked: float = 0.0
    _moved: float = 0.0
    _has_moved: bool = False  # until then an engine may be loading, which takes what it takes

    def __post_init__(self) -> None:
        self._nodes = self.list_nodes()
        self._looked = self._moved = self.clock()

    def note(self) -> None:
        """Take a sign of life."""
        self._moved = self.clock()
        self._has_moved = True

    def check(self, load_seconds: float) -> None:
        """Raise Standstill when the flow gave no sign of life for too long.

        When nothing is known to have happened that is the longest that one request may take, and on top what a request
        costs that stalls the engine until its batch is suspect: an engine's load of `load_seconds` after each stall.
        When a node went away, one of these.
        """
        now = self.clock()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        nodes = self.list_nodes()
        lost = self._nodes - nodes
        self._nodes |= nodes
        stall, silent = self.bounds.stall_seconds, now - self._moved
        if self.hasty and lost and silent > max(LEAST_SECONDS, stall) + load_seconds:
            raise Stalled(f"{len(lost)} nodes went away, and nothing finished for {silent:.0f} s")
        longest = self.bounds.timeout_seconds + STALLS * (stall + load_seconds) + LEAST_SECONDS
        if self._has_moved and silent > longest:
            raise Stalled(f"nothing finished for {silent:.0f} s")

"""How long a flow without a sign of life is waited for: long as a rule, less when a node went away."""

import pytest

from factory.runs.stall_detector import LEAST_SECONDS, StallDetector, Stalled
from schemas.job import TextExecution

EXECUTION = TextExecution(timeout_seconds=1000, stall_seconds=200)


class Cluster:
    """A clock and nodes that the test moves."""

    def __init__(self) -> None:
        self.now = 50.0
        self.nodes = {"head", "worker"}

    def wait(self, seconds: float, detector: StallDetector, load_seconds: float = 0.0) -> None:
        """Look once after so many seconds."""
        self.now += seconds
        detector.check(load_seconds)

    def make(self, execution: TextExecution = EXECUTION, hasty: bool = True) -> StallDetector:
        return StallDetector(execution, lambda: set(self.nodes), hasty, lambda: self.now)


def test_an_engine_that_loads_is_waited_for_and_a_flow_that_moved_is_not_for_ever() -> None:
    cluster = Cluster()
    detector = cluster.make()
    cluster.wait(100_000, detector)
    detector.note()
    cluster.wait(1659, detector)
    detector.note()
    cluster.wait(1661, detector, load_seconds=30)
    with pytest.raises(Stalled, match="for 1761 s"):
        cluster.wait(100, detector, load_seconds=30)


def test_a_node_that_went_away_shortens_the_wait_and_one_that_came_does_not() -> None:
    cluster = Cluster()
    detector = cluster.make()
    cluster.nodes.add("another")
    cluster.wait(300, detector)
    cluster.nodes.remove("worker")
    detector.note()
    cluster.wait(199, detector)
    with pytest.raises(Stalled, match="1 nodes went away"):
        cluster.wait(6, detector)


def test_signs_of_life_after_a_loss_are_enough() -> None:
    cluster = Cluster()
    detector = cluster.make()
    cluster.nodes.remove("worker")
    for _ in range(20):
        cluster.wait(190, detector)
        detector.note()


def test_short_bounds_still_leave_time_for_a_restart() -> None:
    cluster = Cluster()
    detector = cluster.make(TextExecution(timeout_seconds=1, stall_seconds=1))
    cluster.nodes.remove("worker")
    cluster.wait(LEAST_SECONDS, detector)
    with pytest.raises(Stalled):
        cluster.wait(6, detector)


def test_after_vain_restarts_a_lost_node_is_no_reason_any_more() -> None:
    cluster = Cluster()
    detector = cluster.make(hasty=False)
    cluster.nodes.remove("worker")
    detector.note()
    cluster.wait(1659, detector)
    with pytest.raises(Stalled):
        cluster.wait(6, detector)

"""How long a flow without a sign of life is waited for: long as a rule, less when a node went away."""

import pytest

from factory.runs.stall_detector import LEAST_SECONDS, Patience, Standstill
from schemas.job import TextExecution

EXECUTION = TextExecution(timeout_seconds=1000, stall_seconds=200)


class Cluster:
    """A clock and nodes that the test moves."""

    def __init__(self) -> None:
        self.now = 50.0
        self.nodes = {"head", "worker"}

    def wait(self, seconds: float, patience: Patience, load_seconds: float = 0.0) -> None:
        """Look once after so many seconds."""
        self.now += seconds
        patience.check(load_seconds)

    def make(self, execution: TextExecution = EXECUTION, hasty: bool = True) -> Patience:
        return Patience(execution, lambda: set(self.nodes), hasty, lambda: self.now)


def test_an_engine_that_loads_is_waited_for_and_a_flow_that_moved_is_not_for_ever() -> None:
    cluster = Cluster()
    patience = cluster.make()
    cluster.wait(100_000, patience)
    patience.note()
    cluster.wait(1659, patience)
    patience.note()
    cluster.wait(1661, patience, load_seconds=30)
    with pytest.raises(Standstill, match="for 1761 s"):
        cluster.wait(100, patience, load_seconds=30)


def test_a_node_that_went_away_shortens_the_wait_and_one_that_came_does_not() -> None:
    cluster = Cluster()
    patience = cluster.make()
    cluster.nodes.add("another")
    cluster.wait(300, patience)
    cluster.nodes.remove("worker")
    patience.note()
    cluster.wait(199, patience)
    with pytest.raises(Standstill, match="1 nodes went away"):
        cluster.wait(6, patience)


def test_signs_of_life_after_a_loss_are_enough() -> None:
    cluster = Cluster()
    patience = cluster.make()
    cluster.nodes.remove("worker")
    for _ in range(20):
        cluster.wait(190, patience)
        patience.note()


def test_short_bounds_still_leave_time_for_a_restart() -> None:
    cluster = Cluster()
    patience = cluster.make(TextExecution(timeout_seconds=1, stall_seconds=1))
    cluster.nodes.remove("worker")
    cluster.wait(LEAST_SECONDS, patience)
    with pytest.raises(Standstill):
        cluster.wait(6, patience)


def test_after_vain_restarts_a_lost_node_is_no_reason_any_more() -> None:
    cluster = Cluster()
    patience = cluster.make(hasty=False)
    cluster.nodes.remove("worker")
    patience.note()
    cluster.wait(1659, patience)
    with pytest.raises(Standstill):
        cluster.wait(6, patience)

"""Each test has one tier, and a unit test that starts more than it may fails."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import ray

from tests.support.jobs import call_factory
from tests.support.s3_server import run_s3_server
from tests.support.tiers import find_tier

FILE = "tests/text/test_write.py"


@pytest.mark.parametrize(
    ("marks", "fixtures", "path", "tier"),
    [
        ((), ("tmp_path",), FILE, "unit"),
        ((), ("tmp_path", "s3", "bucket"), FILE, "integration"),
        ((), ("ray_cluster",), FILE, "integration"),
        (("s3",), (), FILE, "integration"),
        (("integration",), (), FILE, "integration"),
        (("s3", "slow"), ("s3",), FILE, "slow"),
        (("engine",), (), FILE, "slow"),
        (("browser", "s3"), (), FILE, "slow"),
        ((), (), "tests/chaos/test_chaos.py", "slow"),
        (("unit",), (), "tests/chaos/test_pictures.py", "unit"),
    ],
)
def test_a_tier_is_what_is_said_or_what_the_test_takes(
    marks: tuple[str, ...], fixtures: tuple[str, ...], path: str, tier: str
) -> None:
    assert find_tier(marks, fixtures, path) == tier


@pytest.mark.parametrize(
    ("marks", "fixtures", "says"),
    [
        (("unit", "slow"), (), "marked unit and slow"),
        (("unit",), ("s3",), "marked unit and takes what makes it integration"),
        (("integration", "engine"), (), "marked integration and takes what makes it slow"),
    ],
)
def test_a_tier_that_does_not_fit_is_refused(marks: tuple[str, ...], fixtures: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        find_tier(marks, fixtures, FILE)


def test_every_test_has_one_tier(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        tiers = {mark.name for mark in item.iter_markers()} & {"unit", "integration", "slow"}
        assert len(tiers) == 1, item.nodeid


def test_a_unit_test_starts_no_ray() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"a unit test calls ray\.init"):
        ray.init(address="local")
    assert not ray.is_initialized()


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-c", "from factory.cli.main import main; main()", "plan", "jobs/ad_copy"],
        [sys.executable, "-c", "from factory.cluster import connection; connection.use_ray(None)"],
        ["factory", "run", "jobs/ad_copy"],
        ["core/raylet", "--port=0"],
    ],
)
def test_a_unit_test_starts_no_command_and_no_cluster(command: list[str]) -> None:
    with pytest.raises(pytest.fail.Exception, match="a unit test starts"):
        subprocess.run(command, check=True)


def test_a_unit_test_cannot_call_the_command_by_its_helper() -> None:
    with pytest.raises(pytest.fail.Exception, match="a unit test starts"):
        call_factory("plan", "jobs/ad_copy")


def test_a_unit_test_starts_no_s3_server(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="a unit test starts"), run_s3_server(tmp_path / "data"):
        pass


def test_a_unit_test_loads_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "vllm", raising=False)
    with pytest.raises(pytest.fail.Exception, match="a unit test imports vllm"):
        __import__("vllm")


def test_a_unit_test_reaches_this_machine_alone() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"a unit test connects to 192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 1), timeout=1)


@pytest.mark.integration
def test_other_tiers_start_what_they_like() -> None:
    done = subprocess.run([sys.executable, "-c", "'use_ray'"], check=True, env=dict(os.environ))
    assert done.returncode == 0

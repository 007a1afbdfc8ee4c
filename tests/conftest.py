"""Tiers and fixtures for every test. No test can reach a real cloud; those that ask for `s3` get a real server of their own."""

import os
import sys
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import settings
from xdist.remote import Producer

from tests.support.ray_cluster import RayCluster
from tests.support.s3_server import S3Server, run_s3_server
from tests.support.schedule import ENGINE_FILES, ByFile, sort_tests
from tests.support.tiers import find_tier, guard, refuse

# A change is judged on the same examples each time; new ones are found by running the tests without CI.
# How long an example takes says how busy the machine is.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("own", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "own")

_UNSET = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_SESSION_TOKEN")
_FAKE = {
    "AWS_ACCESS_KEY_ID": "fake-access-key",
    "AWS_SECRET_ACCESS_KEY": "fake-secret-key",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """With -n, share the tests out by file."""
    return ByFile(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the mark of its tier, before -m chooses among them, and put the long ones first."""
    for item in items:
        path = item.nodeid.partition("::")[0]
        marks = {mark.name for mark in item.iter_markers()}
        try:
            tier = find_tier(marks, getattr(item, "fixturenames", ()), path)
        except ValueError as error:
            raise pytest.UsageError(f"{item.nodeid}: {error}") from error
        if tier not in marks:
            item.add_marker(tier)
        if "engine" in marks and path not in ENGINE_FILES:
            raise pytest.UsageError(f"{item.nodeid} loads an engine: add its file to tests/support/schedule.py")
    sort_tests(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold a unit test, and the fixtures that are set up for it, to what the tier promises."""
    guard(item.get_closest_marker("unit") is not None)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """What is torn down now may be what another tier has set up."""
    guard(is_unit=False)


@pytest.fixture(autouse=True)
def refuse_ray(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a unit test that joins a Ray cluster fail; one that starts Ray is seen by the process that it starts."""
    if request.node.get_closest_marker("unit") and "ray" in sys.modules:
        monkeypatch.setattr(sys.modules["ray"], "init", partial(refuse, "calls ray.init"))


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A running S3 server that the environment points to, for session fixtures as well as for tests."""
    with run_s3_server(tmp_path_factory.mktemp("s3") / "data") as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="session")
def ray_cluster(s3: S3Server) -> Iterator[str]:
    """The address of a Ray cluster of this machine that the commands of many tests join: see `call_here`.

    Its processes find the S3 server by their environment: a worker has that of its cluster, not that of the command.
    """
    cluster = RayCluster(os.environ | s3.environment)
    yield cluster.address
    cluster.stop()


@pytest.fixture(autouse=True)
def aws_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the environment at the server for tests that take or are marked `s3`; give others keys that open nothing."""
    variables = dict(_FAKE)
    for name in _UNSET:
        monkeypatch.delenv(name, raising=False)
    if "s3" in request.fixturenames or request.node.get_closest_marker("s3"):
        server: S3Server = request.getfixturevalue("s3")
        variables |= server.environment
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket(s3: S3Server) -> str:
    """A new, empty bucket: `s3://<name>`."""
    return f"s3://{s3.make_bucket()}"

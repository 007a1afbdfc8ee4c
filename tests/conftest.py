"""Fixtures for every test: no test can reach a real cloud, and the tests that ask for `s3` get a real server of their own."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.support.s3_server import S3Server, run_s3_server

# A change is judged on the same examples each time; new ones are found by running the tests without CI.
# How long an example takes says how busy the machine is.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("own", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "own")

ENGINE_FILES = {"tests/chaos/test_chaos.py", "tests/stories/test_end_to_end.py", "tests/engines/test_vllm.py"}

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


class ByFile(LoadScopeScheduling):
    """Gives each process whole files of tests; all that load vLLM go to one: there is memory for one engine at a time."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "engine" if file in ENGINE_FILES else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """With -n, take the scheduler above."""
    config.option.loadscopereorder = False  # the long ones come first by name
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hold ENGINE_FILES to what it says."""
    marked = {item.nodeid.partition("::")[0] for item in items if item.get_closest_marker("engine")}
    if marked - ENGINE_FILES:
        raise pytest.UsageError(f"ENGINE_FILES in tests/conftest.py lacks {sorted(marked - ENGINE_FILES)}")


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A running S3 server that the environment points to, for session fixtures as well as for tests."""
    with run_s3_server(tmp_path_factory.mktemp("s3") / "data") as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


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

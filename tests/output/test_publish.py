"""Publishing: killed at any moment, an output is the old one, or has no manifest; doing it again makes the same files."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from io import BytesIO
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from factory.errors import OutputError
from factory.output.finalize import EndedRun
from factory.output.tables.writer import FOLDERS
from factory.runs.state import read_manifest
from factory.storage.store import Store
from schemas.run import Manifest
from tests.support.fault_proxy import FaultProxy
from tests.support.finished_runs import IDS, Run, make_split
from tests.support.killed_end import start_end
from tests.support.s3_server import S3Server


def kill_end(run: Run, store: Store, fatal: int) -> int | None:
    """End the run in `store` and kill that at a change of the file system; return the exit code."""
    process = start_end(move(run, store), Path(store.uri) / "unused", fatal)
    process.join(120)
    return process.exitcode


def move(run: Run, store: Store) -> EndedRun:
    """The run, to be ended in another place that holds the same."""
    return EndedRun(store, run.spec, run.state, run.attempt, [make_split("u-1", 5)])


def make_run(tmp_path: Path, output: str = "") -> Run:
    """An output with a complete old result of two requests, and segments of two more."""
    run = Run(tmp_path, output=output)
    run.finish(IDS[:2])
    run.end()
    run.store.write_bytes("assets/placement=gone/part-00003.parquet", b"of an older job")
    run.finish(IDS[2:])
    return run


def read_tables(store: Store) -> dict[str, bytes]:
    return {info.path: store.read_bytes(info.path) for folder in FOLDERS for info in store.list(folder)}


def require_whole(store: Store) -> Manifest | None:
    """When there is a manifest, all that it names is there."""
    manifest = read_manifest(store)
    if manifest is not None:
        assert manifest.counts["accepted"] in (2, 4)
        for path, rows in manifest.files.items():
            with store.open_input(path) as file:
                assert pq.read_metadata(file).num_rows == rows, path
    return manifest


def require_mended(run: Run, store: Store, expected: dict[str, bytes]) -> None:
    """Ending the run again gives what an undisturbed end gives, and leaves nothing behind."""
    run.store = store
    run.end()
    assert read_tables(store) == expected
    manifest = require_whole(store)
    assert manifest is not None and manifest.counts["accepted"] == 4
    assert store.list("staging") == [] and store.exists("report.html")


@pytest.mark.integration
def test_a_local_end_may_be_killed_at_any_change(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    shutil.copytree(tmp_path / "out", tmp_path / "whole")
    process = start_end(move(run, Store(str(tmp_path / "whole"))), tmp_path / "told")
    process.join(120)
    assert process.exitcode == 0
    total = int((tmp_path / "told").read_text())
    expected = read_tables(Store(str(tmp_path / "whole")))
    assert "assets/placement=gone/part-00003.parquet" not in expected
    manifests = []
    for fatal in range(total - 25, total + 1, 3):
        shutil.copytree(tmp_path / "out", tmp_path / f"{fatal}")
        store = Store(str(tmp_path / f"{fatal}"))
        assert kill_end(run, store, fatal) == -signal.SIGKILL
        manifests.append(require_whole(store))
        require_mended(run, store, expected)
        assert list((tmp_path / f"{fatal}").rglob(".*.tmp")) == [], fatal
        assert not (tmp_path / f"{fatal}" / "staging").exists()
    assert manifests.count(None) >= 6, "most of these moments lie within the switch"


@pytest.mark.s3
@pytest.mark.parametrize("moment", ["on_request", "on_answer"])
def test_an_end_on_s3_may_be_killed_at_any_request(
    s3: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    run = make_run(tmp_path, f"{bucket}/whole")
    start = {info.path: run.store.read_bytes(info.path) for info in run.store.list()}
    undisturbed = start_end(move(run, run.store), tmp_path / "told")
    undisturbed.join(120)
    assert undisturbed.exitcode == 0
    expected = read_tables(run.store)
    assert "assets/placement=gone/part-00003.parquet" not in expected
    for fatal in (
        "manifest.json",
        "assets/placement=google_rsa/",
        "quarantine/",
        "report.json",
        "staging/",
        "manifest.json#2",
    ):
        store = Store(f"{bucket}/{fatal.strip('/')}")
        for path, data in start.items():
            store.write_bytes(path, data)
        path, _, number = fatal.partition("#")
        with FaultProxy(s3.endpoint) as proxy, monkeypatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
            killer = Killer(f"{fatal.strip('/')}/{path}", int(number or 1))
            setattr(proxy, moment, killer.look)
            process = start_end(move(run, store), tmp_path / "told")
            killer.aim(process.pid)
            process.join(120)
            assert process.exitcode == -signal.SIGKILL, fatal
        require_whole(store)
        require_mended(run, store, expected)


class Killer:
    """Kills a process at the `number`th change of what lies at `path` or below."""

    def __init__(self, path: str, number: int) -> None:
        self._path = path
        self._left = number
        self._lock = threading.Lock()
        self._target: Future[psutil.Process] = Future()

    def aim(self, pid: int | None) -> None:
        """Say which process it is. A change that comes before that waits for it."""
        self._target.set_result(psutil.Process(pid))

    def look(self, method: str, at: str, *_: object) -> None:
        """Take a request as the proxy hands it on; when it is the one, return when the process is gone."""
        with self._lock:
            if method in ("PUT", "DELETE") and at.partition("/")[2].partition("/")[2].startswith(self._path):
                self._left -= 1
                if self._left == 0:
                    process = self._target.result(60)
                    process.kill()
                    process.wait(60)


@pytest.mark.integration
def test_readers_find_whole_tables_while_they_are_switched(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.end()
    ended, found = threading.Event(), []

    def read() -> Iterator[int]:
        while not ended.is_set():
            for path in run.store.list("assets", ".parquet"):
                try:
                    data = (tmp_path / "out" / path.path).read_bytes()
                except FileNotFoundError:
                    continue  # switched away since it was listed
                yield pq.read_metadata(BytesIO(data)).num_rows

    thread = threading.Thread(target=lambda: found.extend(read()))
    thread.start()
    for _ in range(5):
        run.end()
    ended.set()
    thread.join()
    assert len(found) > 20 and set(found) <= {0, 4}


@pytest.mark.parametrize("refusals", [1, 2, 3, 6])
def test_who_lost_the_lease_publishes_nothing(tmp_path: Path, refusals: int) -> None:
    run = make_run(tmp_path)
    before = read_tables(run.store)
    calls = []

    def guard() -> None:
        calls.append(1)
        if len(calls) == refusals:
            raise OutputError("another took over")

    with pytest.raises(OutputError, match="another took over"):
        run.end(guard=guard)
    manifest = require_whole(run.store)
    if refusals <= 2:
        assert manifest is not None and manifest.counts["accepted"] == 2 and read_tables(run.store) == before
    else:
        assert manifest is None, "the new tables may be another's by now: not for this command to vouch for"


def test_tables_that_another_command_touched_are_not_vouched_for(tmp_path: Path) -> None:
    run = make_run(tmp_path)

    calls = []

    def meddle() -> None:
        calls.append(1)
        if len(calls) == 5:  # candidates/ has just been switched
            run.store.write_bytes("candidates/part-00009.parquet", b"of a command that does not know yet that it lost")

    with pytest.raises(OutputError, match="part-00009"):
        run.end(guard=meddle)
    assert not run.store.exists("manifest.json")
    run.end()
    assert require_whole(run.store) is not None


def test_what_killed_writers_left_goes_with_the_next_end(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for name in (f".{'a' * 32}.tmp", f"segments/text/.{'b' * 32}.tmp", "staging/old/assets/part-00000.parquet"):
        run.store.write_bytes(name, b"half")
    user = tmp_path / "out" / ".notes.tmp"
    user.write_bytes(b"the user's own")
    later = tmp_path / "out" / f".{'c' * 32}.tmp"
    later.write_bytes(b"written just now")
    os.utime(later, (time.time() + 3600,) * 2)
    run.end()
    assert {path.name for path in (tmp_path / "out").rglob(".*")} == {later.name, user.name}
    assert not (tmp_path / "out" / "staging").exists()

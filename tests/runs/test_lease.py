"""One driver at a time: real processes on real stores, killed, stopped, continued, with clocks a day off."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from factory.errors import FactoryError, OutputError, StorageError
from factory.runs.lease import find_driver, find_epoch, hold_lease
from factory.runs.lease_holder import LeaseHolder, name_heartbeat, read_holder
from factory.storage.store import Store
from tests.support.fault_proxy import Fault, FaultProxy, fail, reset_after
from tests.support.s3_server import S3Server

pytestmark = pytest.mark.integration  # several processes, which are killed and stopped

BOTH = [pytest.param("local"), pytest.param("s3", marks=pytest.mark.s3)]
BEAT, EXPIRY = 1.0, 3.0  # seconds: a busy machine may hold a heartbeat back for as long as three of them take
DAY = 86_400.0

# Holds the lease until its input ends; says each second word that a test waits for. A machine of its own makes it "remote".
HOLD = """
import sys, threading, time
from factory.runs import lease_holder
from factory.errors import OutputError
from factory.runs.lease import hold_lease
from factory.storage.store import Store
uri, beat, expiry, skew, machine = sys.argv[1:]
if machine:
    lease_holder.find_machine = lambda: machine
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
try:
    with hold_lease(Store(uri), "factory run one", float(beat), float(expiry), lambda: time.time() + float(skew)) as lease:
        print("holding", lease.epoch, flush=True)
        while not ended.wait(0.05):
            lease.check()
except OutputError as error:
    print("refused", error.message.replace(chr(10), " "), flush=True)
"""


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty output."""
    if request.param == "local":
        return Store(str(tmp_path / "out"))
    bucket: str = request.getfixturevalue("bucket")
    return Store(f"{bucket}/out")


class Driver:
    """A process that holds the lease, or was refused."""

    def __init__(self, store: Store, skew: float = 0.0, machine: str = "") -> None:
        command = [sys.executable, "-c", HOLD, store.uri, str(BEAT), str(EXPIRY), str(skew), machine]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self) -> str:
        """The next line that it prints: it says whether it holds the lease, or why it does not."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Let it end by itself."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=60)


@pytest.fixture
def drive(store: Store) -> Iterator[Callable[..., Driver]]:
    """Starts drivers; those still there at the end are killed."""
    with ExitStack() as stack:

        def start(skew: float = 0.0, machine: str = "") -> Driver:
            driver = Driver(store, skew, machine)
            stack.callback(driver.kill)
            return driver

        yield start


@contextmanager
def hold(store: Store) -> Iterator[None]:
    with hold_lease(store, "factory run two", BEAT, EXPIRY):
        yield


def test_of_many_at_once_one_wins(store: Store) -> None:
    for epoch in (1, 2):  # the second round takes what the first has released
        refused = threading.Semaphore(0)

        def try_it(number: int, refused: threading.Semaphore = refused) -> bool:
            try:
                with hold_lease(store, f"factory run {number}", BEAT, EXPIRY) as lease:
                    for _ in range(15):
                        assert refused.acquire(timeout=60)
                    lease.check()
            except OutputError:
                refused.release()
                return False
            return True

        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(try_it, range(16))).count(True) == 1
        assert find_epoch(store) == epoch


def test_of_many_processes_at_once_one_wins(store: Store, drive: Callable[..., Driver]) -> None:
    words = [driver.read().split()[0] for driver in [drive() for _ in range(5)]]
    assert sorted(words) == ["holding", *["refused"] * 4]


def test_a_second_one_is_told_who_holds_it(store: Store, drive: Callable[..., Driver]) -> None:
    driver = drive()
    assert driver.read() == "holding 1"
    with pytest.raises(OutputError) as caught, hold(store):
        pass
    words = str(caught.value)
    holder = read_holder(store, 1)
    assert holder is not None and holder.pid == driver.process.pid
    assert f"process {driver.process.pid} on {holder.host} since {holder.since}" in words
    assert (
        "'factory run one'" in words and re.search(r"last sign of life is \d s old", words) and "takes over" in words
    )
    assert caught.value.exit_code == 2
    assert driver.end() == 0


def test_a_released_lease_is_taken_at_once_and_cleaned(store: Store, drive: Callable[..., Driver]) -> None:
    driver = drive(machine="elsewhere")
    assert driver.read() == "holding 1"
    assert driver.end() == 0
    with hold_lease(store, "factory run", BEAT, EXPIRY, say=pytest.fail) as lease:
        assert lease.epoch == 2
        assert [info.path for info in store.list("lease")] == ["lease/2-beat.json", "lease/2.json"]
    assert json.loads(store.read_bytes("lease/2-beat.json"))["released"] is True


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, StorageError])
def test_it_is_released_on_every_way_out(tmp_path: Path, error: type[BaseException]) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(error), hold(store):
        raise error("out")
    with hold(store):
        pass


def test_a_killed_holder_on_this_machine_is_followed_at_once(store: Store, drive: Callable[..., Driver]) -> None:
    driver = drive()
    assert driver.read() == "holding 1"
    driver.process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, driver.process.pid, os.WEXITED | os.WNOWAIT)  # a zombie that nobody has waited for yet
    with hold_lease(store, "factory run", BEAT, EXPIRY, say=pytest.fail) as lease:
        assert lease.epoch == 2


def test_a_killed_holder_elsewhere_is_followed_after_the_expiry(store: Store, drive: Callable[..., Driver]) -> None:
    driver = drive(machine="elsewhere")
    assert driver.read() == "holding 1"
    driver.kill()
    with pytest.raises(OutputError, match="is being worked on"), hold(store):
        pass
    time.sleep(EXPIRY)
    said: list[str] = []
    with hold_lease(store, "factory run", BEAT, EXPIRY, say=said.append) as lease:
        assert lease.epoch == 2
    assert len(said) == 1 and "sign of life" in said[0]


@pytest.mark.parametrize("skew", [-DAY, DAY])
def test_a_wrong_clock_lets_nobody_take_over_from_the_living(
    store: Store, drive: Callable[..., Driver], skew: float
) -> None:
    driver = drive(skew=skew, machine="elsewhere")
    assert driver.read() == "holding 1"
    with pytest.raises(OutputError, match="sign of life just now"), hold(store):
        pass
    driver.kill()
    with hold(store):  # nor keeps it the dead one in office for a day
        assert find_epoch(store) == 2


def test_a_holder_that_was_stopped_finds_out(store: Store, drive: Callable[..., Driver]) -> None:
    driver = drive()
    assert driver.read() == "holding 1"
    driver.process.send_signal(signal.SIGSTOP)
    time.sleep(EXPIRY + 0.1)
    with hold(store):
        driver.process.send_signal(signal.SIGCONT)
        line = driver.read()
        assert line.startswith("refused") and "another took over: 'factory run two'" in line, line
        assert f"process {os.getpid()}" in line
        driver.process.wait(timeout=60)
        assert find_epoch(store) == 2, "it took its own leave, not ours"
    assert read_holder(store, 2) is not None


def test_a_removed_lease_is_lost(store: Store) -> None:
    with hold_lease(store, "factory run", BEAT, EXPIRY) as lease:
        store.delete("lease/1.json")
        with pytest.raises(OutputError, match="was removed"):  # until the next beat
            while True:
                lease.check()
                time.sleep(0.05)
    assert not store.exists("lease/1.json")


def test_whoever_comes_late_to_an_old_epoch_has_not_won(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first look was before epochs 1 to 3 came and went; epoch 1 is free again by then."""
    store = Store(str(tmp_path))
    with hold(store):
        pass
    store.write_bytes("lease/3.json", store.read_bytes("lease/1.json"))
    store.delete("lease/1.json")
    looks = [0]
    monkeypatch.setattr("factory.runs.lease.find_epoch", lambda at: looks.pop() if looks else find_epoch(at))
    with pytest.raises(OutputError, match="a moment faster"), hold(store):
        pass
    assert not store.exists("lease/1.json") and store.exists("lease/3.json")


def test_a_holder_file_that_is_none_of_ours_is_named(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_bytes("lease/7.json", b"{")
    with pytest.raises(OutputError, match=r"lease/7\.json cannot be read"), hold(store):
        pass


def test_a_holder_says_all_that_a_user_needs(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with hold(store):
        holder = LeaseHolder.model_validate_json(store.read_bytes("lease/1.json"))
    assert (holder.pid, holder.command) == (os.getpid(), "factory run two")
    assert holder.since.endswith("+00:00") and abs(holder.at - time.time()) < 60


@pytest.mark.s3
def test_storage_faults_neither_lose_the_lease_nor_hide_its_loss(
    s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultProxy(s3.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        store = Store(f"{bucket}/out")
        broken = [reset_after(), reset_after()]

        def break_puts(method: str, path: str, *_: object) -> Fault | None:
            return broken.pop() if broken and method == "PUT" and path.endswith("/1.json") else None

        proxy.rule = break_puts
        with hold_lease(store, "factory run", BEAT, EXPIRY) as lease:
            assert lease.epoch == 1 and not broken, "written, unheard of, and won all the same"
            proxy.rule = lambda *about: fail(503, "SlowDown") if about[3] else None
            time.sleep(2 * EXPIRY)
            proxy.rule = None
            lease.check()  # asks the store itself, after so long a silence
            assert json.loads(store.read_bytes(name_heartbeat(1)))["count"] > 1
            proxy.rule = lambda *about: fail(403, "AccessDenied") if about[3] else None
            with pytest.raises(FactoryError, match="denied"):  # while nothing can be proved, nobody drives
                while True:
                    lease.check()
                    time.sleep(0.05)
            proxy.rule = None


def test_who_drives_is_told_to_whoever_asks(store: Store) -> None:
    assert find_driver(store) == ""
    with hold_lease(store, "factory run night", BEAT, EXPIRY):
        told = find_driver(store)
        assert "'factory run night'" in told and f"process {os.getpid()}" in told and "s ago" in told
    assert find_driver(store) == ""

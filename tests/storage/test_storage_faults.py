"""Storage that goes wrong, by a proxy in front of a real S3 server: what passes is waited out, what does not is said at once."""

import os
import pickle
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from factory.errors import StorageError
from factory.storage import retries
from factory.storage.download import fetch_folder
from factory.storage.failures import name_failure
from factory.storage.store import Store
from tests.support.fault_proxy import Fault, FaultProxy, delay, fail, reset_after, reset_before, slow_down, truncate
from tests.support.s3_server import S3Server

pytestmark = pytest.mark.s3

PASSING = [
    fail(500, "InternalError"),
    fail(502, "BadGateway"),
    slow_down(),
    fail(504, "GatewayTimeout"),
    fail(429, "TooManyRequests"),
    fail(400, "RequestTimeout"),
    reset_before(),
    reset_after(),
    truncate(),
    delay(0.3),
]


@pytest.fixture
def proxy(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A proxy in front of the server, to which the environment points."""
    with FaultProxy(s3.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.02)
        yield proxy


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience, so that a test of giving up takes seconds."""
    monkeypatch.setattr(retries, "PATIENCE_SECONDS", 2.0)


class Twice:
    """A rule: the first two requests of each kind go wrong, the third is served."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.seen: Counter[str] = Counter()

    def __call__(self, *about: str | int) -> Fault | None:
        method, path = about[:2]
        if method == "HEAD" and self.fault.status == 400:  # an answer without a body cannot say that this 400 passes
            return None
        self.seen[f"{method} {path}"] += 1
        return self.fault if self.seen[f"{method} {path}"] <= 2 else None


class Always:
    """A rule: every request goes wrong."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def __call__(self, *_: str | int) -> Fault | None:
        return self.fault


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: f"{fault.kind}{fault.status or ''}{fault.code}")
def test_every_operation_outlives_what_passes(proxy: FaultProxy, bucket: str, fault: Fault, tmp_path: Path) -> None:
    proxy.rule = Twice(fault)
    store = Store(f"{bucket}/out")
    data = os.urandom(100_000)
    store.write_bytes("a/x", data)
    assert store.read_bytes("a/x") == data
    assert store.put_if_absent("once", b"token"), "nobody else writes here"
    assert not store.put_if_absent("once", b"other token")
    assert store.read_bytes("once") == b"token"
    assert store.size("a/x") == len(data) and store.exists("a/x") and not store.exists("a/y")
    assert [info.path for info in store.list()] == ["a/x", "once"]
    assert store.list_names() == ["a", "once"]
    with store.open_input("a/x") as file:
        assert file.read() == data
    proxy.rule = Twice(fault)
    fetch_folder(store.locate("a"), tmp_path / "a")
    assert (tmp_path / "a" / "x").read_bytes() == data
    proxy.rule = Twice(fault)
    store.replace_folder("a", "b")
    store.delete("once")
    assert [info.path for info in store.list()] == ["b/x"]


@pytest.mark.parametrize("fault", [slow_down(), reset_before(), truncate()], ids=lambda fault: fault.kind)
def test_large_files_and_tables_are_read_through_faults(proxy: FaultProxy, bucket: str, fault: Fault) -> None:
    store = Store(bucket)
    table = pa.table({"a": pa.array(os.urandom(8) for _ in range(1_200_000))})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="none", use_dictionary=False, row_group_size=100_000)
    store.write_bytes("t/big.parquet", sink.getvalue().to_pybytes())
    proxy.rule = lambda *about: fault if about[3] % 3 == 0 else None
    with store.open_input("t/big.parquet") as file:
        assert pq.read_table(file).equals(table)
    file_system, root = store.arrow_filesystem()
    assert ds.dataset(f"{root}/t", filesystem=file_system).to_table().equals(table)
    dataset = ds.FileSystemDataset.from_paths(
        [f"{root}/t/big.parquet"], table.schema, ds.ParquetFileFormat(), file_system
    )
    assert dataset.to_table().equals(table)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (fail(403, "AccessDenied"), "access was denied"),
        (fail(404, "NoSuchBucket"), "bucket that does not exist"),
        (fail(404, "NoSuchKey"), "does not exist"),
        (fail(507, "XMinioStorageFull"), "disk is full"),
        (fail(501, "NotImplemented"), "failed"),
    ],
)
def test_what_does_not_pass_stops_at_once(proxy: FaultProxy, bucket: str, fault: Fault, words: str) -> None:
    proxy.rule = Always(fault)
    for action in (lambda: Store(bucket).read_bytes("x"), lambda: Store(bucket).write_bytes("x", b"")):
        before = proxy.count
        with pytest.raises(StorageError, match=words) as caught:
            action()
        assert not caught.value.retryable
        assert proxy.count == before + 1


def test_giving_up_says_how_long_it_was_tried(proxy: FaultProxy, bucket: str, quick: None) -> None:
    proxy.rule = Always(slow_down())
    with pytest.raises(StorageError, match=r"overloaded.*tried \d+ times in \d+ s") as caught:
        Store(bucket).write_bytes("x", b"")
    assert caught.value.retryable and "later resumes" in caught.value.hint
    assert 2 < proxy.count < 100


def test_a_store_that_answered_may_be_away_for_a_while(
    s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused connections: longer than a store that never answered is waited for."""
    monkeypatch.setattr(retries, "FIRST_PATIENCE_SECONDS", 0.5)
    with FaultProxy(s3.endpoint) as first:
        monkeypatch.setenv("AWS_ENDPOINT_URL", first.endpoint)
        port = int(first.endpoint.rpartition(":")[2])
        store = Store(bucket)
        store.write_bytes("x", b"before")
    back = threading.Event()

    def come_back() -> None:
        time.sleep(3)
        with FaultProxy(s3.endpoint, port):
            back.wait()

    thread = threading.Thread(target=come_back)
    thread.start()
    try:
        assert store.read_bytes("x") == b"before"
    finally:
        back.set()
        thread.join()


def test_a_store_tells_the_process_it_is_sent_to_that_it_answers(proxy: FaultProxy, bucket: str) -> None:
    sent = pickle.dumps(Store(bucket))
    program = (
        "import sys, pickle; store = pickle.load(sys.stdin.buffer)\n"
        "from factory.storage import retries; from factory.storage.s3 import find_endpoint\n"
        "print(retries.has_answered(find_endpoint()))"
    )
    for expected in (b"False", b"True"):
        done = subprocess.run([sys.executable, "-c", program], input=sent, capture_output=True, check=True)
        assert done.stdout.strip() == expected
        Store(bucket).list()
        sent = pickle.dumps(Store(bucket))


def test_a_conditional_put_whose_answer_was_lost_knows_that_it_won(proxy: FaultProxy, bucket: str) -> None:
    faults = {1: reset_after(), 3: reset_after()}
    store = Store(bucket)
    proxy.rule = lambda *about: faults.get(about[3]) if about[0] == "PUT" else None
    assert store.put_if_absent("lock", b"mine")
    assert store.read_bytes("lock") == b"mine"
    proxy.rule = Twice(reset_after())
    assert not store.put_if_absent("lock", b"yours")
    assert store.read_bytes("lock") == b"mine"


def test_a_conditional_put_that_never_hears_may_have_written(proxy: FaultProxy, bucket: str, quick: None) -> None:
    proxy.rule = lambda *about: reset_after() if about[0] == "PUT" else None
    with pytest.raises(StorageError, match="cannot be reached") as caught:
        Store(bucket).put_if_absent("lock", b"mine")
    assert caught.value.retryable
    assert Store(bucket).read_bytes("lock") == b"mine"


def test_large_objects_are_one_request_and_leave_no_uploads(s3: S3Server, proxy: FaultProxy, bucket: str) -> None:
    asked: list[tuple[str, str]] = []
    proxy.on_request = lambda *about: asked.append((about[0], about[2]))
    proxy.rule = Twice(fail(500, "InternalError"))
    Store(bucket).write_bytes("big", b"x" * 120_000_000)
    assert [method for method, _ in asked] == ["PUT"] * 3 and not any("upload" in query for _, query in asked)
    assert Store(bucket).size("big") == 120_000_000
    uploads = s3.make_client().list_multipart_uploads(Bucket=bucket.removeprefix("s3://"))  # type: ignore[attr-defined]
    assert not uploads.get("Uploads")


def test_an_error_in_the_middle_of_a_folder_loses_nothing(proxy: FaultProxy, bucket: str) -> None:
    store = Store(bucket)
    for name in ("a/1", "a/2", "b/1", "b/old"):
        store.write_bytes(name, name.encode())
    denied: Callable[[str, str, str, int], Fault | None] = lambda *about: (  # noqa: E731
        fail(403, "AccessDenied") if about[0] == "PUT" and about[1].endswith("b/2") else None
    )
    proxy.rule = denied
    with pytest.raises(StorageError, match="denied"):
        store.replace_folder("a", "b")
    assert {info.path for info in store.list()} >= {"a/1", "a/2", "b/1", "b/old"}
    proxy.rule = None
    store.replace_folder("a", "b")
    assert [(info.path, store.read_bytes(info.path)) for info in store.list()] == [("b/1", b"a/1"), ("b/2", b"a/2")]


def test_an_own_error_is_not_tried_again() -> None:
    tries = []

    def fall_over() -> None:
        tries.append(1)
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="defect"), name_failure("x"):
        retries.persist(fall_over, "")
    assert len(tries) == 1

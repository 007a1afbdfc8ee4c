"""The store, local and on a real S3 server: whole files or none, one winner, errors that say what to do."""

import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from factory.errors import InputError, StorageError
from factory.storage.download import fetch_folder
from factory.storage.failures import classify, name_failure
from factory.storage.store import Store
from tests.support.parquet import make_rows, write_briefs
from tests.support.s3_server import S3Server

BOTH = [pytest.param("local"), pytest.param("s3", marks=pytest.mark.s3)]


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store at an awkward place: a space and a plus sign in its name. It has been through pickle, as Ray does."""
    if request.param == "local":
        return pickle.loads(pickle.dumps(Store(str(tmp_path / "a b+c"))))
    bucket: str = request.getfixturevalue("bucket")
    return pickle.loads(pickle.dumps(Store(f"{bucket}/a b+c")))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that takes `store` runs on both homes."""
    if "store" in metafunc.fixturenames:
        metafunc.parametrize("store", BOTH, indirect=True)


def test_files_are_written_read_listed_and_deleted(store: Store) -> None:
    store.write_bytes("x/y.txt", b"hello")
    store.write_bytes("x/é #1%20.txt", b"odd")
    store.write_bytes("xx.txt", b"")
    store.write_bytes("x/y.txt", b"again")
    assert store.read_bytes("x/y.txt") == b"again"
    assert store.read_bytes("x/é #1%20.txt") == b"odd"
    assert [(info.path, info.size) for info in store.list()] == [("x/y.txt", 5), ("x/é #1%20.txt", 3), ("xx.txt", 0)]
    assert [info.path for info in store.list("x", ".txt")] == ["x/y.txt", "x/é #1%20.txt"]
    assert store.list_names() == ["x", "xx.txt"]
    assert store.exists("x/y.txt") and not store.exists("x") and not store.exists("x/y")
    assert store.size("x/y.txt") == 5
    store.delete("x/y.txt")
    store.delete("x/y.txt")
    assert not store.exists("x/y.txt")
    assert store.list("no/such/folder") == [] and store.list_names("no/such/folder") is None


def test_the_end_of_a_file_is_read_alone(store: Store) -> None:
    store.write_bytes("a.bin", b"0123456789")
    store.write_bytes("empty.bin", b"")
    info, empty = store.list()
    assert [store.read_end(info, n) for n in (1, 4, 10, 99)] == [b"9", b"6789", b"0123456789", b"0123456789"]
    assert store.read_end(empty, 5) == b""
    store.delete("a.bin")
    with pytest.raises(StorageError, match=r"a\.bin"):
        store.read_end(info, 4)


def test_a_missing_file_is_named(store: Store) -> None:
    for read in (store.read_bytes, store.open_input, store.size):
        with pytest.raises(StorageError, match=r"a b\+c/none.txt does not exist"):
            read("none.txt")


def test_put_if_absent_has_one_winner(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: store.put_if_absent("lock", str(n).encode()), range(8)))
    assert won.count(True) == 1
    assert store.read_bytes("lock") == str(won.index(True)).encode()


def test_large_files_are_read_by_ranges(store: Store) -> None:
    data = os.urandom(9 * 1024 * 1024)  # more than is fetched whole
    store.write_bytes("big", data)
    with store.open_input("big") as file:
        file.seek(-7, os.SEEK_END)
        assert file.read() == data[-7:]
        file.seek(5_000_000)
        assert file.read(3) == data[5_000_000:5_000_003]


def test_pyarrow_reads_through_the_file_system(store: Store, tmp_path: Path) -> None:
    store.write_bytes("t/placement=a/p.parquet", write_briefs(tmp_path / "p.parquet", make_rows(2)).read_bytes())
    file_system, root = store.arrow_filesystem()
    table = ds.dataset(f"{root}/t", filesystem=file_system, partitioning="hive").to_table()
    assert table["placement"].to_pylist() == ["a", "a"]


def test_a_folder_takes_the_place_of_another(store: Store) -> None:
    for path in ("new/a=1/x", "new/y", "old/a=1/x", "old/a=2/z", "older"):
        store.write_bytes(path, path.encode())
    store.replace_folder("new", "old")
    assert [info.path for info in store.list()] == ["old/a=1/x", "old/y", "older"]
    assert store.enter("old").read_bytes("a=1/x") == b"new/a=1/x"
    store.replace_folder("old", "sub/first")
    assert [info.path for info in store.list()] == ["older", "sub/first/a=1/x", "sub/first/y"]
    store.delete_folder("sub")
    store.delete_folder("sub")
    assert [info.path for info in store.list()] == ["older"]


def test_only_our_own_old_temporary_files_are_removed(tmp_path: Path) -> None:
    ours, theirs, fresh = (tmp_path / "a" / name for name in (f".{'0' * 32}.tmp", ".x.tmp", f".{'1' * 32}.tmp"))
    ours.parent.mkdir()
    for path in (ours, theirs, fresh):
        path.write_bytes(b"half")
    os.utime(ours, (1000, 1000))
    assert Store(str(tmp_path)).delete_temporary(2000) == 1
    assert sorted(path.name for path in ours.parent.iterdir()) == sorted([theirs.name, fresh.name])


@pytest.mark.parametrize("rel", ["../x", "a/../../x", "/etc/passwd", "a\0b"])
def test_a_path_cannot_leave_the_store(tmp_path: Path, rel: str) -> None:
    with pytest.raises(StorageError, match="not a path inside"):
        Store(str(tmp_path)).write_bytes(rel, b"")


def test_a_failed_local_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    store = Store(str(tmp_path))
    store.write_bytes("kept", b"old")
    monkeypatch.setattr(os, "fsync", fill_disk)
    with pytest.raises(StorageError, match="disk is full") as caught:
        store.write_bytes("kept", b"new")
    with pytest.raises(StorageError, match="disk is full"):
        store.put_if_absent("other", b"new")
    assert "space" in caught.value.hint and not caught.value.retryable
    assert [path.name for path in tmp_path.iterdir()] == ["kept"] and (tmp_path / "kept").read_bytes() == b"old"


def test_a_really_full_disk_is_named() -> None:
    with pytest.raises(StorageError, match="disk is full"), name_failure("/dev/full"):
        Path("/dev/full").write_bytes(b"x" * 10)


# Fills a disk of one megabyte, mounted for this process alone, and says what it finds.
FILL = """
import os, sys
from factory.errors import StorageError
from factory.storage.store import Store
store = Store(sys.argv[1])
store.write_bytes("kept", b"old" * 100_000)
for write in (store.write_bytes, store.put_if_absent):
    for name in ("kept", "new"):
        try:
            write(name, os.urandom(900_000))
        except StorageError as error:
            print(error.retryable, "disk is full" in error.message)
print(sorted(os.listdir(sys.argv[1])), store.size("kept"))
"""


def test_on_a_full_disk_nothing_is_half_written(tmp_path: Path) -> None:
    mount = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"']
    if shutil.which("unshare") is None or subprocess.run([*mount, str(tmp_path), "true"]).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    command = [*mount, str(tmp_path), sys.executable, "-c", FILL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False True"] * 4 + ["['kept'] 300000"]


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    store, stop, sizes = Store(str(tmp_path)), threading.Event(), set()
    store.write_bytes("f", b"a" * 1_000_000)

    def watch() -> None:
        while not stop.is_set():
            sizes.add(len(store.read_bytes("f")))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for size in (2_000_000, 3_000_000) * 10:
        store.write_bytes("f", b"b" * size)
    stop.set()
    watcher.join()
    assert sizes <= {1_000_000, 2_000_000, 3_000_000}


def test_our_own_defects_are_not_called_storage_errors() -> None:
    with pytest.raises(KeyError), name_failure("x"):
        raise KeyError("defect")


@pytest.mark.s3
def test_wrong_keys_are_named_without_being_shown(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-abc")
    for action in (lambda: Store(bucket).read_bytes("x"), lambda: Store(bucket).exists("x"), Store(bucket).list):
        with pytest.raises(StorageError, match="access was denied") as caught:
            action()
        assert "AWS_SECRET_ACCESS_KEY" in caught.value.hint
        assert "wrong-secret-abc" not in str(caught.value)


@pytest.mark.s3
def test_no_keys_are_named(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StorageError, match="needs access keys") as caught:
        Store(bucket).read_bytes("x")
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint


@pytest.mark.s3
def test_a_missing_bucket_is_named(s3: S3Server) -> None:
    with pytest.raises(StorageError, match="bucket that does not exist") as caught:
        Store("s3://no-such-bucket/out").write_bytes("x", b"")
    assert s3.endpoint in caught.value.hint
    with pytest.raises(InputError, match="bucket that does not exist"):
        Store("s3://no-such-bucket/in", is_input=True).list()


def test_an_unreachable_endpoint_fails_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(StorageError, match="cannot be reached") as caught:
        Store("s3://bucket/out").list()
    assert time.monotonic() - started < 15
    assert "AWS_ENDPOINT_URL" in caught.value.hint and "127.0.0.1:9" in caught.value.hint


@pytest.mark.s3
def test_a_connection_lost_while_reading_is_a_storage_error(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(bucket)
    table = pa.table({"a": pa.array(os.urandom(8) for _ in range(1_100_000))})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="none", use_dictionary=False)
    store.write_bytes("big.parquet", sink.getvalue().to_pybytes())
    file = pq.ParquetFile(store.open_input("big.parquet"), buffer_size=1024, pre_buffer=False)
    Store(bucket).delete("big.parquet")
    with pytest.raises(StorageError, match=r"big\.parquet"):
        file.read()


def test_an_error_is_classified_by_what_caused_it() -> None:
    outer = OSError(5, "input/output error")
    outer.__cause__ = OSError(28, "no space")
    assert classify(outer) == "full"


def test_a_folder_is_fetched_whole_or_not_at_all(store: Store, tmp_path: Path) -> None:
    store.write_bytes("model/config.json", b"{}")
    store.write_bytes("model/sub/weights.bin", os.urandom(100_000))
    target = tmp_path / "cache" / "model"
    fetch_folder(store.locate("model"), target)
    assert (target / "sub" / "weights.bin").read_bytes() == store.read_bytes("model/sub/weights.bin")
    store.delete("model/config.json")
    fetch_folder(store.locate("model"), target)
    assert (target / "config.json").exists(), "a folder that is there is not fetched again"
    with pytest.raises(StorageError, match="holds no files"):
        fetch_folder(store.locate("nothing"), tmp_path / "cache" / "nothing")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["model"]


def test_too_small_a_disk_is_known_before_fetching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(str(tmp_path / "m")).write_bytes("w", b"x" * 10)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 9})())
    with pytest.raises(StorageError, match="GB free"):
        fetch_folder(str(tmp_path / "m"), tmp_path / "cache" / "m")
    assert not (tmp_path / "cache" / "m").exists()

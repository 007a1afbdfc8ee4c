"""Exactly-once: segment files are whole or absent, verified before they are trusted, and repeated work counts once."""

import json
import os
import pickle
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.errors import StorageError
from factory.journal.columns import SEGMENTS
from factory.journal.keys import make_keys
from factory.journal.prefetch import END_BYTES
from factory.journal.segments import (
    Finished,
    SegmentRow,
    iterate_rows,
    list_segments,
    make_name,
    read_finished,
    set_aside,
    write_segment,
)
from factory.storage.store import Store
from schemas.base import digest
from tests.support.s3_server import S3Server

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


def make_row(key: str, status: str = "accepted", payload: str = "{}") -> SegmentRow:
    """A row whose brief is called as its key."""
    return SegmentRow(key, status, f"brief {key}", "google_rsa", "en-US", payload)


def write(store: Store, rows: Sequence[SegmentRow], name: str | None = None) -> str:
    """Commit rows of run r1."""
    return write_segment(store, "text", rows, "r1", NOW, name)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty local output."""
    return Store(str(tmp_path / "out"))


def test_rows_come_back_as_they_were_written(store: Store) -> None:
    rows = [make_row(digest(n), payload=json.dumps({"text": "é 漢 🥾" * n})) for n in range(200)]
    name = write(store, rows)
    assert [info.path for info in list_segments(store, "text")] == [f"segments/text/{name}.parquet"]
    found = list(iterate_rows(store, "text"))
    assert [(row.request_id, row.brief_id, row.payload) for row in found] == [
        (row.request_id, row.brief_id, row.payload) for row in rows
    ]
    assert {(row.run_id, row.created_at) for row in found} == {("r1", NOW)}


def test_a_file_describes_itself(store: Store, tmp_path: Path) -> None:
    name = write(store, [make_row(digest(1)), make_row(digest(2), "rejected"), make_row("unit-1", "unit")])
    file = pq.ParquetFile(tmp_path / "out" / "segments" / "text" / f"{name}.parquet")
    about = json.loads(file.schema_arrow.metadata[b"factory.segment"])
    assert about["counts"] == {"accepted": 1, "rejected": 1, "unit": 1}
    assert (about["run_id"], about["phase"], about["scheme"]) == ("r1", "text", "1")
    assert file.schema_arrow.names == SEGMENTS.names


def test_names_are_unique_and_in_order_of_time(store: Store) -> None:
    names = [write(store, [make_row(digest(n))]) for n in range(20)]
    assert len(set(names)) == 20 and all(name.startswith("1795471200000-") for name in names)
    assert make_name(999, "aa") < make_name(1_000, "00")


def test_nothing_is_no_segment(store: Store) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        write(store, [])


def test_finished_knows_what_is_done(store: Store) -> None:
    done = [digest(n) for n in range(300)]
    states = ("accepted", "rejected", "quarantined")
    write(store, [make_row(key, states[n % 3]) for n, key in enumerate(done)])
    write(store, [make_row(digest("refused"), "refused"), make_row(digest("unit"), "unit"), make_row("short-id")])
    finished: Finished = pickle.loads(pickle.dumps(read_finished(store, "text")))
    assert len(finished) == 301 and finished.num_files == 2 and finished.damaged == []
    assert finished.counts == {"accepted": 101, "rejected": 100, "quarantined": 100, "refused": 1, "unit": 1}
    asked = [*done[:5], digest("new"), "short-id", digest("refused"), digest("unit"), "other", done[0].upper()]
    assert finished.contains(asked).tolist() == [True] * 5 + [False, True, False, False, False, False]
    assert done[7] in finished and digest("new") not in finished
    assert finished.contains([]).tolist() == []


def test_keys_with_zero_bytes_are_not_confused(store: Store) -> None:
    keys = ["00" * 16, "00" * 15 + "01", "01" + "00" * 15, "ff" * 16, "01" + "00" * 14 + "02"]
    write(store, [make_row(key) for key in keys[:4]])
    assert read_finished(store, "text").contains(keys).tolist() == [True] * 4 + [False]
    assert [row.request_id for row in iterate_rows(store, "text")] == keys[:4]


def test_an_output_without_segments_is_empty(store: Store) -> None:
    finished = read_finished(store, "text")
    assert (len(finished), finished.num_files) == (0, 0)
    assert not finished.contains([digest(1)]).any()
    assert list(iterate_rows(store, "text")) == []


def test_repeated_work_counts_once_and_the_first_file_wins(store: Store) -> None:
    write(store, [make_row(digest(1), "rejected", '{"n": 2}'), make_row(digest(2))], name=make_name(2, "b"))
    write(store, [make_row(digest(1), "accepted", '{"n": 1}')], name=make_name(1, "z"))
    write(store, [make_row(digest(3)), make_row(digest(3)), make_row(digest(2))], name=make_name(3, "a"))
    rows = list(iterate_rows(store, "text"))
    assert [(row.request_id, row.status) for row in rows] == [
        (digest(1), "accepted"),
        (digest(2), "accepted"),
        (digest(3), "accepted"),
    ]
    assert rows[0].payload == '{"n": 1}'
    counts = read_finished(store, "text").counts
    assert (counts["accepted"], counts["rejected"]) == (3, 0)


def flip_payload(data: bytes, path: Path) -> bytes:
    """The same file with another payload under the old description: what a bad disk or a bad hand leaves."""
    table = pq.read_table(pa.BufferReader(data))
    payload = pa.array(["{}" for _ in range(table.num_rows)])
    pq.write_table(table.set_column(table.schema.get_field_index("payload"), "payload", payload), path)
    return path.read_bytes()


def rewrite_status(data: bytes, path: Path) -> bytes:
    """The same file with other statuses under the old description."""
    table = pq.read_table(pa.BufferReader(data))
    status = pa.array(["rejected" for _ in range(table.num_rows)])
    pq.write_table(table.set_column(table.schema.get_field_index("status"), "status", status), path)
    return path.read_bytes()


@pytest.mark.parametrize(
    "damage", ["cut", "empty", "noise", "flipped id", "cut footer", "status", "foreign", "other phase"]
)
def test_what_is_damaged_or_foreign_is_set_aside_by_name(store: Store, tmp_path: Path, damage: str) -> None:
    write(store, [make_row(digest(1))], name="1-good")
    write(store, [make_row(digest(n), payload=json.dumps({"a": n})) for n in range(2, 90)], name="2-bad")
    path = "segments/text/2-bad.parquet"
    data = store.read_bytes(path)
    if damage == "other phase":
        store.write_bytes("segments/images/2-bad.parquet", data)
        damaged: list[tuple[str, str]] = []
        assert list(iterate_rows(store, "images", damaged)) == []
        assert [name for name, _ in damaged] == ["segments/images/2-bad.parquet"]
        return
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"request_id": [digest(5)], "status": ["accepted"]}), foreign)
    made = {
        "cut": data[:-20],
        "empty": b"",
        "noise": os.urandom(3000),
        "flipped id": flip_bit(data, locate_column(data, "request_id")),
        "cut footer": data[:-200] + data[-8:],
        "status": rewrite_status(data, tmp_path / "status.parquet"),
        "foreign": foreign.read_bytes(),
    }
    store.write_bytes(path, made[damage])
    finished = read_finished(store, "text")
    assert len(finished) == 1 and digest(5) not in finished
    assert [name for name, _ in finished.damaged] == [path] and finished.damaged[0][1]
    seen: list[tuple[str, str]] = []
    assert [row.request_id for row in iterate_rows(store, "text", seen)] == [digest(1)]
    assert [name for name, _ in seen] == [path] and seen[0][1]


def locate_column(data: bytes, name: str) -> int:
    """The middle of a column's bytes in the file."""
    metadata = pq.read_metadata(pa.BufferReader(data))
    column = metadata.row_group(0).column(metadata.schema.names.index(name))
    return int(column.data_page_offset) + int(column.total_compressed_size) // 2


def flip_bit(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :]


@pytest.mark.parametrize("damage", ["flipped bit", "payload"])
def test_a_damaged_payload_is_found_when_read_and_then_made_again(store: Store, tmp_path: Path, damage: str) -> None:
    write(store, [make_row(digest(1))], name="1-good")
    write(store, [make_row(digest(n), payload=json.dumps({"a": n})) for n in range(2, 90)], name="2-bad")
    path = "segments/text/2-bad.parquet"
    data = store.read_bytes(path)
    if damage == "payload":
        store.write_bytes(path, flip_payload(data, tmp_path / "flipped.parquet"))
    else:
        store.write_bytes(path, flip_bit(data, locate_column(data, "payload")))
    damaged: list[tuple[str, str]] = []
    wanted = set(make_keys(pa.array([digest(n) for n in range(1, 90)])).tolist())
    assert [row.request_id for row in iterate_rows(store, "text", damaged, wanted)] == [digest(1)]
    assert len(wanted) == 88, "what the damaged file held is missing, by its ids"
    assert [name for name, _ in damaged] == [path] and damaged[0][1]
    set_aside(store, damaged)
    set_aside(store, damaged)  # harmless
    finished = read_finished(store, "text")
    assert len(finished) == 1 and finished.num_files == 1, "a file set aside must not make its requests look done"
    assert finished.damaged == [(path, f"set aside: {damaged[0][1]}")]
    assert [info.path for info in list_segments(store, "text")] == ["segments/text/1-good.parquet"]
    assert store.exists(path), "it stays, to be looked at"
    write(store, [make_row(digest(n)) for n in range(2, 90)], name="0-again")
    assert len(list(iterate_rows(store, "text"))) == len(read_finished(store, "text")) == 89


def test_a_status_of_another_time_is_not_done(store: Store) -> None:
    write(store, [make_row(digest(1), "postponed"), make_row(digest(2))])
    finished = read_finished(store, "text")
    assert digest(1) not in finished and digest(2) in finished
    assert finished.counts["accepted"] == 1


def test_refused_rows_are_known_too(store: Store) -> None:
    write(store, [make_row(digest("b"), "refused"), make_row(digest("a"), "refused"), make_row(digest(2))])
    refused = read_finished(store, "text").refused
    assert refused.tolist() == sorted(make_keys(pa.array([digest("a"), digest("b")])).tolist())


def test_a_resume_reads_the_end_of_a_file_alone(store: Store, tmp_path: Path) -> None:
    texts = ["".join(digest([n, m]) for m in range(16)) for n in range(256)]  # which do not shrink much
    write(store, [make_row(digest(n), payload=text) for n, text in enumerate(texts)], name="1-a")
    file = tmp_path / "out" / "segments" / "text" / "1-a.parquet"
    size = file.stat().st_size
    with file.open("r+b") as handle:
        handle.write(bytes(size - END_BYTES))  # were it read, it would not be good
    assert len(read_finished(store, "text")) == 256
    assert list(iterate_rows(store, "text")) == []


def test_a_file_of_many_rows_is_read_as_far_as_needed(store: Store) -> None:
    write(store, [make_row(digest(n), payload=digest(n)) for n in range(20_000)])
    assert len(read_finished(store, "text")) == 20_000


def test_a_writer_that_died_leaves_nothing_that_counts(store: Store, tmp_path: Path) -> None:
    write(store, [make_row(digest(1))], name="1-good")
    folder = tmp_path / "out" / "segments" / "text"
    (folder / ".4711.tmp").write_bytes((folder / "1-good.parquet").read_bytes()[:100])
    finished = read_finished(store, "text")
    assert (len(finished), finished.num_files, finished.damaged) == (1, 1, [])


def test_a_write_that_fails_commits_nothing_and_can_be_repeated(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StorageError):
            write(store, [make_row(digest(1))], name="1-a")
    assert list_segments(store, "text") == []
    write(store, [make_row(digest(1))], name="1-a")
    assert digest(1) in read_finished(store, "text")


def test_lone_surrogates_do_not_stop_a_write(store: Store) -> None:
    write(store, [make_row(digest(1), payload='{"raw": "a\ud800b"}'), make_row(digest(2), payload='"🥾"')])
    assert [row.payload for row in iterate_rows(store, "text")] == ['{"raw": "a\ufffdb"}', '"🥾"']


def test_many_ids_are_held_in_little_memory(store: Store) -> None:
    for part in range(4):
        write(store, [make_row(digest([part, n])) for n in range(5000)])
    finished = read_finished(store, "text")
    assert finished.keys.nbytes == 16 * 20_000
    assert bool(np.all(finished.keys[1:] > finished.keys[:-1]))


@pytest.mark.s3
def test_segments_on_s3_are_the_same(s3: S3Server, bucket: str) -> None:
    store = Store(f"{bucket}/night 1")
    for n in range(12):
        write(store, [make_row(digest([n, m])) for m in range(10)])
    store.write_bytes("segments/text/0-torn.parquet", b"PAR1")
    finished = read_finished(store, "text")
    assert len(finished) == 120 and [name for name, _ in finished.damaged] == ["segments/text/0-torn.parquet"]
    assert len(list(iterate_rows(store, "text"))) == 120

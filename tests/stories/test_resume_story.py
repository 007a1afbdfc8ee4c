"""Going on, as a user sees it: nothing finished is read or made again, and what storage spoilt is made again, not lost."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.storage.store import Store
from tests.support.commands import call_here
from tests.support.jobs import Ended, check_law, drop_run, make_job, make_product_rows, read_manifest, read_rows

pytestmark = pytest.mark.integration

SETTINGS = {"execution": {"commit_rows": 5, "commit_seconds": 2, "unit_rows": 4, "text": {"batch_rows": 2}}}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, ray_cluster: str) -> Path:
    """A job of twelve rows, one of them refused, in three units; it has been run to its end. Not to be changed."""
    rows = make_product_rows(12)
    rows[5]["price"] = -1.0
    folder = make_job(tmp_path_factory.mktemp("resume") / "job", rows, **SETTINGS, placements=["meta_feed"])
    ended = run(folder, ray_cluster)
    assert ended.code == 0, ended.err
    return folder


@pytest.fixture
def job(finished: Path) -> Iterator[Path]:
    """The finished job, for one test to change: it must lie where it was, for that is part of what its units are."""
    kept = finished.with_name("kept")
    shutil.copytree(finished, kept)
    yield finished
    shutil.rmtree(finished)
    kept.rename(finished)


def run(job: Path, ray_cluster: str) -> Ended:
    return call_here("run", job, "--set", "execution.max_quarantine_rate=1", "--json", RAY_ADDRESS=ray_cluster)


def resume(job: Path, ray_cluster: str) -> dict[str, object]:
    """Run again, as if the last command had died before its end; return what it says."""
    Store(str(job / "out")).delete("manifest.json")
    ended = run(job, ray_cluster)
    return ended.data | {"code": ended.code, "out": ended.out}


def test_a_run_whose_units_are_all_finished_gives_the_same_without_reading(job: Path, ray_cluster: str) -> None:
    out = job / "out"
    before, assets = read_manifest(out), read_rows(out, "assets")
    said = resume(job, ray_cluster)
    assert (said["code"], said["generated"]) == (0, 0)
    counts = read_manifest(out)["counts"]
    assert counts == before["counts"] | {"skipped": counts["planned"]}
    assert counts["planned"] == 11 and counts["refused"] == 1
    check_law(counts)
    assert read_rows(out, "assets") == assets
    # Its own record of the units is one file that refers to the first command's three.
    files = sorted((out / "segments" / "plan").glob("*.parquet"))
    rows = [pq.read_metadata(file).num_rows for file in files]
    assert rows == [1, 1, 1, 3]


def test_a_payload_that_storage_spoilt_is_named_and_made_again(job: Path, ray_cluster: str) -> None:
    out = job / "out"
    assets = drop_run(read_rows(out, "assets"))
    file = max((out / "segments" / "text").glob("*.parquet"), key=lambda path: path.stat().st_size)
    data = file.read_bytes()
    metadata = pq.read_metadata(pa.BufferReader(data))
    column = metadata.row_group(0).column(metadata.schema.names.index("payload"))
    at = column.data_page_offset + column.total_compressed_size // 2
    file.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    requests = [each for each in pq.read_table(file, columns=["status"])["status"].to_pylist() if each != "refused"]

    said = resume(job, ray_cluster)
    counts = read_manifest(out)["counts"]
    assert (said["code"], said["generated"]) == (3, 0)
    assert counts["remaining"] == len(requests) > 0
    check_law(counts)
    assert file.name in str(said["out"]) and "set aside" in str(said["out"])

    ended = run(job, ray_cluster)
    assert ended.code == 0, ended.err
    assert ended.data["generated"] == len(requests), "exactly what was lost"
    assert drop_run(read_rows(out, "assets")) == assets

"""The same job on S3 as on the disk: a real server, the same rows, and nothing done twice."""

from pathlib import Path

import pytest

from factory.storage.store import Store
from tests.support.commands import call_here
from tests.support.jobs import call_factory, check_law, drop_run, make_job, make_product_rows, read_manifest, read_rows

EXECUTION = {"commit_seconds": 1, "text": {"engine_options": {"fault_rate": 0.3}}}


@pytest.mark.s3
def test_a_run_on_s3_gives_what_a_local_run_gives(tmp_path: Path, bucket: str, ray_cluster: str) -> None:
    rows = make_product_rows(4)
    rows[2] = rows[2] | {"currency": "EURO"}
    job = make_job(tmp_path / "job", rows, execution=EXECUTION | {"max_quarantine_rate": 0.5})
    local = call_here("run", job, "--json", RAY_ADDRESS=ray_cluster)
    assert local.code == 0, local.err

    store = Store(bucket)
    store.write_bytes("briefs/briefs.parquet", (job / "briefs.parquet").read_bytes())
    away = call_factory("run", job, "--briefs", f"{bucket}/briefs/", "--output", f"{bucket}/night1", "--json")
    assert away.code == 0, away.err
    assert away.data["report"] == f"{bucket}/night1/report.html"
    check_law(away.data["counts"])
    for table in ("assets", "candidates", "quarantine"):
        ours = drop_run(read_rows(job / "out", table))
        assert ours and drop_run(read_rows(f"{bucket}/night1", table)) == ours, table
    assert read_manifest(f"{bucket}/night1")["counts"] == read_manifest(job / "out")["counts"]
    assert not (job / "s3:").exists() and not Path("s3:").exists()

    before = {info.path: info.etag for info in store.list("night1")}
    again = call_here("run", job, "--briefs", f"{bucket}/briefs/", "--output", f"{bucket}/night1", "--json")
    assert again.code == 0 and again.data["generated"] == 0 and "Nothing" in again.out
    assert {info.path: info.etag for info in store.list("night1")} == before
    status = call_here("status", f"{bucket}/night1", "--json")
    assert status.code == 0 and status.data["state"] == "done" and status.data["refused"] == 1
    other = make_job(tmp_path / "other", name="other-job")
    assert call_here("run", other, "--output", f"{bucket}/night1").code == 2

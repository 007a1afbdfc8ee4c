"""Where the plans run: one S3 server with a proxy before it, the jobs, and what an undisturbed run of each comes to."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from factory.journal.failures import read_failures
from factory.journal.phases import FAILED_PHASE, IMAGES_FAILED_PHASE
from factory.journal.segments import iterate_rows
from factory.storage.store import Store
from tests.chaos.pictures import list_pictures, make_job_with_pictures
from tests.chaos.plans import Plan
from tests.chaos.runner import Command
from tests.support.fault_proxy import FaultProxy
from tests.support.jobs import drop_run, make_job, make_product_rows, read_manifest, read_rows
from tests.support.paths import ROOT
from tests.support.s3_server import S3Server, run_s3_server
from tests.support.tiny_llama import build_tiny_llama

# Of each answer while a job is being hurt: 80 requests, a few at a time, are worked on for some seconds.
DELAY_MS = 500
UNIT_ROWS = 10
PAGE = 4096
POISON_ROW = 17
PHASES = ("text", "images")  # whose segment files are the work itself
POISON_NAME = "Poison Apple"


@dataclass(frozen=True, slots=True)
class Truth:
    """What a run comes to: its requests, refused rows and creatives by id, its tables without what differs between runs, its
    counts, and its picture files.
    """

    ids: frozenset[str]
    rows: Mapping[str, list[dict[str, Any]]]
    counts: Mapping[str, int]
    pictures: frozenset[str] = frozenset()


@dataclass(slots=True)
class Lab:
    """A server and a folder for all plans of a process, and the Ray cluster that undisturbed runs join, else they start one."""

    server: S3Server
    proxy: FaultProxy
    folder: Path
    ray_address: str = ""
    known: dict[str, Truth] = field(default_factory=dict)

    def find_job(self, shape: str) -> Path:
        """The job folder of a shape; poison is an option of the engine, so those share the plain job's rows but for one."""
        job = self.folder / "jobs" / shape
        if job.exists():
            return job
        if shape == "pictures":
            return make_job_with_pictures(job)
        execution: dict[str, Any] = {"max_quarantine_rate": 0.5, "unit_rows": UNIT_ROWS}
        if shape == "vllm":
            # float32: texts are then the same in any batch.
            execution["text"] = {"engine_options": {"dtype": "float32"}, "max_model_len": 1024}
            model = str(build_tiny_llama(self.folder / "model"))
            text = {"template": "ad.j2", "model": model, "candidates": 1, "max_repairs": 0}
            # Enough rows that some are being written when the scorer is loaded and the first are committed.
            return make_job(job, make_product_rows(20), placements=["meta_feed"], text=text, execution=execution)
        rows = make_product_rows(30 if shape == "spoilt" else 40)
        if shape == "spoilt":
            rows[7] |= {"currency": "EURO"}
            execution["text"] = {"engine_options": {"fault_rate": 0.3}}
        if shape.startswith("poison"):
            rows[POISON_ROW] |= {"product_name": POISON_NAME}
        return make_job(job, rows, execution=execution)

    def find_truth(self, shape: str) -> Truth:
        """What the shape's job comes to when nobody disturbs it; run once in this process."""
        if shape not in self.known:
            output = self.folder / "undisturbed" / shape
            arguments = ["run", str(self.find_job(shape)), "--output", str(output)]
            env = self.make_environment() | ({"RAY_ADDRESS": self.ray_address} if self.ray_address else {})
            command = Command(arguments, env, self.folder)
            ended = command.wait(600)
            command.end_all()
            shutil.rmtree(env["TMPDIR"], ignore_errors=True)
            if ended.code != 0:
                raise RuntimeError(f"the undisturbed run of {shape} failed: {ended.err}")
            self.known[shape] = read_truth(str(output))
        return self.known[shape]

    def make_environment(self) -> dict[str, str]:
        """The variables of a command; scratch files of the factory and of Ray go to a short path, as sockets need."""
        keys = self.server.environment | {"AWS_ENDPOINT_URL": self.proxy.endpoint}
        scratch = tempfile.mkdtemp(prefix="cx", dir="/tmp")
        return {**os.environ, **keys, "TMPDIR": scratch, "RAY_TMPDIR": scratch, "PYTHONPATH": str(ROOT)}

    def measure_disk(self, plan: Plan) -> int:
        """Bytes of the small disk of a plan: a share of what its undisturbed output takes, in whole pages."""
        share = next((fault.amount for fault in plan.faults if fault.kind == "disk_full"), 1.0)
        self.find_truth(plan.shape)
        files = [each for each in (self.folder / "undisturbed" / plan.shape).rglob("*") if each.is_file()]
        return int(share * sum(-(-each.stat().st_size // PAGE) * PAGE for each in files))

    @contextmanager
    def reach_server(self) -> Iterator[None]:
        """Let this process look at the store itself, past the proxy."""
        saved = dict(os.environ)
        os.environ.update(self.server.environment)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(saved)


@contextmanager
def open_lab(folder: Path, ray_address: str = "") -> Iterator[Lab]:
    """Start the server and the proxy; everything is below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with run_s3_server(folder / "s3") as server, FaultProxy(server.endpoint) as proxy:
        lab = Lab(server, proxy, folder, ray_address)
        with lab.reach_server():
            yield lab
    shutil.rmtree(folder / "s3", ignore_errors=True)


def read_truth(output: str) -> Truth:
    """Read what a finished output holds."""
    store = Store(output)
    ids = {row.request_id for phase in PHASES for row in iterate_rows(store, phase) if row.status != "unit"}
    for phase in (FAILED_PHASE, IMAGES_FAILED_PHASE):
        ids |= set(read_failures(store, phase).find_final())
    manifest = read_manifest(output)
    tables = sorted({path.partition("/")[0] for path in manifest["files"]})
    rows = {table: drop_run(read_rows(output, table)) for table in tables}
    for row in rows["quarantine"]:
        if row["stage"] == "images":
            del row[
                "attempt"
            ]  # a death of its process may have cost a creative a try before its picture was found missing
    return Truth(frozenset(ids), rows, manifest["counts"], list_pictures(store))


def is_poisoned(row: Mapping[str, Any]) -> bool:
    """Whether a row of a table is of the brief that kills the engine."""
    return row.get("brief_id") == f"b-{POISON_ROW}"

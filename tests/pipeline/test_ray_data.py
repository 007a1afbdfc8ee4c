"""What the flow asks of a cluster: from a real private one, and from the numbers that a larger one would tell."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray

from factory.cluster import resources
from factory.cluster.resources import READ_CPUS, plan_image_resources, plan_resources
from factory.config.job import RunSpec
from factory.errors import JobError, StorageError
from factory.pipeline import ray_data
from factory.runs.planning import Options, prepare_job
from tests.support.image_jobs import make_picture_job
from tests.support.paths import ROOT
from tests.support.tiny_pipelines import build_tiny_pipeline

pytestmark = pytest.mark.integration

JOB = str(ROOT / "jobs" / "ad_copy")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        # Unsaid, Ray would turn tokens on for the rest of this process, and drop it from clusters without them.
        patch.setenv("RAY_AUTH_MODE", "disabled")
        ray.init(address="local", num_cpus=4, num_gpus=0, include_dashboard=False)
        yield
        ray.shutdown()


def make_spec(*sets: str) -> RunSpec:
    spec = prepare_job(JOB, Options(["text.model=scripted", *sets])).spec
    return replace(spec, model="some/model")


def test_without_gpus_one_engine_shares_the_cores(cluster: None) -> None:
    found = plan_resources(make_spec())
    assert (found.replicas, found.text_gpus, found.total_gpus) == (1, 0.0, 0.0)
    assert found.text_cpus + found.finish_cpus + READ_CPUS < 4


def test_a_private_machine_is_paid_for_whole_and_a_shared_one_by_what_is_booked(cluster: None) -> None:
    assert plan_resources(make_spec()).total_cpus == os.cpu_count()
    assert plan_resources(make_spec("execution.ray_address=auto")).total_cpus == 1.25


def test_gpus_that_this_machine_lacks_are_refused(cluster: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(JobError, match="asks for 2 GPUs and this machine has 0"):
        plan_resources(make_spec("execution.text.gpus=2"))


def test_a_cluster_may_bring_up_what_is_asked_for(cluster: None) -> None:
    spec = make_spec("execution.text.gpus=2", "execution.text.replicas=3", "execution.ray_address=auto")
    assert plan_resources(spec).total_gpus == 6


def test_a_gpu_build_without_a_gpu_in_sight_says_what_to_set(cluster: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_cpu_build() -> bool:
        return False

    monkeypatch.setattr(resources, "runs_on_cpu", no_cpu_build)
    with pytest.raises(JobError, match="needs GPUs, and Ray shows none") as caught:
        plan_resources(make_spec("execution.ray_address=auto"))
    assert "execution.text.gpus" in caught.value.hint


def test_every_gpu_gets_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def show_resources() -> dict[str, Any]:
        return {"CPU": 64.0, "GPU": 8.0}

    monkeypatch.setattr(ray, "cluster_resources", show_resources)
    parallel = 'execution.text.engine_options={"tensor_parallel_size": 2}'
    assert plan_resources(make_spec()).replicas == 8
    found = plan_resources(make_spec(parallel))
    assert (found.replicas, found.text_gpus, found.finish_replicas) == (4, 2.0, 8)


@pytest.mark.parametrize(("nodes", "cpus"), [(1, 2), (1, 64), (2, 2), (12, 8)])
def test_picture_processes_fill_a_cluster_and_leave_room_for_rows_to_come_on_some_node(
    monkeypatch: pytest.MonkeyPatch, nodes: int, cpus: int
) -> None:
    def show_resources() -> dict[str, Any]:
        return {"CPU": float(nodes * cpus)}

    def list_nodes() -> set[str]:
        return set(map(str, range(nodes)))

    monkeypatch.setattr(ray, "cluster_resources", show_resources)
    monkeypatch.setattr(resources, "list_nodes", list_nodes)
    found = plan_image_resources(make_spec())
    assert found.replicas == nodes * cpus
    free = nodes * cpus - found.replicas * found.cpus  # some node has the mean of it or more
    assert free / nodes >= 2 * READ_CPUS


def test_an_engine_that_draws_has_a_core_beside_those_that_compose(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    backdrop = {"engine": "diffusers", "model": str(build_tiny_pipeline(tmp_path / "model")), "prompt": "light"}
    spec = prepare_job(str(make_picture_job(tmp_path / "job", images={"backdrop": backdrop})), Options()).spec
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 16.0, "GPU": 2.0})
    monkeypatch.setattr(resources, "list_nodes", lambda: {"one"})
    found = plan_image_resources(spec)
    assert (found.backdrop_replicas, found.backdrop_gpus, found.replicas) == (2, 1.0, 14)


def test_rows_are_cut_into_blocks_where_less_than_a_cpu_is_free(cluster: None) -> None:
    held = ray.util.placement_group([{"CPU": 3.4}])
    ray.get(held.ready())
    sizes: list[int] = []

    def read() -> None:
        rows = ray_data._rebatch(
            ray.data.from_items([{"number": number} for number in range(5)], override_num_blocks=1), 2
        )
        sizes.extend(sorted(bundle.num_rows() for bundle in rows.iter_internal_ref_bundles()))

    reading = threading.Thread(target=read, daemon=True)  # who waits for a whole CPU waits for ever
    reading.start()
    reading.join(60)
    found = list(sizes)
    ray.util.remove_placement_group(held)
    reading.join(60)
    assert found == [1, 2, 2]


def test_an_error_of_ours_comes_out_of_a_task_as_it_was_raised(cluster: None) -> None:
    def fail() -> None:
        raise StorageError("the bucket is closed", "open it")

    with pytest.raises(ray.exceptions.RayError) as caught:
        ray.get(ray.remote(num_cpus=0)(fail).remote())
    assert str(ray_data._translate(caught.value)) == "the bucket is closed\n  fix: open it"


def test_who_asks_ray_after_its_end_does_not_start_it_again() -> None:
    program = """
import ray
from factory.cluster import connection
with connection.use_ray(None):
    pass
try:
    ray.put(1)
except Exception:  # whichever of its own Ray chooses
    print("refused", ray.is_initialized())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=180, check=False)
    assert done.stdout.splitlines()[-1:] == ["refused False"], done.stdout + done.stderr


def test_a_private_ray_ends_at_once_with_the_process_that_started_it() -> None:
    program = """
import os, signal
import psutil
from factory.cluster import connection
with connection.use_ray(None):
    print(*(child.pid for child in psutil.Process().children(recursive=True)), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, timeout=180, check=False)
    pids = [int(word) for word in done.stdout.splitlines()[-1].split()]
    until = time.monotonic() + 20
    while time.monotonic() < until and any(map(is_running, pids)):
        time.sleep(0.1)
    assert len(pids) > 3 and not list(filter(is_running, pids))


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

"""`factory bench resume` measures real resumes: its output is what a killed command leaves, its figures are of it."""

import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from factory.cli.bench import resume
from factory.cli.bench.processes import watch_until
from factory.cli.bench.resume_output import make_finished, read_samples
from factory.cli.bench.sample_job import write_job
from factory.journal.phases import PLAN_PHASE, TEXT_PHASE
from factory.journal.segments import iterate_rows, list_segments, read_finished
from factory.journal.split_records import find_progress
from factory.runs.planning import Options, prepare_job
from factory.storage.store import Store
from schemas.outcome import Outcome
from tests.support.commands import call_here

pytestmark = pytest.mark.slow


def test_an_output_is_made_as_a_killed_command_leaves_it(tmp_path: Path, ray_cluster: str) -> None:
    sample = write_job(tmp_path / "sample", 12)
    assert call_here("run", sample, RAY_ADDRESS=ray_cluster).code == 0
    samples = read_samples(Store(str(tmp_path / "sample" / "out")))
    prepared = prepare_job(str(write_job(tmp_path / "job", 600)), Options(("execution.unit_rows=100",)))
    make_finished(prepared, samples, 540)
    store = Store(prepared.spec.loaded.output_uri)
    finished = read_finished(store, TEXT_PHASE)
    assert len(finished) == 540 and not finished.damaged
    assert sum(not done for done in finished.contains(prepared.preview.request_ids)) == 60
    rows = {row.request_id: row for row in iterate_rows(store, TEXT_PHASE)}
    first = rows[prepared.preview.request_ids[0]]
    outcome = Outcome.model_validate_json(first.payload)
    assert outcome.request.request_id == first.request_id and outcome.request.brief.brief_id == first.brief_id
    assert outcome.status == first.status and outcome.candidates
    split = find_progress(prepared.source.splits, prepared.spec, store, prepared.duplicates, finished)
    assert len(prepared.source.splits) == len(list_segments(store, PLAN_PHASE)) == 6
    assert (len(split.left), split.num_new, split.unknown_rows) == (1, 60, 0)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, ray_cluster: str) -> dict[str, Any]:
    """The verb, run small; its commands are real processes that join one cluster."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"SAMPLE_REQUESTS": 16, "KILL_REQUESTS": 450, "KILL_FILES": 1, "DELAY_MS": 500}.items():
            patch.setattr(resume, name, value)
        patch.setenv("RAY_ADDRESS", ray_cluster)
        return resume.run_bench([1_000], str(tmp_path_factory.mktemp("resume") / "outputs"))


def test_its_figures_are_sane(measured: dict[str, Any]) -> None:
    (row,) = measured["rows"]
    assert row["finished"] == "1,000" and row["files"] == "4"
    assert row["seconds"] > 1 and row["CPU s"] > 1 and row["peak MiB"] > 100
    assert row["data MiB"] > 0
    killed, commit = measured["kill"], measured["kill"]["commit"]
    assert 0 < killed["committed"] < 450 == killed["committed"] + killed["generated"]
    assert killed["doubled"] == 0
    assert commit["requests"] == killed["generated"]
    assert commit["seconds"] > 0 and 0 < commit["share"] < 1
    assert "SIGKILL" in measured["summary"]


def test_it_leaves_nothing_behind(measured: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    assert measured["rows"]
    assert not list(tmp_path_factory.getbasetemp().glob("resume*/outputs/*"))


def test_a_command_is_watched_up_to_a_point_and_then_ended_with_all_below_it(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_SLEEP.format(str(mark))!r}])"
    usage = watch_until([sys.executable, "-c", program], mark.exists)
    assert usage.wall_seconds > 0.9
    pid = int(mark.read_text() or 0)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


_SLEEP = "import os, time; time.sleep(1); open({0!r}, 'w').write(str(os.getpid())); time.sleep(600)"

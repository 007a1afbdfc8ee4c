"""The benchmarks measure what they say: the jobs they make, the processes they watch, the rounds they pair."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from factory.cli.bench.engine import Pair, list_requests, plan_rounds
from factory.cli.bench.overhead import MODEL_REQUESTS, measure_models
from factory.cli.bench.processes import run_watched
from factory.cli.bench.rounds import (
    Round,
    load_prompts,
    open_gate,
    read_result,
    save_prompts,
    wait_for_file,
    wait_for_gate,
    write_result,
)
from factory.cli.bench.sample_job import CANDIDATES, make_rows, write_job
from factory.engines.base import Prompt
from factory.runs import planning
from schemas.job import Sampling

# Burns CPU in a grandchild that outlives its parent, and holds memory in itself.
_BURN = """
import subprocess, sys, time
if sys.argv[1] == "leaf":
    end = time.process_time() + 1.5
    while time.process_time() < end: pass
else:
    block = b"x" * (200 << 20)
    subprocess.run([sys.executable, sys.argv[0], "leaf"], check=True)
    print("said", len(block))
"""


def test_sample_job_has_as_many_different_requests_as_asked(tmp_path: Path) -> None:
    prepared = planning.prepare_job(str(write_job(tmp_path, 300)), planning.Options())
    assert prepared.preview.num_requests == len(set(prepared.preview.request_ids)) == 300
    assert not prepared.preview.refusals
    placement = next(iter(prepared.spec.loaded.placements.values()))
    assert len(placement.written) == 3
    assert prepared.spec.loaded.job.text.candidates == CANDIDATES == 2


def test_sample_briefs_differ_in_what_checks_cache() -> None:
    rows = list(make_rows(0, 400))
    assert len({row["description"] for row in rows}) == len({row["price"] for row in rows}) == 400


def test_engine_and_embedder_are_timed_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MODEL_REQUESTS >= 500, "fewer would be noise"
    monkeypatch.setattr("factory.cli.bench.overhead.MODEL_REQUESTS", 60)
    cost = measure_models(tmp_path)
    assert cost.engine > 0
    assert cost.embedder > 0


def test_watch_counts_grandchildren_and_peak_memory(tmp_path: Path) -> None:
    script = tmp_path / "burn.py"
    script.write_text(_BURN)
    usage = run_watched([sys.executable, str(script), "root"])
    assert usage.cpu_seconds > 1.2, "the grandchild's CPU time was missed"
    assert usage.peak_memory > 190 << 20
    assert usage.stdout.startswith("said")


def test_watched_command_that_fails_raises_with_its_words() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run_watched([sys.executable, "-c", "import sys; print('why', file=sys.stderr); sys.exit(3)"])
    assert caught.value.returncode == 3
    assert "why" in caught.value.stderr


def test_rounds_never_repeat_a_request(tmp_path: Path) -> None:
    requests = list_requests(planning.prepare_job(str(write_job(tmp_path, 20)), planning.Options()))
    rounds = plan_rounds(requests, 3, 16)
    assert [len(each) for each in rounds] == [16, 16, 16]
    every = [request for each in rounds for request in each]
    assert len({request.request_id for request in every}) == len({request.seed for request in every}) == 48
    assert every[20].brief is every[0].brief, "a job with too few briefs starts over"


def test_ratio_is_of_tokens_per_second() -> None:
    pair = Pair(ours=Round(seconds=10.0, output_tokens=900), peer=Round(seconds=5.0, output_tokens=500))
    assert pair.ratio == pytest.approx(0.9)


def test_prompts_and_results_travel_by_files(tmp_path: Path) -> None:
    prompt = Prompt([{"role": "user", "content": "a"}], {"type": "object"}, 8, Sampling(), seed=1, n=2)
    save_prompts(tmp_path, [[prompt], []])
    assert load_prompts(tmp_path) == [[prompt], []]
    write_result(tmp_path / "peer-0", {"seconds": 2.0, "output_tokens": 10})
    assert read_result(tmp_path / "peer-0").speed == 5.0
    assert json.loads((tmp_path / "peer-0").read_text())["output_tokens"] == 10


def test_gates_let_one_round_through_and_notice_a_dead_side(tmp_path: Path) -> None:
    open_gate(tmp_path, "ours", 0)
    wait_for_gate(tmp_path, "ours", 0, os.getppid())
    with pytest.raises(ChildProcessError):
        wait_for_gate(tmp_path, "ours", 1, parent=1 if os.getppid() != 1 else 2)
    with pytest.raises(TimeoutError):
        wait_for_file(tmp_path / "never", 0.1)
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
        with pytest.raises(ChildProcessError):
            wait_for_file(tmp_path / "never", 60, child)

"""The sample job on the real engine: vLLM on the CPU with the bundled model, through Ray Data.

As `make run` does it, but with fewer briefs, candidates and repairs, and one thread.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from factory.config.placements import load_placements
from factory.text.lengths import fits
from tests.support.commands import call_here
from tests.support.paths import ROOT

FACTORY = [sys.executable, "-c", "from factory.cli.main import main; main()"]


@dataclass(frozen=True)
class Run:
    """What one command left: its output folder, its last JSON line and its words."""

    output: Path
    result: dict[str, Any]
    stderr: str


def list_arguments(output: Path) -> list[str]:
    # Fewer texts, which no assertion needs more of. One thread: two on two cores wait for each other while another test has one.
    fewer = ["--set", "execution.text.cpus=1", "--set", "text.candidates=3", "--set", "text.max_repairs=1"]
    return ["run", "jobs/ad_copy", "--output", str(output), "--limit", "2", "--json", *fewer]


def _run(output: Path) -> Run:
    command = [*FACTORY, *list_arguments(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return Run(output, json.loads(done.stdout.splitlines()[-1]), done.stderr)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    before = {process.pid for process in psutil.process_iter()}
    yield _run(tmp_path_factory.mktemp("ad_copy") / "out")
    left = [p for p in psutil.process_iter(["name", "cmdline"]) if p.pid not in before and "VLLM" in str(p.info)]
    assert not left, f"engine processes outlived their run: {left}"


@pytest.mark.engine
def test_briefs_become_assets_that_the_channel_accepts(first: Run) -> None:
    counts = first.result["counts"]
    assert counts["planned"] == 6 == counts["accepted"] + counts["rejected"]
    assert counts["remaining"] == counts["quarantined"] == counts["refused"] == 0
    assets = pd.read_parquet(first.output / "assets")
    assert len(assets) == counts["assets"] >= 3
    placements = load_placements()
    for asset in assets.itertuples():
        placement = placements[str(asset.placement)]
        assert all(check["passed"] for check in asset.checks)
        assert 0 <= asset.score <= 1
        for name, items in asset.fields:
            assert all(fits(item, placement.field(name)) for item in items)


@pytest.mark.engine
def test_every_candidate_is_kept_with_its_reason(first: Run) -> None:
    candidates = pd.read_parquet(first.output / "candidates")
    assert candidates.request_id.nunique() == 6
    losers = candidates[candidates.status != "accepted"]
    assert len(losers) and losers.reason.str.len().gt(0).all()


@pytest.mark.engine
def test_the_judge_is_calibrated_before_it_counts(first: Run) -> None:
    judge = first.result["judge"]
    assert judge["num_pairs"] == 8 and 0 <= judge["auc"] <= 1
    assert (judge["weight"] > 0) == (judge["auc"] >= judge["minimum_auc"])


@pytest.mark.engine
def test_the_same_command_again_generates_nothing(first: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = {path: path.read_bytes() for path in (first.output / "segments").rglob("*.parquet")}
    monkeypatch.chdir(ROOT)
    again = call_here(*list_arguments(first.output))
    assert again.code == 0, again.err
    assert again.data["generated"] == 0
    assert {path: path.read_bytes() for path in (first.output / "segments").rglob("*.parquet")} == segments


@pytest.mark.engine
def test_noise_goes_to_the_log_and_words_to_the_terminal(first: Run) -> None:
    assert Path(first.result["log"]).stat().st_size > 0
    assert "starting" in first.stderr and "ray" not in first.stderr.replace("Ray", "").lower()

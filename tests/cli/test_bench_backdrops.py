"""`factory bench backdrops` with a tiny pipeline: the real images phase on Ray, a bare loop, and the engine's modes."""

from pathlib import Path

import pytest

from factory.cli.bench.backdrops_bare import MODES
from tests.support.commands import call_here
from tests.support.image_jobs import make_picture_job
from tests.support.tiny_pipelines import build_tiny_pipeline


@pytest.mark.slow
def test_both_sides_draw_what_the_job_asks_for(tmp_path: Path, ray_cluster: str) -> None:
    model = build_tiny_pipeline(tmp_path / "pipeline")
    backdrop = {"engine": "diffusers", "model": str(model), "prompt": "light on stone", "steps": 1, "max_side": 64}
    make_picture_job(tmp_path / "job", images={"backdrop": backdrop, "slots": ["feed_1x1", "feed_4x5"]})
    ended = call_here(
        "bench", "backdrops", tmp_path / "job", "--rounds", "1", "--no-compiled", "--json",
        "--set", "execution.images.batch_size=1", timeout=500, RAY_ADDRESS=ray_cluster,
    )  # fmt: skip
    assert ended.code == 0, ended.err[-3000:]
    assert ended.data["pictures"] == 4, "two products, two slots, one variant: of every call, not of the first alone"
    assert 0 < ended.data["busy_share"] <= 1
    assert len(ended.data["rows"]) == 2 + len(MODES) // 2
    assert all(row["pictures/s"] > 0 for row in ended.data["rows"])


@pytest.mark.integration
def test_a_job_without_a_picture_model_is_refused_with_the_way(tmp_path: Path) -> None:
    make_picture_job(tmp_path / "job")
    ended = call_here("bench", "backdrops", tmp_path / "job")
    assert ended.code == 2
    assert "images.backdrop.engine=diffusers" in ended.err

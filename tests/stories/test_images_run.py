"""The images phase as its user sees it: real Ray, scripted copy, procedural backdrops; then what becomes of a bad picture."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from factory.images.files.provenance import read_source_type
from factory.journal.segments import list_segments
from factory.storage.store import Store
from tests.support.commands import call_here
from tests.support.image_jobs import draw_product, make_picture_job, make_picture_rows
from tests.support.jobs import read_rows
from tests.support.parquet import write_briefs

pytestmark = pytest.mark.slow

SLOTS = ["feed_1x1", "feed_4x5"]
QUICK = {"commit_seconds": 2, "max_quarantine_rate": 1.0, "unit_rows": 4}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, ray_cluster: str) -> Path:
    """A job of four briefs, one of which names a picture that is not there; run once."""
    folder = tmp_path_factory.mktemp("pictures") / "job"
    rows = make_picture_rows(4)
    make_picture_job(folder, rows, {"slots": SLOTS}, execution=QUICK)
    (folder / rows[3]["image_uri"]).unlink()
    ended = call_here("run", folder, "--json", timeout=400, RAY_ADDRESS=ray_cluster)
    assert ended.code == 0, ended.err[-3000:]
    (folder / "first.json").write_text(json.dumps(ended.data), encoding="utf-8")
    return folder


def read_pictures(folder: Path) -> list[dict[str, Any]]:
    return [row for row in read_rows(folder / "out", "assets") if row["kind"] == "image"]


def test_every_creative_is_accounted_for(story: Path) -> None:
    counts = json.loads((story / "first.json").read_text())["counts"]
    made = {name.removeprefix("creatives_"): value for name, value in counts.items() if name.startswith("creatives_")}
    assert made == {
        "planned": 8, "skipped": 0, "accepted": 6, "rejected": 0, "quarantined": 2, "remaining": 0, "unread": 0,
    }  # fmt: skip
    assert counts["accepted"] == 4, "the text asset stands, whatever its picture"


def test_pictures_are_files_named_by_their_content_and_of_the_slot_s_size(story: Path) -> None:
    pictures = read_pictures(story)
    assert len(pictures) == 6
    for row in pictures:
        data = (story / "out" / row["image_uri"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"] == Path(row["image_uri"]).stem
        assert len(data) == row["num_bytes"]
        assert Image.open(story / "out" / row["image_uri"]).size == (row["width"], row["height"])
        assert (row["width"], row["height"]) == {"feed_1x1": (1080, 1080), "feed_4x5": (1080, 1350)}[row["slot"]]
        assert read_source_type(data) == row["digital_source_type"] == "compositeSynthetic"


def test_an_asset_tells_what_it_was_made_of(story: Path) -> None:
    texts = {row["asset_id"]: row for row in read_rows(story / "out", "assets") if row["kind"] == "text"}
    for row in read_pictures(story):
        text = texts[row["text_asset_id"]]
        assert (text["request_id"], text["brief_id"]) == (row["request_id"], row["brief_id"])
        source = (story / "pictures" / f"{row['brief_id']}.png").read_bytes()
        assert row["source_digest"] == hashlib.sha256(source).hexdigest()
        assert row["source_uri"].endswith(f"pictures/{row['brief_id']}.png")
        assert row["layout"] == "plain"
        assert len(row["layout_digest"]) == 32
        assert row["backdrop_engine"] == "procedural"
        assert row["checks"]
        assert all(check["passed"] for check in row["checks"])
        assert 0 < row["score"] <= 1


def test_a_missing_picture_is_named_in_quarantine(story: Path) -> None:
    rows = read_rows(story / "out", "quarantine")
    assert {(row["stage"], row["brief_id"], row["retryable"]) for row in rows} == {("images", "b-3", True)}
    assert len({row["creative_id"] for row in rows}) == 2
    assert all("pictures/b-3.png" in row["detail"] for row in rows)


def test_running_again_does_nothing_and_mended_pictures_are_retried_alone(story: Path, ray_cluster: str) -> None:
    again = call_here("run", story, "--json")
    assert again.code == 0, again.err[-3000:]
    assert again.data["generated"] == 0
    assert "Nothing to do" in again.out
    before = {row["creative_id"]: row["sha256"] for row in read_variants(story)}
    draw_product(story / "pictures" / "b-3.png", seed=9)
    retried = call_here("retry", story / "out", "--json", timeout=400, RAY_ADDRESS=ray_cluster)
    assert retried.code == 0, retried.err[-3000:]
    assert (retried.data["asked"], retried.data["saved"]) == (2, 2)
    assert retried.data["counts"]["creatives_accepted"] == 8
    assert retried.data["counts"]["creatives_skipped"] == 8, "those that failed before have a pass of their own"
    assert read_rows(story / "out", "quarantine") == []
    after = {row["creative_id"]: row["sha256"] for row in read_variants(story)}
    assert before.items() <= after.items()


def test_another_picture_remakes_its_creatives_and_no_text(story: Path, ray_cluster: str) -> None:
    rows = make_picture_rows(4)
    rows[0]["image_uri"] = "pictures/other.png"
    draw_product(story / "pictures" / "other.png", seed=21)
    write_briefs(story / "briefs.parquet", rows)
    ended = call_here("run", story, "--json", timeout=400, RAY_ADDRESS=ray_cluster)
    assert ended.code == 0, ended.err[-3000:]
    assert ended.data["counts"]["skipped"] == 4
    assert (ended.data["counts"]["creatives_planned"], ended.data["counts"]["creatives_skipped"]) == (8, 6)
    sources = {row["brief_id"]: row["source_uri"] for row in read_pictures(story)}
    assert sources["b-0"].endswith("pictures/other.png")
    assert len(read_pictures(story)) == 8, "what is no longer asked for has left the tables"


def test_a_killed_run_goes_on_and_gives_the_same_pictures(tmp_path: Path, ray_cluster: str) -> None:
    rows = make_picture_rows(8)
    execution = QUICK | {"commit_rows": 3, "commit_seconds": 0.5}
    folder = make_picture_job(tmp_path / "job", rows, execution=execution)
    whole = ("--output", tmp_path / "whole")
    undisturbed = call_here("run", folder, *whole, "--json", timeout=400, RAY_ADDRESS=ray_cluster)
    assert undisturbed.code == 0, undisturbed.err[-3000:]
    kill_amid_pictures(folder)
    assert not (folder / "out" / "manifest.json").exists()
    resumed = call_here("run", folder, "--json", timeout=400, RAY_ADDRESS=ray_cluster)
    assert resumed.code == 0, resumed.err[-3000:]
    assert resumed.data["counts"]["creatives_skipped"] > 0
    assert resumed.data["counts"]["creatives_accepted"] == 8
    known = [
        {row["asset_id"]: row["sha256"] for row in read_images(path)} for path in (tmp_path / "whole", folder / "out")
    ]
    assert known[0] == known[1]
    assert len(known[0]) == 8


def read_images(output: Path) -> list[dict[str, Any]]:
    return [row for row in read_rows(output, "assets") if row["kind"] == "image"]


def read_variants(folder: Path) -> list[dict[str, Any]]:
    """Pictures with their creative's id."""
    ids = {row["image_uri"]: row["creative_id"] for row in read_rows(folder / "out", "creatives") if row["image_uri"]}
    return [row | {"creative_id": ids[row["image_uri"]]} for row in read_pictures(folder)]


def kill_amid_pictures(folder: Path) -> None:
    """Start a run and kill its driver as soon as a first creative is on storage."""
    program = "import sys; sys.argv[0] = 'factory'; from factory.cli.main import main; main()"
    store = Store(str(folder / "out"))
    process = subprocess.Popen(
        [sys.executable, "-c", program, "run", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    until = time.monotonic() + 300
    while not list_segments(store, "images"):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)

"""What the creatives of a job share: what counts in its digest, so that finished work is found again, and what does not."""

from pathlib import Path
from typing import Any

import pytest

from factory.config.job import load_job
from factory.errors import JobError
from factory.images.product.cutout import ENGINES
from factory.images.setup import prepare_images
from factory.images.tasks import make_work
from schemas.outcome import Candidate
from tests.support.builders import make_request
from tests.support.image_jobs import make_picture_job

# Of the fixed job below, from the version before jobs could choose a cut-out engine. If this changes, every creative of every
# output that was made until then is made again.
DIGEST = "3ef8f13addbb8d1a6b88d944d9efae35"
CREATIVE = ("597816adcc13b53c5dae4eafa3f8db1a", 1501042346)


def digest_job(folder: Path, **images: Any) -> str:
    setup = prepare_images(load_job(str(make_picture_job(folder, images=images))))
    assert setup is not None
    return setup.digest


@pytest.mark.parametrize(
    "images",
    [
        {},
        {"product": {}},
        {"product": {"cutout": {"engine": "plain"}}},
        {"sources": {"hosts": ["pictures.example.com"]}},
    ],
)
def test_what_an_older_version_finished_is_found_done(tmp_path: Path, images: dict[str, Any]) -> None:
    assert digest_job(tmp_path, **images) == DIGEST


def test_creatives_keep_their_ids(tmp_path: Path) -> None:
    setup = prepare_images(load_job(str(make_picture_job(tmp_path))))
    assert setup is not None
    asset = Candidate(index=0, fields={"headline": ["Boots for long walks"]}, rank=1)
    (task,) = make_work(make_request(), asset, setup.slots["meta_feed"], setup.digest, seed=7).tasks
    assert (task.creative_id, task.seed) == CREATIVE


def test_another_engine_and_what_decides_its_cuts_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        digest = "weights 1"

        def __init__(self, config: Any) -> None: ...

    monkeypatch.setitem(ENGINES, "other", Other)
    section = {"product": {"cutout": {"engine": "other", "model": "models/a"}}}
    first = digest_job(tmp_path, **section)
    section["product"]["cutout"]["model"] = "models/b"
    second = digest_job(tmp_path, **section)
    monkeypatch.setattr(Other, "digest", "weights 2")
    third = digest_job(tmp_path, **(section | {"keep": 1}))
    assert len({DIGEST, first, second, third}) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"keep": 1, "variants": 2},
        {"backdrop": {"prompt": "procedural: waves"}},
        {"formats": ["png"]},
        {"min_distance": 0.2},
    ],
)
def test_what_decides_the_pictures_counts(tmp_path: Path, change: dict[str, Any]) -> None:
    assert digest_job(tmp_path, **change) != DIGEST


def test_an_unknown_cut_out_engine_is_refused_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="there is no cut-out engine 'grabcut'") as caught:
        digest_job(tmp_path, product={"cutout": {"engine": "grabcut"}})
    assert caught.value.hint == "choose from plain"
    with pytest.raises(JobError, match=r"unknown key images\.product\.cutout\.motor"):
        digest_job(tmp_path, product={"cutout": {"motor": "plain"}})

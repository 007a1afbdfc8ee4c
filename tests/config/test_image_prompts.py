"""Backdrop prompts that the text model writes: one more field of the placements that have picture slots, checked as copy."""

from pathlib import Path

import pytest

from factory.config.job import load_job
from factory.config.placements import IMAGE_PROMPT
from factory.errors import JobError
from tests.support.image_jobs import make_picture_job

BY_MODEL = {"engine": "diffusers", "model": "org/pipeline", "written_by": "model"}


def test_the_model_is_asked_for_a_prompt_where_there_are_picture_slots(tmp_path: Path) -> None:
    images = {"backdrop": BY_MODEL, "slots": []}
    job = make_picture_job(tmp_path, images=images, placements=["meta_feed", "sms"])
    placements = load_job(str(job)).placements
    assert placements["meta_feed"].written[-1] == IMAGE_PROMPT
    assert IMAGE_PROMPT not in placements["sms"].fields


def test_a_template_needs_no_such_field(tmp_path: Path) -> None:
    job = make_picture_job(tmp_path)
    assert IMAGE_PROMPT not in load_job(str(job)).placements["meta_feed"].fields


@pytest.mark.parametrize("missing", ["model", "prompt"])
def test_a_generated_backdrop_needs_model_and_prompt(tmp_path: Path, missing: str) -> None:
    backdrop = {"engine": "diffusers", "model": "org/pipeline", "prompt": "a table"}
    del backdrop[missing]
    with pytest.raises(JobError, match="engine diffusers needs model, and prompt"):
        load_job(str(make_picture_job(tmp_path, images={"backdrop": backdrop})))

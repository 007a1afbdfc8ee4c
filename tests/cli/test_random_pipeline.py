"""`factory bench random-pipeline`: what it writes can be loaded, and it writes over nothing."""

import json
from pathlib import Path

import pytest
import torch

from factory.cli.bench import random_pipeline
from factory.cli.bench.random_pipeline import write_pipeline
from factory.engines.diffusers.files import check_pipeline
from factory.errors import EngineError, JobError
from tests.support.commands import call_here
from tests.support.jobs import check_message
from tests.support.tiny_pipelines import make_tiny_parts


@pytest.mark.integration
def test_it_writes_a_pipeline_in_bfloat16_that_the_engine_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(random_pipeline, "_make_parts", make_tiny_parts)
    folder = write_pipeline(tmp_path / "new")
    check_pipeline(str(folder))
    for part in ("transformer", "vae", "text_encoder"):
        assert list((folder / part).glob("*.safetensors"))
    assert json.loads((folder / "text_encoder" / "config.json").read_text())["dtype"] == "bfloat16"
    assert torch.get_default_dtype() == torch.float32, "what was set for the weights is set back"


def test_a_folder_that_holds_something_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("mine", encoding="utf-8")
    ended = call_here("bench", "random-pipeline", tmp_path)
    check_message(ended, 2, str(tmp_path), "nothing is overwritten")
    assert [path.name for path in tmp_path.iterdir()] == ["model.txt"]
    with pytest.raises(JobError):
        write_pipeline(tmp_path / "model.txt")


def test_without_a_gpu_it_says_so_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EngineError, match="GPU"):
        write_pipeline(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_pipeline, "find_spec", lambda _: None)
    with pytest.raises(JobError, match="diffusers") as caught:
        write_pipeline(tmp_path)
    assert "pip install" in caught.value.hint

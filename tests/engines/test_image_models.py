"""Names of text-to-image pipelines become folders and digests, as those of text models do."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from factory.engines.models.resolve import IMAGE_INDEX, model_digest, resolve_model
from factory.errors import JobError
from factory.storage.store import Store
from tests.support.model_builders import make_pipeline
from tests.support.s3_server import S3Server


def test_a_local_pipeline_is_its_folder(tmp_path: Path) -> None:
    folder = make_pipeline(tmp_path / "model")
    assert resolve_model(str(folder), tmp_path / "cache", IMAGE_INDEX) == str(folder)


def test_a_text_models_folder_is_no_pipeline(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(JobError, match=r"holds no model_index\.json"):
        resolve_model(str(tmp_path), tmp_path / "cache", IMAGE_INDEX)


@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "nonsense", ""])
def test_a_name_that_is_no_pipeline_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(JobError, match="there is no model") as caught:
        resolve_model(name, tmp_path, IMAGE_INDEX)
    assert "model_index.json" in caught.value.hint


def test_the_digest_follows_every_part(tmp_path: Path) -> None:
    first = model_digest(str(make_pipeline(tmp_path / "a")))
    assert model_digest(str(make_pipeline(tmp_path / "b"))) == first
    assert model_digest(str(make_pipeline(tmp_path / "c", b"v" * 5_000))) != first
    (tmp_path / "b" / "tokenizer" / "merges.txt").write_text("b a")
    assert model_digest(str(tmp_path / "b")) != first


@pytest.mark.s3
def test_a_pipeline_on_s3_is_fetched_whole_and_has_the_same_digest(bucket: str, s3: S3Server, tmp_path: Path) -> None:
    folder = make_pipeline(tmp_path / "model")
    uri = f"{bucket}/pipeline"
    for file in folder.rglob("*.*"):
        Store(uri).write_bytes(str(file.relative_to(folder)), file.read_bytes())
    assert model_digest(uri) == model_digest(str(folder))
    fetched = Path(resolve_model(uri, tmp_path / "cache", IMAGE_INDEX))
    assert model_digest(str(fetched)) == model_digest(str(folder))


def test_of_a_hub_pipeline_only_its_parts_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    from factory.engines.models import resolve

    monkeypatch.setattr(resolve, "_find_snapshot", lambda _name: None)
    names = {
        "model_index.json": 1,
        "flux1-dev.safetensors": 10**15,  # the same weights in one file: no disk has room for this one
        "unet/diffusion_pytorch_model.safetensors": 10,
        "unet/diffusion_pytorch_model.fp16.safetensors": 10**15,
        "unet/diffusion_pytorch_model.bin": 10**15,
        "tokenizer/merges.txt": 1,
    }
    files = [SimpleNamespace(rfilename=name, size=size) for name, size in names.items()]
    asked: dict[str, Any] = {}

    def download(model: str, **options: Any) -> str:
        asked.update(options, model=model)
        return str(make_pipeline(tmp_path / "snapshot"))

    monkeypatch.setattr(
        huggingface_hub.HfApi, "model_info", lambda *_args, **_options: SimpleNamespace(siblings=files)
    )
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    assert resolve_model("org/painter@v1", tmp_path, IMAGE_INDEX) == str(tmp_path / "snapshot")
    utils: Any = huggingface_hub.utils
    kept = utils.filter_repo_objects(
        names, allow_patterns=asked["allow_patterns"], ignore_patterns=asked["ignore_patterns"]
    )
    assert list(kept) == ["model_index.json", "unet/diffusion_pytorch_model.safetensors", "tokenizer/merges.txt"]
    assert (asked["model"], asked["revision"]) == ("org/painter", "v1")

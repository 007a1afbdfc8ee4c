"""Names of models become folders, and models have digests that are the same on every machine."""

import json
import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import pytest

from factory.engines.models import resolve
from factory.engines.models.resolve import BUNDLED, default_cache, model_digest, resolve_model
from factory.errors import JobError
from factory.storage.store import Store

ALIAS = "smollm2-135m-instruct"


def make_model(folder: Path, weights: bytes = b"w" * 3_000_000) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "README.md").write_text("about it")
    return folder


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reaches a hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture(scope="session")
def bundled() -> Path:
    return Path(resolve_model(ALIAS, default_cache()))


def test_the_bundled_model_is_a_whole_folder_and_made_once(bundled: Path) -> None:
    names = {file.name for file in bundled.iterdir()}
    assert {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    } <= names
    assert json.loads((bundled / "config.json").read_text())["tie_word_embeddings"] is True
    made = (bundled / "model.safetensors").stat().st_mtime_ns
    assert resolve_model(ALIAS, bundled.parent) == str(bundled)
    assert (bundled / "model.safetensors").stat().st_mtime_ns == made


def test_the_bundled_weights_and_tokenizer_are_the_models(bundled: Path) -> None:
    """A wrong permutation or a wrong merge still loads; the model then talks nonsense."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(bundled)
    text = "It's 2026, don't pay $1,234 naïve 日本語 \n\n x"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode("2026")) == 4, "each digit is a token of its own"
    model: Any = AutoModelForCausalLM.from_pretrained(bundled, dtype=torch.float32)
    question = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(question, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    answer = model.generate(**prompt, max_new_tokens=12, do_sample=False)[0][prompt["input_ids"].shape[1] :]
    assert "Paris" in tokenizer.decode(answer)


def _resolve(cache: Path) -> str:
    return resolve_model(ALIAS, cache)


def test_processes_that_start_at_once_convert_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundled: Path
) -> None:
    calls = tmp_path / "calls"

    def convert(source: Path, folder: Path) -> None:
        with calls.open("a") as file:
            file.write(f"{source.name}\n")
        shutil.copytree(bundled, folder, dirs_exist_ok=True)

    monkeypatch.setattr(resolve, "convert_gguf", convert)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        folders = pool.map(_resolve, [tmp_path / "cache"] * 4)
    assert len(set(folders)) == 1 and (Path(folders[0]) / "model.safetensors").is_file()
    assert calls.read_text().splitlines() == [BUNDLED[ALIAS].file.split("/")[-1]]
    visible = [file for file in (tmp_path / "cache").iterdir() if not file.name.endswith(".lock")]
    assert visible == [Path(folders[0])], "nothing half made is left"


def test_a_conversion_that_fails_leaves_nothing_that_looks_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: Path, folder: Path) -> None:
        (folder / "config.json").write_text("{}")
        raise ValueError(f"{source.name} is damaged")

    monkeypatch.setattr(resolve, "convert_gguf", fail)
    with pytest.raises(ValueError, match="damaged"):
        resolve_model(ALIAS, tmp_path)
    assert not list(tmp_path.glob("smollm2*"))


def test_no_room_says_how_much_and_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 5_000_000, 5_000_000))
    with pytest.raises(JobError, match=r"273,000,000 bytes in .* 5,000,000 are free") as caught:
        resolve_model(ALIAS, tmp_path)
    assert "FACTORY_CACHE" in caught.value.hint


def test_a_cache_that_cannot_be_written_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JobError, match="cannot write to the model cache") as caught:
        resolve_model(ALIAS, tmp_path / "file" / "cache")
    assert "FACTORY_CACHE" in caught.value.hint


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACTORY_CACHE", str(tmp_path))
    assert default_cache() == tmp_path
    monkeypatch.delenv("FACTORY_CACHE")
    assert default_cache() == Path.home() / ".cache" / "content-factory"


@pytest.mark.parametrize(
    "name", ["smolm2-135m", "gpt2", "", "./nowhere", "/no/such/folder", "http://x/y", "../up/down"]
)
def test_an_unknown_model_lists_what_there_is(name: str, tmp_path: Path) -> None:
    for call in (lambda: resolve_model(name, tmp_path), lambda: model_digest(name)):
        with pytest.raises(JobError, match="there is no model") as caught:
            call()
        for form in (ALIAS, "scripted", "hub id", "s3://", "local folder"):
            assert form in caught.value.hint


def test_the_nearest_alias_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:
        resolve_model("smolm2-135m-instuct", tmp_path)
    assert caught.value.hint.startswith(f"did you mean {ALIAS}?")


def test_a_hub_model_without_network_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="org/model-7b@main is not in the hub's cache") as caught:
        resolve_model("org/model-7b@main", tmp_path)
    assert "hf download org/model-7b" in caught.value.hint


def test_a_hub_model_in_the_cache_needs_no_network(tmp_path: Path) -> None:
    repo, commit = tmp_path / "hub" / "models--org--model", "0123456789abcdef0123456789abcdef01234567"
    made = make_model(repo / "snapshots" / commit)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    assert resolve_model("org/model", tmp_path) == str(made)
    assert model_digest("org/model") == model_digest(f"org/model@{commit}")


def test_a_local_folder_must_hold_a_model(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model")
    assert resolve_model(str(folder), tmp_path / "cache") == str(folder)
    (folder / "config.json").unlink()
    with pytest.raises(JobError, match=r"holds no config\.json"):
        resolve_model(str(folder), tmp_path / "cache")


def test_a_digest_follows_what_decides_the_output_and_nothing_else(tmp_path: Path) -> None:
    first = make_model(tmp_path / "first")
    digest = model_digest(str(first))
    second = make_model(tmp_path / "elsewhere" / "second")
    (second / "README.md").write_text("another text")
    assert model_digest(str(second)) == digest
    for change in (
        lambda: (second / "tokenizer.json").write_text("{}"),
        lambda: (second / "model.safetensors").write_bytes(b"w" * 2_999_999 + b"v"),
        lambda: (second / "model.safetensors").write_bytes(b"w" * 3_000_001),
        lambda: (second / "generation_config.json").write_text("{}"),
    ):
        shutil.rmtree(second)
        make_model(second)
        change()
        assert model_digest(str(second)) != digest
    assert model_digest(ALIAS) != digest


@pytest.mark.s3
def test_an_s3_folder_is_fetched_once_and_has_the_digest_of_its_files(bucket: str, tmp_path: Path) -> None:
    local = make_model(tmp_path / "model")
    uri = f"{bucket}/models/mine"
    for file in local.iterdir():
        Store(uri).write_bytes(file.name, file.read_bytes())
    folder = Path(resolve_model(uri, tmp_path / "cache"))
    assert (folder / "model.safetensors").read_bytes() == (local / "model.safetensors").read_bytes()
    assert model_digest(uri) == model_digest(str(local))
    made = (folder / "config.json").stat().st_mtime_ns
    assert resolve_model(uri, tmp_path / "cache") == str(folder)
    assert (folder / "config.json").stat().st_mtime_ns == made
    Store(uri).write_bytes("config.json", b'{"model_type": "qwen3"}')
    renewed = Path(resolve_model(uri, tmp_path / "cache"))
    assert json.loads((renewed / "config.json").read_text()) == {"model_type": "qwen3"}


@pytest.mark.s3
def test_an_s3_folder_without_a_model_is_refused(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"holds no config\.json"):
        resolve_model(f"{bucket}/nothing", tmp_path)

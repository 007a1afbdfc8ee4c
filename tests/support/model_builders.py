"""Folders of picture models for tests: the files of a diffusers pipeline, without weights that work."""

from pathlib import Path

from factory.engines.models.resolve import IMAGE_INDEX


def make_pipeline(folder: Path, weights: bytes = b"w" * 5_000) -> Path:
    for name in ("transformer", "tokenizer"):
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text("{}")
    (folder / "transformer" / "diffusion_pytorch_model.safetensors").write_bytes(weights)
    (folder / "tokenizer" / "merges.txt").write_text("a b")
    (folder / IMAGE_INDEX).write_text('{"_class_name": "FluxPipeline"}')
    return folder

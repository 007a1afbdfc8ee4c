"""Which engines and which embedder a run gets. Each is imported only when it is the one."""

from pathlib import Path

from factory.config.job import SCRIPTED, RunSpec
from factory.engines.base import Embedder, EngineConfig, ImageEngine, TextEngine
from schemas.images import Backdrop, ImageExecution


def make_engine(spec: RunSpec) -> TextEngine:
    """Return the job's engine, not started. Imports its library only when it is the one."""
    job = spec.loaded.job
    if spec.scripted:
        from factory.engines.scripted.engine import ScriptedTextEngine

        return ScriptedTextEngine(EngineConfig(model=SCRIPTED, execution=job.execution.text, seed=job.seed))
    from factory.engines.models.resolve import resolve_model
    from factory.engines.vllm.engine import VllmTextEngine

    folder = resolve_model(spec.model, Path(spec.cache))
    return VllmTextEngine(
        EngineConfig(model=folder, execution=job.execution.text, seed=job.seed, adapters=job.text.adapters)
    )


def make_image_engine(config: Backdrop, execution: ImageExecution, model_path: str) -> ImageEngine:
    """Return the engine that draws backdrops, not started. `model_path` is the pipeline's local folder, "" for procedural."""
    if config.engine == "procedural":
        from factory.images.backdrops.procedural.engine import ProceduralEngine

        return ProceduralEngine()
    from factory.engines.diffusers.engine import DiffusersEngine

    return DiffusersEngine(config, execution, model_path)


def make_embedder(spec: RunSpec) -> Embedder:
    """Return the bundled sentence model, or the hashing embedder when the job runs without models."""
    if spec.scripted:
        from factory.engines.embedders.hashing import HashingEmbedder

        return HashingEmbedder()
    from factory.engines.embedders.minilm import MiniLM

    return MiniLM(Path(spec.cache))

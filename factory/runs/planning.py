"""Everything that can be known of a run before an engine starts: the job, its input, its ids, and every mistake in them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from factory.briefs.duplicates import Duplicates, scan_ids
from factory.briefs.read import split_input
from factory.briefs.splits import InputSplits, join_splits, limit_splits
from factory.briefs.tones import list_tones
from factory.config.job import SCRIPTED, LoadedJob, RunSpec, load_job, make_identity
from factory.engines.models.resolve import BUNDLED, default_cache, model_digest, resolve_model
from factory.images.setup import ImageSetup, prepare_images
from factory.runs.preview import Preview, list_schemas, preview_job
from factory.runs.state import read_state
from factory.storage.store import Store
from schemas.base import digest as digest_json
from schemas.job import TextConfig

COUNT_AHEAD_ROWS = 20_000  # up to here all briefs are read once before the start, so that totals are exact


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says beside the job's name."""

    overrides: Sequence[str] = ()
    briefs: str | None = None
    output: str | None = None
    limit: int | None = None
    fresh: bool = False  # in a new output beside the one that the job names


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job that was found sound, and everything that was read to know it."""

    spec: RunSpec
    source: InputSplits
    duplicates: Duplicates
    digest: str
    preview: Preview
    setup: ImageSetup | None = None  # of the images phase, where the job has one
    fixes: tuple[str, ...] = ()  # addresses of corrected briefs that are part of the input


def prepare_job(path: str, options: Options, count_rows: int = COUNT_AHEAD_ROWS) -> Prepared:
    """Load and validate everything that can be known without an engine. Raises JobError or InputError.

    The preview reads up to `count_rows` rows: its numbers are exact for input up to that size.
    """
    loaded = load_job(path, options.overrides, options.briefs, options.output)
    if options.fresh:
        loaded = loaded.change(output_uri=find_fresh(loaded.output_uri))
    state = read_state(Store(loaded.output_uri))
    fixes = state.fixes if state is not None and state.job_name == loaded.job.name else []
    return prepare_loaded(loaded, fixes, options.limit, count_rows)


def find_fresh(uri: str) -> str:
    """Return the first of `uri`, `uri`-2, `uri`-3 … that holds nothing."""
    base = Store(uri).uri
    number = 1
    while Store(uri).list_names():
        number += 1
        uri = f"{base}-{number}"
    return uri


def prepare_loaded(
    loaded: LoadedJob, fixes: Sequence[str] = (), limit: int | None = None, count_rows: int = COUNT_AHEAD_ROWS
) -> Prepared:
    """Do the same for a job that was loaded before; `fixes` are addresses of corrected briefs."""
    digest = SCRIPTED if loaded.job.text.model == SCRIPTED else digest_weights(loaded.job.text)
    source, num_replacing = split_all_inputs(loaded, fixes)
    if limit is not None:
        source = limit_splits(source, limit)
    setup = prepare_images(loaded)
    spec = RunSpec(
        loaded=loaded,
        identity=make_identity(loaded, digest, list_tones(brand.kit for brand in setup.brands) if setup else None),
        run_id="",
        attempt=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}",
        model=loaded.job.text.model,
        cache=str(default_cache()),
    )
    duplicates = replace(scan_ids(source, loaded.job.columns), num_replacing=num_replacing)
    preview = preview_job(spec, source, duplicates, count_rows)
    return Prepared(spec, source, duplicates, digest, preview, setup, tuple(fixes))


def split_all_inputs(loaded: LoadedJob, fixes: Sequence[str]) -> tuple[InputSplits, int]:
    """Return the input, the latest corrections first, and how many of its rows are corrections.

    The first row of a brief_id counts, so a corrected one replaces the one that it corrects.
    """
    unit_rows = loaded.job.execution.unit_rows
    sources = [split_input(uri, loaded.job.columns, unit_rows) for uri in (*reversed(fixes), loaded.briefs_uri)]
    return join_splits(sources), sum(source.num_rows for source in sources[:-1])


def digest_weights(text: TextConfig) -> str:
    """Return the digest of the model and, where there are any, of its adapters: new weights at an old path are new."""
    model = model_digest(text.model)
    if not text.adapters:
        return model
    return digest_json([model, {brand: model_digest(path) for brand, path in text.adapters.items()}])


def check_engine(spec: RunSpec, preview: Preview) -> None:
    """Prove before the start that engine options are known, schemas compile and a bundled model is at hand."""
    check_schemas(spec, preview)
    if spec.model in BUNDLED:
        resolve_model(spec.model, Path(spec.cache))


def check_schemas(spec: RunSpec, preview: Preview) -> None:
    """Raise JobError when the engine would refuse an option of the job, or a JSON schema does not compile."""
    if spec.scripted:
        return
    from factory.engines.vllm import grammars, options

    if spec.loaded.job.execution.text.engine_options:
        options.validate_engine_options(spec.loaded.job.execution.text.engine_options)
    grammars.compile_schemas(list_schemas(spec, preview))

"""Runs a job from its YAML to its manifest: the order of events, and the clock that times them."""

import secrets
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from factory import pipeline
from factory.duplicates import Duplicates, scan_ids
from factory.engines.models import BUNDLED, default_cache, model_digest, resolve_model
from factory.errors import QuarantineRateError
from factory.finalize import Ending, finalize
from factory.ledger import commit_unreadable
from factory.noise import redirect_noise
from factory.pipeline import Resources
from factory.preview import Preview, list_schemas, preview_job
from factory.progress import Progress
from factory.read import plan_input
from factory.runs import SCRIPTED, Plan, load_job, make_identity, open_run, read_manifest
from factory.segments import Finished, read_finished
from factory.storage import Store
from factory.units import InputPlan, cut_plan
from schemas.base import digest as digest_json
from schemas.job import Budget, TextConfig
from schemas.run import Attempt, Manifest, Receipt

COUNT_AHEAD_ROWS = 20_000  # up to here all briefs are read once before the start, so that totals are exact


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says beside the job's name."""

    overrides: Sequence[str] = ()
    briefs: str | None = None
    output: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job that was found sound, and everything that was read to know it."""

    plan: Plan
    source: InputPlan
    duplicates: Duplicates
    digest: str
    preview: Preview


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended. `generated` is the number of requests that this command itself finished."""

    output: str
    already_done: Manifest | None  # set when there was nothing to do
    ending: Ending | None  # set otherwise
    generated: int
    log: Path
    phase_seconds: dict[str, float]
    refused_too_many: QuarantineRateError | None = None  # all output is complete all the same


def prepare_job(path: str, options: Options, count_rows: int = COUNT_AHEAD_ROWS) -> Prepared:
    """Load and validate everything that can be known without an engine. Raises JobError or InputError.

    The preview reads up to `count_rows` rows: its numbers are exact for input up to that size.
    """
    loaded = load_job(path, options.overrides, options.briefs, options.output)
    scripted = loaded.job.text.model == SCRIPTED
    digest = SCRIPTED if scripted else digest_weights(loaded.job.text)
    identity = make_identity(loaded, digest)
    source = plan_input(loaded.briefs_uri, loaded.job.columns, loaded.job.execution.unit_rows)
    if options.limit is not None:
        source = cut_plan(source, options.limit)
    plan = Plan(
        loaded=loaded,
        identity=identity,
        run_id="",
        attempt=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}",
        model=loaded.job.text.model,
        cache=str(default_cache()),
    )
    duplicates = scan_ids(source, loaded.job.columns)
    return Prepared(plan, source, duplicates, digest, preview_job(plan, source, duplicates, count_rows))


def digest_weights(text: TextConfig) -> str:
    """Return the digest of the model and, where there are any, of its adapters: new weights at an old path are new."""
    model = model_digest(text.model)
    if not text.adapters:
        return model
    return digest_json([model, {brand: model_digest(path) for brand, path in text.adapters.items()}])


def run_job(path: str, options: Options) -> Result:
    """Run a job, or go on with it, or find it done. Progress goes to stderr; Ray's and vLLM's own words to a log file.

    Raises FactoryError of any kind. A run that refused more rows than the job allows ends whole, with the error to show
    in its result.
    """
    began = time.monotonic()
    prepared = prepare_job(path, options)
    loaded = prepared.plan.loaded
    store = Store(loaded.output_uri)
    state = open_run(store, loaded, prepared.plan.identity.job, prepared.digest, lambda: datetime.now(UTC))
    plan = replace(prepared.plan, run_id=state.run_id)
    finished = read_finished(store, "text")
    done = find_done(store, plan, prepared.preview, finished)
    log = Path(tempfile.gettempdir()) / "content-factory" / f"{plan.attempt}.log"
    highest = loaded.job.execution.max_quarantine_rate
    if done is not None:
        return Result(store.uri, done, None, 0, log, {}, check_quarantine_rate(done.counts, highest))
    with redirect_noise(log) as stderr, Progress(stderr, loaded.job.name) as progress:
        progress.expect(prepared.preview.count_new(finished), prepared.preview.is_whole)
        clock = _Clock(began)
        totals, resources = _generate(replace(prepared, plan=plan), store, finished, progress, clock)
        progress.enter_stage("finishing: assets, report, manifest")
        attempt = Attempt(
            attempt=plan.attempt,
            started_at=clock.started_at,
            finished_at=datetime.now(UTC).isoformat(),
            phase_seconds=clock.split(totals),
            totals=totals,
            gpus=resources.total_gpus,
            cpus=resources.total_cpus,
        )
        ending = finalize(store, plan, state, attempt, prepared.source.units)
    too_many = check_quarantine_rate(ending.counts, highest)
    return Result(store.uri, None, ending, totals.finished, log, clock.split(totals), too_many)


def find_done(store: Store, plan: Plan, preview: Preview, finished: Finished) -> Manifest | None:
    """Return the manifest when it says that exactly this job over exactly these briefs is finished."""
    manifest = read_manifest(store)
    if manifest is None or manifest.status != "done" or manifest.job_digest != plan.identity.job:
        return None
    if not preview.is_whole or preview.count_new(finished):
        return None
    same = manifest.counts["planned"] == preview.num_requests and manifest.counts["rows_read"] == preview.num_rows
    return manifest if same else None


def check_quarantine_rate(counts: dict[str, int], maximum: float) -> QuarantineRateError | None:
    """Return the error to end with when too large a share of rows or requests was refused."""
    rows = counts["refused"] / max(1, counts["rows_read"])
    requests = counts["quarantined"] / max(1, counts["planned"])
    if max(rows, requests) <= maximum:
        return None
    return QuarantineRateError(
        f"{counts['refused']:,} of {counts['rows_read']:,} input rows and {counts['quarantined']:,} of "
        f"{counts['planned']:,} requests were refused: more than execution.max_quarantine_rate {maximum:.0%}",
        "read quarantine/ in the output for each row's reason; all other rows are done",
    )


class _Clock:
    """Splits the wall time of a command into start, engine load, generation and the rest."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._offset = time.time() - time.monotonic()  # receipts carry Unix time
        self.started_at = datetime.now(UTC).isoformat()
        self.flow_began = began
        self.flow_ended = began

    def split(self, totals: Receipt) -> dict[str, float]:
        """Return seconds by phase; they sum to the time since the command began."""
        ready = totals.engine_ready_at - self._offset if totals.engine_ready_at else self.flow_began
        load_began = max(self.flow_began, ready - totals.engine_load_seconds)
        now = time.monotonic()
        return {
            "start": load_began - self._began,
            "engine load": ready - load_began,
            "generation": self.flow_ended - ready,
            "rest": now - self.flow_ended,
        }


def _generate(
    prepared: Prepared, store: Store, finished: Finished, progress: Progress, clock: _Clock
) -> tuple[Receipt, Resources]:
    """Stream every new request through the cluster; return the sum of all receipts and what was used."""
    plan, execution = prepared.plan, prepared.plan.loaded.job.execution
    progress.enter_stage("starting: schemas and Ray")
    check_engine(plan, prepared.preview)
    pipeline.start_ray(execution.ray_address)
    try:
        resources = pipeline.plan_resources(plan)
        totals = commit_unreadable(prepared.source, plan, store)
        clock.flow_began = time.monotonic()
        progress.enter_stage("loading the engine" if prepared.preview.count_new(finished) else "reading briefs")
        flow = pipeline.stream_receipts(plan, store, prepared.source, prepared.duplicates, finished, resources)
        for receipt in flow:
            totals = totals.add(receipt)
            progress.update(totals)
            reason = find_exhausted(plan.loaded.job.budget, totals, resources.total_gpus, clock.flow_began)
            if reason:
                progress.say(f"stopping: {reason}; the same command goes on where this one stopped")
                flow.close()
                break
        clock.flow_ended = time.monotonic()
    finally:
        pipeline.stop_ray()
    return totals, resources


def check_engine(plan: Plan, preview: Preview) -> None:
    """Prove before the start that engine options are known, schemas compile and a bundled model is at hand."""
    check_schemas(plan, preview)
    if plan.model in BUNDLED:
        resolve_model(plan.model, Path(plan.cache))


def check_schemas(plan: Plan, preview: Preview) -> None:
    """Raise JobError when the engine would refuse an option of the job, or a JSON schema does not compile."""
    if plan.scripted:
        return
    from factory.engines import grammars, vllm_options

    if plan.loaded.job.execution.text.engine_options:
        vllm_options.validate_engine_options(plan.loaded.job.execution.text.engine_options)
    grammars.compile_schemas(list_schemas(plan, preview))


def find_exhausted(budget: Budget, totals: Receipt, gpus: float, flow_began: float) -> str:
    """Return which bound of the budget is reached, in words; "" while none is."""
    tokens = totals.prompt_tokens + totals.output_tokens
    hours = (time.monotonic() - flow_began) * gpus / 3600
    if budget.deadline is not None and datetime.now(UTC) >= budget.deadline.astimezone(UTC):
        return f"the deadline {budget.deadline.isoformat()} is here"
    if budget.tokens is not None and tokens >= budget.tokens:
        return f"{tokens:,} of {budget.tokens:,} tokens are spent"
    if budget.gpu_hours is not None and hours >= budget.gpu_hours:
        return f"{hours:.2f} of {budget.gpu_hours:g} GPU hours are spent"
    return ""

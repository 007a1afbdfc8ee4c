"""Runs a job from its YAML to its manifest: the order of events, and the clock that times them."""

import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from factory.config.job import LoadedJob, RunSpec, locate_uri
from factory.errors import OutputError, QuarantineRateError
from factory.journal.failures import Failure, iterate_outcomes, make_reopened_row, read_failures
from factory.journal.phases import FAILED_PHASE, IMAGES_FAILED_PHASE
from factory.journal.segments import Finished, write_segment
from factory.output.finalize import EndedRun, Ending, finalize, is_unfinished
from factory.runs.images_phase import ImagesPhase
from factory.runs.lease import Lease, hold_lease
from factory.runs.log_redirect import redirect_logs
from factory.runs.phase_timer import PhaseTimer
from factory.runs.planning import Options, Prepared, check_engine, prepare_job, prepare_loaded
from factory.runs.preview import Preview
from factory.runs.progress import Progress
from factory.runs.remaining import count_new, find_done_now, find_remaining
from factory.runs.state import check_output, open_run, read_state
from factory.runs.stopping import StopSign
from factory.runs.supervisor import Supervisor
from factory.runs.text_phase import TextPhase
from factory.storage.store import Store
from schemas.creative import CreativeOutcome
from schemas.outcome import Outcome
from schemas.run import Attempt, Manifest, Receipt, RunState

# What the records of failures hold, by their phase.
_RECORDS: dict[str, type[Outcome] | type[CreativeOutcome]] = {
    FAILED_PHASE: Outcome,
    IMAGES_FAILED_PHASE: CreativeOutcome,
}
REOPEN_ROWS = 256  # records of reopened requests in one file


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended: there was nothing to do, it came to an `ending`, or a signal stopped it before one."""

    output: str
    already_done: Manifest | None
    ending: Ending | None
    totals: Receipt  # of what this command itself did
    log: Path
    phase_seconds: dict[str, float]
    refused_too_many: QuarantineRateError | None = None  # all output is complete all the same
    stopped: str = ""  # why it stopped before its end

    @property
    def generated(self) -> int:
        """The requests and creatives that this command itself finished."""
        return self.totals.finished + self.totals.finished_creatives

    @property
    def saved(self) -> int:
        """The requests and creatives that have assets by this command."""
        return self.totals.accepted + self.totals.creatives_accepted

    @property
    def is_resumable(self) -> bool:
        """Whether the same command has something left to do."""
        if self.ending is None:
            return self.already_done is None
        return is_unfinished(self.ending.counts)


def run_job(path: str, options: Options) -> Result:
    """Run a job, or go on with it, or find it done. Progress goes to stderr; Ray's and vLLM's own words to a log file.

    Raises FactoryError of any kind. A run that refused more rows than the job allows ends whole, with the error to show
    in its result.
    """
    began = time.monotonic()
    prepared = prepare_job(path, options)
    store = Store(prepared.spec.loaded.output_uri)
    check_output(store, prepared.spec.loaded)
    done = find_done_now(store, prepared)
    if done is not None:
        highest = prepared.spec.loaded.job.execution.max_quarantine_rate
        too_many = check_quarantine_rate(done.counts, highest)
        return Result(store.uri, done, None, Receipt(segment=""), _locate_log(prepared.spec), {}, too_many)
    with hold_lease(store, f"factory run {path}", say=_say) as lease:
        return _drive(prepared, store, lease, began)


def retry_job(uri: str, reason: str | None, briefs: str | None) -> tuple[Result | None, int]:
    """Ask again for what failed in the output at `uri`, and run it; return how that ended and how many were asked for.

    `reason` narrows it to failures of that reason. `briefs` are corrected rows: each replaces the input row with its
    brief_id, now and in later runs of this output. There is no result when there is nothing to ask for.
    Raises OutputError when there is no run, and FactoryError of any kind.
    """
    began = time.monotonic()
    store = Store(uri)
    state = read_state(store)
    if state is None:
        raise OutputError(f"{store.uri} holds no run", "name the --output of a factory run")
    chosen = {phase: read_failures(store, phase).find_final(reason) for phase in _RECORDS}
    asked = sum(map(len, chosen.values()))
    if not asked and briefs is None:
        return None, 0
    with hold_lease(store, f"factory retry {uri}", say=_say) as lease:
        fixes = state.fixes if briefs is None else [*state.fixes, locate_uri(Path.cwd(), briefs)]
        loaded = LoadedJob.model_validate(state.job)
        prepared = prepare_loaded(loaded, fixes=fixes)
        # Last: a mistake in the corrected briefs must leave the output as it was.
        for phase, failures in chosen.items():
            reopen(store, state, failures, phase)
        return _drive(prepared, store, lease, began), asked


def reopen(store: Store, state: RunState, chosen: dict[str, Failure], phase: str = FAILED_PHASE) -> None:
    """Write down that the user asks again for `chosen`. From then on they are pending, whoever runs the job next.

    `phase` is that of their records: of requests or of creatives.
    """
    if chosen:
        store.delete("manifest.json")  # the output is no longer complete
    rows = []
    for key, record in iterate_outcomes(store, chosen, phase):
        outcome = _RECORDS[phase].model_validate_json(record.payload)
        rows.append(make_reopened_row(outcome, chosen[key].retries + 1))
        if len(rows) == REOPEN_ROWS:
            write_segment(store, phase, rows, state.run_id, datetime.now(UTC))
            rows = []
    if rows:
        write_segment(store, phase, rows, state.run_id, datetime.now(UTC))


def _drive(prepared: Prepared, store: Store, lease: Lease, began: float) -> Result:
    """Make what is not there yet, then everything that is made of it."""
    loaded = prepared.spec.loaded
    state = open_run(
        store, loaded, prepared.spec.identity.job, prepared.digest, lambda: datetime.now(UTC), prepared.fixes
    )
    spec = replace(prepared.spec, run_id=state.run_id)
    check_engine(spec, prepared.preview)
    stop, log = StopSign(), _locate_log(spec)
    with redirect_logs(log) as stderr, Progress(stderr, loaded.job.name) as progress, stop.watch_signals():
        left = find_remaining(store, spec, prepared)
        num_new, is_exact = count_new(prepared.preview, left.not_new, left.split)
        progress.expect(num_new + len(left.failures.find_pending(left.finished)), is_exact)
        _announce(progress, prepared.preview, left.finished, num_new)
        clock = PhaseTimer(began)
        with Supervisor(loaded.job, progress, stop, lease.check) as supervisor:
            work = TextPhase(spec, store, prepared, left, supervisor)
            progress.enter_stage("starting: schemas and Ray")
            work.run()
            clock.end_flow(supervisor.flow_began)
            if prepared.setup is not None and not stop.reason:
                progress.enter_stage("starting: pictures")
                ImagesPhase(spec, prepared.setup, store, supervisor).run()
                clock.end_pictures()
        totals = supervisor.totals
        if stop.by_signal:
            return Result(store.uri, None, None, totals, log, clock.split(totals), None, stop.reason)
        progress.enter_stage("finishing: assets, report, manifest")
        attempt = Attempt(
            attempt=spec.attempt,
            started_at=clock.started_at,
            finished_at=datetime.now(UTC).isoformat(),
            phase_seconds=clock.split(totals),
            totals=totals,
            gpus=work.resources.total_gpus if work.resources else 0.0,
            cpus=work.resources.total_cpus if work.resources else 0.0,
        )
        ending = finalize(EndedRun(store, spec, state, attempt, prepared.source.splits, prepared.setup), lease.check)
    too_many = check_quarantine_rate(ending.counts, loaded.job.execution.max_quarantine_rate)
    return Result(store.uri, None, ending, totals, log, clock.split(totals), too_many, stop.reason)


def _announce(progress: Progress, preview: Preview, finished: Finished, num_new: int) -> None:
    """Say before the start of a resumed run how much of it is new."""
    if len(finished):
        about = "" if preview.is_whole else "about "
        stale = " (what an earlier version of the job or its briefs asked for is kept and not counted)"
        changed = len(finished) > preview.num_requests - num_new
        progress.say(
            f"going on: {about}{preview.num_requests - num_new:,} of {about}{preview.num_requests:,} requests are "
            f"finished, {about}{num_new:,} are to be made{stale if changed else ''}"
        )


def check_quarantine_rate(counts: dict[str, int], maximum: float) -> QuarantineRateError | None:
    """Return the error to end with when too large a share of rows, requests or creatives was refused."""
    rows = counts["refused"] / max(1, counts["rows_read"])
    requests = counts["quarantined"] / max(1, counts["planned"])
    creatives = counts.get("creatives_quarantined", 0) / max(1, counts.get("creatives_planned", 0))
    if max(rows, requests, creatives) <= maximum:
        return None
    refused = (
        f"{counts['refused']:,} of {counts['rows_read']:,} input rows and {counts['quarantined']:,} of "
        f"{counts['planned']:,} requests were refused"
    )
    if max(rows, requests) <= maximum:
        refused = f"{counts['creatives_quarantined']:,} of {counts['creatives_planned']:,} creatives were refused"
    return QuarantineRateError(
        f"{refused}: more than execution.max_quarantine_rate {maximum:.0%}",
        "read quarantine/ in the output for each row's reason; all other rows are done",
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _locate_log(spec: RunSpec) -> Path:
    return Path(tempfile.gettempdir()) / "content-factory" / f"{spec.attempt}.log"

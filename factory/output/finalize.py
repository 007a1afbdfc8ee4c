"""The end of a run: segments become assets, candidates and quarantine; the counts are proved; report and manifest follow.

Everything here can be done again after a crash: it reads segment files, writes below `staging/`, and publishes at the very end.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from factory.briefs.splits import InputSplit
from factory.config.job import COMPUTED_WEIGHTS, LoadedJob, RunSpec
from factory.errors import ConservationError
from factory.images.setup import ImageSetup
from factory.journal.accepted_texts import digest_pictures, list_text_files
from factory.journal.phases import IMAGES_PLAN_PHASE, TEXT_PHASE
from factory.journal.planned import Planned, read_planned
from factory.journal.segments import Damage, set_aside
from factory.journal.split_records import SplitRecord, read_records
from factory.output.publish import Guard, open_staging, publish
from factory.output.report.build import RunFacts, build_report, load_thumbnails, render_html
from factory.output.tables.compact import Compacted, compact
from factory.output.tables.rows import RunLabels
from factory.output.uniqueness.similar_pairs import find_similar_pairs
from factory.output.uniqueness.within_brief import open_brief_uniqueness
from factory.storage.store import Store
from factory.text.calibration import read_calibration
from schemas.run import Attempt, Manifest, RunState

LAW = (
    "requests planned = accepted + rejected + quarantined + remaining; input rows = briefs + refused + replaced rows; "
    "creatives planned = accepted + rejected + quarantined + remaining"
)


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run whose phases have ended, as far as this command took them.

    `splits` are those of the whole input: a command that was stopped has not read all of them. `setup` is there when the
    job makes pictures.
    """

    store: Store
    spec: RunSpec
    state: RunState
    attempt: Attempt
    splits: Sequence[InputSplit]
    setup: ImageSetup | None = None


@dataclass(frozen=True, slots=True)
class ReportSource:
    """What a report is made of: the run in `store`, and its compacted tables below `tables`."""

    store: Store
    tables: Store
    loaded: LoadedJob
    state: RunState


@dataclass(frozen=True, slots=True)
class Ending:
    """What a finished run comes to: the counts of the whole output and the report made of them."""

    counts: dict[str, int]
    report: dict[str, Any]
    damaged: Damage  # segment files set aside: what they held is made again by the next command


def finalize(run: EndedRun, guard: Guard = lambda: None) -> Ending:
    """Compact the run's segments, prove the conservation law, score siblings, publish tables, report and manifest.

    `guard` raises when this process may not publish any more, because another drives: then nothing that readers see is
    changed. Raises ConservationError when the counts do not add up, StorageError when something cannot be read or written.
    """
    guard()
    store, spec, state, attempt, setup = run.store, run.spec, run.state, run.attempt, run.setup
    store.write_bytes(f"attempts/{attempt.attempt}.json", attempt.model_dump_json(indent=1).encode())
    planned = read_planned(store, spec.attempt)
    creatives = read_planned(store, spec.attempt, IMAGES_PLAN_PHASE) if setup else None
    records = read_records(store, spec.attempt) if setup else []
    job = spec.loaded.job
    labels = RunLabels(job.text.model, job.text.template, job.text.adapters, tuple(spec.loaded.placements))
    staged = open_staging(store, attempt.attempt, time.time())
    with open_brief_uniqueness(spec.loaded.placements) as uniqueness:
        compacted = compact(
            store, staged, TEXT_PHASE, labels, planned.keys, uniqueness.add, creatives.keys if creatives else None
        )
        # A resume trusts the ids that such a file names: without a mark it would never make them again.
        set_aside(store, compacted.damaged)
        counts = count_all(planned, compacted, run.splits)
        if creatives is not None:
            counts |= count_creatives(creatives, compacted, store, records)
        check_conservation(counts)
        uniqueness.rate(staged, compacted.files)
    report, pages = make_report(ReportSource(store, staged, spec.loaded, state), counts)
    manifest = Manifest(
        run_id=state.run_id,
        job_name=state.job_name,
        job_digest=spec.identity.job,
        images_digest=setup.digest if setup else "",
        pictures_digest=digest_pictures(records) if setup else "",
        status="stopped" if is_unfinished(counts) else "done",
        started_at=state.started_at,
        finished_at=datetime.now(UTC).isoformat(),
        counts=counts,
        files=compacted.files,
        calibration=read_calibration(spec.identity.job, store),
        versions=state.versions,
    )
    publish(store, attempt.attempt, pages, manifest, guard)
    return Ending(counts, report, compacted.damaged)


def make_report(source: ReportSource, counts: dict[str, int]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the report of a run and its files by path."""
    report = build_report(source.tables, gather_facts(source, counts))
    pages = {
        "report.json": json.dumps(report, ensure_ascii=False, indent=1, default=str).encode(),
        "report.html": render_html(report, load_thumbnails(source.store, source.tables, report)).encode(),
    }
    return report, pages


def count_all(planned: Planned, compacted: Compacted, splits: Sequence[InputSplit]) -> dict[str, int]:
    """Return the counts of the whole output: what was planned where rows were read, and what became of it.

    `remaining` are the planned requests that no segment holds, counted by id: never by subtraction. `unread` are the
    rows of splits that were not read; a refused row that was read and not yet written is one of them.
    """
    totals, count = compacted.totals, planned.count
    unwritten = len(planned.keys & planned.refused)  # what compacting found was taken out of `keys`
    unread = sum(split.num_rows for split in splits if split.id not in planned.splits)
    return {
        "rows_read": count.rows - unwritten,
        "unread": unread + unwritten,
        "briefs": count.briefs,
        "refused": totals.refused,
        "replaced": count.replaced,
        "planned": count.planned,
        "skipped": count.skipped,
        "accepted": totals.accepted,
        "accepted_without_repair": totals.accepted_without_repair,
        "rejected": totals.rejected,
        "quarantined": totals.quarantined,
        "remaining": len(planned.keys) - unwritten,
        "assets": totals.assets,
        "prompt_tokens": totals.prompt_tokens,
        "output_tokens": totals.output_tokens,
    }


def count_creatives(
    planned: Planned, compacted: Compacted, store: Store, records: Sequence[SplitRecord]
) -> dict[str, int]:
    """Return the counts of the images phase: what was planned where texts were read, and what became of it.

    `creatives_unread` are the accepted texts whose creatives nobody has planned yet.
    """
    totals = compacted.totals
    files = list_text_files(store, records)
    return {
        "creatives_planned": planned.count.planned,
        "creatives_skipped": planned.count.skipped,
        "creatives_accepted": totals.creatives_accepted,
        "creatives_rejected": totals.creatives_rejected,
        "creatives_quarantined": totals.creatives_quarantined,
        "creatives_remaining": len(planned.keys),
        "creatives_unread": sum(file.num_texts for file in files if file.path not in planned.splits),
        "pictures": totals.pictures,
    }


def is_unfinished(counts: dict[str, int]) -> bool:
    """Return whether the same command has something left to do."""
    return any(counts.get(name) for name in ("remaining", "unread", "creatives_remaining", "creatives_unread"))


def check_conservation(counts: dict[str, int]) -> None:
    """Raise ConservationError when rows or requests vanished or doubled."""
    done = counts["accepted"] + counts["rejected"] + counts["quarantined"] + counts["remaining"]
    rows = counts["briefs"] + counts["refused"] + counts["replaced"]
    made = sum(counts.get(f"creatives_{name}", 0) for name in ("accepted", "rejected", "quarantined", "remaining"))
    if counts["planned"] != done or counts["rows_read"] != rows or counts.get("creatives_planned", 0) != made:
        raise ConservationError(
            f"the counts do not add up ({LAW}): {counts}",
            "keep this output and report it: no manifest was written; the segment files hold every finished request",
        )


def gather_facts(source: ReportSource, counts: dict[str, int]) -> RunFacts:
    """Return the facts of all commands that worked on this output, for the report."""
    store, loaded, state = source.store, source.loaded, source.state
    attempts = [Attempt.model_validate_json(store.read_bytes(info.path)) for info in store.list("attempts", ".json")]
    seconds: dict[str, float] = {}
    for attempt in attempts:
        for phase, spent in attempt.phase_seconds.items():
            seconds[phase] = seconds.get(phase, 0.0) + spent
    calibration = read_calibration(state.job_digest, store)
    rubric = loaded.rubric or COMPUTED_WEIGHTS
    return RunFacts(
        run_id=state.run_id,
        job_name=state.job_name,
        model=loaded.job.text.model,
        model_digest=state.model_digest,
        template=loaded.job.text.template,
        started_at=state.started_at,
        finished_at=max((attempt.finished_at for attempt in attempts), default=state.started_at),
        phase_seconds=seconds,
        counts=counts,
        tokens={name: counts[name] for name in ("prompt_tokens", "output_tokens")},
        engine_seconds=sum(attempt.totals.engine_seconds for attempt in attempts),
        price=loaded.job.price,
        gpus=max((attempt.gpus for attempt in attempts), default=0.0),
        cpus=max((attempt.cpus for attempt in attempts), default=0.0),
        calibration=calibration,
        weights={**rubric.weights, "judge": calibration.weight if calibration else 0.0},
        versions=state.versions,
        placements=loaded.placements,
        alike=find_similar_pairs(source.tables, loaded.placements),
    )

"""Takes one case through the whole path, in this process and without Ray: Parquet in, report out, and counts what came of it."""

import asyncio
import pickle
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from factory.briefs.duplicates import scan_ids
from factory.briefs.read import read_split, split_input
from factory.briefs.requests import make_requests
from factory.config.job import RunSpec, load_job, make_identity
from factory.engines.embedders.hashing import HashingEmbedder
from factory.journal.phases import TEXT_PHASE
from factory.journal.records import make_outcome_row, make_refused_row
from factory.journal.segments import iterate_rows, read_finished, write_segment
from factory.output.report.build import build_report, render_html
from factory.output.tables.compact import compact
from factory.output.tables.rows import RunLabels
from factory.output.uniqueness.similar_pairs import find_similar_pairs
from factory.output.uniqueness.within_brief import open_brief_uniqueness
from factory.pipeline.score_stage import finish_outcomes
from factory.pipeline.text_stage import make_settings
from factory.storage.store import Store
from factory.text.write import write_request
from schemas.brief import Brief
from schemas.outcome import Outcome, Refusal, Status
from tests.fuzz import demands
from tests.fuzz.answers import AnswerEngine
from tests.fuzz.cases import Case, write_case
from tests.fuzz.strategies import PLACEMENTS
from tests.support.output_builders import make_facts
from tests.support.paths import ROOT

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
TEMPLATE = ROOT / "jobs/ad_copy/templates/ad.j2"


@dataclass
class Tally:
    """What became of briefs, requests and answers, over many cases."""

    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)  # of briefs, by reason
    quarantined: Counter[str] = field(default_factory=Counter)  # of requests, by reason
    rules: Counter[str] = field(default_factory=Counter)  # of rejected candidates, by the rule that rejected them

    def add(self, other: "Tally") -> None:
        """Add what another case came to."""
        for name in ("counts", "refusals", "quarantined", "rules"):
            getattr(self, name).update(getattr(other, name))


@cache
def load_plan() -> RunSpec:
    """The job of every case: the shipped template, all placements that cases use, two candidates, one repair, two kept."""
    settings = {
        "name": "fuzz",
        "briefs": "briefs.parquet",
        "output": "out",
        "placements": list(PLACEMENTS),
        "locales": ["en-US"],
        "text": {"template": "ad.j2", "model": "scripted", "candidates": 2, "max_repairs": 1},
        "select": {"keep": 2},
    }
    with TemporaryDirectory() as folder:
        shutil.copy(TEMPLATE, folder)
        Path(folder, "job.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        loaded = load_job(folder)
    return RunSpec(loaded, make_identity(loaded, "scripted"), "run-1", "attempt-1", "scripted", "")


@dataclass(frozen=True)
class Worked:
    """What one case came to before anything was committed."""

    case: Case
    outcomes: list[Outcome]
    refusals: list[Refusal]
    tally: Tally


def run_case(case: Case) -> Tally:
    """Take one case all the way. Raises AssertionError when a demand is not met, and whatever the factory lets out."""
    worked = work(case)
    finish([worked])
    return worked.tally


def work(case: Case, number: int = 0) -> Worked:
    """Read, write, check, score and select a case's requests. `number` keeps its ids apart from those of other cases."""
    with TemporaryDirectory(prefix="fuzz-") as folder:
        items = _read(case, Path(folder, f"briefs-{number}.parquet"))
    briefs = [item for item in items if isinstance(item, Brief)]
    refusals = [item for item in items if isinstance(item, Refusal)]
    outcomes, engine = _write(briefs, case, number)
    for refusal in refusals:
        demands.check_refusal(refusal)
    for prompt in engine.prompts:
        demands.check_prompt(prompt)
    for outcome in outcomes:
        demands.check_outcome(outcome, load_plan().loaded.placements[outcome.request.placement])
    tally = Tally()
    tally.counts.update(cases=1, briefs=case.num_rows, refused_briefs=len(refusals), answers=engine.num_answers)
    tally.refusals.update(refusal.reason for refusal in refusals)
    for outcome in outcomes:
        tally.counts[f"requests_{outcome.status}"] += 1
        if outcome.quarantine is not None:
            tally.quarantined[outcome.quarantine.reason] += 1
        for candidate in outcome.candidates:
            tally.counts[f"candidates_{candidate.status.value}"] += 1
            if candidate.status is Status.REJECTED:
                tally.rules[candidate.reason.partition(":")[0]] += 1
    return Worked(case, outcomes, refusals, tally)


def finish(batch: Sequence[Worked]) -> None:
    """Commit many cases as one segment file, compact it, score siblings, write the report; check all of it."""
    spec = load_plan()
    outcomes = [outcome for worked in batch for outcome in worked.outcomes]
    refusals = [refusal for worked in batch for refusal in worked.refusals]
    rows = [make_refused_row(refusal) for refusal in refusals] + [make_outcome_row(outcome) for outcome in outcomes]
    names = sorted({name for worked in batch for name in worked.case.placements})
    placements = {name: spec.loaded.placements[name] for name in names}
    labels = RunLabels(spec.model, "ad.j2", {}, tuple(names))
    with TemporaryDirectory(prefix="fuzz-") as folder:
        store, tables = Store(f"{folder}/run"), Store(f"{folder}/tables")
        write_segment(store, TEXT_PHASE, rows, spec.run_id, NOW)
        read_back = {row.request_id: (row.status, row.payload) for row in iterate_rows(store, TEXT_PHASE)}
        assert read_back == {row.request_id: (row.status, row.payload) for row in rows}, "a segment changed its rows"
        assert not read_finished(store, TEXT_PHASE).damaged
        demands.check_files(Path(folder, "run"))
        with open_brief_uniqueness(placements) as uniqueness:
            compacted = compact(store, tables, TEXT_PHASE, labels, show=uniqueness.add)
            uniqueness.rate(tables, compacted.files)
        report = build_report(tables, make_facts(placements=placements, alike=find_similar_pairs(tables, placements)))
        demands.check_report(report, render_html(report))
        demands.check_tables(Path(folder, "tables"), outcomes, refusals, compacted)


def _read(case: Case, path: Path) -> list[Brief | Refusal]:
    """Every row as a brief or a refusal."""
    write_case(case, path)
    source = split_input(str(path), case.mapping, 3)
    duplicates = scan_ids(source, case.mapping)
    items = [item for split in source.splits for item in read_split(split, case.mapping, duplicates)]
    assert len(items) == case.num_rows, "a row is lost"
    return items


def _write(briefs: Sequence[Brief], case: Case, number: int) -> tuple[list[Outcome], AnswerEngine]:
    """Every request of the briefs, written, scored and selected."""
    spec = load_plan()
    placements = [spec.loaded.placements[name] for name in case.placements]
    identity = replace(spec.identity, job=f"{spec.identity.job}-{number}")
    locales = spec.loaded.job.locales
    requests = [request for brief in briefs for request in make_requests(brief, placements, locales, identity)]
    engine = AnswerEngine(case.answers)
    settings = make_settings(spec, None)

    async def write_all() -> list[Outcome]:
        return [await write_request(request, settings, engine) for request in requests]

    written = pickle.loads(pickle.dumps(asyncio.run(write_all())))
    outcomes = finish_outcomes(written, spec, 0.0, HashingEmbedder())
    assert [outcome.request.request_id for outcome in outcomes] == [request.request_id for request in requests]
    return outcomes, engine

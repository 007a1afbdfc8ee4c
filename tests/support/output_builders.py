"""Rows of an output's tables and a run's facts, small and valid: change one thing, keep the rest."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from factory.journal.columns import ASSETS, CANDIDATES, QUARANTINE
from factory.journal.segments import SegmentRow
from factory.journal.tables import to_table
from factory.output.report.build import RunFacts
from factory.storage.store import Store
from schemas.job import Price
from schemas.outcome import Outcome
from tests.support.builders import make_fields, make_placement

NOW = datetime(2026, 11, 23, 5, 40, tzinfo=UTC)
KEYS = {
    "request_id": "r-1",
    "brief_id": "b-1",
    "campaign_id": "autumn",
    "placement": "test_search",
    "locale": "en-US",
    "segment": "hikers",
    "run_id": "run-1",
    "created_at": NOW,
}


def make_candidate_row(**changes: Any) -> dict[str, Any]:
    """A candidate that became an asset, as a row of `candidates/`."""
    row = KEYS | {
        "candidate": 0,
        "attempt": 0,
        "pooled": False,
        "status": "accepted",
        "reason": "",
        "rank": 0,
        "fields": make_fields(),
        "raw": "",
        "score": 0.8,
        "scores": {"relevance": 0.8},
        "missing_scores": [],
        "checks": [{"rule": "length", "passed": True, "detail": ""}],
        "output_tokens": 100,
    }
    return row | changes


def make_asset_row(**changes: Any) -> dict[str, Any]:
    """The asset of `make_candidate_row()`, as a row of `assets/`."""
    kept = ("fields", "score", "scores", "checks", "rank", "output_tokens")
    candidate = make_candidate_row()
    row = KEYS | {name: candidate[name] for name in kept} | {"asset_id": "a-1", "kind": "text", "engine_seconds": 1.0}
    return row | changes


def make_rejected_row(rule: str, detail: str, **changes: Any) -> dict[str, Any]:
    """A candidate that failed `rule`."""
    checks = [{"rule": "readable", "passed": True, "detail": ""}, {"rule": rule, "passed": False, "detail": detail}]
    row = {"status": "rejected", "reason": f"{rule}: {detail}", "rank": None, "score": None, "scores": {}}
    return make_candidate_row(**(row | {"checks": checks} | changes))


def make_quarantine_row(**changes: Any) -> dict[str, Any]:
    """A refused input row."""
    row = {"request_id": "", "brief_id": "b-9", "stage": "read", "reason": "bad_price", "detail": "price is -1"}
    row |= {"attempt": 1, "retryable": False, "source": "night.parquet row 17", "record": "{}", "run_id": "run-1"}
    return row | {"created_at": NOW} | changes


def make_facts(**changes: Any) -> RunFacts:
    """A run of two minutes that held one GPU, over what `write_output(…)` is usually given."""
    values: dict[str, Any] = {
        "run_id": "run-1",
        "job_name": "ad-copy",
        "model": "smollm2-135m-instruct",
        "model_digest": "abc",
        "template": "templates/ad.j2",
        "started_at": "2026-11-23T05:38:00+00:00",
        "finished_at": "2026-11-23T05:40:00+00:00",
        "phase_seconds": {"start": 10.0, "engine load": 20.0, "generation": 80.0, "rest": 10.0},
        "counts": {},
        "tokens": {"prompt_tokens": 1000, "output_tokens": 400},
        "price": Price(currency="EUR", per_gpu_hour=3.0),
        "gpus": 1.0,
        "placements": {"test_search": make_placement()},
    }
    return RunFacts(**(values | changes))


def write_output(
    folder: Path,
    assets: list[dict[str, Any]] | None = None,
    candidates: list[dict[str, Any]] | None = None,
    quarantine: list[dict[str, Any]] | None = None,
) -> Store:
    """Write tables as `compact` does; a table of no rows gets no file."""
    for placement in {row["placement"] for row in assets or []}:
        rows = [row for row in assets or [] if row["placement"] == placement]
        part = folder / "assets" / f"placement={placement}" / "part-0.parquet"
        part.parent.mkdir(parents=True)
        pq.write_table(to_table(rows, ASSETS).drop_columns(["placement"]), part)
    for name, rows_of, columns in (
        ("candidates", candidates, CANDIDATES),
        ("quarantine", quarantine, QUARANTINE),
    ):
        if rows_of:
            (folder / name).mkdir(parents=True)
            pq.write_table(to_table(rows_of, columns), folder / name / "part-0.parquet")
    folder.mkdir(parents=True, exist_ok=True)
    return Store(str(folder))


def make_row(outcome: Outcome) -> SegmentRow:
    """The segment row of an outcome."""
    request = outcome.request
    values = (request.request_id, outcome.status, request.brief.brief_id, request.placement, request.locale)
    return SegmentRow(*values, outcome.model_dump_json())

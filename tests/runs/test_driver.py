"""The order of events around a run: when there is nothing to do, when a bound is reached, and how the time is split."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from factory.journal.keys import make_keys
from factory.journal.segments import Finished
from factory.runs import phase_timer
from factory.runs.driver import check_quarantine_rate
from factory.runs.planning import Prepared
from factory.runs.remaining import find_done
from factory.runs.stopping import find_exhausted
from factory.storage.store import Store
from schemas.job import Budget
from schemas.run import Manifest, Receipt
from tests.support.jobs import make_job, make_product_rows, plan_job

COUNTS = {"rows_read": 100, "refused": 0, "planned": 200, "quarantined": 0}


def write_manifest(store: Store, prepared: Prepared, **changes: object) -> None:
    preview = prepared.preview
    counts = {"planned": preview.num_requests, "rows_read": preview.num_rows}
    values = {"run_id": "r", "job_name": "j", "job_digest": prepared.spec.identity.job, "status": "done"}
    manifest = Manifest(
        **(values | {"started_at": "", "finished_at": "", "counts": counts, "files": {}, "versions": {}} | changes)
    )  # type: ignore[arg-type]
    store.write_bytes("manifest.json", manifest.model_dump_json().encode())


def finish(ids: list[str]) -> Finished:
    return Finished(np.sort(make_keys(pa.array(ids, type=pa.string()))))


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return plan_job(make_job(tmp_path / "job", make_product_rows(3)))


def test_a_finished_run_over_the_same_briefs_is_done(tmp_path: Path, prepared: Prepared) -> None:
    store, ids = Store(str(tmp_path / "out")), prepared.preview.request_ids
    assert find_done(store, prepared.spec, prepared.preview, finish(ids)) is None, "there is no manifest yet"
    write_manifest(store, prepared)
    assert find_done(store, prepared.spec, prepared.preview, finish(ids)) is not None


@pytest.mark.parametrize(
    "changes", [{"status": "stopped"}, {"job_digest": "x"}, {"counts": {"planned": 7, "rows_read": 3}}]
)
def test_another_manifest_is_not_done(tmp_path: Path, prepared: Prepared, changes: dict[str, object]) -> None:
    store = Store(str(tmp_path / "out"))
    write_manifest(store, prepared, **changes)
    assert find_done(store, prepared.spec, prepared.preview, finish(prepared.preview.request_ids)) is None


def test_one_new_request_or_rows_not_looked_at_are_not_done(tmp_path: Path, prepared: Prepared) -> None:
    store, ids = Store(str(tmp_path / "out")), prepared.preview.request_ids
    write_manifest(store, prepared)
    assert find_done(store, prepared.spec, prepared.preview, finish(ids[1:])) is None
    assert find_done(store, prepared.spec, replace(prepared.preview, is_whole=False), finish(ids)) is None


@pytest.mark.parametrize(
    ("counts", "rate", "is_too_many"),
    [
        ({"refused": 5}, 0.05, False),
        ({"refused": 6}, 0.05, True),
        ({"quarantined": 10}, 0.05, False),
        ({"quarantined": 11}, 0.05, True),
        ({"refused": 1}, 0.0, True),
        ({"refused": 100, "quarantined": 200}, 1.0, False),
        ({"rows_read": 0, "planned": 0}, 0.0, False),
    ],
)
def test_the_quarantine_rate_is_of_rows_and_of_requests(
    counts: dict[str, int], rate: float, is_too_many: bool
) -> None:
    error = check_quarantine_rate(COUNTS | counts, rate)
    assert (error is not None) is is_too_many
    if error is not None:
        assert error.exit_code == 1 and "quarantine/" in error.hint


def test_each_bound_of_a_budget_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = Receipt(segment="", prompt_tokens=600, output_tokens=400)
    monkeypatch.setattr(phase_timer.time, "monotonic", lambda: 7200.0)
    soon, past = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(seconds=1)
    for budget, word in (
        (Budget(), ""),
        (Budget(tokens=1001, gpu_hours=4.1, deadline=soon), ""),
        (Budget(tokens=1000), "1,000 of 1,000 tokens"),
        (Budget(gpu_hours=4.0), "GPU hours"),
        (Budget(deadline=past), "deadline"),
        (Budget(deadline=past.astimezone().replace(tzinfo=None)), "deadline"),
    ):
        reason = find_exhausted(budget, spent, 2.0, 0.0)
        assert (word in reason) if word else reason == "", (budget, reason)


def test_the_time_split_sums_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([10.0, 50.0, 60.0])
    monkeypatch.setattr(phase_timer.time, "monotonic", lambda: next(ticks))
    monkeypatch.setattr(phase_timer.time, "time", lambda: 1010.0)
    clock = phase_timer.PhaseTimer(began=2.0)
    clock.end_flow(flow_began=12.0)
    split = clock.split(Receipt(segment="", engine_ready_at=1030.0, engine_load_seconds=15.0))
    assert split == {"start": 13.0, "engine load": 15.0, "generation": 20.0, "rest": 10.0}
    assert sum(split.values()) == 58.0

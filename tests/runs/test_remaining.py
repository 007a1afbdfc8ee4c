"""What is left to do is known without reading the input again, exactly where earlier commands wrote it down."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from factory.journal.phases import IMAGES_FAILED_PHASE, IMAGES_PHASE, TEXT_PHASE
from factory.journal.segments import Finished, SegmentRow, read_finished, set_aside, write_segment
from factory.journal.split_records import Progress
from factory.runs.planning import Prepared
from factory.runs.remaining import count_new, has_creatives, is_done_by_records
from factory.storage.store import Store
from schemas.base import digest
from schemas.run import Manifest
from tests.support.split_outputs import Output

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def output(tmp_path: Path) -> Output:
    """A finished output, of an input that is too large to be read ahead."""
    made = Output(tmp_path)
    made.read(made.prepared)
    return made


def look(output: Output, *overrides: str) -> tuple[Prepared, Finished]:
    """What the next command has read when it asks."""
    prepared = output.spec(*overrides, attempt="second")
    preview = replace(prepared.preview, is_whole=False)
    return replace(prepared, preview=preview), read_finished(output.store, TEXT_PHASE)


def make_manifest(prepared: Prepared, **counts: int) -> Manifest:
    """A manifest of the job as it is now."""
    return Manifest(
        run_id="r1",
        job_name="test-job",
        job_digest=prepared.spec.identity.job,
        status="done",
        started_at="",
        finished_at="",
        counts={"planned": 76, "rows_read": 40} | counts,
        files={},
        versions={},
    )


def test_a_finished_run_over_much_input_is_known_to_be_done(output: Output) -> None:
    prepared, finished = look(output)
    manifest = make_manifest(prepared)
    assert is_done_by_records(manifest, output.store, prepared, finished)
    assert not is_done_by_records(make_manifest(prepared, planned=75), output.store, prepared, finished)
    assert not is_done_by_records(make_manifest(prepared, rows_read=41), output.store, prepared, finished)
    edited, _ = look(output, "seed=8")
    assert not is_done_by_records(manifest, output.store, edited, finished)
    output.store.delete(f"segments/{TEXT_PHASE}/rows-{prepared.source.splits[1].id}.parquet")
    prepared, finished = look(output)
    assert not is_done_by_records(manifest, output.store, prepared, finished)


def test_what_was_read_before_is_counted_and_only_the_rest_estimated(output: Output) -> None:
    prepared, finished = look(output)
    split = output.split(prepared)
    assert count_new(prepared.preview, finished, split) == (0, True)
    output.store.delete(f"segments/{TEXT_PHASE}/rows-{prepared.source.splits[1].id}.parquet")
    prepared, finished = look(output)
    assert count_new(prepared.preview, finished, output.split(prepared)) == (20, True)
    # Half of the input was never read: the preview's share of new requests, 20 of 40 rows, stands for it.
    halved = Progress(left=prepared.source.splits, records=[], num_new=7, unknown_rows=20)
    assert count_new(prepared.preview, finished, halved) == (7 + 10, False)
    whole = replace(prepared.preview, is_whole=True)
    assert count_new(whole, finished, halved) == (20, True)


def write_creatives(store: Store, phase: str, status: str, *keys: str) -> str:
    """Commit creatives of these keys to one file and return its path."""
    payload = '{"quarantine": {"reason": "missing"}}'
    rows = [SegmentRow(key, status, "b-1", "meta_feed", "en-US", payload) for key in keys]
    return f"segments/{phase}/{write_segment(store, phase, rows, 'r1', NOW)}.parquet"


def test_a_finished_run_whose_creatives_are_damaged_or_gone_is_not_done(output: Output) -> None:
    store, prepared = output.store, output.spec()
    ids = [digest([number]) for number in range(5)]
    manifest = make_manifest(prepared, creatives_planned=5)
    paths = [write_creatives(store, IMAGES_PHASE, "accepted", *ids[start : start + 2]) for start in (0, 2)]
    assert not has_creatives(manifest, store), "what failed for good is one of them"
    write_creatives(store, IMAGES_FAILED_PHASE, "quarantined", f"{ids[4]}/0/1")
    assert has_creatives(manifest, store)
    data = store.read_bytes(paths[0])
    write_creatives(store, IMAGES_PHASE, "accepted", *ids[:2])
    store.write_bytes(paths[0], data[:-9])
    assert not has_creatives(manifest, store), "nobody has been told yet"
    set_aside(store, [(paths[0], "cut short")])
    assert has_creatives(manifest, store)
    store.delete(paths[1])
    assert not has_creatives(manifest, store)

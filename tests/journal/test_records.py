"""What is written down of a batch, and what one command planned: two sides that must agree."""

import pickle
from pathlib import Path
from typing import Any

from factory.briefs.splits import InputSplits
from factory.config.job import RunSpec
from factory.journal.planned import commit_unreadable, read_planned
from factory.journal.receipts import make_receipt
from factory.journal.records import make_outcome_row, make_refused_id, make_refused_row
from factory.journal.segments import iterate_rows
from factory.journal.split_records import make_record, write_record
from factory.storage.store import Store
from schemas.outcome import Check, Outcome, Status
from schemas.run import Receipt, UnitCount
from tests.support.builders import make_candidate, make_outcome, make_refusal
from tests.support.jobs import make_job, plan_job


def make_count(split: str = "u-1", **changes: int) -> UnitCount:
    values = {"rows": 3, "briefs": 2, "refused": 1, "planned": 4, "skipped": 1}
    return UnitCount(unit=split, **(values | changes))


def make_spec(tmp_path: Path) -> RunSpec:
    return pickle.loads(pickle.dumps(plan_job(make_job(tmp_path / "job")).spec))  # type: ignore[no-any-return]


def accept(**changes: Any) -> Outcome:
    chosen = make_candidate(0, status=Status.ACCEPTED, rank=0, **changes)
    return make_outcome(candidates=[chosen, make_candidate(1, status=Status.UNSELECTED, reason="x")])


def test_a_receipt_counts_what_the_driver_needs() -> None:
    failed = make_candidate(0, checks=[Check(rule="length", passed=False, detail="long")], reason="length")
    outcomes = [accept(), accept(attempt=1, repaired_from=0), make_outcome(candidates=[failed])]
    outcomes.append(make_outcome(candidates=[], quarantine=make_refusal(stage="prompt")))
    receipt = make_receipt("s", outcomes, [make_count(), make_count("u-2")])
    assert (receipt.accepted, receipt.rejected, receipt.quarantined, receipt.assets) == (2, 1, 1, 2)
    assert receipt.finished == 4
    assert (receipt.rows_read, receipt.briefs, receipt.refused, receipt.planned, receipt.skipped) == (6, 4, 2, 8, 2)
    assert receipt.prompt_tokens == 4 * 400 and receipt.output_tokens == 4 * 120


def test_accepted_without_repair_looks_at_first_answers_only() -> None:
    bad = {"checks": [Check(rule="length", passed=False)]}
    mended = make_candidate(1, attempt=1, status=Status.ACCEPTED, rank=0)
    pooled = make_candidate(1, pooled=True, status=Status.ACCEPTED, rank=0)
    for winner in (mended, pooled):
        outcome = make_outcome(candidates=[make_candidate(0, **bad), winner])
        receipt = make_receipt("s", [outcome], [])
        assert (receipt.accepted, receipt.accepted_without_repair) == (1, 0)
    assert make_receipt("s", [accept()], []).accepted_without_repair == 1


def test_receipts_add_up_and_the_first_engine_is_when_work_began() -> None:
    first = Receipt(segment="a", accepted=1, engine_load_seconds=5.0, engine_ready_at=100.0)
    second = Receipt(segment="b", accepted=2, rejected=3, engine_load_seconds=7.0, engine_ready_at=90.0)
    total = first.add(second).add(Receipt(segment="c"))
    assert (total.accepted, total.rejected, total.segment) == (3, 3, "c")
    assert (total.engine_load_seconds, total.engine_ready_at) == (7.0, 90.0)


def test_rows_carry_all_that_compacting_needs() -> None:
    row = make_outcome_row(accept())
    assert (row.request_id, row.status, row.brief_id, row.placement, row.locale) == (
        "r-1",
        "accepted",
        "b-1",
        "test_search",
        "en-US",
    )
    assert Outcome.model_validate_json(row.payload) == accept()
    refused = make_refused_row(make_refusal(brief_id="b-7"))
    assert (refused.status, refused.brief_id) == ("refused", "b-7")


def test_a_refused_row_is_known_by_source_and_reason() -> None:
    first = make_refused_id(make_refusal())
    assert first == make_refused_id(make_refusal(record="{}", brief_id="b"))
    for change in ({"source": "a.parquet row 4"}, {"reason": "x"}, {"detail": "y"}):
        assert make_refused_id(make_refusal(**change)) != first


def test_what_a_command_planned_is_read_back_and_only_its_own(tmp_path: Path) -> None:
    store, spec = Store(str(tmp_path / "out")), make_spec(tmp_path)
    write_record(make_record(make_count(), ["r-1", "r-2", "r-3", "r-4", "refused-1"]), spec, store)
    write_record(make_record(make_count("u-2", planned=1), ["r-5", "refused-2"]), spec, store)
    write_record(
        make_record(make_count("u-2", planned=1), ["r-5", "refused-2"]), spec, store
    )  # the task was run twice
    planned = read_planned(store, spec.attempt)
    assert planned.splits == {"u-1", "u-2"}
    assert (planned.count.rows, planned.count.planned, planned.count.refused) == (6, 5, 2)
    assert len(planned.keys) == 7 and len(planned.refused) == 2 and planned.refused < planned.keys
    assert read_planned(store, "another").keys == set()


def test_files_that_cannot_be_read_are_rows_of_their_own(tmp_path: Path) -> None:
    store, spec = Store(str(tmp_path / "out")), make_spec(tmp_path)
    broken = [make_refusal(source="a.parquet"), make_refusal(source="b.parquet")]
    receipt = commit_unreadable(InputSplits([], broken, 0, 0, [], []), spec, store)
    assert (receipt.rows_read, receipt.refused) == (2, 2)
    assert [row.status for row in iterate_rows(store, "text")] == ["refused", "refused"]
    planned = read_planned(store, spec.attempt)
    assert planned.keys == planned.refused and len(planned.keys) == 2
    assert commit_unreadable(InputSplits([], [], 0, 0, [], []), spec, store).rows_read == 0

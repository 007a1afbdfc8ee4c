"""Outcomes and counts as segment rows and receipts: what is written down of a batch, and what the driver learns of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from factory.commit import PHASE, PLAN_PHASE
from factory.row_keys import make_keys
from factory.runs import Plan
from factory.segments import SegmentRow, iterate_rows, write_segment
from factory.storage import Store
from factory.units import InputPlan
from schemas.asset import Outcome, Refusal
from schemas.base import digest
from schemas.run import Receipt, UnitCount


def make_outcome_row(outcome: Outcome) -> SegmentRow:
    """Return the segment row of a finished request."""
    request = outcome.request
    return SegmentRow(
        request_id=request.request_id,
        status=outcome.status,
        brief_id=request.brief.brief_id,
        placement=request.placement,
        locale=request.locale,
        payload=outcome.model_dump_json(),
    )


def make_refused_row(refusal: Refusal) -> SegmentRow:
    """Return the segment row of a refused input row."""
    return SegmentRow(
        request_id=make_refused_id(refusal),
        status="refused",
        brief_id=refusal.brief_id,
        placement="",
        locale="",
        payload=refusal.model_dump_json(),
    )


def make_refused_id(refusal: Refusal) -> str:
    """Return the key of a refused row: the same row refused for the same reason again is the same."""
    return digest([refusal.source, refusal.reason, refusal.detail])


def commit_unit(count: UnitCount, ids: Sequence[str], plan: Plan, store: Store) -> None:
    """Write down what a unit of input came to, with the keys of its requests and then of its refused rows.

    What this command planned is known from these alone, so the conservation law has two independent sides.
    """
    payload = json.dumps({"count": count.model_dump(), "ids": ids})
    row = SegmentRow(f"{plan.attempt}/{count.unit}", "unit", "", "", "", payload)
    write_segment(store, PLAN_PHASE, [row], plan.run_id, datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Planned:
    """What one command planned: the sum of its units' counts, and the ids of those units.

    `keys` are the 16-byte keys of all requests and refused rows, `refused` those of the refused rows alone.
    """

    count: UnitCount
    units: set[str]
    keys: set[bytes]
    refused: set[bytes]


def read_planned(store: Store, attempt: str) -> Planned:
    """Return what the command `attempt` planned, from its unit segments."""
    sums = dict.fromkeys(("rows", "briefs", "refused", "planned", "skipped"), 0)
    units: set[str] = set()
    requests: set[bytes] = set()
    refused: set[bytes] = set()
    for row in iterate_rows(store, PLAN_PHASE):
        if not row.request_id.startswith(f"{attempt}/"):
            continue
        unit = json.loads(row.payload)
        for name in sums:
            sums[name] += unit["count"][name]
        units.add(unit["count"]["unit"])
        raw = make_keys(pa.array(unit["ids"], type=pa.string())).tobytes()
        keys = [raw[at : at + 16] for at in range(0, len(raw), 16)]
        requests.update(keys[: unit["count"]["planned"]])
        refused.update(keys[unit["count"]["planned"] :])
    return Planned(UnitCount(unit=attempt, **sums), units, requests | refused, refused)


def commit_unreadable(source: InputPlan, plan: Plan, store: Store) -> Receipt:
    """Write the input files that could not be read as refused rows; each counts as one input row."""
    if not source.refusals:
        return Receipt(segment="")
    num = len(source.refusals)
    count = UnitCount(unit="unreadable files", rows=num, briefs=0, refused=num, planned=0, skipped=0)
    rows = [make_refused_row(refusal) for refusal in source.refusals]
    segment = write_segment(store, PHASE, rows, plan.run_id, datetime.now(UTC))
    commit_unit(count, [row.request_id for row in rows], plan, store)
    return make_receipt(segment, [], [count])


def make_receipt(segment: str, outcomes: Sequence[Outcome], counts: Sequence[UnitCount]) -> Receipt:
    """Return what the driver learns of a committed batch."""
    statuses = [outcome.status for outcome in outcomes]
    unrepaired = [any(c.passed and not c.attempt and not c.pooled for c in outcome.candidates) for outcome in outcomes]
    return Receipt(
        segment=segment,
        rows_read=sum(count.rows for count in counts),
        briefs=sum(count.briefs for count in counts),
        refused=sum(count.refused for count in counts),
        planned=sum(count.planned for count in counts),
        skipped=sum(count.skipped for count in counts),
        accepted=statuses.count("accepted"),
        accepted_without_repair=sum(
            status == "accepted" and first for status, first in zip(statuses, unrepaired, strict=True)
        ),
        rejected=statuses.count("rejected"),
        quarantined=statuses.count("quarantined"),
        assets=sum(len(outcome.accepted) for outcome in outcomes),
        prompt_tokens=sum(outcome.prompt_tokens for outcome in outcomes),
        output_tokens=sum(outcome.output_tokens for outcome in outcomes),
        engine_seconds=sum(outcome.engine_seconds for outcome in outcomes),
    )

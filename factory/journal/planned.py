"""What a command planned: the sum of its splits, known from their records alone. One side of the conservation law."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import pyarrow as pa

from factory.briefs.splits import InputSplits
from factory.config.job import RunSpec
from factory.journal.keys import iterate_keys, make_keys
from factory.journal.phases import PLAN_PHASE, TEXT_PHASE
from factory.journal.receipts import make_receipt
from factory.journal.records import make_refused_row
from factory.journal.segments import write_segment
from factory.journal.split_records import make_record, read_records, write_record
from factory.storage.store import Store
from schemas.run import Receipt, UnitCount

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Planned:
    """What one command planned: the sum of its splits' counts, and the ids of those splits.

    `keys` are the 16-byte keys of all requests and refused rows, `refused` those of the refused rows alone.
    """

    count: UnitCount
    splits: set[str]
    keys: set[bytes]
    refused: set[bytes]


def read_planned(store: Store, attempt: str, phase: str = PLAN_PHASE) -> Planned:
    """Return what the command `attempt` planned in a phase, from its split segments."""
    sums = dict.fromkeys(("rows", "briefs", "refused", "planned", "skipped", "replaced"), 0)
    splits: set[str] = set()
    requests: set[bytes] = set()
    refused: set[bytes] = set()
    for record in read_records(store, attempt, phase):
        for name in sums:
            sums[name] += getattr(record.count, name)
        splits.add(record.count.unit)
        requests.update(iterate_keys(record.requests))
        refused.update(iterate_keys(record.refused))
    return Planned(UnitCount(unit=attempt, **sums), splits, requests | refused, refused)


def keep_planned(entries: dict[str, Entry], store: Store, attempt: str, phase: str = PLAN_PHASE) -> dict[str, Entry]:
    """Return the entries, by id, whose ids the command `attempt` planned in a phase."""
    if not entries:
        return {}
    planned = read_planned(store, attempt, phase).keys
    ids = iterate_keys(make_keys(pa.array(list(entries), type=pa.string())))
    return {each: entry for (each, entry), key in zip(entries.items(), ids, strict=True) if key in planned}


def commit_unreadable(source: InputSplits, spec: RunSpec, store: Store) -> Receipt:
    """Write the input files that could not be read as refused rows; each counts as one input row."""
    if not source.refusals:
        return Receipt(segment="")
    num = len(source.refusals)
    count = UnitCount(unit="unreadable files", rows=num, briefs=0, refused=num, planned=0, skipped=0)
    rows = [make_refused_row(refusal) for refusal in source.refusals]
    segment = write_segment(store, TEXT_PHASE, rows, spec.run_id, datetime.now(UTC))
    write_record(make_record(count, [row.request_id for row in rows]), spec, store)
    return make_receipt(segment, [], [count])

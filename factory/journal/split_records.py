"""What each unit of input came to, written down where it was read: which requests it planned and which rows it refused.

The records are one side of the conservation law, and they spare a resume the reading: a unit that is the same in all that
decides its ids, and whose every request and refused row is on storage, is taken over by reference and not read again.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby

import numpy as np
import pyarrow as pa

from factory.briefs.duplicates import Duplicates
from factory.briefs.splits import Unit
from factory.config.job import Plan
from factory.journal.committer import PLAN_PHASE
from factory.journal.keys import Keys, find_keys, make_keys
from factory.journal.segments import Finished, SegmentRow, iterate_rows, write_segment
from factory.storage.store import Store
from schemas.asset import Refusal
from schemas.base import digest
from schemas.run import SCHEME, UnitCount

UNSURE = ("corrupt_file",)  # refusals that may not come again: a unit with one is read every time


@dataclass(frozen=True, slots=True, eq=False)
class UnitRecord:
    """One unit as one command counted it.

    `basis` is a digest of all that decides which ids the unit's rows come to, "" when the unit is to be read every time.
    `keys` are those of its requests and then of its refused rows; empty when `taken_from` names the record that has them.
    `pictures` are the addresses of its requests' product pictures, one each, where the job makes pictures.
    """

    count: UnitCount
    basis: str
    keys: Keys
    taken_from: str = ""
    pictures: tuple[str, ...] = ()

    @property
    def requests(self) -> Keys:
        """The keys of the unit's requests."""
        return self.keys[: self.count.planned]

    @property
    def refused(self) -> Keys:
        """The keys of the unit's refused rows."""
        return self.keys[self.count.planned :]


@dataclass(frozen=True, slots=True)
class Split:
    """The units of a command: those still to be read, and the records of those that were finished before.

    `num_new` requests of the units left are known, from earlier records, to be not done; `unknown_rows` are the rows of
    units left that no record tells of.
    """

    left: list[Unit]
    records: list[UnitRecord]
    num_new: int
    unknown_rows: int

    @property
    def counts(self) -> list[UnitCount]:
        """What the finished units came to."""
        return [record.count for record in self.records]


def digest_basis(unit: Unit, plan: Plan, duplicates: Duplicates, refusals: Sequence[Refusal] = ()) -> str:
    """Return a digest of what decides the unit's ids: its rows, the job, how rows are read, and which are repeated.

    It is "" when the unit's `refusals` say that reading it again may give something else.
    """
    if any(refusal.reason in UNSURE for refusal in refusals):
        return ""
    return _digest_basis(unit, _list_shared(plan), duplicates)


def write_record(
    count: UnitCount,
    basis: str,
    ids: Sequence[str],
    plan: Plan,
    store: Store,
    pictures: Sequence[str] = (),
    phase: str = PLAN_PHASE,
) -> None:
    """Commit the record of a unit that was read. Raises StorageError."""
    record = UnitRecord(count, basis, make_keys(pa.array(ids, type=pa.string())), pictures=tuple(pictures))
    write_segment(store, phase, [_make_row(record, plan)], plan.run_id, datetime.now(UTC))


def iterate_records(store: Store, phase: str = PLAN_PHASE) -> Iterator[tuple[str, UnitRecord]]:
    """Yield every command's records, each with its name `attempt/unit`; what is damaged is left out."""
    for row in iterate_rows(store, phase):
        value = json.loads(row.payload)
        keys = np.frombuffer(base64.b64decode(value.get("keys", "")), "S16")
        count = UnitCount.model_validate(value["count"])
        pictures = tuple(uri for uri, times in value.get("pictures", ()) for _ in range(times))
        yield row.request_id, UnitRecord(count, value["basis"], keys, value.get("taken_from", ""), pictures)


def read_records(store: Store, attempt: str, phase: str = PLAN_PHASE) -> list[UnitRecord]:
    """Return the records of the command `attempt`, with the keys and pictures of those that it took over.

    A record whose original is lost is left out: its unit counts as unread.
    """
    own: list[UnitRecord] = []
    originals: dict[str, UnitRecord] = {}
    for name, record in iterate_records(store, phase):
        if not record.taken_from:
            originals[name] = record
        if name.startswith(f"{attempt}/"):
            own.append(record)
    found = [(record, originals.get(record.taken_from, record)) for record in own]
    return [
        UnitRecord(record.count, record.basis, original.keys, record.taken_from, original.pictures)
        for record, original in found
        if not original.taken_from
    ]


def split_finished_units(
    units: Sequence[Unit], plan: Plan, store: Store, duplicates: Duplicates, finished: Finished
) -> Split:
    """Tell the units that need no reading from those that do. Writes nothing. Raises StorageError.

    A unit needs none when an earlier record has its very basis and all that it names is `finished`.
    """
    shared = _list_shared(plan)
    by_basis = {_digest_basis(unit, shared, duplicates): unit for unit in units}
    done: dict[str, UnitRecord] = {}  # by unit's id
    new: dict[str, int] = {}  # of units with a record: how many requests are not done
    for name, record in iterate_records(store):
        unit = by_basis.get(record.basis)
        if unit is None or record.taken_from or unit.id in done:
            continue
        new[unit.id] = int((~find_keys(record.requests, finished.keys)).sum())
        if not new[unit.id] and find_keys(record.refused, finished.refused).all():
            count = record.count.change(skipped=record.count.planned)
            done[unit.id] = UnitRecord(count, record.basis, record.keys[:0], taken_from=name)
    left = [unit for unit in units if unit.id not in done]
    return Split(
        left=left,
        records=list(done.values()),
        num_new=sum(new.get(unit.id, 0) for unit in left),
        unknown_rows=sum(unit.num_rows for unit in left if unit.id not in new),
    )


def take_over(split: Split, plan: Plan, store: Store) -> list[UnitCount]:
    """Commit records of this command that refer to those of the finished units, and return their counts.

    So the law is proved from this command's records alone, and however many commands there are, the keys are on storage
    once. Raises StorageError.
    """
    if split.records:
        rows = [_make_row(record, plan) for record in split.records]
        write_segment(store, PLAN_PHASE, rows, plan.run_id, datetime.now(UTC))
    return split.counts


def _list_shared(plan: Plan) -> list[object]:
    job, identity = plan.loaded.job, plan.identity
    # A new version of the factory may read the same row in another way: it reads every row once.
    code = [SCHEME, version("content-factory")]
    pictures = job.images is not None  # then the record has their addresses
    return [*code, identity.job, identity.placements, identity.seed, job.columns, job.locales, pictures]


def _digest_basis(unit: Unit, shared: list[object], duplicates: Duplicates) -> str:
    repeated = duplicates.list_within(unit)
    return digest([unit.id, unit.first_row, *shared, sorted(repeated.items())])


def _make_row(record: UnitRecord, plan: Plan) -> SegmentRow:
    value: dict[str, object] = {"count": record.count.model_dump(), "basis": record.basis}
    if record.taken_from:
        value["taken_from"] = record.taken_from
    else:
        value["keys"] = base64.b64encode(record.keys.tobytes()).decode()
    if record.pictures:  # requests of one brief stand side by side
        value["pictures"] = [(uri, len(list(same))) for uri, same in groupby(record.pictures)]
    return SegmentRow(f"{plan.attempt}/{record.count.unit}", "unit", "", "", "", json.dumps(value))

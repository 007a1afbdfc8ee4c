"""What each split of input came to, written down where it was read: which requests it planned and which rows it refused.

The records are one side of the conservation law, and they spare a resume the reading: a split that is the same in all that
decides its ids, and whose every request and refused row is on storage, is taken over by reference and not read again.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby

import pyarrow as pa

from factory.briefs.duplicates import Duplicates
from factory.briefs.splits import InputSplit
from factory.config.job import RunSpec
from factory.journal.keys import Keys, find_keys, load_keys, make_keys
from factory.journal.phases import PLAN_PHASE
from factory.journal.segments import Finished, SegmentRow, iterate_rows, write_segment
from factory.storage.store import Store
from schemas.base import digest
from schemas.outcome import Refusal
from schemas.run import SCHEME, UnitCount

UNSURE = ("corrupt_file",)  # refusals that may not come again: a split with one is read every time


@dataclass(frozen=True, slots=True, eq=False)
class SplitRecord:
    """One split as one command counted it.

    `basis` is a digest of all that decides which ids the split's rows come to, "" when the split is to be read every time.
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
        """The keys of the split's requests."""
        return self.keys[: self.count.planned]

    @property
    def refused(self) -> Keys:
        """The keys of the split's refused rows."""
        return self.keys[self.count.planned :]


@dataclass(frozen=True, slots=True)
class Progress:
    """The splits of a command: those still to be read, and the records of those that were finished before.

    `num_new` requests of the splits left are known, from earlier records, to be not done; `unknown_rows` are the rows of
    splits left that no record tells of.
    """

    left: list[InputSplit]
    records: list[SplitRecord]
    num_new: int
    unknown_rows: int

    @property
    def counts(self) -> list[UnitCount]:
        """What the finished splits came to."""
        return [record.count for record in self.records]


def digest_basis(split: InputSplit, spec: RunSpec, duplicates: Duplicates, refusals: Sequence[Refusal] = ()) -> str:
    """Return a digest of what decides the split's ids: its rows, the job, how rows are read, and which are repeated.

    It is "" when the split's `refusals` say that reading it again may give something else.
    """
    if any(refusal.reason in UNSURE for refusal in refusals):
        return ""
    return _digest_basis(split, _list_shared(spec), duplicates)


def make_record(count: UnitCount, ids: Sequence[str], basis: str = "", pictures: Sequence[str] = ()) -> SplitRecord:
    """Return the record of a split that was read; `ids` are those of its requests and then of its refused rows.

    With its `basis` the split needs no reading by a later command once all of it is finished.
    """
    return SplitRecord(count, basis, make_keys(pa.array(ids, type=pa.string())), pictures=tuple(pictures))


def write_record(record: SplitRecord, spec: RunSpec, store: Store, phase: str = PLAN_PHASE) -> None:
    """Commit the record of a split. Raises StorageError.

    What a command planned is known from these records alone, so the conservation law has two independent sides.
    """
    write_segment(store, phase, [_make_row(record, spec)], spec.run_id, datetime.now(UTC))


def iterate_records(store: Store, phase: str = PLAN_PHASE) -> Iterator[tuple[str, SplitRecord]]:
    """Yield every command's records, each with its name `attempt/split`; what is damaged is left out."""
    for row in iterate_rows(store, phase):
        value = json.loads(row.payload)
        keys = load_keys(base64.b64decode(value.get("keys", "")))
        count = UnitCount.model_validate(value["count"])
        pictures = tuple(uri for uri, times in value.get("pictures", ()) for _ in range(times))
        yield row.request_id, SplitRecord(count, value["basis"], keys, value.get("taken_from", ""), pictures)


def read_records(store: Store, attempt: str, phase: str = PLAN_PHASE) -> list[SplitRecord]:
    """Return the records of the command `attempt`, with the keys and pictures of those that it took over.

    A record whose original is lost is left out: its split counts as unread.
    """
    own: list[SplitRecord] = []
    originals: dict[str, SplitRecord] = {}
    for name, record in iterate_records(store, phase):
        if not record.taken_from:
            originals[name] = record
        if name.startswith(f"{attempt}/"):
            own.append(record)
    found = [(record, originals.get(record.taken_from, record)) for record in own]
    return [
        SplitRecord(record.count, record.basis, original.keys, record.taken_from, original.pictures)
        for record, original in found
        if not original.taken_from
    ]


def find_progress(
    splits: Sequence[InputSplit], spec: RunSpec, store: Store, duplicates: Duplicates, finished: Finished
) -> Progress:
    """Tell the splits that need no reading from those that do. Writes nothing. Raises StorageError.

    A split needs none when an earlier record has its very basis and all that it names is `finished`.
    """
    shared = _list_shared(spec)
    by_basis = {_digest_basis(split, shared, duplicates): split for split in splits}
    done: dict[str, SplitRecord] = {}  # by split's id
    new: dict[str, int] = {}  # of splits with a record: how many requests are not done
    for name, record in iterate_records(store):
        split = by_basis.get(record.basis)
        if split is None or record.taken_from or split.id in done:
            continue
        new[split.id] = int((~find_keys(record.requests, finished.keys)).sum())
        if not new[split.id] and find_keys(record.refused, finished.refused).all():
            count = record.count.change(skipped=record.count.planned)
            done[split.id] = SplitRecord(count, record.basis, record.keys[:0], taken_from=name)
    left = [split for split in splits if split.id not in done]
    return Progress(
        left=left,
        records=list(done.values()),
        num_new=sum(new.get(split.id, 0) for split in left),
        unknown_rows=sum(split.num_rows for split in left if split.id not in new),
    )


def take_over(split: Progress, spec: RunSpec, store: Store) -> list[UnitCount]:
    """Commit records of this command that refer to those of the finished splits, and return their counts.

    So the law is proved from this command's records alone, and however many commands there are, the keys are on storage
    once. Raises StorageError.
    """
    if split.records:
        rows = [_make_row(record, spec) for record in split.records]
        write_segment(store, PLAN_PHASE, rows, spec.run_id, datetime.now(UTC))
    return split.counts


def _list_shared(spec: RunSpec) -> list[object]:
    job, identity = spec.loaded.job, spec.identity
    # A new version of the factory may read the same row in another way: it reads every row once.
    code = [SCHEME, version("content-factory")]
    pictures = job.images is not None  # then the record has their addresses
    return [*code, identity.job, identity.placements, identity.seed, job.columns, job.locales, pictures]


def _digest_basis(split: InputSplit, shared: list[object], duplicates: Duplicates) -> str:
    repeated = duplicates.list_within(split)
    return digest([split.id, split.first_row, *shared, sorted(repeated.items())])


def _make_row(record: SplitRecord, spec: RunSpec) -> SegmentRow:
    value: dict[str, object] = {"count": record.count.model_dump(), "basis": record.basis}
    if record.taken_from:
        value["taken_from"] = record.taken_from
    else:
        value["keys"] = base64.b64encode(record.keys.tobytes()).decode()
    if record.pictures:  # requests of one brief stand side by side
        value["pictures"] = [(uri, len(list(same))) for uri, same in groupby(record.pictures)]
    return SegmentRow(f"{spec.attempt}/{record.count.unit}", "unit", "", "", "", json.dumps(value))

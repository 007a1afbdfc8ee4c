"""Requests that failed on the way: how often, and whether they are tried again. Kept beside the finished ones, on storage.

A record's key is request id / retries / attempt. The latest record of a request is its state: `failed` will be tried again
by itself, `quarantined` used up its attempts, `reopened` was asked for again by the user. What the text phase finished
in the end counts more than any record here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
from pydantic_core import from_json

from factory.briefs.refusals import dump_record
from factory.journal.keys import make_keys
from factory.journal.phases import FAILED_PHASE
from factory.journal.segments import Finished, SegmentRow, iterate_rows, list_segments
from factory.storage.store import Store
from schemas.creative import CopyWork, CreativeOutcome, CreativeTask
from schemas.outcome import Outcome, Refusal
from schemas.request import Request

REOPENED = "reopened"


@dataclass(frozen=True, slots=True)
class Failure:
    """The latest record of a request. `attempt` tries failed since the user last asked for it."""

    retries: int
    attempt: int
    status: str
    reason: str

    @property
    def is_final(self) -> bool:
        """Whether only the user can ask for another try."""
        return self.status == "quarantined"


@dataclass(frozen=True, slots=True)
class Try:
    """A request that is worked on, and the tries that failed before: `attempt` since the user last asked for it."""

    request: Request
    retries: int = 0
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Failures:
    """All requests with a record, by id."""

    by_id: dict[str, Failure] = field(default_factory=dict)

    def list_ids(self) -> list[str]:
        """Every id with a record: none of them is new."""
        return list(self.by_id)

    def find_pending(self, finished: Finished, tried: Mapping[str, Failure] | None = None) -> dict[str, Failure]:
        """Return what is to be tried again: not what finished after it had failed.

        `finished` is what was so when this command started; what it `tried` since and has no newer record did not fail.
        """
        pending = {
            key: each for key, each in self.by_id.items() if not each.is_final and (tried or {}).get(key) != each
        }
        is_done = finished.contains(list(pending))
        return {key: each for (key, each), done in zip(pending.items(), is_done, strict=True) if not done}

    def find_final(self, reason: str | None = None) -> dict[str, Failure]:
        """Return what used up its attempts, of one reason or of all."""
        return {key: each for key, each in self.by_id.items() if each.is_final and reason in (None, each.reason)}


def fail(this: Try, stage: Literal["text", "score"], reason: str, detail: str, max_attempts: int) -> Outcome:
    """Return what becomes of a request whose try failed: it is pending until its attempts are used up."""
    request = this.request
    refusal = Refusal(
        stage=stage,
        reason=reason,
        detail=detail,
        retryable=True,
        attempt=this.attempt + 1,
        retries=this.retries,
        pending=this.attempt + 1 < max_attempts,
        brief_id=request.brief.brief_id,
        request_id=request.request_id,
        record=dump_record(request.brief.model_dump(mode="json", exclude_defaults=True)),
    )
    return Outcome(request=request, quarantine=refusal)


def read_failures(store: Store, phase: str = FAILED_PHASE) -> Failures:
    """Return the latest record of every request (or creative) that failed. Damaged files count for nothing."""
    latest: dict[str, tuple[int, int]] = {}
    found: dict[str, Failure] = {}
    if list_segments(store, phase):
        for row in iterate_rows(store, phase):
            request_id, retries, attempt = split_key(row.request_id)
            if (retries, attempt) >= latest.get(request_id, (0, 0)):
                latest[request_id] = (retries, attempt)
                reason = "" if row.status == REOPENED else from_json(row.payload)["quarantine"]["reason"]
                found[request_id] = Failure(retries, attempt, row.status, reason)
    return Failures(found)


def iterate_outcomes(
    store: Store, chosen: Mapping[str, Failure], phase: str = FAILED_PHASE
) -> Iterator[tuple[str, SegmentRow]]:
    """Yield (id, row) of the latest record of each of `chosen`; the row's payload is an Outcome or a CreativeOutcome."""
    left = dict(chosen)
    for row in iterate_rows(store, phase) if chosen else ():
        request_id, retries, attempt = split_key(row.request_id)
        wanted = left.get(request_id)
        if wanted is not None and (retries, attempt, row.status) == (wanted.retries, wanted.attempt, wanted.status):
            del left[request_id]
            yield request_id, row


def iterate_final(store: Store, wanted: set[bytes], phase: str = FAILED_PHASE) -> Iterator[SegmentRow]:
    """Yield a row for each request of `wanted` that used up its attempts, under its own id; take it out of the set."""
    for request_id, row in iterate_outcomes(store, read_failures(store, phase).find_final(), phase):
        key = make_keys(pa.array([request_id], type=pa.string())).tobytes()
        if key in wanted:
            wanted.remove(key)
            yield SegmentRow(
                request_id,
                row.status,
                row.brief_id,
                row.placement,
                row.locale,
                row.payload,
                row.run_id,
                row.created_at,
            )


def make_failure_row(outcome: Outcome | CreativeOutcome) -> SegmentRow:
    """Return the record of a request or creative that failed; `outcome.quarantine` says why and how often."""
    refusal = outcome.quarantine
    if refusal is None:
        raise ValueError("only a failed request has a record")
    return _make_row(refusal.retries, refusal.attempt, outcome.status, outcome)


def make_reopened_row(outcome: Outcome | CreativeOutcome, retries: int) -> SegmentRow:
    """Return the record that a request or creative is asked for again, for the `retries`-th time."""
    return _make_row(retries, 0, REOPENED, outcome)


def split_key(key: str) -> tuple[str, int, int]:
    """Return request id, retries and attempt of a record's key."""
    request_id, retries, attempt = key.split("/")
    return request_id, int(retries), int(attempt)


def choose_level(pending: Iterable[Failure]) -> int:
    """Return the fewest failed attempts: what failed less often goes first, and in larger batches."""
    return min(failure.attempt for failure in pending)


def _make_row(retries: int, attempt: int, status: str, outcome: Outcome | CreativeOutcome) -> SegmentRow:
    request = outcome.request
    return SegmentRow(
        request_id=f"{outcome.key}/{retries}/{attempt}",
        status=status,
        brief_id=request.brief.brief_id,
        placement=request.placement,
        locale=request.locale,
        payload=outcome.model_dump_json(),
    )


def fail_creative(work: CopyWork, task: CreativeTask, reason: str, detail: str, max_attempts: int) -> CreativeOutcome:
    """Return what becomes of a creative whose try failed: it is pending until its attempts are used up.

    All of them can be asked for again by `factory retry`: a picture may have been put right under its old address.
    """
    request = work.request
    retries, attempt = work.tries.get(task.creative_id, (0, 0))
    slot = task.slot
    refusal = Refusal(
        stage="images",
        reason=reason,
        detail=detail,
        retryable=True,
        attempt=attempt + 1,
        retries=retries,
        pending=attempt + 1 < max_attempts,
        brief_id=request.brief.brief_id,
        request_id=request.request_id,
        creative_id=task.creative_id,
        source=f"{request.placement} {slot.name} {slot.width}x{slot.height}",
        record=dump_record(request.brief.model_dump(mode="json", exclude_defaults=True)),
    )
    return CreativeOutcome(
        creative_id=task.creative_id,
        request=request,
        text_rank=work.rank,
        text_asset_id=work.asset_id,
        slot=slot,
        seed=task.seed,
        quarantine=refusal,
    )

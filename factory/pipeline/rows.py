"""What travels between the stages, and how rows enter: from the input, or from the records of what failed. Knows nothing of Ray.

A row is (kind, payload): a `request` on its way, one tried `again`, the pickled `outcomes` of a batch, a `refused` input row,
or a `split` that says how many rows it held. Whatever comes in goes out or is committed: nothing is dropped.
"""

import gc
import hashlib
import json
import pickle
import traceback
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
from pydantic_core import from_json

from factory.briefs.duplicates import Duplicates
from factory.briefs.read import REPLACED, read_split
from factory.briefs.requests import make_requests, order_key
from factory.briefs.splits import InputSplit
from factory.journal.failures import Failure, Try, iterate_outcomes
from factory.journal.records import make_refused_id
from factory.journal.segments import Finished
from factory.journal.split_records import digest_basis, make_record, write_record
from factory.pipeline.context import RunContext
from factory.storage.store import Store
from schemas.outcome import Outcome, Refusal
from schemas.request import Request
from schemas.run import Receipt, UnitCount

RECEIPT_SCHEMA = pa.schema([("receipt", pa.string())])

ROW_SCHEMA = pa.schema([("kind", pa.string()), ("payload", pa.binary())])  # type: ignore[arg-type]
AGAIN_ROWS = 16  # of failed requests that are handed on at a time

Row = tuple[str, str | bytes]  # kind, payload
Tries = dict[str, tuple[int, int]]  # request id -> (retries, attempt), of requests that failed before


def read_requests(
    split: InputSplit, context: RunContext, duplicates: Duplicates, finished: Finished
) -> Iterator[pa.Table]:
    """Read one split of input: its new requests in engine order, its refused rows, and one row that counts both."""
    spec = context.spec
    job = spec.loaded.job
    placements = list(spec.loaded.placements.values())
    rows: list[Row] = []
    refusals: list[Refusal] = []
    requests: list[Request] = []
    num_rows = num_briefs = num_replaced = 0
    for item in read_split(split, job.columns, duplicates):
        num_rows += 1
        if item is REPLACED:
            num_replaced += 1
        elif isinstance(item, Refusal):
            rows.append(("refused", item.model_dump_json()))
            refusals.append(item)
        else:
            num_briefs += 1
            requests += make_requests(item, placements, job.locales, spec.identity)
    request_ids = [request.request_id for request in requests]
    is_done = finished.contains(request_ids)
    new = [request for request, done in zip(requests, is_done, strict=True) if not done]
    count = UnitCount(
        unit=split.id,
        rows=num_rows,
        briefs=num_briefs,
        refused=num_rows - num_briefs - num_replaced,
        replaced=num_replaced,
        planned=len(requests),
        skipped=len(requests) - len(new),
    )
    ids = request_ids + [make_refused_id(refusal) for refusal in refusals]
    pictures = [request.brief.image_uri for request in requests] if job.images is not None else []
    record = make_record(count, ids, digest_basis(split, spec, duplicates, refusals), pictures)
    write_record(record, spec, context.store)
    rows.append(("unit", count.model_dump_json()))
    rows += [("request", request.model_dump_json()) for request in sorted(new, key=order_key)]
    yield make_rows(rows)


def read_again(chosen: Mapping[str, Failure], store: Store) -> Iterator[pa.Table]:
    """Read the requests of `chosen` from the records of their failures, with what failed before."""
    rows: list[Row] = []
    for request_id, record in iterate_outcomes(store, chosen):
        failure = chosen[request_id]
        payload = {
            "retries": failure.retries,
            "attempt": failure.attempt,
            "request": from_json(record.payload)["request"],
        }
        rows.append(("again", json.dumps(payload)))
        if len(rows) == AGAIN_ROWS:
            yield make_rows(rows)
            rows = []
    if rows:
        yield make_rows(rows)


def read_tries(rows: Sequence[tuple[str, bytes]]) -> list[Try]:
    """Return the requests among `rows`, new ones and those that failed before."""
    tries = [Try(Request.model_validate_json(payload)) for kind, payload in rows if kind == "request"]
    for again in (from_json(payload) for kind, payload in rows if kind == "again"):
        tries.append(Try(Request.model_validate(again["request"]), again["retries"], again["attempt"]))
    return tries


def pack_outcomes(outcomes: Sequence[Outcome], tries: Sequence[Try]) -> Row:
    """Return the row of a batch's outcomes. In one piece: what they share, above all the checks, is written once."""
    failed_before = {
        each.request.request_id: (each.retries, each.attempt) for each in tries if each.attempt or each.retries
    }
    return "outcomes", pickle.dumps((outcomes, failed_before), pickle.HIGHEST_PROTOCOL)


def unpack_outcomes(payload: bytes) -> tuple[list[Outcome], Tries]:
    """Return what `pack_outcomes` packed: the outcomes, and what failed before of the requests that did."""
    outcomes, tries = pickle.loads(payload)
    return outcomes, tries


def name_batch(stage: str, payloads: Sequence[bytes]) -> str:
    """Return the name under which the crash tracker knows a batch: the same when Ray hands it out again."""
    sink = hashlib.blake2b(stage.encode(), digest_size=16)
    for payload in payloads:
        sink.update(hashlib.blake2b(payload, digest_size=16).digest())
    return sink.hexdigest()


def settle_memory() -> None:
    """Spare the garbage collector what is loaded by now, and call it less often: rows hold no cycles.

    Looking through a model's and Ray's objects again and again took a tenth of a request's time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def list_rows(batch: pa.Table) -> list[tuple[str, bytes]]:
    """Return a batch as (kind, payload) rows."""
    columns = (batch.column(name).to_pylist() for name in ROW_SCHEMA.names)
    return list(zip(*columns, strict=True))


def make_rows(rows: Sequence[Row]) -> pa.Table:
    """Return a batch of (kind, payload) rows."""
    return pa.table({"kind": [k for k, _ in rows], "payload": [p for _, p in rows]}, schema=ROW_SCHEMA)


def make_receipts(receipt: Receipt) -> pa.Table:
    """Return the batch that tells the driver of one commit."""
    return pa.table({"receipt": [receipt.model_dump_json()]}, schema=RECEIPT_SCHEMA)


def describe_error(error: BaseException) -> str:
    """Return an unexpected error in one line: its kind, its words and the line of code that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}{place}"

"""Segment files in, the tables that users read out: assets by placement, candidates, quarantine. Streaming, memory flat.

Rows gather as Arrow tables until a part is full, then the part is sorted and written whole. Compacting again writes the same
files. Nothing here is visible to readers yet: `publish.py` switches the tables into place.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from pydantic_core import from_json

from factory.journal.failures import iterate_final
from factory.journal.segments import Damage, SegmentRow, iterate_rows
from factory.output.tables.compact_creatives import gather_creatives
from factory.output.tables.rows import RunLabels, explain_unreadable, locate_assets, make_quarantine, share
from factory.output.tables.writer import Row, TableWriters
from factory.storage.store import Store
from schemas.outcome import make_asset_id
from schemas.run import Receipt

Show = Callable[[Mapping[str, Any], Mapping[str, Any]], None] | None


@dataclass(frozen=True, slots=True)
class Compacted:
    """What the tables hold: rows by file below their place, what became of the requests; segment files that are no good."""

    files: dict[str, int]
    totals: Receipt
    damaged: Damage


def compact(
    store: Store,
    into: Store,
    phase: str,
    labels: RunLabels,
    wanted: set[bytes] | None = None,
    show: Show = None,
    creatives: set[bytes] | None = None,
) -> Compacted:
    """Write the tables of a phase of `store` into an empty place, and `show` each text's row with the brief of its request.

    One row per `request_id` counts, and only the `wanted` ones, as in `segments.iterate_rows`: what an edited job no longer
    asks for leaves the tables. Of the images phase those of `creatives` are taken, none when it is None.
    Raises StorageError, and OutputError for a payload that the factory never wrote.
    """
    parts = TableWriters(into)
    for folder in (*map(locate_assets, labels.placements), "candidates", "quarantine"):
        parts.open(folder)
    totals, damaged = defaultdict[str, float](float), Damage()
    given_up = iterate_final(store, wanted) if wanted is not None else ()
    for row in chain(iterate_rows(store, phase, damaged, wanted), given_up):
        if row.status == "unit":
            continue
        payload = _read_payload(row)
        _count(row, payload, totals)
        for folder, made in _make_rows(row, payload, labels):
            parts.add(folder, made)
            if show is not None and "asset_id" in made:
                show(made, payload["request"]["brief"])
        parts.bound()
    if creatives is not None:
        gather_creatives(store, parts, creatives, labels, totals, damaged)
    return Compacted(parts.close(), Receipt(segment="", **totals), damaged)


def _read_payload(row: SegmentRow) -> Mapping[str, Any]:
    try:
        payload = from_json(row.payload)
        return {"candidates": (), **payload}
    except (ValueError, TypeError) as error:
        raise explain_unreadable(row, error) from error


def _count(row: SegmentRow, payload: Mapping[str, Any], totals: "defaultdict[str, float]") -> None:
    """Add one row to the run's totals, by the names of Receipt's fields."""
    totals[row.status] += 1
    if row.status == "refused":
        return
    candidates = payload["candidates"]
    accepted = sum([candidate.get("status") == "accepted" for candidate in candidates])
    totals["assets"] += accepted
    totals["accepted_without_repair"] += bool(accepted) and any(map(_is_first_pass, candidates))
    for name in ("prompt_tokens", "output_tokens", "engine_seconds"):
        totals[name] += payload.get(name, 0)


def _is_first_pass(candidate: Mapping[str, Any]) -> bool:
    checks = candidate.get("checks") or ()
    first = not candidate.get("attempt") and not candidate.get("pooled")
    return first and bool(checks) and False not in [check["passed"] for check in checks]


def _make_rows(row: SegmentRow, payload: Mapping[str, Any], labels: RunLabels) -> Iterator[tuple[str, Row]]:
    """Yield (folder, row) for all that one segment row becomes."""
    try:
        if row.status == "refused":
            yield "quarantine", make_quarantine(row, payload, payload.get("request_id") or None)
            return
        shared = share(row, payload["request"])
        for candidate in payload["candidates"]:
            yield "candidates", shared | _make_candidate(candidate)
            if candidate.get("status") == "accepted":
                yield locate_assets(row.placement), shared | _make_asset(candidate, payload, labels)
        if row.status == "quarantined":
            yield "quarantine", make_quarantine(row, payload["quarantine"], row.request_id)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise explain_unreadable(row, error) from error


def _make_candidate(candidate: Mapping[str, Any]) -> Row:
    """The candidate under its column names; `index` is called `candidate` there. Defaults are the schema's."""
    defaults: Row = {"attempt": 0, "pooled": False, "status": "rejected", "reason": "", "raw": "", "seed": 0}
    defaults |= {"fields": {}, "scores": {}, "missing_scores": [], "checks": [], "output_tokens": 0}
    return defaults | dict(candidate) | {"candidate": candidate["index"]}


def _make_asset(candidate: Mapping[str, Any], outcome: Mapping[str, Any], labels: RunLabels) -> Row:
    """An accepted candidate as an asset. Tokens and seconds are of its whole request: losers and repairs were paid for."""
    request = outcome["request"]
    rank = candidate.get("rank") or 0
    return _make_candidate(candidate) | {
        "asset_id": make_asset_id(request["request_id"], rank),
        "rank": rank,
        "kind": "text",
        "model": labels.model,
        "adapter": labels.adapters.get(request["brief"].get("brand", ""), ""),
        "template": labels.template,
        "prompt_tokens": outcome.get("prompt_tokens", 0),
        "output_tokens": outcome.get("output_tokens", 0),
        "engine_seconds": outcome.get("engine_seconds", 0.0),
    }

"""Segment files of the images phase in, rows of assets, creatives and quarantine out: one row a picture, one a variant."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from pydantic_core import from_json

from factory.journal.failures import iterate_final
from factory.journal.phases import IMAGES_FAILED_PHASE, IMAGES_PHASE
from factory.journal.segments import Damage, SegmentRow, iterate_rows
from factory.output.tables.rows import RunLabels, explain_unreadable, locate_assets, make_quarantine, share
from factory.output.tables.writer import Row, TableWriters
from factory.storage.store import Store
from schemas.base import digest


def gather_creatives(
    store: Store,
    parts: TableWriters,
    wanted: set[bytes],
    labels: RunLabels,
    totals: "defaultdict[str, float]",
    damaged: Damage,
) -> None:
    """Add the `wanted` creatives of `store` to the tables and to `totals`; what was found is taken out of `wanted`.

    Raises StorageError, and OutputError for a payload that the factory never wrote.
    """
    parts.open("creatives")
    rows = chain(iterate_rows(store, IMAGES_PHASE, damaged, wanted), iterate_final(store, wanted, IMAGES_FAILED_PHASE))
    for row in rows:
        totals[f"creatives_{row.status}"] += 1
        try:
            payload = from_json(row.payload)
            totals["picture_seconds"] += payload.get("seconds", 0.0)
            totals["pictures"] += len(payload.get("pictures", ()))
            for folder, made in _make_rows(row, payload, labels):
                parts.add(folder, made)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise explain_unreadable(row, error) from error
        parts.bound()


def _make_rows(row: SegmentRow, outcome: Mapping[str, Any], labels: RunLabels) -> Iterator[tuple[str, Row]]:
    """Yield (folder, row) for all that one creative becomes."""
    slot, request = outcome["slot"], outcome["request"]
    shared = share(row, request) | {
        "request_id": request["request_id"],
        "creative_id": row.request_id,
        "text_asset_id": outcome["text_asset_id"],
        "slot": slot["name"],
        "width": slot["width"],
        "height": slot["height"],
    }
    pictures = {picture["variant"]: picture for picture in outcome.get("pictures", ())}
    last = len(outcome.get("variants", ())) - 1
    for place, variant in enumerate(outcome.get("variants", ())):
        picture = pictures.get(variant["index"])
        own = _make_variant(variant) | {"image_uri": picture["path"] if picture else None}
        yield "creatives", shared | own | {"thumbnail": outcome.get("thumbnail", "") if place == last else ""}
        if picture is not None:
            yield locate_assets(row.placement), shared | own | _make_asset(row, picture, outcome, labels)
    if row.status == "quarantined":
        yield "quarantine", make_quarantine(row, outcome["quarantine"], request["request_id"])


def _make_variant(variant: Mapping[str, Any]) -> Row:
    """The variant under its column names; defaults are the schema's."""
    defaults: Row = {
        "colorway": "",
        "texts": {},
        "fit": 1.0,
        "status": "rejected",
        "reason": "",
        "scores": {},
        "checks": [],
    }
    return defaults | dict(variant) | {"variant": variant["index"]}


def _make_asset(row: SegmentRow, picture: Mapping[str, Any], outcome: Mapping[str, Any], labels: RunLabels) -> Row:
    """A picture as an asset, with everything that it was made of."""
    return dict(picture) | {
        "asset_id": digest([row.request_id, picture["variant"]]),
        "kind": "image",
        "fields": {},
        "image_uri": picture["path"],
        "digital_source_type": picture["source_type"],
        "model": labels.model,
        "adapter": "",
        "template": labels.template,
        "seed": outcome["seed"],
        "prompt_tokens": 0,
        "output_tokens": 0,
        "engine_seconds": outcome.get("seconds", 0.0),
    }

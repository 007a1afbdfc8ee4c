"""What rows of several tables share: the columns of their request, where they lie, and how a refusal looks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from factory.errors import OutputError
from factory.journal.segments import SegmentRow
from factory.output.tables.writer import Row

_PLACEMENT = re.compile(r"[a-z][a-z0-9_]{0,60}")


@dataclass(frozen=True, slots=True)
class RunLabels:
    """What the rows say about their run: the model, the template, the adapter by brand. Each of `placements` gets a file."""

    model: str
    template: str
    adapters: dict[str, str] = field(default_factory=dict)
    placements: tuple[str, ...] = ()


def locate_assets(placement: str) -> str:
    """Return the folder of a placement's assets. Raises OutputError for what is no placement's id."""
    if not _PLACEMENT.fullmatch(placement):
        raise OutputError(
            f"{placement!r} is not a placement's id", "report this: ids are checked when the job is loaded"
        )
    return f"assets/placement={placement}"


def explain_unreadable(row: SegmentRow, error: Exception) -> OutputError:
    """Return the error for a payload that the factory never wrote."""
    message = f"the payload of {row.status} row {row.request_id} cannot be read: {type(error).__name__} {error}"
    return OutputError(message, "it was written by another version of the factory: use that one")


def share(row: SegmentRow, request: Mapping[str, Any]) -> Row:
    """Return the columns that all rows of one request have in common; `request` is its JSON."""
    brief, segment = request["brief"], request.get("segment")
    return {
        "request_id": row.request_id,
        "brief_id": row.brief_id,
        "campaign_id": brief.get("campaign_id", ""),
        "placement": row.placement,
        "locale": row.locale,
        "segment": segment["name"] if segment else "",
        "run_id": row.run_id,
        "created_at": row.created_at,
    }


def make_quarantine(row: SegmentRow, refusal: Mapping[str, Any], request_id: str | None) -> Row:
    """Return the row of quarantine/ for a Refusal's JSON; `request_id` is None for an input row."""
    defaults: Row = {"attempt": 1, "retryable": False, "source": "", "record": ""}
    own: Row = {"request_id": request_id, "run_id": row.run_id, "created_at": row.created_at}
    own["brief_id"] = refusal.get("brief_id") or row.brief_id or None
    return defaults | dict(refusal) | own

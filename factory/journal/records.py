"""Outcomes and counts as segment rows and receipts: what is written down of a batch, and what the driver learns of it."""

from factory.journal.segments import SegmentRow
from schemas.base import digest
from schemas.creative import CreativeOutcome
from schemas.outcome import Outcome, Refusal


def make_outcome_row(outcome: Outcome | CreativeOutcome) -> SegmentRow:
    """Return the segment row of a finished request or creative."""
    request = outcome.request
    return SegmentRow(
        request_id=outcome.key,
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

"""Receipts: what the driver learns of a batch whose rows are on storage, counts and seconds and no rows."""

from collections.abc import Sequence

from schemas.creative import CreativeOutcome
from schemas.outcome import Outcome
from schemas.run import Receipt, UnitCount


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
        failed=statuses.count("failed"),
        assets=sum(len(outcome.accepted) for outcome in outcomes),
        prompt_tokens=sum(outcome.prompt_tokens for outcome in outcomes),
        output_tokens=sum(outcome.output_tokens for outcome in outcomes),
        engine_seconds=sum(outcome.engine_seconds for outcome in outcomes),
    )


def make_creative_receipt(segment: str, outcomes: Sequence[CreativeOutcome], counts: Sequence[UnitCount]) -> Receipt:
    """Return what the driver learns of a committed batch of creatives."""
    statuses = [outcome.status for outcome in outcomes]
    return Receipt(
        segment=segment,
        creatives_planned=sum(count.planned for count in counts),
        creatives_skipped=sum(count.skipped for count in counts),
        creatives_accepted=statuses.count("accepted"),
        creatives_rejected=statuses.count("rejected"),
        creatives_quarantined=statuses.count("quarantined"),
        creatives_failed=statuses.count("failed"),
        pictures=sum(len(outcome.pictures) for outcome in outcomes),
        picture_seconds=sum(outcome.seconds for outcome in outcomes),
    )

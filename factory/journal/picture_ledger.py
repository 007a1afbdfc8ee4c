"""Creatives as failures and receipts: what is written down of one that failed, and what the driver learns of a batch."""

from collections.abc import Sequence

from factory.briefs.refusals import dump_record
from schemas.asset import Refusal
from schemas.creative import CopyWork, CreativeOutcome, CreativeTask
from schemas.run import Receipt, UnitCount


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

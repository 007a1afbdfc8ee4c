"""A brief becomes requests: brief x placement x locale x segment, each with an id that everything deciding its output is in."""

from collections.abc import Sequence

from factory.briefs.tones import pick_tone
from factory.config.job import Identity
from schemas.base import digest
from schemas.brief import Brief, Segment
from schemas.placement import Placement
from schemas.request import Request
from schemas.run import SCHEME

# Decides when or where, not what: a change here does not regenerate content.
NOT_IN_ID = frozenset({"priority", "image_uri"})


def make_requests(
    brief: Brief, placements: Sequence[Placement], locales: Sequence[str], identity: Identity
) -> list[Request]:
    """Return the requests of one brief.

    `locales` are those of the job: a brief that names its own locale is written in that one only. A brief without
    segments gives one request for everyone. One without a tone has that of its brand's kit.
    """
    if identity.tones and not brief.tone:
        brief = brief.change(tone=pick_tone(identity.tones, brief.brand))
    brief_digest = digest(brief.model_dump(mode="json", exclude=set(NOT_IN_ID)))
    segments: Sequence[Segment | None] = brief.segments or [None]
    requests = []
    for placement in placements:
        for locale in [brief.locale] if brief.locale else locales:
            for segment in segments:
                name = segment.name if segment else ""
                parts = [SCHEME, identity.job, identity.placements[placement.id], brief_digest, locale, name]
                request_id = digest(parts)
                requests.append(
                    Request.make(
                        request_id=request_id,
                        brief=brief,
                        placement=placement.id,
                        locale=locale,
                        segment=segment,
                        seed=make_seed(request_id, identity.seed),
                        priority=brief.priority,
                    )
                )
    return requests


def make_seed(request_id: str, job_seed: int) -> int:
    """Return a request's sampling seed, 0 .. 2^31 - 1, from its id and the job's seed."""
    return (int(request_id[:8], 16) ^ job_seed) % 2**31


def order_key(request: Request) -> tuple[int, str, str, str, str]:
    """Sort key: urgent first, then requests that share a prompt prefix side by side."""
    return (-request.priority, request.brief.brand, request.placement, request.locale, request.brief.campaign_id)

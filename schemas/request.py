"""The request: brief x placement x locale x segment, the unit of work."""

from schemas.base import Record
from schemas.brief import Brief, Segment


class Request(Record):
    """One piece of content to make. `request_id` is the digest of everything that decides the output."""

    request_id: str
    brief: Brief
    placement: str
    locale: str
    segment: Segment | None = None
    seed: int
    priority: int = 0

    @property
    def segment_name(self) -> str:
        """The segment's name, or "" when the request is for everyone."""
        return self.segment.name if self.segment else ""

"""The creative: an image asset, one accepted text x one picture slot. Its states are those of a request."""

from typing import Literal

from schemas.base import Record
from schemas.outcome import Check, Fields, Refusal, Status
from schemas.request import Request


class Slot(Record):
    """A picture slot as a creative has to fill it, in pixels. `safe` are shares 0..1 of top, right, bottom, left."""

    name: str
    role: Literal["creative", "lifestyle", "main", "logo"]
    width: int
    height: int
    least: float = 1.0  # share of width and height down to which the channel takes it too
    max_bytes: int | None = None
    formats: list[str]  # allowed by the channel and wanted by the job, best first
    safe: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    rules: list[str] = []


class Variant(Record):
    """One try at a creative: a layout in a colourway with certain texts. All are kept, with why they are not the asset."""

    index: int
    layout: str
    colorway: str = ""
    texts: dict[str, str] = {}  # slot of the layout -> text that was set
    fit: float = 1.0
    checks: list[Check] = []
    scores: dict[str, float] = {}
    score: float | None = None
    status: Status = Status.REJECTED
    reason: str = ""
    rank: int | None = None

    @property
    def passed(self) -> bool:
        """Every check passed (and at least one was made)."""
        return bool(self.checks) and all(check.passed for check in self.checks)


class Picture(Record):
    """A file below `images/`, named by its content, and where everything in it comes from."""

    variant: int
    path: str  # images/ab/<sha256>.<ext>, below the output
    sha256: str
    mime: str
    width: int
    height: int
    num_bytes: int
    source_type: str  # the IPTC digital source type written into the file, last part of its address
    phash: str = ""
    layout_digest: str = ""
    backdrop_engine: str = ""
    backdrop_model: str = ""
    backdrop_seed: int = 0
    backdrop_prompt: str = ""
    source_uri: str = ""  # the product picture
    source_digest: str = ""  # its SHA-256
    signed: bool = False


class CreativeTask(Record):
    """What identifies one creative to be made; `creative_id` is the digest of everything that decides it."""

    creative_id: str
    slot: Slot
    seed: int


class CopyWork(Record):
    """An accepted text with the creatives that are to be made of it: what travels through the images phase."""

    request: Request
    rank: int  # of the text asset within its request
    asset_id: str
    fields: Fields
    tasks: list[CreativeTask]
    tries: dict[str, tuple[int, int]] = {}  # creative id -> (retries, attempt), of those that failed before


class CreativeOutcome(Record):
    """All that came of one creative. `pictures` are those of the accepted variants, best first."""

    creative_id: str
    request: Request
    text_rank: int
    text_asset_id: str
    slot: Slot
    seed: int
    variants: list[Variant] = []
    pictures: list[Picture] = []
    seconds: float = 0.0  # of CPU and engine time
    thumbnail: str = ""  # of the last try of a rejected one: a small WebP in base64
    quarantine: Refusal | None = None

    @property
    def key(self) -> str:
        """What its row in a segment file is known by."""
        return self.creative_id

    @property
    def status(self) -> Literal["accepted", "rejected", "quarantined", "failed"]:
        """The creative's place in the conservation law; a failed one will be tried again, so it is still remaining."""
        if self.quarantine is not None:
            return "failed" if self.quarantine.pending else "quarantined"
        return "accepted" if self.pictures else "rejected"

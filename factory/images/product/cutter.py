"""What a cut-out engine is: something that takes the background away from a product's picture."""

from dataclasses import dataclass
from typing import Protocol

from factory.engines.base import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """RGBA pixels, "cutout" or "card", and how sure (0..1) the cut is; of a card, how sure it would be at most, and why.

    `doubt` says in words for the job's author what speaks against a cut.
    """

    pixels: Pixels
    mode: str
    confidence: float
    doubt: str = ""


class Cutter(Protocol):
    """One engine, made once for each process. Its `cut` is called from several threads.

    It is also made where a job is only planned: what is slow, such as a model, is loaded at the first cut.
    """

    @property
    def digest(self) -> str:
        """What decides its cuts beside the job's settings, such as the digest of a model; "" for nothing."""

    def cut(self, pixels: Pixels) -> Cut:
        """Return the product of an RGBA picture, trimmed to what can be seen of it, or the whole picture as a card."""

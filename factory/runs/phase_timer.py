"""Where the wall time of a command went: start, engine load, generation, pictures and the rest."""

import time
from datetime import UTC, datetime

from schemas.run import Receipt


class PhaseTimer:
    """Splits the wall time of a command into start, engine load, generation, pictures and the rest."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._offset = time.time() - time.monotonic()  # receipts carry Unix time
        self.started_at = datetime.now(UTC).isoformat()
        self._flow_began = began
        self._flow_ended = self._pictures_ended = began

    def end_flow(self, flow_began: float) -> None:
        """Note that the flow, which began then, has ended."""
        self._flow_ended = self._pictures_ended = time.monotonic()
        self._flow_began = flow_began or self._flow_ended

    def end_pictures(self) -> None:
        """Note that all pictures are made."""
        self._pictures_ended = time.monotonic()

    def split(self, totals: Receipt) -> dict[str, float]:
        """Return seconds by phase; they sum to the time since the command began."""
        ready = totals.engine_ready_at - self._offset if totals.engine_ready_at else self._flow_began
        load_began = max(self._flow_began, ready - totals.engine_load_seconds)
        now = time.monotonic()
        pictures = self._pictures_ended - self._flow_ended
        return {
            "start": load_began - self._began,
            "engine load": ready - load_began,
            "generation": self._flow_ended - ready,
            **({"pictures": pictures} if pictures else {}),
            "rest": now - self._pictures_ended,
        }

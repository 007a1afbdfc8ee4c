"""Gathers finished rows of many concurrent calls into segment files; a call returns once its rows are on storage.

A file goes out when it holds enough rows, when its first row has waited long enough, when every possible caller is
waiting, or when nothing has come for a moment (so that the end of a run does not wait for the clock). What a crash can
lose is at most the rows in one such file.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from factory.journal.segments import SegmentRow, write_segment
from factory.storage.store import Store

QUIET_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class CommitLimits:
    """When a file goes out: with so many rows, after so many seconds, or when so many callers wait for it."""

    rows: int
    seconds: float
    waiting: int


class Committer:
    """One per process. Not safe across event loops."""

    def __init__(self, store: Store, phase: str, run_id: str, limits: CommitLimits) -> None:
        self._store = store
        self._phase = phase
        self._run_id = run_id
        self._limits = limits
        self._rows: list[SegmentRow] = []
        self._flushed: asyncio.Future[str] | None = None
        self._waiting = 0
        self._quiet: asyncio.TimerHandle | None = None

    async def commit(self, rows: Sequence[SegmentRow]) -> str:
        """Add rows and return the name of the segment file that holds them, once it is written. Raises StorageError."""
        loop = asyncio.get_running_loop()
        if self._flushed is None:
            self._flushed = loop.create_future()
            loop.call_later(self._limits.seconds, self._flush_soon, self._flushed)
        flushed = self._flushed
        self._rows.extend(rows)
        self._waiting += 1
        if len(self._rows) >= self._limits.rows or self._waiting >= self._limits.waiting:
            self._flush_soon(flushed)
        else:
            if self._quiet is not None:
                self._quiet.cancel()
            self._quiet = loop.call_later(QUIET_SECONDS, self._flush_soon, flushed)
        return await flushed

    def _flush_soon(self, flushed: "asyncio.Future[str]") -> None:
        """Start writing the file behind `flushed`, unless that has begun; new rows go to the next one."""
        if flushed is not self._flushed:
            return
        rows, self._rows = self._rows, []
        self._flushed, self._waiting = None, 0
        task = asyncio.get_running_loop().create_task(self._write(rows, flushed))
        flushed.add_done_callback(lambda _: task)  # the loop holds tasks weakly: the future keeps this one alive

    async def _write(self, rows: list[SegmentRow], flushed: "asyncio.Future[str]") -> None:
        try:
            name = await asyncio.to_thread(
                write_segment, self._store, self._phase, rows, self._run_id, datetime.now(UTC)
            )
        except Exception as error:
            flushed.set_exception(error)  # every caller whose rows were in the file learns that they are not stored
        else:
            flushed.set_result(name)

"""Shows a run while it goes: one live display on a terminal, else a plain line every 30 seconds. Writes to stderr only."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from schemas.run import Receipt

PLAIN_SECONDS = 30.0


class Progress:
    """The state of a run as its user sees it. `planned` is exact, or an estimate until all input is read."""

    def __init__(self, stream: TextIO, job_name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = Console(file=stream, highlight=False)
        self._clock = clock
        self._job_name = job_name
        self._stage = "starting"
        self._planned = 0
        self._exact = True
        self._total = Receipt(segment="")
        self._began = clock()
        self._engine_began = 0.0
        self._last_line = clock()
        self._creatives = 0
        self._creatives_began = 0.0
        self._live = Live(self, console=self._console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def say(self, text: str) -> None:
        """Write one line that stays."""
        self._console.print(Text(text))

    def enter_stage(self, stage: str) -> None:
        """Name what is going on: shown in the display, and as a line of its own where there is none."""
        self._stage = stage
        if not self._console.is_terminal:
            self.say(f"{self._elapsed():>6} {stage}")

    def expect(self, planned: int, exact: bool) -> None:
        """Set how many requests this command will work on; `exact` is False for an estimate from the first rows."""
        self._planned, self._exact = planned, exact

    def expect_creatives(self, about: int) -> None:
        """Turn to pictures: from now on about this many creatives are counted."""
        self._creatives = about
        self._creatives_began = self._clock()
        self.enter_stage("making pictures")

    def update(self, total: Receipt) -> None:
        """Take the sum of all receipts so far."""
        self._total = total
        if total.engine_ready_at and not self._engine_began:
            # The receipt comes when its batch is committed; the engine has been writing since it was ready.
            self._engine_began = self._clock() - max(0.0, time.time() - total.engine_ready_at)
            self._stage = "writing copy"
        if not self._console.is_terminal and self._clock() - self._last_line >= PLAIN_SECONDS:
            self._last_line = self._clock()
            self.say(f"{self._elapsed():>6} {self.describe()}")

    def describe(self) -> str:
        """Return the state in one line."""
        return self._describe_creatives() if self._creatives_began else self._describe_requests()

    def _describe_creatives(self) -> str:
        total = self._total
        done = total.finished_creatives
        # What is planned is exact for the texts that were read; an estimate stands for the others.
        about = max(self._creatives, total.creatives_planned - total.creatives_skipped)
        parts = [f"{done:,}/about {about:,} creatives"]
        seconds = self._clock() - self._creatives_began
        if done and seconds > 0:
            parts.append(f"accepted {total.creatives_accepted / done:.0%}")
            parts.append(f"{done / seconds:,.1f} a second")
            parts.append(f"ETA {format_seconds(max(0, about - done) * seconds / done)}")
        parts.append(f"quarantined {total.creatives_quarantined:,}")
        return " · ".join(parts)

    def _describe_requests(self) -> str:
        total = self._total
        share = total.accepted / total.finished if total.finished else 0.0
        about = "" if self._exact else "about "
        parts = [f"{total.finished:,}/{about}{self._planned:,} requests", f"accepted {share:.0%}"]
        seconds = self._clock() - self._engine_began if self._engine_began else 0.0
        if seconds > 0:
            parts.append(f"{total.output_tokens / seconds:,.0f} tokens/s")
            left = max(0, self._planned - total.finished)
            if total.finished:
                parts.append(f"ETA {format_seconds(left * seconds / total.finished)}")
        parts.append(f"quarantined {total.quarantined + total.refused:,}")
        return " · ".join(parts)

    def __rich__(self) -> Group:
        grid = Table.grid(padding=(0, 2))
        done, planned = self._total.finished, self._planned
        if self._creatives_began:
            done, planned = self._total.finished_creatives, max(self._creatives, self._total.finished_creatives)
        bar = ProgressBar(total=max(1, planned), completed=done, width=40)
        grid.add_row(Text(f"{self._job_name}: {self._stage}", style="bold"), bar, Text(self._elapsed()))
        return Group(grid, Text(self.describe()))

    def _elapsed(self) -> str:
        return format_seconds(self._clock() - self._began)


def format_seconds(seconds: float) -> str:
    """Write a duration for people: 42s, 3m05s, 2h10m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"

"""Draws cases and takes them through, many of them in one output; collects what fails instead of stopping at it."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as set_seed

from tests.fuzz.cases import CORPUS, Case
from tests.fuzz.harness import Tally, Worked, finish, work
from tests.fuzz.strategies import cases
from tests.support.paths import ROOT

BATCH = 40  # cases in one output


@dataclass
class Campaign:
    """What a campaign came to. `failures` are {where and what: the smallest case that did it}."""

    tally: Tally = field(default_factory=Tally)
    failures: dict[str, Case] = field(default_factory=dict)
    slowest: tuple[float, Case | None] = (0.0, None)
    _batch: list[Worked] = field(default_factory=list)

    def take(self, case: Case) -> None:
        """Take one case up to its outcomes, and finish the batch when it is full."""
        began = time.process_time()
        try:
            worked = work(case, len(self._batch))
        except Exception as error:
            self._note(error, case)
            return
        self.slowest = max(self.slowest, (time.process_time() - began, case), key=lambda each: each[0])
        self.tally.add(worked.tally)
        self._batch.append(worked)
        if len(self._batch) >= BATCH:
            self.finish()

    def finish(self) -> None:
        """Finish what is waiting; a batch that fails is finished case by case, to know which."""
        batch, self._batch = self._batch, []
        if not batch:
            return
        try:
            finish(batch)
        except Exception as error:
            before = len(self.failures)
            for worked in batch:
                try:
                    finish([worked])
                except Exception as own:
                    self._note(own, worked.case)
            if len(self.failures) == before:
                self._note(error, batch[0].case)

    def _note(self, error: Exception, case: Case) -> None:
        place = describe(error)
        known = self.failures.get(place)
        if known is None or len(case.dump()) < len(known.dump()):
            self.failures[place] = case


def describe(error: Exception) -> str:
    """Where in this repository an error comes from, its kind and the head of its words: about the same for one defect."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(ROOT)
    ]
    own = [frame for frame in frames if ".venv" not in frame.filename][-1]
    return (
        f"{Path(own.filename).relative_to(ROOT)}:{own.lineno} {own.name}: {type(error).__name__}: {str(error)[:60]!r}"
    )


def run_campaign(
    briefs: int, answers: int, seed: int, report: Callable[[Campaign], None], round_cases: int = 400
) -> Campaign:
    """Draw cases until both numbers are reached; `report` is called after each round of `round_cases`."""
    campaign = Campaign()
    rounds = 0
    while campaign.tally.counts["briefs"] < briefs or campaign.tally.counts["answers"] < answers:

        @set_seed(seed + rounds)
        @settings(
            max_examples=round_cases,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(cases())
        def take(case: Case) -> None:
            campaign.take(case)

        take()
        campaign.finish()
        rounds += 1
        report(campaign)
    return campaign


def keep(failures: dict[str, Case], folder: Path = CORPUS) -> list[Path]:
    """Write failing cases into the corpus, named by what they broke."""
    kept = []
    for place, case in failures.items():
        head = "".join(char if char.isalnum() else "_" for char in place.partition(": ")[0])
        path = folder / f"{head.strip('_')}_{len(list(folder.glob(head + '*')))}.json"
        path.write_text(case.dump(), encoding="utf-8")
        kept.append(path)
    return kept

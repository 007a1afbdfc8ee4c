"""One plan from start to verdict: run the job, hurt it, run the same command again until it is done, judge."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.faults import Injector
from tests.chaos.homes import Place, can_mount, open_place
from tests.chaos.judge import Trial, count_doubled, judge_command, judge_naming, judge_output, judge_second
from tests.chaos.lab import DELAY_MS, POISON_NAME, Lab
from tests.chaos.pictures import find_poison
from tests.chaos.plans import POISON, Fault, Plan
from tests.chaos.runner import Command, Ended, find_tagged, read_title

MAX_COMMANDS = 8
COMMAND_SECONDS = 240.0  # an undisturbed command takes about 15; above this it hangs
VLLM_SECONDS = 600.0  # the same where a real engine is loaded twice and writes in float32
ORPHAN_SECONDS = 45.0  # for Ray to notice that its driver is gone, and to end: on a busy machine it takes its time
CLOCK, POISONER = (Path(__file__).parent / name for name in ("clock", "poison"))
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a plan. `breaches` is empty when it held; `skipped` says why it could not be tried here."""

    plan: Plan
    trials: Sequence[Trial] = ()
    seconds: float = 0.0
    breaches: Sequence[str] = ()
    struck: int = 0
    doubled: int = 0
    output: str = ""
    skipped: str = ""

    @property
    def word(self) -> str:
        """held, FAILED, HUNG or skipped."""
        if self.skipped:
            return "skipped"
        hung = any(trial.ended.code is None for trial in self.trials)
        return "HUNG" if hung else "FAILED" if self.breaches else "held"


def run_plan(lab: Lab, plan: Plan) -> Verdict:
    """Run one plan. Its output stays: in the lab's folder, or in a bucket that is named in the verdict."""
    if plan.home == "disk" and not can_mount():
        return Verdict(plan, skipped="only root may mount a small disk")
    truth = lab.find_truth(plan.shape)
    began = time.monotonic()
    with open_place(lab, plan, next(_numbers), lab.measure_disk(plan)) as place:
        run = _Run(lab, plan, place)
        run.go_on()
        breaches = list(run.breaches)
        finished = bool(run.trials) and run.trials[-1].ended.code == 0
        doubled = 0
        if finished:
            breaches += judge_output(plan, place, truth)
            doubled = count_doubled(place.output)
        else:
            breaches.append(f"not done after {len(run.trials)} commands")
        seconds = time.monotonic() - began
        struck = len(plan.faults) - run.injector.missed
        return Verdict(plan, run.trials, seconds, breaches, struck, doubled, place.output)


class _Run:
    """The commands of a plan, one after the other."""

    def __init__(self, lab: Lab, plan: Plan, place: Place) -> None:
        self.trials: list[Trial] = []
        self.breaches: list[str] = []
        self._lab = lab
        self._plan = plan
        self._place = place
        self._arguments = _make_arguments(lab, plan, place)
        if plan.shape == "pictures" and plan.has(*POISON):
            act = next(fault.kind for fault in plan.faults if fault.kind in POISON)
            place.env["CHAOS_POISON"] = f"{act} {find_poison(lab.find_job(plan.shape))}"
            place.env["PYTHONPATH"] = f"{POISONER}:{place.env['PYTHONPATH']}"
        expected = -(-len(lab.find_truth(plan.shape).ids) // plan.commit_rows)
        self.injector = Injector(plan, lab.server, lab.proxy, expected)
        self.injector.count_local = place.count_segments if place.folder else None
        self.injector.second = self._run_second
        self.injector.remove_node = place.cluster.remove_node if place.cluster else None
        self._running: Command | None = None
        self._seconds: list[tuple[Ended, bool]] = []

    def go_on(self) -> None:
        """Run the command again and again until it is done and nothing more is to happen, or the patience is at its end."""
        while len(self.trials) < MAX_COMMANDS:
            between = self.injector.take_between() if self.trials else None
            if between is not None:
                self._do_between(between)
            trial = self._run_command()
            self.trials.append(trial)
            self.breaches += judge_command(trial, self._place.damaged)
            if trial.ended.code is None or (trial.ended.code == 0 and not self.injector.has_more):
                break
        self.breaches += judge_naming(self.trials, self._place.damaged)
        for second, first_was_running in self._seconds:
            self.breaches += judge_second(second, first_was_running)

    def _run_command(self) -> Trial:
        before, weather = len(self.injector.struck), self.injector.weather
        tag = self._place.cluster.tag if self._place.cluster else None
        command = self._running = Command(self._arguments, self._place.env, self._lab.folder, tag)
        try:
            self.injector.arm(command)
            until = time.monotonic() + (VLLM_SECONDS if self._plan.shape == "vllm" else COMMAND_SECONDS)
            while command.process.poll() is None and time.monotonic() < until:
                self.injector.watch()
                command.look()
                time.sleep(0.2)
            ended = command.wait(0.1)
        except BaseException:  # the campaign itself is being ended
            command.end_all()
            raise
        self.injector.disarm(ended.code == 0)
        self._place.enlarge()
        orphans = command.find_left(ORPHAN_SECONDS) + self._find_actors()
        command.end_all()
        return Trial(ended, (*weather, *self.injector.struck[before:]), tuple(orphans))

    def _find_actors(self) -> list[str]:
        """Actors of a driver that has ended, on a cluster that lives on."""
        if self._place.cluster is None:
            return []
        until = time.monotonic() + ORPHAN_SECONDS
        left = ["?"]
        while left and time.monotonic() < until:
            titles = map(read_title, find_tagged(self._place.cluster.tag))
            left = [title[:80] for title in titles if "MapWorker" in title]
            time.sleep(0.2)
        return left

    def _do_between(self, fault: Fault) -> None:
        if fault.kind == "clock_jump":
            self._place.env["CHAOS_CLOCK"] = str(fault.amount)
            self._place.env["PYTHONPATH"] = f"{CLOCK}:{self._place.env['PYTHONPATH']}"
        else:
            self._place.damage_segment(self._plan.seed)

    def _run_second(self) -> None:
        first = self._running
        command = Command(self._arguments, self._place.env, self._lab.folder)
        ended = command.wait(COMMAND_SECONDS)
        self._seconds.append((ended, first is not None and first.process.poll() is None))
        left = command.find_left(ORPHAN_SECONDS)
        self.breaches += [f"the second driver left process {each}" for each in left]
        command.end_all()


def _make_arguments(lab: Lab, plan: Plan, place: Place) -> list[str]:
    settings: dict[str, object] = {
        "execution.commit_rows": plan.commit_rows,
        "execution.commit_seconds": 2,
        "execution.text.batch_rows": plan.batch_rows,
        "execution.text.batches_in_flight": max(2, 8 // plan.batch_rows),
    }
    if plan.shape == "vllm":
        # Rows that start together end together: with more of them at once the first commit would come with the last row.
        settings |= {"execution.text.batches_in_flight": 3}
    else:
        settings["execution.text.engine_options.delay_ms"] = DELAY_MS
    if plan.home == "cluster":
        settings |= {"execution.text.replicas": 2, "execution.text.cpus": 0.5, "execution.text.stall_seconds": 20}
        settings |= {"execution.images.timeout_seconds": 30} if plan.shape == "pictures" else {}
    if plan.shape == "pictures" and plan.has(*POISON):
        settings |= {"execution.images.timeout_seconds": 10}
    if plan.shape in POISON:
        act = f"{plan.shape.removeprefix('poison_')}_on"
        settings |= {f"execution.text.engine_options.{act}": POISON_NAME}
        settings |= {"execution.text.timeout_seconds": 8, "execution.text.stall_seconds": 5}
    sets = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    return ["run", str(lab.find_job(plan.shape)), "--output", place.output, *sets]

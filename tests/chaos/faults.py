"""How each fault is done. An Injector watches a command, by the proxy and by the clock, and strikes at the planned moments."""

import random
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from math import ceil

from tests.chaos.plans import BETWEEN, IMAGES, POISON, WEATHER, Fault, Plan
from tests.chaos.runner import Command
from tests.support import fault_proxy
from tests.support.fault_proxy import FaultProxy
from tests.support.s3_server import S3Server

# How the processes that can be killed call themselves; of two stages, one of a later phase goes first.
TITLES = {
    "kill_text": ("MapBatches(CreativeStage)", "MapBatches(TextStage)"),
    "kill_finish": ("MapBatches(CreativeStage)", "MapBatches(ScoreStage)"),
    "kill_raylet": ("raylet",),
    "kill_engine": ("EngineCore",),
}
SECOND_SIGNAL = 0.7  # seconds between SIGTERM and the impatient one
PUBLISHED = ("/assets/", "/candidates/", "/creatives/", "/quarantine/", "/staging/")
# What a write is called by the folder that it goes to, the first that fits.
FOLDERS = {
    "/segments/text/": "write",
    "/segments/plan/": "plan",
    "/segments/images/": f"{IMAGES}write",
    "/segments/images_failed/": f"{IMAGES}write",
    "/segments/images_plan/": f"{IMAGES}plan",
    "/images/": "print",
}


def name_step(method: str, path: str) -> str | None:
    """Return what a request does for a commit, by the method and the path of it; None when it does nothing."""
    if method != "PUT":
        return None
    if (name := next((name for folder, name in FOLDERS.items() if folder in path), None)) is not None:
        return name
    if path.endswith("/manifest.json"):
        return "manifest"
    return "publish" if any(part in path for part in PUBLISHED) else None


class Injector:
    """The faults of one plan, in order; those of a command are armed one after the other."""

    def __init__(self, plan: Plan, server: S3Server, proxy: FaultProxy, expected_segments: int) -> None:
        self.struck: list[Fault] = []
        self.missed = 0  # faults whose moment did not come before the run was done
        self.second: Callable[[], None] | None = None  # starts a second driver
        self.remove_node: Callable[[], None] | None = None
        self.count_local: Callable[[], int] | None = None  # segment files of a local output
        self._plan = plan
        self._server = server
        self._proxy = proxy
        self._expected = expected_segments
        self.weather = tuple(fault for fault in plan.faults if fault.kind in WEATHER)  # befalls the next command
        self._left = deque(fault for fault in plan.faults if fault.kind not in (*WEATHER, *POISON))
        self._command: Command | None = None
        self._began = 0.0
        self._lock = threading.RLock()
        self._steps: dict[str, int] = {}
        self._segments = 0
        self._broken: set[int] = set()  # numbers of requests that do not reach the server
        self._denied = False
        self._out_until = 0.0
        self._threads: list[threading.Thread] = []

    @property
    def has_more(self) -> bool:
        """Whether a fault waits for its moment."""
        return bool(self._left)

    def take_between(self) -> Fault | None:
        """The next fault, when it belongs between two commands; it counts as struck."""
        if self._left and (self._left[0].kind in BETWEEN):
            self.struck.append(self._left[0])
            return self._left.popleft()
        return None

    def arm(self, command: Command) -> None:
        """Watch a command that was just started."""
        with self._lock:
            self._command, self._began, self._steps, self._denied = command, time.monotonic(), {}, False
            self._take_disk()
        self._proxy.rule, self._proxy.on_request = self._judge, self._see_request
        self._proxy.on_answer, self._proxy.on_response = self._see_answer, self._see_response

    def watch(self) -> None:
        """Look at the clock and at the progress; to be called several times a second while the command runs."""
        with self._lock:
            moment = self._left[0].moment if self._left and self._left[0].kind not in BETWEEN else None
            if moment is None or moment.step:
                return
            segments = self.count_local() if self.count_local else self._segments
            is_due = time.monotonic() - self._began >= moment.seconds and segments >= ceil(
                moment.share * self._expected
            )
            if is_due:
                self._strike()

    def disarm(self, is_complete: bool) -> None:
        """The command has ended. `is_complete`: nothing is left to hurt, so faults that had no moment are dropped."""
        self._proxy.rule = self._proxy.on_request = self._proxy.on_answer = self._proxy.on_response = None
        for thread in self._threads:
            thread.join()
        self._threads = []
        with self._lock:
            self._command = None
            if is_complete:
                while self._left and self._left[0].kind not in BETWEEN:
                    self._left.popleft()
                    self.missed += 1
            if not self._left:
                self.weather = ()

    def _take_disk(self) -> None:
        """A small disk is small from the start: the command finds out by itself."""
        if self._left and self._left[0].kind == "disk_full":
            self.struck.append(self._left.popleft())

    def _judge(self, _method: str, _path: str, _query: str, number: int) -> fault_proxy.Fault | None:
        """The proxy's rule."""
        if number in self._broken or time.monotonic() < self._out_until:
            return fault_proxy.reset_before()
        if self._denied:
            return fault_proxy.fail(403, "AccessDenied")
        for fault in self.weather:
            dice = random.Random(f"{self._plan.seed} {fault.kind} {number}")
            if dice.random() < fault.amount:
                return _make_weather(fault.kind, dice)
        return None

    def _see_request(self, method: str, path: str, _query: str, number: int) -> None:
        if (step := name_step(method, path)) is not None and self._pass_step(f"before {step}"):
            self._broken.add(number)

    def _see_answer(self, method: str, path: str, _query: str, _number: int, status: int) -> None:
        if (step := name_step(method, path)) is not None and status == 200:
            self._pass_step(f"after {step}")

    def _see_response(self, method: str, path: str, _query: str, _number: int, status: int) -> None:
        step = name_step(method, path) or ""
        if step.endswith("write") and status == 200:
            self._segments += 1
            self._pass_step(f"before {step.replace('write', 'receipt')}")

    def _pass_step(self, step: str) -> bool:
        """Count the step and strike when it is the planned one. True when the request at hand must not arrive."""
        with self._lock:
            self._steps[step] = self._steps.get(step, 0) + 1
            if not self._left:
                return False
            moment = self._left[0].moment
            if moment.step != step or self._steps[step] < moment.nth:
                return False
            kind = self._left[0].kind
            # What a signal asks for is done later, by a process that lives on: its request arrives.
            return self._strike() and kind.startswith("kill") and kind != "kill_text"

    def _strike(self) -> bool:
        """Do the next fault; False when there is nothing yet that it could hit, and it waits."""
        fault, command = self._left[0], self._command
        if command is None or not self._do(fault, command):
            return False
        self._left.popleft()
        self.struck.append(fault)
        return True

    def _do(self, fault: Fault, command: Command) -> bool:
        match fault.kind:
            case "kill_driver":
                command.send(signal.SIGKILL)
            case "kill_text" | "kill_finish" | "kill_raylet" | "kill_engine":
                return command.kill(*TITLES[fault.kind])
            case "sigterm":
                command.send(signal.SIGTERM)
            case "sigint":
                command.send(signal.SIGINT)
            case "ctrl_c":
                command.send_group(signal.SIGINT)
            case "sigterm_twice":
                command.send(signal.SIGTERM)
                self._later(partial(command.send, signal.SIGTERM), SECOND_SIGNAL)
            case "kill_s3":
                self._server.crash()
                self._later(self._server.revive, fault.amount)
            case "outage":
                self._out_until = time.monotonic() + fault.amount
                self._proxy.drop_connections()
            case "forbid":
                self._denied = True
            case "second_driver" if self.second is not None:
                self._later(self.second)
            case "remove_node" if self.remove_node is not None:
                self._later(self.remove_node)
            case _:
                raise ValueError(f"nobody knows how to do {fault}")
        return True

    def _later(self, act: Callable[[], None], seconds: float = 0.0) -> None:
        """Act after some seconds, in a thread of its own: the caller's is the proxy's, and a request waits in it."""
        thread = threading.Timer(seconds, act)
        thread.start()
        self._threads.append(thread)


def _make_weather(kind: str, dice: random.Random) -> fault_proxy.Fault:
    match kind:
        case "http_500":
            return fault_proxy.fail(500, "InternalError")
        case "http_503":
            return fault_proxy.slow_down()
        case "http_reset_before":
            return fault_proxy.reset_before()
        case "http_reset_after":
            return fault_proxy.reset_after()
        case "http_truncate":
            return fault_proxy.truncate()
        case _:
            return fault_proxy.delay(dice.choice((0.5, 2.0, 5.0)))

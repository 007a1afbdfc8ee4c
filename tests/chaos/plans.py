"""A seed in, a plan of faults out. Pure: the same seed is the same plan on every machine."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

Home = Literal["s3", "local", "disk", "cluster"]

# Steps of a commit, as the proxy in front of S3 sees them. "publish" is every write below assets/, candidates/, quarantine/
# and staging/; "plan" is the note of what a unit of input came to.
STEPS = (
    "before write",
    "after write",
    "before receipt",
    "before plan",
    "before publish",
    "after publish",
    "before manifest",
    "after manifest",
)

# What a fault does to the process that runs the job. Each strikes once, at its moment.
KILLS = ("kill_driver", "kill_text", "kill_finish", "kill_raylet")
SIGNALS = ("sigterm", "sigint", "ctrl_c", "sigterm_twice")
STORES = ("kill_s3", "forbid", "outage")
# HTTP faults that befall a share of all requests, for as long as the plan has other faults left (at least one command).
WEATHER = ("http_500", "http_503", "http_reset_before", "http_reset_after", "http_truncate", "http_delay")
BETWEEN = ("corrupt_segment", "clock_jump")  # happen when a command has ended
OTHERS = ("second_driver", "remove_node", "disk_full")
POISON = ("poison_kill", "poison_block", "poison_hang", "poison_raise")

# A job that makes pictures has more steps. "print" is the write of a picture's file, the others are those of the images
# phase's segment files; there are about two dozen of the first and a few of each other.
IMAGES = "images-"
PRINTS = 20

KINDS = (*KILLS, *SIGNALS, *STORES, *WEATHER, *BETWEEN, *OTHERS, *POISON)
ENDING = ("kill_driver", "kill_raylet", *SIGNALS, "forbid", "disk_full")  # after these the command is over


@dataclass(frozen=True, slots=True)
class Moment:
    """When a fault strikes, counted from the start of the command that it is armed for.

    One of: `share` of the expected segment files is there (all commands count), `seconds` have passed, or the `nth` time
    that the commit is at `step`. All zero: from the start, or between two commands.
    """

    share: float = 0.0
    seconds: float = 0.0
    step: str = ""
    nth: int = 0

    def __str__(self) -> str:
        if self.step:
            return f"{self.step} {self.nth}"
        if self.seconds:
            return f"{self.seconds:.1f} s"
        return f"{self.share:.0%}" if self.share else ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `amount`: seconds of an outage or a clock jump, the rate of weather, the share of the output that fits."""

    kind: str
    moment: Moment = Moment()
    amount: float = 0.0

    def __str__(self) -> str:
        words = [self.kind, f"@{self.moment}" if str(self.moment) else "", f"({self.amount:g})" if self.amount else ""]
        return " ".join(filter(None, words))


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to one job. `faults` strike in this order, over as many commands as it takes."""

    seed: int
    home: Home
    shape: str  # plain, spoilt (bad answers, and a refused row), a kind of poison, pictures, or vllm (a real engine)
    commit_rows: int
    batch_rows: int
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return f"{self.home}/{self.shape} c{self.commit_rows} b{self.batch_rows}: {', '.join(map(str, self.faults))}"

    def has(self, *kinds: str) -> bool:
        """Whether any of `kinds` is among the faults."""
        return any(fault.kind in kinds for fault in self.faults)


def draw_plan(seed: int) -> Plan:
    """Draw the plan of a seed. The first fault's kind goes round: any run of len(KINDS) seeds holds every kind."""
    dice = random.Random(f"chaos {seed}")
    first = KINDS[seed % len(KINDS)]
    home = _draw_home(first, dice)
    shape = first if first in POISON else dice.choice(("plain", "plain", "spoilt"))
    kinds = [first] + [dice.choice(_list_companions(first, home)) for _ in range(dice.choice((0, 0, 1, 1, 2)))]
    if first == "corrupt_segment" and dice.random() < 0.7:
        kinds.insert(0, "kill_driver")
    faults = _put_in_order([_draw_fault(kind, home, dice) for kind in kinds])
    return Plan(seed, home, shape, dice.choice((4, 8, 16)), dice.choice((1, 2, 4)), faults)


def add_pictures(plan: Plan) -> Plan:
    """Return the plan for a job that makes pictures: the same faults; two in three of the steps are of its images phase."""
    dice = random.Random(f"chaos with pictures {plan.seed}")
    faults = [replace(fault, moment=_move(fault.moment, dice)) for fault in plan.faults]
    return replace(plan, shape="pictures", faults=_put_in_order(faults))


def iterate_plans(first: int, kind: str = "") -> Iterator[Plan]:
    """Yield the plans of the seeds from `first` on, only those that hold `kind` if one is given."""
    seed = first
    while True:
        plan = draw_plan(seed)
        if not kind or plan.has(kind):
            yield plan
        seed += 1


def _put_in_order(faults: list[Fault]) -> tuple[Fault, ...]:
    """Order faults by how far a run is when they strike, so that none waits for work that is done already.

    What happens between two commands comes after the first fault that ends one.
    """
    ordered = sorted((fault for fault in faults if fault.kind not in BETWEEN), key=_rank_moment)
    ends = next((place + 1 for place, fault in enumerate(ordered) if fault.kind in ENDING), len(ordered))
    between = [fault for fault in faults if fault.kind in BETWEEN]
    return (*ordered[:ends], *between, *ordered[ends:])


def _move(moment: Moment, dice: random.Random) -> Moment:
    """Put a step of the text phase into the images phase, more often than not. A command takes twice as long."""
    if moment.seconds:
        return replace(moment, seconds=2 * moment.seconds)
    when, _, what = moment.step.partition(" ")
    if what not in ("write", "receipt", "plan") or dice.random() < 1 / 3:
        return moment
    if what == "write" and dice.random() < 0.5:
        return Moment(step=f"{when} print", nth=dice.randint(1, PRINTS))
    return Moment(step=f"{when} {IMAGES}{what}", nth=1 if what == "plan" else moment.nth)


def _rank_moment(fault: Fault) -> float:
    if not str(fault.moment):
        return 0.0
    if fault.moment.step:
        what = fault.moment.step.split()[1]
        later = {"publish": 2.0, "manifest": 3.0, "print": 0.4}
        return later.get(what, 0.4 if what.startswith(IMAGES) else 0.1) + fault.moment.nth / 100
    return fault.moment.share or 0.05


def _draw_home(kind: str, dice: random.Random) -> Home:
    if kind in ("remove_node", "disk_full", "clock_jump"):
        homes: dict[str, Home] = {"remove_node": "cluster", "disk_full": "disk", "clock_jump": "local"}
        return homes[kind]
    if kind in STORES or kind in WEATHER:
        return "s3"
    return "s3" if dice.random() < 0.75 else "local"


def _list_companions(first: str, home: Home) -> list[str]:
    """Kinds that may come with `first`; a plan has one weather and one change of the clock at most."""
    if home == "disk":
        return ["kill_driver", "kill_finish", "sigterm"]
    if home == "cluster":
        return ["kill_driver", "kill_text", "kill_finish", "sigterm"]
    companions = [*KILLS, *SIGNALS, "second_driver", "corrupt_segment"]
    if home == "s3":
        companions += STORES
        companions += () if first in WEATHER else WEATHER
    return [kind for kind in companions if kind != first]


def _draw_fault(kind: str, home: Home, dice: random.Random) -> Fault:
    if kind in WEATHER:
        return Fault(kind, amount=dice.choice((0.02, 0.05, 0.1)))
    if kind == "clock_jump":
        return Fault(kind, amount=dice.choice((-86400.0, -3600.0, 3600.0, 3 * 86400.0)))
    if kind == "disk_full":
        return Fault(kind, amount=round(dice.uniform(0.3, 0.9), 2))
    if kind in BETWEEN or kind in POISON:
        return Fault(kind)
    amount = dice.choice((1.0, 3.0, 8.0)) if kind in ("kill_s3", "outage") else 0.0
    return Fault(kind, _draw_moment(kind, home, dice), amount)


def _draw_moment(kind: str, home: Home, dice: random.Random) -> Moment:
    inside = ("kill_text", "kill_finish", "remove_node")  # these exist only while requests are worked on
    at_step = home in ("s3", "cluster") and dice.random() < 0.6
    if at_step and kind in inside:
        return Moment(step=dice.choice(STEPS[:3]), nth=dice.randint(1, 4))
    if at_step:
        step = dice.choice(STEPS)
        return Moment(step=step, nth=1 if "manifest" in step else dice.randint(1, 3))
    if kind not in inside and dice.random() < 0.25:
        return Moment(seconds=round(dice.uniform(0.3, 9.0), 1))
    return Moment(share=round(dice.uniform(0.05, 0.9), 2))

"""`factory bench creatives`: what a picture costs in CPU time, by size and by step, beside Pillow and headless Chromium.

Everything is CPU time of one process (its threads included, Chromium's processes too): a machine that others share slows
clocks more than it does that. The first round warms caches and does not count, of the others the median does.
"""

import os
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from factory.cli.bench.creatives_peers import Likeness, Side, compare_looks, compare_speed, open_chromium
from factory.cli.bench.creatives_workload import (
    HEIGHT,
    PARTS,
    WIDTH,
    Full,
    Piece,
    Workshop,
    count_parts,
    open_workshop,
)
from factory.cli.bench.step_timer import STEPS, Stopwatch
from factory.cluster.machine import describe_machine
from factory.images.creative_maker import CreativeMaker
from schemas.creative import CreativeOutcome

FULL_PICTURES = 12  # more than the products in final size that composing keeps: none is found ready
LIKENESS_SIZES = ((1200, 628), (1080, 1350), (300, 250), (1080, 1080), (1080, 1920), (728, 90), (160, 600))
MOST_SIZES = 3  # of these, for each layout
_HEADLINE = "full picture"


@dataclass(slots=True)
class Tally:
    """CPU seconds of whole rounds over the same pieces, and what came of the last one."""

    name: str
    size: str
    pieces: Sequence[tuple[CreativeMaker, Piece]]
    seconds: list[float] = field(default_factory=list)
    steps: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    outcomes: list[CreativeOutcome] = field(default_factory=list)

    @property
    def milliseconds(self) -> float:
        """CPU time of a creative: the median of the rounds."""
        return 1e3 * median(self.seconds) / len(self.pieces)

    def run(self, counts: bool) -> None:
        """Make all creatives once; the time is kept when the round `counts`."""
        stopwatch = Stopwatch()
        with stopwatch.watch():
            began = time.process_time()
            self.outcomes = [maker.make(each.work, each.task, each.product) for maker, each in self.pieces]
            spent = time.process_time() - began
        if counts:
            self.seconds.append(spent)
            for step, seconds in stopwatch.seconds.items():
                self.steps[step] += seconds

    def describe(self) -> dict[str, Any]:
        """Return its numbers; `steps` are shares of the CPU time."""
        total = sum(self.steps.values())
        pictures = [picture for outcome in self.outcomes for picture in outcome.pictures]
        number = len(self.outcomes)
        return {
            "what": self.name,
            "size": self.size,
            "creatives": number,
            "cpu_ms": round(self.milliseconds, 2),
            "per_core_second": round(1e3 / self.milliseconds, 2),
            "tries": round(sum(len(outcome.variants) for outcome in self.outcomes) / number, 3),
            "accepted": round(sum(outcome.status == "accepted" for outcome in self.outcomes) / number, 4),
            "kilobytes": round(sum(each.num_bytes for each in pictures) / max(1, len(pictures)) / 1e3, 1),
            "steps": {step: round(self.steps[step] / total, 4) for step in STEPS},
        }


def run_bench(
    job: str,
    sets: Sequence[str] = (),
    rounds: int = 5,
    creatives: int = 8,
    sheets: str | None = None,
    sizes: Sequence[tuple[int, int]] = LIKENESS_SIZES,
) -> dict[str, Any]:
    """Measure `rounds` rounds over `creatives` of each picture slot of the job, then the peers; return rows and all numbers.

    CPU in milliseconds, memory in MiB. Into the folder `sheets`, where given, go pictures beside Chromium's. Without a
    Chromium or raqm the rows of these say so. Raises JobError for a job that makes no pictures.
    """
    with tempfile.TemporaryDirectory(prefix="factory-bench-") as name:
        workshop = open_workshop(job, list(sets), str(Path(name) / "out"))
        fulls = workshop.list_full(FULL_PICTURES)
        tallies = measure_sizes(workshop, fulls, rounds, creatives)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # before Chromium's pictures come in
        orders = list(workshop.list_orders(fulls[0].piece, sizes, MOST_SIZES))
        with open_chromium([*(full.order for full in fulls), *(order for order, _ in orders)]) as page:
            sides = compare_speed(fulls, page, rounds)
            alike = [] if isinstance(page, str) else compare_looks(orders, page, Path(sheets) if sheets else None)
    return _describe(workshop, fulls, tallies, sides, alike, memory)


def measure_sizes(workshop: Workshop, fulls: Sequence[Full], rounds: int, creatives: int) -> list[Tally]:
    """Return one tally for each picture slot, as the job makes its creatives, and at last one for the full picture alone."""
    maker = workshop.set_up()
    tallies = []
    for slot in workshop.list_slots():
        pieces = workshop.list_pieces(slot, creatives)
        if pieces:
            tallies.append(Tally(slot.name, f"{slot.width}x{slot.height}", [(maker, each) for each in pieces]))
    alone = [(workshop.set_up((full.layout,), variants=1), full.piece) for full in fulls]
    tallies.append(Tally(_HEADLINE, f"{WIDTH}x{HEIGHT}", alone))
    for number in range(rounds + 1):
        for tally in tallies:
            tally.run(counts=number > 0)
    return tallies


def _describe(
    workshop: Workshop,
    fulls: Sequence[Full],
    tallies: Sequence[Tally],
    sides: Sequence[Side],
    alike: Sequence[Likeness],
    memory: float,
) -> dict[str, Any]:
    found = [tally.describe() for tally in tallies]
    headline, mix = found[-1], _share_steps(tallies[:-1])
    held = ", ".join(name for name, has in PARTS.items() if has(fulls[0].made))
    ours = sides[0].typical
    machine, load = describe_machine(), os.getloadavg()[0]
    summary = [
        f"{headline['per_core_second']:.1f} full pictures of {WIDTH}x{HEIGHT} a second and core, with {held}: drawn, fitted, "
        "painted, checked, scored, encoded within the weight, stamped and stored.",
        f"CPU time of the job's creatives: {_name_shares(mix)}",
        f"of a full picture: {_name_shares(headline['steps'])}",
        "Last rows: full pictures fitted, painted and made a JPEG only; the others are told sizes and places. x is CPU time "
        "beside the factory's.",
        f"Making a product picture ready takes {workshop.load_ms:.0f} ms, once for all its creatives. Peak memory "
        f"{memory:,.0f} MiB.",
        *_name_likeness(alike),
        f"{machine}; load {load:.1f}",
    ]
    return {
        "title": f"creatives: {len(workshop.works)} texts with ready-made copy, {len(workshop.products)} product pictures, "
        f"images.variants {workshop.setup.images.variants}",
        "rows": [*map(_make_row, found), *(_make_peer_row(side, ours) for side in sides)],
        "summary": "\n".join(summary),
        "sizes": found,
        "full_per_core_second": headline["per_core_second"],
        "full_parts": count_parts(fulls[0].made),
        "steps": mix,
        "load_product_ms": round(workshop.load_ms, 1),
        "peak_mib": round(memory),
        "peers": [_describe_side(side, ours) for side in sides],
        "likeness": [
            {"layout": each.layout, "size": each.size, "similarity": round(each.similarity, 4)} for each in alike
        ],
        "machine": machine,
        "load": round(load, 2),
    }


def _share_steps(tallies: Sequence[Tally]) -> dict[str, float]:
    total = sum(sum(tally.steps.values()) for tally in tallies)
    return {step: round(sum(tally.steps[step] for tally in tallies) / max(1e-9, total), 4) for step in STEPS}


def _describe_side(side: Side, ours: float) -> dict[str, Any]:
    if not side.times:
        return {"name": side.name, "absent": side.absent}
    return {"name": side.name, "cpu_ms": round(side.typical, 2), "ratio": round(side.typical / ours, 3)}


def _make_row(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "picture": found["what"],
        "size": found["size"],
        "CPU ms": found["cpu_ms"],
        "per s": found["per_core_second"],
        "tries": found["tries"],
        "passed": f"{found['accepted']:.0%}",
        "KB": f"{found['kilobytes']:.0f}",
    }


def _make_peer_row(side: Side, ours: float) -> dict[str, Any]:
    row = {"picture": side.name, "size": f"{WIDTH}x{HEIGHT}"}
    if not side.times:
        return row | {"CPU ms": side.absent, "per s": "-", "tries": "-", "passed": "-", "KB": "-"}
    times = {"CPU ms": round(side.typical, 2), "per s": round(1e3 / side.typical, 2)}
    return row | times | {"tries": f"{side.typical / ours:.2f} x", "passed": "-", "KB": "-"}


def _name_shares(shares: dict[str, float]) -> str:
    return ", ".join(f"{step} {share:.0%}" for step, share in shares.items() if share >= 0.005)


def _name_likeness(alike: Sequence[Likeness]) -> list[str]:
    if not alike:
        return ["Chromium's pictures were not compared: there are none."]
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for each in alike:
        texts[each.layout].append(f"{each.similarity:.3f} ({each.size})")
    named = (f"  {name} {', '.join(found)}" for name, found in texts.items())
    return ["Structural similarity with Chromium's pictures, by layout:", *named]

"""The same pictures by the factory, by Pillow and by headless Chromium: CPU time in interleaved rounds, and likeness."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import psutil
from PIL import Image

from factory.cli.bench import creatives_chromium, creatives_pillow
from factory.cli.bench.creatives_workload import Full
from factory.engines.base import Pixels
from factory.errors import JobError
from factory.images.brand.fonts import load_stack
from factory.images.compose.compose import Order, compose
from factory.images.files.encode import encode_picture
from factory.images.types import Composition

OURS, PILLOW, CHROMIUM = "by the factory", "by Pillow, raqm", "by Chromium"
_GAP = 12  # pixels between the pictures of a sheet


@dataclass(frozen=True, slots=True)
class Side:
    """One way to draw the full pictures. Times are CPU milliseconds a picture by round; `absent` says why there are none."""

    name: str
    times: tuple[float, ...] = ()
    absent: str = ""

    @property
    def typical(self) -> float:
        """The median of the rounds."""
        return median(self.times)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike the factory's picture and Chromium's are: mean structural similarity of the three channels, 1 for equal."""

    layout: str
    size: str
    similarity: float


@contextmanager
def open_chromium(orders: Sequence[Order]) -> Iterator[Any]:
    """Yield a page that knows the fonts of all orders, or a text that says why there is none."""
    stacks = [load_stack(each.brand.kit.fonts, each.brand.folder, each.locale) for each in orders]
    opened = creatives_chromium.open_page(list(dict.fromkeys(stacks)), orders[0].slot.width, orders[0].slot.height)
    try:
        page = opened.__enter__()
    except JobError as error:
        yield error.message
        return
    try:
        yield page
    finally:
        opened.__exit__(None, None, None)


def compare_speed(fulls: Sequence[Full], page: Any, rounds: int) -> list[Side]:
    """Draw all pictures as JPEG in turn with each side, `rounds` times and once before to warm up.

    The factory's side fits the copy, paints and encodes within the slot's weight; the others are told texts, sizes and
    places. Backdrops and products are ready for all. Of Chromium all its processes count. `page` is of `open_chromium`.
    """
    draws: dict[str, list[Callable[[], object]]] = {OURS: [_make_ours(full.order) for full in fulls]}
    absent: dict[str, str] = {}
    try:
        scenes = [creatives_pillow.prepare(full.order, full.made) for full in fulls]
        draws[PILLOW] = [lambda scene=scene: creatives_pillow.draw(scene) for scene in scenes]  # type: ignore[misc]
    except JobError as error:
        absent[PILLOW] = error.message
    if isinstance(page, str):
        absent[CHROMIUM] = page
    else:
        shown = [creatives_chromium.prepare(full.order, full.made) for full in fulls]
        draws[CHROMIUM] = [lambda scene=scene: creatives_chromium.draw(page, scene) for scene in shown]  # type: ignore[misc]
    times: dict[str, list[float]] = {name: [] for name in draws}
    for number in range(rounds + 1):
        names = list(draws)
        for name in names if number % 2 else reversed(names):
            spent = _measure(draws[name], family=name == CHROMIUM)
            times[name] += [spent] if number else []
    return [Side(name, tuple(times.get(name, ())), absent.get(name, "")) for name in (OURS, PILLOW, CHROMIUM)]


def compare_looks(
    orders: Sequence[tuple[Order, Composition]], page: Any, sheets: Path | None = None
) -> list[Likeness]:
    """Compare the factory's pixels with Chromium's, picture by picture. Into the folder `sheets`, where given, go PNGs of
    both beside each other and of what differs, eight times as strong.
    """
    found = []
    for order, made in orders:
        theirs = creatives_chromium.draw_pixels(page, creatives_chromium.prepare(order, made))
        size = f"{made.size.width}x{made.size.height}"
        found.append(Likeness(order.layout.name, size, measure_similarity(made.pixels, theirs)))
        if sheets is not None:
            sheets.mkdir(parents=True, exist_ok=True)
            _make_sheet(made.pixels, theirs).save(sheets / f"{order.layout.name}-{size}.png")
    return found


def measure_similarity(one: Pixels, other: Pixels) -> float:
    """Return the mean structural similarity of two RGB pictures of one size: Wang et al. 2004, as OpenCV has it."""
    return float(np.mean(cv2.quality.QualitySSIM.create(one).compute(other)[:3]))


def _make_ours(order: Order) -> Callable[[], object]:
    def draw() -> object:
        made = compose(order)
        return encode_picture(made.pixels, order.slot) if isinstance(made, Composition) else None

    return draw


def _measure(draws: Sequence[Callable[[], object]], family: bool) -> float:
    """Return the CPU milliseconds a picture, those of child processes included where `family` is set."""
    began = _read_cpu(family)
    for draw in draws:
        draw()
    return 1e3 * (_read_cpu(family) - began) / len(draws)


def _read_cpu(family: bool) -> float:
    spent = time.process_time()
    for process in psutil.Process(os.getpid()).children(recursive=True) if family else ():
        try:
            times = process.cpu_times()
        except psutil.Error:  # it has ended since
            continue
        spent += times.user + times.system
    return spent


def _make_sheet(ours: Pixels, theirs: Pixels) -> Image.Image:
    difference = np.minimum(255, np.abs(ours.astype(np.int16) - theirs) * 8).astype(np.uint8)
    high, wide = ours.shape[:2]
    across = wide < 2 * high
    step = (wide if across else high) + _GAP
    sheet = np.full((high if across else 3 * step - _GAP, 3 * step - _GAP if across else wide, 3), 128, np.uint8)
    for place, pixels in enumerate((ours, theirs, difference)):
        at = place * step
        top, left = (0, at) if across else (at, 0)
        sheet[top : top + high, left : left + wide] = pixels
    return Image.fromarray(sheet)

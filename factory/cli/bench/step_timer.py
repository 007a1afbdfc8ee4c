"""CPU time by step of a creative: the functions that the steps begin with are wrapped while something is measured.

Time counts for the innermost step that it is spent in. Nothing in the factory knows of it.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from factory.cli.bench import creatives_workload
from factory.images import creative_maker, picture_writer
from factory.images.compose import compose
from factory.images.compose.fit import Fitter
from factory.images.compose.rendered_page import RenderedPage
from factory.images.files.sign import Signer
from factory.storage.store import Store

# Where a step begins: the module or class that looks the name up, the name, and the step.
SEAMS: tuple[tuple[Any, str, str], ...] = (
    (creative_maker.CreativeMaker, "make", "rest"),
    (creatives_workload, "draw_backdrop", "backdrop"),
    (creative_maker, "list_texts", "texts"),
    (creative_maker, "compose", "texts"),
    (Fitter, "search", "fit"),
    (compose, "paint", "paint"),
    (RenderedPage, "__init__", "page"),
    (creative_maker, "judge_creative", "look"),
    (creative_maker, "fingerprint_composition", "look"),
    (picture_writer, "encode_picture", "encode"),
    (picture_writer, "write_xmp", "stamp"),
    (Signer, "sign", "stamp"),
    (picture_writer, "check_stamp", "stamp"),
    (picture_writer, "check_file", "check file"),
    (Store, "write_bytes", "store"),
)
STEPS = (*dict.fromkeys(step for _, _, step in SEAMS[1:]), SEAMS[0][2])


class Stopwatch:
    """CPU seconds of this process, its threads included, by step."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inside: list[float] = []  # of each step that has begun: what steps within it took

    def time(self, step: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return `call` with its own time counted for `step`."""

        def timed(*args: Any, **options: Any) -> Any:
            self._inside.append(0.0)
            began = time.process_time()
            try:
                return call(*args, **options)
            finally:
                spent = time.process_time() - began
                self.seconds[step] += spent - self._inside.pop()
                if self._inside:
                    self._inside[-1] += spent

        return timed

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Count the time of every step until the end."""
        before = [getattr(owner, name) for owner, name, _ in SEAMS]
        try:
            for (owner, name, step), call in zip(SEAMS, before, strict=True):
                setattr(owner, name, self.time(step, call))
            yield
        finally:
            for (owner, name, _), call in zip(SEAMS, before, strict=True):
                setattr(owner, name, call)

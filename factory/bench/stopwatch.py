"""CPU time by step of a creative: the functions that the steps begin with are wrapped while something is measured.

Time counts for the innermost step that it is spent in. Nothing in the factory knows of it.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from factory import compose, creative, press
from factory.bench import creative_works
from factory.composing.fit import Fitter
from factory.composing.stage import Stage
from factory.pictures.signing import Signer
from factory.storage import Store

# Where a step begins: the module or class that looks the name up, the name, and the step.
SEAMS: tuple[tuple[Any, str, str], ...] = (
    (creative.Easel, "make", "rest"),
    (creative_works, "draw_backdrop", "backdrop"),
    (creative, "list_texts", "texts"),
    (creative, "compose", "texts"),
    (Fitter, "search", "fit"),
    (compose, "paint", "paint"),
    (Stage, "__init__", "page"),
    (creative, "judge_creative", "look"),
    (creative, "fingerprint_composition", "look"),
    (press, "encode_picture", "encode"),
    (press, "write_xmp", "stamp"),
    (Signer, "sign", "stamp"),
    (press, "check_stamp", "stamp"),
    (press, "check_file", "check file"),
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

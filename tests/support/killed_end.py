"""Ends a run in a process of its own that a test kills on the way: forked from one that has imported all it needs.

A new Python would spend seconds on imports for each of the many moments at which it is killed.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from factory.output.finalize import EndedRun, finalize

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])

# What Python tells of changes of the file system: https://docs.python.org/3/library/audit_events.html
_CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link")


def start_end(run: EndedRun, told: Path, fatal: int = 0) -> ForkServerProcess:
    """Start a process that ends `run`, in the environment that this process has now.

    It is killed at the change of the file system with the number `fatal`, if there is one, else it writes to `told` how
    many there were.
    """
    process = _CONTEXT.Process(target=_end, args=(run, told, fatal, dict(os.environ)))
    process.start()
    return process


def _end(run: EndedRun, told: Path, fatal: int, environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    seen = 0

    def count(event: str, _arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in _CHANGES:
            seen += 1
            if seen == fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    finalize(run)
    told.write_text(str(seen), encoding="utf-8")

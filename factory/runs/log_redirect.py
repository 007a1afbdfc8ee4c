"""Keeps Ray's and vLLM's own output out of the user's terminal: everything written to the process goes to a log file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def redirect_logs(log: Path) -> Iterator[TextIO]:
    """Send file descriptors 1 and 2, those of child processes and libraries in C included, to the end of `log`.

    Yields the real stderr for the factory's own words; both are restored on leaving.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    stream = os.fdopen(os.dup(saved[1]), "w", buffering=1, encoding="utf-8")
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield stream
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in enumerate(saved, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(target)
        stream.close()

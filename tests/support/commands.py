"""Runs `factory` in this process: without the seconds in which one of its own imports everything, starts Ray and ends."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from factory.cli.main import main
from tests.support.jobs import Ended

_STREAMS = ("stdout", "stderr")  # file descriptors 1 and 2


def call_here(*arguments: str | Path, timeout: int = 180, **environment: str) -> Ended:
    """Run the command with these arguments, this environment and what `environment` adds; return how it ended.

    A verb that needs Ray joins the cluster that RAY_ADDRESS in `environment` names: the fixture `ray_cluster`. Where the
    process matters (signals, crashes, what is imported, a private Ray), use `call_factory`.
    Raises what the command does not catch, and TimeoutError after `timeout` seconds.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        files = [Path(folder) / name for name in _STREAMS]
        stack.enter_context(_set_process(["factory", *map(str, arguments)], environment))
        stack.enter_context(_bound(timeout))
        with _capture(files):
            code = _run_main()
        out, err = (file.read_text(encoding="utf-8") for file in files)
    return Ended(code, out, err)


def _run_main() -> int:
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)


@contextmanager
def _set_process(arguments: list[str], environment: dict[str, str]) -> Iterator[None]:
    """Give this process another command line and more environment for a while."""
    saved, variables = sys.argv, dict(os.environ)
    sys.argv = arguments
    os.environ.update(environment)
    try:
        yield
    finally:
        sys.argv = saved
        os.environ.clear()
        os.environ.update(variables)


@contextmanager
def _capture(files: list[Path]) -> Iterator[None]:
    """Send both output streams to `files`, their file descriptors included: the command redirects those itself."""
    for stream in _STREAMS:
        getattr(sys, stream).flush()
    before = [(getattr(sys, stream), os.dup(number)) for number, stream in enumerate(_STREAMS, 1)]
    for number, (stream, file) in enumerate(zip(_STREAMS, files, strict=True), 1):
        with file.open("wb") as target:
            os.dup2(target.fileno(), number)
        setattr(sys, stream, os.fdopen(number, "w", encoding="utf-8", buffering=1, closefd=False))
    try:
        yield
    finally:
        for number, (stream, (own, kept)) in enumerate(zip(_STREAMS, before, strict=True), 1):
            getattr(sys, stream).flush()
            setattr(sys, stream, own)
            os.dup2(kept, number)
            os.close(kept)


@contextmanager
def _bound(seconds: int) -> Iterator[None]:
    """Let the block end after so many seconds, whatever it waits for."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"the command did not end within {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

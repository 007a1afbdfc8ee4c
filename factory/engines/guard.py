"""Ends the processes it is given when the process that started it dies, however it dies.

An engine's own children outlive a parent that was killed or left by `os._exit`, and go on holding its memory or GPU.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil


def start_guard(pids: Iterable[int]) -> "subprocess.Popen[bytes]":
    """Start a guard over `pids` that acts when this process is gone. Close its stdin to make it act at once."""
    command = [
        sys.executable,
        "-P",
        __file__,
        *map(str, pids),
    ]  # by path: `factory` may not be on a plain Python's path
    # Its own session, and no child of ours: what ends our process group or, as Ray does when a worker exits, our
    # children, must not end the guard first.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    process.wait()  # the guard itself is its child, and goes on
    return process


def end_processes(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Kill what is left of `processes` and wait up to `seconds` for them to go. A reused process id is left alone."""
    left = [process for process in processes if _runs(process)]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    until = time.monotonic() + seconds
    while any(map(_runs, left)) and time.monotonic() < until:
        time.sleep(0.02)


def _runs(process: psutil.Process) -> bool:
    """Look without reaping: the exit status belongs to `multiprocessing`, which fails when it is gone."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def watch(pids: Iterable[int]) -> None:
    """Wait until standard input closes, which is when the parent is gone; then end `pids`."""
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    sys.stdin.buffer.read()
    end_processes(processes, seconds=5)


if __name__ == "__main__" and not os.fork():
    watch(int(argument) for argument in sys.argv[1:])

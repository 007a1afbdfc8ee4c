"""Ends the processes it is given, or has seen start, when the process that started it dies, however it dies.

An engine's own children outlive a parent that was killed or left by `os._exit`, and go on holding its memory or GPU.
"""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

LOOK_SECONDS = 0.1  # between two looks at what a process has started


def start_guard(pids: Iterable[int]) -> "subprocess.Popen[bytes]":
    """Start a guard over `pids` that acts when this process is gone. Close its stdin to make it act at once."""
    return _start("over", pids)


def start_tracking_guard() -> "subprocess.Popen[bytes]":
    """Start a guard over all that this process and its descendants start from now on, until `stop_tracking` is called."""
    known = {child.pid for child in psutil.Process().children(recursive=True)}
    return _start("after", [os.getpid(), *known])


def stop_tracking(guard: "subprocess.Popen[bytes]") -> None:
    """Tell a tracking guard that nothing more is started that it should end. It keeps guarding what it has seen."""
    if guard.stdin is not None:
        with suppress(BrokenPipeError):  # somebody ended it: what it guarded has to end by itself
            guard.stdin.write(b".")
            guard.stdin.flush()


def _start(kind: str, pids: Iterable[int]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-P", __file__, kind]  # by path: `factory` may not be on a plain Python's path
    command += map(str, pids)
    # Its own session, and no child of ours: what ends our process group or, as Ray does when a worker exits, our
    # children, must not end the guard first.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    process.wait()  # the guard itself is its child, and keeps running
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


def watch(processes: Iterable[psutil.Process]) -> None:
    """Wait until standard input closes, which is when the parent is gone; then end `processes`."""
    sys.stdin.buffer.read()
    end_processes(processes, seconds=5)


def track(parent: int, known: Iterable[int]) -> None:
    """Note what `parent` starts, those `known` left out, until a byte comes in; end it when standard input closes."""
    own = {os.getpid(), *known}
    seen: dict[int, psutil.Process] = {}
    is_last = False
    while not is_last:
        is_last = bool(select.select([sys.stdin], [], [], LOOK_SECONDS)[0])
        # What those have started too: the parent may be gone by now. A look reads the table of processes once.
        family = {parent, *(pid for pid, process in seen.items() if process.is_running())}
        for process in psutil.process_iter(["ppid"]):
            if process.info["ppid"] in family and process.pid not in own:
                family.add(process.pid)
                seen.setdefault(process.pid, process)
    os.read(sys.stdin.fileno(), 1)
    watch(seen.values())


if __name__ == "__main__" and not os.fork():
    numbers = [int(argument) for argument in sys.argv[2:]]
    if sys.argv[1] == "after":
        track(numbers[0], numbers[1:])
    else:
        watch([psutil.Process(pid) for pid in numbers if psutil.pid_exists(pid)])

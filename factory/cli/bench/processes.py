"""Watches a command and every process below it: CPU seconds and memory, those of processes that have gone included."""

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

CPU_SECONDS = 0.2  # between readings of CPU time: what a process spends after its last one is missed
POLL_SECONDS = 0.1  # between two looks at whether a command has come as far as is waited for
MEMORY_READINGS = 5  # a reading of memory after every so many readings of CPU time
_SMAPS = ("Pss_Anon:", "Pss_File:", "Pss_Shmem:")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command and its descendants took. Memory in bytes, at its peak over all of them together."""

    cpu_seconds: float
    wall_seconds: float
    peak_memory: int  # each process's share, without the object store
    peak_store: int  # shared memory, which is Ray's object store
    stdout: str


class _Watch:
    """Readings of one tree of processes. A process that was seen once is followed even when its parent is gone."""

    def __init__(self, root: psutil.Process) -> None:
        self._seen: dict[int, psutil.Process] = {root.pid: root}
        self._cpu: dict[int, float] = {}
        self.peak_memory = 0
        self.peak_store = 0

    @property
    def cpu_seconds(self) -> float:
        """User and system time of all, by their last readings."""
        return sum(self._cpu.values())

    def read_cpu(self) -> None:
        """Find new processes and read everyone's CPU time."""
        for process in list(self._seen.values()):
            try:
                self._seen.update({child.pid: child for child in process.children(recursive=True)})
            except psutil.Error:
                self._seen.pop(process.pid, None)
        for pid, process in self._seen.items():
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            self._cpu[pid] = times.user + times.system

    def kill(self) -> None:
        """End everyone by SIGKILL, the first process first."""
        for process in self._seen.values():
            with suppress(psutil.Error):
                process.kill()

    def read_memory(self) -> None:
        """Read everyone's memory and keep the highest sums."""
        sizes = [_read_sizes(process) for process in self._seen.values()]
        self.peak_memory = max(self.peak_memory, sum(memory for memory, _ in sizes))
        self.peak_store = max(self.peak_store, sum(store for _, store in sizes))


def run_watched(command: Sequence[str]) -> Usage:
    """Run `command` to its end and return what it took. Raises CalledProcessError, with its stderr, when it fails."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        watch = _Watch(psutil.Process(child.pid))
        done = threading.Event()
        thread = threading.Thread(target=_follow, args=(watch, done), daemon=True)
        thread.start()
        try:
            stdout, stderr = child.communicate()
        finally:
            done.set()
            thread.join()
    wall = time.monotonic() - began
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, stdout, stderr)
    return Usage(watch.cpu_seconds, wall, watch.peak_memory, watch.peak_store, stdout)


def watch_until(command: Sequence[str], is_reached: Callable[[], bool]) -> Usage:
    """Run `command` until `is_reached`, then kill it and every process below it at once; return what it took so far.

    Raises CalledProcessError, with its stderr, when it ends before.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        watch = _Watch(psutil.Process(child.pid))
        done = threading.Event()
        thread = threading.Thread(target=_follow, args=(watch, done), daemon=True)
        thread.start()
        try:
            while True:
                looked = time.monotonic()
                if is_reached():
                    break
                if child.poll() is not None:
                    errors.seek(0)
                    raise subprocess.CalledProcessError(child.returncode, command, "", errors.read())
                time.sleep(max(POLL_SECONDS, 10 * (time.monotonic() - looked)))  # looking must not be what is measured
            wall = time.monotonic() - began
        finally:
            done.set()
            thread.join()
            watch.read_cpu()
            watch.read_memory()
            watch.kill()
            child.wait()
            watch.read_cpu()  # finds whom the killed ones had just started
            watch.kill()
    return Usage(watch.cpu_seconds, wall, watch.peak_memory, watch.peak_store, "")


def _follow(watch: _Watch, done: threading.Event) -> None:
    readings = 0
    while not done.wait(CPU_SECONDS):
        watch.read_cpu()
        if readings % MEMORY_READINGS == 0:
            watch.read_memory()
        readings += 1


def _read_sizes(process: psutil.Process) -> tuple[int, int]:
    """A process's proportional share of its pages in bytes: (its own and files, shared memory).

    https://docs.kernel.org/filesystems/proc.html (smaps_rollup). Elsewhere than on Linux: its unique pages, and 0.
    """
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
        lines = [line.split() for line in text.splitlines()]
        sizes = {line[0]: int(line[1]) * 1024 for line in lines if line[0] in _SMAPS}
        return sizes["Pss_Anon:"] + sizes["Pss_File:"], sizes["Pss_Shmem:"]
    except (OSError, KeyError):
        pass
    try:
        return int(process.memory_full_info().uss), 0
    except psutil.Error:
        return 0, 0

"""Runs `factory` as a real process, finds all processes that descend from it, and ends them."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

TAG = "CHAOS_RUN"  # a variable that all descendants inherit: by it they are found, whoever their parent is by now
PROGRAM = "import sys; sys.argv[0] = 'factory'; from factory.cli.main import main; main()"
TAIL = 6000


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: `code` is negative for a signal, None when it had to be ended because it hung."""

    code: int | None
    seconds: float
    out: str
    err: str
    log: str  # the last lines of the log of Ray and the engine


class Command:
    """A running `factory` command. Its output goes to files in `folder`; `env` must name a TMPDIR of its own.

    `cluster_tag` is that of the processes of a cluster that it joins: its actors live there.
    """

    def __init__(
        self, arguments: Sequence[str], env: Mapping[str, str], folder: Path, cluster_tag: str | None = None
    ) -> None:
        self.tag = f"{TAG}={uuid.uuid4().hex}"
        self._cluster_tag = cluster_tag
        self._scratch = Path(env["TMPDIR"])
        self._files = [folder / f"{self.tag[-8:]}.{name}" for name in ("out", "err")]
        self._family: set[psutil.Process] = set()
        self._began = time.monotonic()
        with self._files[0].open("wb") as out, self._files[1].open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *arguments],
                env={**env, TAG: self.tag.partition("=")[2]},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder,
                start_new_session=True,  # a group of its own, as a shell gives it: Ctrl-C goes to the whole group
            )

    def wait(self, seconds: float) -> Ended:
        """Wait for the end, or end everything after this time."""
        code: int | None
        try:
            code = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = None
        passed = time.monotonic() - self._began
        if code is None:
            self.end_all()
        out, err = (file.read_text(errors="replace")[-TAIL:] for file in self._files)
        return Ended(code, passed, out, err, self._read_log())

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the driver alone."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    def send_group(self, number: signal.Signals) -> None:
        """Send a signal to the driver's process group, as a terminal does."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def look(self) -> None:
        """Note its descendants: one that writes its title over its environment, as vLLM's do, is not found by the tag."""
        with suppress(psutil.Error):
            self._family.update(psutil.Process(self.process.pid).children(recursive=True))

    def find_family(self) -> list[psutil.Process]:
        """All its living processes, the driver included."""
        self.look()
        return list({*find_tagged(self.tag), *filter(_is_alive, self._family)})

    def find(self, word: str) -> list[psutil.Process]:
        """Its processes whose command line holds `word`: Ray's actors carry their class's name there."""
        found = []
        guests = find_tagged(self._cluster_tag) if self._cluster_tag else []
        for process in [*self.find_family(), *guests]:
            with suppress(psutil.Error):
                if word in " ".join(process.cmdline()) or word == process.name():
                    found.append(process)
        return found

    def kill(self, *words: str) -> bool:
        """Kill one of its processes, the oldest whose command line holds the first of `words` that any does; False if none."""
        alive = (sorted(self.find(word), key=lambda process: process.pid) for word in words)
        found = next(filter(None, alive), [])
        for process in found[:1]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return bool(found)

    def find_left(self, seconds: float) -> list[str]:
        """Wait up to `seconds` for all processes to be gone after the end; return what is left, in words."""
        until = time.monotonic() + seconds
        while (left := self.find_family()) and time.monotonic() < until:
            time.sleep(0.2)
        words = []
        for process in left:
            with suppress(psutil.Error):
                words.append(f"{process.pid} {' '.join(process.cmdline())[:80].strip()}")
        return words

    def end_all(self) -> None:
        """Kill the driver and all its descendants, and wait until they are gone."""
        until = time.monotonic() + 20
        while (left := self.find_family()) and time.monotonic() < until:
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.1)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)

    def _read_log(self) -> str:
        logs = sorted((self._scratch / "content-factory").glob("*.log"), key=lambda file: file.stat().st_mtime)
        lines = logs[-1].read_text(errors="replace").splitlines() if logs else []
        return "\n".join(line[:400] for line in lines if line.strip())[-TAIL:]


def _is_alive(process: psutil.Process) -> bool:
    """Whether it is still this very process, and no zombie."""
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def read_title(process: psutil.Process) -> str:
    """Return its command line, "" when it has just ended."""
    with suppress(psutil.Error):
        return " ".join(process.cmdline()).strip()
    return ""


def find_tagged(tag: str) -> list[psutil.Process]:
    """All living processes (zombies are dead) that have `NAME=value` in their environment."""
    wanted = tag.encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError, psutil.NoSuchProcess):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(psutil.Process(int(folder.name)))
    return found

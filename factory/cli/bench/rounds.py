"""Rounds of work that two sides do in turn, by files in a shared folder: a side waits for its gate and reports when done.

Files, because the sides are in processes of other owners (a Ray actor's, a plain child's) and both must stay loaded.
"""

import json
import os
import pickle
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.engines.base import Prompt

POLL_SECONDS = 0.05
READY_SECONDS = 1_800  # a large model may take long to load


@dataclass(frozen=True, slots=True)
class Round:
    """What one side did in a round. Seconds are from its first submission to its last answer."""

    seconds: float
    output_tokens: int

    @property
    def speed(self) -> float:
        """Output tokens per second."""
        return self.output_tokens / max(1e-9, self.seconds)


def save_prompts(folder: Path, rounds: list[list[Prompt]]) -> None:
    """Write the prompts of every round for the side that takes them ready made."""
    (folder / "prompts").write_bytes(pickle.dumps(rounds))


def load_prompts(folder: Path) -> list[list[Prompt]]:
    """Return what `save_prompts` wrote."""
    rounds: list[list[Prompt]] = pickle.loads((folder / "prompts").read_bytes())
    return rounds


def open_gate(folder: Path, side: str, number: int) -> None:
    """Let a side begin a round."""
    (folder / f"open-{side}-{number}").touch()


def wait_for_gate(folder: Path, side: str, number: int, parent: int = 0) -> None:
    """Return when the round is open. Raises ChildProcessError once the process `parent`, where given, is not ours any more."""
    while not (folder / f"open-{side}-{number}").exists():
        if parent and os.getppid() != parent:
            raise ChildProcessError("the benchmark has ended")
        time.sleep(POLL_SECONDS)


def wait_for_file(file: Path, seconds: float, writer: "subprocess.Popen[bytes] | None" = None) -> None:
    """Return when `file` is there. Raises TimeoutError, and OSError when the process that should write it has ended."""
    end = time.monotonic() + seconds
    while not file.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{file.name} did not come within {seconds:.0f} s")
        if writer is not None and writer.poll() is not None and not file.exists():
            raise ChildProcessError(f"the process that writes {file.name} ended with status {writer.returncode}")
        time.sleep(POLL_SECONDS)


def write_result(file: Path, values: dict[str, Any]) -> None:
    """Write a file that is there whole or not at all."""
    aside = file.with_suffix(".part")
    aside.write_text(json.dumps(values), encoding="utf-8")
    aside.rename(file)


def read_result(file: Path) -> Round:
    """Return what `write_result` wrote of a round."""
    return Round(**json.loads(file.read_text(encoding="utf-8")))

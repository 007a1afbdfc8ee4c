"""Where a plan's output lies: a bucket, a folder, a small disk, or a bucket that a cluster writes to."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from factory.journal.segment_file import DAMAGE, decode_end, decode_segment
from factory.storage.store import Store
from tests.chaos.cluster import Cluster
from tests.chaos.lab import PHASES, Lab
from tests.chaos.plans import Plan


@dataclass(slots=True)
class Place:
    """An output, and what belongs to its home."""

    output: str
    env: dict[str, str]
    bucket: str = ""
    client: Any = None  # a plain S3 client of the bucket's server
    folder: Path | None = None
    cluster: Cluster | None = None
    damaged: list[str] = field(default_factory=list)

    def count_segments(self) -> int:
        """Segment files of a local output."""
        files = self.folder.glob("segments/*/*.parquet") if self.folder else ()
        return sum(file.parent.name in PHASES for file in files)

    def damage_segment(self, seed: int) -> bool:
        """Spoil one segment file, as a bad disk does: some bytes change, or the end is missing. False when there is none."""
        store, dice = Store(self.output), Random(seed)
        found = [info for phase in PHASES for info in store.list(f"segments/{phase}", ".parquet")]
        infos = [info for info in found if info.path not in self.damaged]
        if not infos:
            return False
        path = dice.choice(infos).path
        data = store.read_bytes(path)
        read = _read_end if store.exists("manifest.json") else decode_segment
        while _is_whole(data, path, read):
            data = _spoil(store.read_bytes(path), dice)
        store.write_bytes(path, data)
        self.damaged.append(path)
        return True

    def enlarge(self) -> None:
        """Give a small disk room again."""
        if self.folder is not None and os.path.ismount(self.folder.parent):
            subprocess.run(["mount", "-o", "remount,size=256m", str(self.folder.parent)], check=True)


def _spoil(data: bytes, dice: Random) -> bytes:
    if dice.random() < 0.5:
        return data[: dice.randrange(len(data))]
    at = dice.randrange(len(data) - 8)
    return data[:at] + bytes(byte ^ 0xFF for byte in data[at : at + 8]) + data[at + 8 :]


def _read_end(data: bytes, phase: str) -> None:
    """Of a finished output the same command reads ends alone: payloads are in the tables, and not read again."""
    decode_end(data, len(data), phase)


def _is_whole(data: bytes, path: str, read: Callable[[bytes, str], Any]) -> bool:
    """Whether a command that reads with `read` takes the file as it is: some bytes of it mean nothing, or nothing to it."""
    try:
        read(data, path.split("/")[-2])
    except DAMAGE:
        return False
    return True


def can_mount() -> bool:
    """Whether this process may mount a small disk: only root may."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


@contextmanager
def open_place(lab: Lab, plan: Plan, number: int, disk_bytes: int) -> Iterator[Place]:
    """Make the home of a plan and take it away afterwards, but for the files of a local one."""
    env = lab.make_environment()
    name = f"seed-{plan.seed}-{number}"
    folder = lab.folder / "outputs" / name
    place = Place(str(folder / "out"), env, folder=folder / "out")
    try:
        if plan.home in ("s3", "cluster"):
            place = Place(f"s3://{name}/night", env, lab.server.make_bucket(name), lab.server.make_client())
        else:
            folder.mkdir(parents=True)
        if plan.home == "disk":
            # Its blocks are pages: every small file takes one.
            command = ["mount", "-t", "tmpfs", "-o", f"size={disk_bytes // 4096 * 4096}", "tmpfs", str(folder)]
            subprocess.run(command, check=True)
        if plan.home == "cluster":
            place.cluster = Cluster(env, name)
            place.env["RAY_ADDRESS"] = place.cluster.address
        yield place
    finally:
        if place.cluster is not None:
            place.cluster.stop()
        if plan.home == "disk" and os.path.ismount(folder):
            kept = folder.with_name(f"{name}-kept")
            with suppress(OSError):
                shutil.copytree(folder, kept)
            subprocess.run(["umount", "-l", str(folder)], check=False)
            folder.rmdir()
            if kept.exists():
                kept.rename(folder)
        shutil.rmtree(env["TMPDIR"], ignore_errors=True)

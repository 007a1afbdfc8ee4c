"""What the lease writes down: who holds an epoch, and its signs of life. Also tells whether a holder's process is still there."""

import os
import secrets
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from factory.errors import OutputError, StorageError
from factory.storage.failures import classify
from factory.storage.store import Store
from schemas.base import Record


class LeaseHolder(Record):
    """Who holds an epoch: `lease/N.json`. Times are Unix seconds, `since` the same in words."""

    token: str
    host: str
    pid: int
    machine: str  # one kernel's boot and one space of process ids; "" where that is not known
    born: str  # tells the process from a later one with its id
    since: str
    at: float
    command: str
    beat_seconds: float


class Heartbeat(Record):
    """A sign of life: `lease/N-beat.json`."""

    token: str
    count: int
    at: float
    released: bool = False


def read_holder(store: Store, epoch: int) -> LeaseHolder | None:
    """Return the holder of an epoch, None when there is none. Raises OutputError when it is none of ours, StorageError."""
    raw = read_or_none(store, name_holder(epoch))
    try:
        return None if raw is None else LeaseHolder.model_validate_json(raw)
    except ValueError as error:
        raise OutputError(
            f"{store.locate(name_holder(epoch))} cannot be read: {str(error).splitlines()[0]}",
            "make sure that no other command works on this output, then delete that file",
        ) from error


def parse_beat(raw: bytes | None) -> Heartbeat | None:
    """Return the heartbeat in `raw`; None when there is none, or a damaged one."""
    with suppress(ValueError):
        return None if raw is None else Heartbeat.model_validate_json(raw)
    return None


def read_or_none(store: Store, path: str) -> bytes | None:
    """Return the bytes of a file that may be gone."""
    try:
        return store.read_bytes(path)
    except StorageError as error:
        if classify(error.__cause__ or error) == "missing":
            return None
        raise


def name_holder(epoch: int) -> str:
    """Return the path of an epoch's holder."""
    return f"lease/{epoch}.json"


def name_heartbeat(epoch: int) -> str:
    """Return the path of an epoch's heartbeat."""
    return f"lease/{epoch}-beat.json"


def describe(holder: LeaseHolder) -> str:
    """Return the holder in words."""
    return f"{holder.command!r}, process {holder.pid} on {holder.host} since {holder.since}"


def make_holder(command: str, beat_seconds: float, now: float) -> LeaseHolder:
    """Return the holder of this process; `now` is Unix time."""
    return LeaseHolder(
        token=secrets.token_hex(16),
        host=socket.gethostname(),
        pid=os.getpid(),
        machine=find_machine(),
        born=find_birth(os.getpid()),
        since=datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        at=now,
        command=command,
        beat_seconds=beat_seconds,
    )


def find_machine() -> str:
    """This boot of this kernel, and the space in which its process ids count: containers of one host have each their own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def find_birth(pid: int) -> str:
    """When the process started, in ticks since boot, which no change of clocks moves; "" when it is gone, or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]  # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html

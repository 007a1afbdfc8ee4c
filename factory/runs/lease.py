"""One driver at a time per output: a lease in numbered epochs, on S3 and in local folders alike.

`lease/N.json` is made by a conditional put, so epoch N has exactly one winner; the highest N holds. Only that holder rewrites
`lease/N-beat.json`, its heartbeat. Whoever wants to take over must have seen the heartbeat stand still on a clock of its own
for longer than a holder trusts its last look at the store: wrong clocks cost time, and never let two drive.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from factory.errors import OutputError, StorageError
from factory.runs.lease_holder import (
    Heartbeat,
    LeaseHolder,
    describe,
    find_birth,
    make_holder,
    name_heartbeat,
    name_holder,
    parse_beat,
    read_holder,
    read_or_none,
)
from factory.storage.store import Store

BEAT_SECONDS = 5.0
EXPIRY_SECONDS = 30.0
TRUSTED_BEATS = 2  # for so many beats a holder continues without a look at the store
WATCHED_BEATS = 3  # for so many beats a heartbeat must stand still to be taken for dead: more than TRUSTED_BEATS

_HELD = re.compile(r"lease/(\d+)\.json")
_ANY = re.compile(r"lease/(\d+)(-beat)?\.json")


class Lease:
    """The right to drive one output, held until the block of `hold_lease` ends, or until another takes it over."""

    def __init__(self, store: Store, epoch: int, holder: LeaseHolder, wall: Callable[[], float]) -> None:
        self.epoch = epoch
        self._store = store
        self._holder = holder
        self._wall = wall
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._count = 0
        self._lost = ""
        self._proven = 0.0

    def check(self) -> None:
        """Return when this process still holds the lease. Costs nothing while heartbeats succeed, else a look at the store.

        Raises OutputError when another command has taken over, StorageError when the store cannot be asked.
        """
        if not self._lost and _tick() - self._proven > TRUSTED_BEATS * self._holder.beat_seconds:
            self.beat()
        if self._lost:
            raise OutputError(
                f"{self._store.uri}: this command may not go on, {self._lost}",
                "nothing is lost: every finished request is in segments/. Let the other command end, or run this one again",
            )

    def beat(self, release: bool = False) -> None:
        """Look whether a higher epoch exists, then give a sign of life, with `release` the last. Raises StorageError."""
        with self._lock:
            if self._lost or (self._ended.is_set() and not release):
                return
            began = _tick()
            newest = find_epoch(self._store)
            if newest != self.epoch:
                self._lost = self._describe_loss(newest)
                return
            self._count += 1
            beat = Heartbeat(token=self._holder.token, count=self._count, at=self._wall(), released=release)
            self._store.write_bytes(name_heartbeat(self.epoch), beat.model_dump_json().encode())
            self._proven = began

    def keep_beating(self) -> None:
        """Give signs of life until the lease has ended; for a thread. What fails is tried at the next beat again."""
        while not self._ended.wait(self._holder.beat_seconds):
            with suppress(StorageError):  # `check` notices when too many failed
                self.beat()

    def release(self) -> None:
        """End it, so that the next command need not wait. Never fails: without this sign the next one waits for the expiry."""
        self._ended.set()
        with suppress(StorageError):
            self.beat(release=True)

    def clean(self) -> None:
        """Remove what earlier holders left."""
        for info in self._store.list("lease", ".json"):
            found = _ANY.fullmatch(info.path)
            if found and int(found[1]) < self.epoch:
                self._store.delete(info.path)

    def _describe_loss(self, newest: int) -> str:
        if newest < self.epoch:
            return f"its lease/{self.epoch}.json was removed"
        other = read_holder(self._store, newest)
        return f"it was silent too long and another took over: {describe(other) if other else f'epoch {newest}'}"


@contextmanager
def hold_lease(
    store: Store,
    command: str,
    beat_seconds: float = BEAT_SECONDS,
    expiry_seconds: float = EXPIRY_SECONDS,
    wall: Callable[[], float] = time.time,
    say: Callable[[str], None] | None = None,
) -> Iterator[Lease]:
    """Hold the lease of `store` while the block runs; `command` is shown to who is refused. It is released on every way out.

    Heartbeats come every `beat_seconds` from a thread; one younger than `expiry_seconds` by `wall`, the Unix time, refuses a
    second command at once. An older one is watched for three beats, which `say` is told. Raises OutputError when
    another command holds the lease, saying who, and StorageError.
    """
    holder = make_holder(command, beat_seconds, wall())
    epoch = _take(store, holder, expiry_seconds, wall, say)
    lease = Lease(store, epoch, holder, wall)
    try:
        lease.beat()
        lease.check()
        lease.clean()
        threading.Thread(target=lease.keep_beating, name="lease", daemon=True).start()
        yield lease
    finally:
        lease.release()


def find_epoch(store: Store) -> int:
    """Return the number of the latest epoch, 0 when nobody ever held the lease. Raises StorageError."""
    found = [_HELD.fullmatch(info.path) for info in store.list("lease", ".json")]
    return max((int(match[1]) for match in found if match), default=0)


def find_driver(store: Store) -> str:
    """Return in words which command holds the lease, with the age of its heartbeat; "" when none does."""
    epoch = find_epoch(store)
    holder = read_holder(store, epoch) if epoch else None
    beat = parse_beat(read_or_none(store, name_heartbeat(epoch))) if holder else None
    if holder is None or (beat is not None and beat.released):
        return ""
    age = time.time() - (beat.at if beat else holder.at)
    return f"{describe(holder)}, last heard of {age:.0f} s ago"


def _take(
    store: Store,
    holder: LeaseHolder,
    expiry_seconds: float,
    wall: Callable[[], float],
    say: Callable[[str], None] | None,
) -> int:
    """Take the epoch after the latest one, if that is free; return its number."""
    latest = find_epoch(store)
    if latest:
        _require_free(store, latest, holder, expiry_seconds, wall, say)
    epoch = latest + 1
    won = store.put_if_absent(name_holder(epoch), holder.model_dump_json(indent=1).encode())
    newest = find_epoch(store)
    if won and newest == epoch:
        return epoch
    if won:  # between the first look and now others came and went, and cleaned up behind them
        store.delete(name_holder(epoch))
    other = read_holder(store, newest)
    raise _refuse(store, other, "it was a moment faster", expiry_seconds)


def _require_free(
    store: Store,
    epoch: int,
    own: LeaseHolder,
    expiry_seconds: float,
    wall: Callable[[], float],
    say: Callable[[str], None] | None,
) -> None:
    """Return when the holder of `epoch` has ended, is gone or gives no sign of life; raise OutputError when it lives."""
    holder = read_holder(store, epoch)
    raw = read_or_none(store, name_heartbeat(epoch))
    beat = parse_beat(raw)
    if holder is None or (beat is not None and beat.released):
        return  # an epoch without its first file has been followed by another: the conditional put will tell
    if own.machine and holder.machine == own.machine and find_birth(holder.pid) != holder.born:
        return
    age = wall() - (beat.at if beat else holder.at)
    if abs(age) < expiry_seconds:
        raise _refuse(store, holder, f"its last sign of life is {max(0.0, age):.0f} s old", expiry_seconds)
    beats = max(own.beat_seconds, holder.beat_seconds)
    if say is not None:
        say(f"waiting up to {WATCHED_BEATS * beats:.0f} s for a sign of life of {describe(holder)}")
    began = _tick()
    while _tick() - began <= WATCHED_BEATS * beats:
        time.sleep(beats / 4)
        if read_or_none(store, name_heartbeat(epoch)) != raw:
            raise _refuse(store, holder, "it gave a sign of life just now", expiry_seconds)


def _refuse(store: Store, holder: LeaseHolder | None, why: str, expiry_seconds: float) -> OutputError:
    who = describe(holder) if holder else "another command"
    end = f"end process {holder.pid} on {holder.host}" if holder else "end it"
    return OutputError(
        f"{store.uri} is being worked on by {who}; {why}",
        f"wait for it, or {end}; {expiry_seconds:.0f} s after its last sign of life the same command takes over",
    )


def _tick() -> float:
    """Seconds on a clock that nobody sets, and that runs on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

"""A call returns when its rows are on storage, and files go out when they should: full, old, quiet, or all waiting."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from factory.errors import StorageError
from factory.journal import committer as committer_module
from factory.journal.committer import CommitLimits, Committer
from factory.journal.phases import TEXT_PHASE
from factory.journal.segments import SegmentRow, iterate_rows, list_segments
from factory.storage.store import Store


def make_rows(first: int, count: int) -> list[SegmentRow]:
    return [SegmentRow(f"r-{n}", "rejected", "b", "p", "en-US", "{}") for n in range(first, first + count)]


def make_committer(store: Store, rows: int = 100, seconds: float = 60.0, waiting: int = 64) -> Committer:
    return Committer(store, TEXT_PHASE, "run-1", CommitLimits(rows, seconds, waiting))


async def commit_all(committer: Committer, batches: Sequence[Sequence[SegmentRow]]) -> list[str]:
    return list(await asyncio.gather(*(committer.commit(batch) for batch in batches)))


def test_rows_are_on_storage_when_the_call_returns(tmp_path: Path) -> None:
    store = Store(str(tmp_path))

    async def check() -> None:
        committer = make_committer(store, rows=2)
        for number in range(3):
            name = await committer.commit(make_rows(2 * number, 2))
            found = {row.request_id for row in iterate_rows(store, TEXT_PHASE)}
            assert found == {f"r-{n}" for n in range(2 * number + 2)}
            assert (tmp_path / "segments" / TEXT_PHASE / f"{name}.parquet").is_file()

    asyncio.run(check())


def test_calls_share_files_and_each_learns_its_own(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    names = asyncio.run(commit_all(make_committer(store, rows=4), [make_rows(2 * n, 2) for n in range(6)]))
    assert names[0] == names[1] != names[2] == names[3] != names[4] == names[5]
    assert len(list_segments(store, TEXT_PHASE)) == 3
    assert len(list(iterate_rows(store, TEXT_PHASE))) == 12


@pytest.mark.parametrize(
    ("quiet", "seconds", "waiting", "batches"),
    [(0.05, 60.0, 64, 1), (60.0, 0.05, 64, 2), (60.0, 60.0, 3, 3)],
    ids=["nothing more comes", "the first row has waited long enough", "all possible callers wait"],
)
def test_a_file_that_is_not_full_goes_out_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: float, seconds: float, waiting: int, batches: int
) -> None:
    monkeypatch.setattr(committer_module, "QUIET_SECONDS", quiet)
    store = Store(str(tmp_path))
    committer = make_committer(store, seconds=seconds, waiting=waiting)
    began = monotonic()
    names = asyncio.run(asyncio.wait_for(commit_all(committer, [make_rows(n, 1) for n in range(batches)]), 20))
    assert len(set(names)) == 1 and monotonic() - began < 10
    assert len(list(iterate_rows(store, TEXT_PHASE))) == batches


def test_a_lone_batch_goes_out_after_the_quiet_time_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer_module, "QUIET_SECONDS", 0.3)
    began = monotonic()
    asyncio.run(asyncio.wait_for(make_committer(Store(str(tmp_path))).commit(make_rows(0, 1)), 20))
    assert 0.3 <= monotonic() - began < 10


def test_each_commit_restarts_the_quiet_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer_module, "QUIET_SECONDS", 20.0)
    timers: list[asyncio.TimerHandle] = []

    async def commit_three_times() -> None:
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def note(seconds: float, *call: Any) -> asyncio.TimerHandle:
            timer = call_later(seconds, *call)
            timers.extend([timer] if seconds == 20.0 else [])
            return timer

        monkeypatch.setattr(loop, "call_later", note)
        committer = make_committer(Store(str(tmp_path)))
        for number in range(3):
            asyncio.create_task(committer.commit(make_rows(number, 1)))  # noqa: RUF006 - the loop ends before it does
            await asyncio.sleep(0)
        assert [timer.cancelled() for timer in timers] == [True, True, False], "only the last one is to ring"

    asyncio.run(commit_three_times())


def test_a_steady_trickle_is_cut_off_by_the_clock_not_put_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer_module, "QUIET_SECONDS", 30.0)
    store = Store(str(tmp_path))

    async def trickle() -> None:
        committer = make_committer(store, seconds=0.3)
        tasks = []
        for number in range(20):
            tasks.append(asyncio.create_task(committer.commit(make_rows(number, 1))))
            await asyncio.sleep(0.05)
        assert tasks[0].done(), "the first row waited longer than it may"
        await asyncio.wait_for(asyncio.gather(*tasks), 20)

    asyncio.run(trickle())
    assert len(list_segments(store, TEXT_PHASE)) > 1


def test_every_caller_learns_that_its_rows_were_not_written(tmp_path: Path) -> None:
    (tmp_path / "segments").write_text("a file where the folder should be")
    committer = make_committer(Store(str(tmp_path)), rows=3)

    async def fail() -> list[BaseException]:
        calls = (committer.commit(make_rows(number, 1)) for number in range(3))
        return list(await asyncio.gather(*calls, return_exceptions=True))  # type: ignore[arg-type]

    errors = asyncio.run(fail())
    assert len(errors) == 3 and all(isinstance(error, StorageError) for error in errors)


def test_after_a_failure_the_next_rows_are_written(tmp_path: Path) -> None:
    (tmp_path / "segments").write_text("in the way")
    store = Store(str(tmp_path))

    async def recover() -> None:
        committer = make_committer(store, rows=1)
        with pytest.raises(StorageError):
            await committer.commit(make_rows(0, 1))
        (tmp_path / "segments").unlink()
        await committer.commit(make_rows(1, 1))

    asyncio.run(recover())
    assert [row.request_id for row in iterate_rows(store, TEXT_PHASE)] == ["r-1"]

"""Files on their way to storage: written by threads of their own, so that the next picture is made meanwhile."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from factory.storage.store import Store


class Uploads:
    """Writes into `store`, as many files at once as there are `threads`. What was begun is fetched with `take`."""

    def __init__(self, store: Store, threads: int) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(threads, "upload")
        self._begun: list[Future[None]] = []

    def write_bytes(self, rel: str, data: bytes) -> None:
        """Begin to write the file `rel`. Whether it is there is known when its write, among those that `take` gives, is done."""
        self._begun.append(self._pool.submit(self._store.write_bytes, rel, data))

    def take(self) -> "list[Future[None]]":
        """Return the writes that were begun since the last call."""
        begun, self._begun = self._begun, []
        return begun


async def settle(writes: "Sequence[Future[None]]") -> None:
    """Wait until all `writes` are done. Raises StorageError when one could not be."""
    await asyncio.gather(*map(asyncio.wrap_future, writes))

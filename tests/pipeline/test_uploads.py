"""Uploads: what has begun finishes by itself, and whether it arrived is known before anything names it."""

import asyncio
from pathlib import Path

import pytest

from factory.errors import StorageError
from factory.pipeline.uploads import Uploads, settle
from factory.storage.store import Store


def test_what_was_begun_is_there_once_it_is_settled(tmp_path: Path) -> None:
    uploads = Uploads(Store(str(tmp_path)), threads=2)
    for number in range(5):
        uploads.write_bytes(f"images/{number}.jpg", b"picture")
    writes = uploads.take()
    asyncio.run(settle(writes))
    assert len(list((tmp_path / "images").iterdir())) == len(writes) == 5
    assert uploads.take() == []


def test_a_write_that_failed_is_told(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file where a folder should be")
    uploads = Uploads(Store(str(tmp_path)), threads=1)
    uploads.write_bytes("images/a.jpg", b"picture")
    with pytest.raises(StorageError):
        asyncio.run(settle(uploads.take()))

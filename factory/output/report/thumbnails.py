"""Small pictures for the page: files of the output and what was kept of rejected tries become data: addresses.

Bounded: a fixed number of shots, of threads, of bytes of one file and of seconds for all. What cannot be shown is left out.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from factory.images.files.thumbnail import make_thumbnail
from factory.output.report.query import open_tables
from factory.storage.store import Store

SIDE = 256  # pixels of the longer side
THREADS = 8  # files that are read and decoded at once
PATIENCE_SECONDS = 60.0  # for all files: a storage that does not answer must not hold back the report
MOST_BYTES = 24_000_000  # of one file: no channel takes more
MOST_PIXELS = 40_000_000
MOST_KEPT = 120_000  # characters of a thumbnail that a table holds

_PATH = re.compile(r"images/[0-9a-f]{2}/[0-9a-f]{64}\.(?:jpg|png|webp|avif)")
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")


def is_picture_path(path: str) -> bool:
    """Whether `path` is one that the factory gives to a picture: images/ab/<sha256>.<ext>, and nothing else."""
    return _PATH.fullmatch(path) is not None


def load_thumbnails(pictures: Store, tables: Store, report: Mapping[str, Any]) -> dict[str, str]:
    """Return data: addresses of WebP pictures by the `key` of the report's shots.

    `pictures` holds images/, `tables` the creatives. A file that is missing, damaged or late has no entry. Raises
    StorageError when the table cannot be read.
    """
    shots = report["creatives"]["sheet"]["shots"] if "creatives" in report else []
    accepted = sorted({shot["key"] for shot in shots if shot["accepted"]} - {""})
    return _read_files(pictures, accepted) | _read_kept(
        tables, [shot["key"] for shot in shots if not shot["accepted"]]
    )


def _read_files(pictures: Store, paths: list[str]) -> dict[str, str]:
    if not paths:
        return {}
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="thumbnails")
    try:
        jobs = {path: pool.submit(_shrink_file, pictures, path) for path in paths}
        done, _ = wait(jobs.values(), PATIENCE_SECONDS)
        found = {path: job.result() for path, job in jobs.items() if job in done}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return {path: _make_address(data) for path, data in found.items() if data}


def _shrink_file(pictures: Store, path: str) -> bytes:
    """The thumbnail of one file; nothing where there is none to be had."""
    try:
        image = Image.open(BytesIO(pictures.read_range(path, 0, MOST_BYTES)), formats=_FORMATS)
        if image.width * image.height > MOST_PIXELS:
            return b""
        image.draft("RGB", (2 * SIDE, 2 * SIDE))  # a JPEG is unpacked at 1/2, 1/4 or 1/8, still twice as large
        if "A" in image.getbands() or "transparency" in image.info:
            opaque = Image.new("RGBA", image.size, "white")
            opaque.alpha_composite(image.convert("RGBA"))
            image = opaque  # type: ignore[assignment]  # ImageFile is only what a file opens as
        return make_thumbnail(np.asarray(image.convert("RGB")), SIDE)
    except MemoryError:
        raise
    except Exception:  # on damaged bytes Pillow's decoders raise nearly anything; the page shows that nothing is there
        return b""


def _read_kept(tables: Store, keys: list[str]) -> dict[str, str]:
    if not keys:
        return {}
    with open_tables(tables) as opened:
        rows = opened.load("creatives", "creative_id", sorted(set(keys)), ["creative_id", "thumbnail"])
    found = {row["creative_id"]: _decode_kept(row["thumbnail"]) for row in rows if row["thumbnail"]}
    return {key: _make_address(data) for key, data in found.items() if data}


def _decode_kept(text: str) -> bytes:
    """The WebP that a table holds in base64; nothing for what is none."""
    try:
        data = base64.b64decode(text[:MOST_KEPT], validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else b""


def _make_address(data: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(data).decode()

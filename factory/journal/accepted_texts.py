"""Accepted texts, read back for the images phase: which segment file holds which of them, and their product pictures.

The driver cuts the work by files (`list_text_files`), from ids alone; a task reads the texts of one file (`read_texts`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow as pa

from factory.journal.keys import KEY_BYTES, Keys, iterate_keys, load_keys, make_keys
from factory.journal.phases import TEXT_PHASE
from factory.journal.segments import iterate_ends, read_file
from factory.journal.split_records import SplitRecord
from factory.storage.store import Store
from schemas.outcome import Candidate, Outcome
from schemas.request import Request


@dataclass(frozen=True, slots=True)
class TextFile:
    """One segment file and the accepted requests in it that count: `keys` (16 bytes each, sorted, in one piece).

    `pictures` has the address of the product picture of each, as the briefs say it now; "" for none.
    """

    path: str
    keys: bytes
    pictures: tuple[str, ...]

    @property
    def num_texts(self) -> int:
        """The requests."""
        return len(self.keys) // KEY_BYTES


@dataclass(frozen=True, slots=True)
class Text:
    """One accepted request: as it is asked for now, and its assets, best first."""

    request: Request
    assets: list[Candidate]


def list_text_files(store: Store, records: Sequence[SplitRecord]) -> list[TextFile]:
    """Return the files with accepted requests of `records`, those of the current command. The first row of an id counts.

    Raises StorageError.
    """
    pictures: dict[bytes, str] = {}
    for record in records:
        uris = record.pictures or ("",) * record.count.planned
        pictures.update(zip(iterate_keys(record.requests), uris, strict=True))
    files = []
    for path, table in iterate_ends(store, TEXT_PHASE):
        keys = iterate_keys(make_keys(table["request_id"].combine_chunks()))
        own: dict[bytes, str] = {}
        for key, status in zip(keys, table["status"].to_pylist(), strict=True):
            uri = pictures.pop(key, None)  # taken out: what comes again counts for nothing
            if uri is not None and status == "accepted":
                own[key] = uri
        if own:
            ordered = sorted(own)
            files.append(TextFile(path, b"".join(ordered), tuple(own[key] for key in ordered)))
    return files


def digest_pictures(records: Sequence[SplitRecord]) -> str:
    """Return a digest of which request has which product picture, whatever the order of splits and rows."""
    return _add(each for record in records for each in _digest_each(record.requests, record.pictures))


def digest_request_pictures(request_ids: Sequence[str], uris: Sequence[str]) -> str:
    """Return the same for requests that were read and have no record yet."""
    return _add(_digest_each(make_keys(pa.array(request_ids, type=pa.string())), uris))


def _digest_each(keys: Keys, uris: Sequence[str]) -> Iterator[int]:
    # Of keys and addresses the shorter ends it: a job without pictures has no addresses.
    return (_digest_picture(key, uri) for key, uri in zip(iterate_keys(keys), uris, strict=False))


def _add(digests: Iterable[int]) -> str:
    """Digests are added up, so that any order of splits and rows gives the same."""
    return f"{sum(digests) % 2**128:032x}"


def _digest_picture(key: bytes, uri: str) -> int:
    return int.from_bytes(blake2b(key + uri.encode("utf-8", "surrogatepass"), digest_size=16).digest())


def read_texts(file: TextFile, store: Store) -> Iterator[Text]:
    """Yield the texts of one file; none when the file turns out damaged: its requests are made again by another command.

    Raises StorageError.
    """
    keys = load_keys(file.keys)
    for row in read_file(store, TEXT_PHASE, file.path, keys):
        outcome = Outcome.model_validate_json(row.payload)
        key = make_keys(pa.array([row.request_id], type=pa.string()))
        uri = file.pictures[int(np.searchsorted(keys, key)[0])]
        request = outcome.request
        if request.brief.image_uri != uri:  # corrected since: the text is the same, for it knows no picture
            request = request.change(brief=request.brief.change(image_uri=uri))
        yield Text(request, outcome.accepted)

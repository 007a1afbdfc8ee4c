"""One segment file as bytes: rows in, a Parquet file that describes itself out, and back, whole or from its end alone.

Everything is under a checksum: each page by Parquet's own, ids with statuses, and ids with statuses and payloads. What a
resume asks for lies at the end of the file, so that a short read of it is enough, and is verified for itself.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from factory.journal.columns import SEGMENTS
from factory.journal.keys import measure_texts, view_texts
from schemas.run import SCHEME

DAMAGE = (pa.ArrowException, OSError, ValueError, KeyError, TypeError)  # what the decoders raise for bad bytes

About = dict[str, Any]  # how a file describes itself: scheme, run_id, phase, counts, checksum, keys_checksum

_KEY = b"factory.segment"  # where the description lies in the Parquet metadata
_END_COLUMNS = ("status", "request_id")  # the last ones of SEGMENTS
_REPEATING = ["placement", "locale", "status"]  # a dictionary of other columns would only cost time and room
_FOOTER_BYTES = 8  # the footer's length and Parquet's mark, behind the footer


def encode_segment(table: pa.Table, phase: str, run_id: str) -> bytes:
    """Return the file of `table`, of the schema SEGMENTS."""
    about: About = {
        "scheme": SCHEME,
        "run_id": run_id,
        "phase": phase,
        "counts": dict(Counter(table["status"].to_pylist())),
        "checksum": _digest(table, (*_END_COLUMNS, "payload")),
        "keys_checksum": _digest(table, _END_COLUMNS),
    }
    buffer = BytesIO()
    pq.write_table(
        table.replace_schema_metadata({_KEY: json.dumps(about)}),
        buffer,
        compression="zstd",
        write_page_checksum=True,
        use_dictionary=_REPEATING,  # type: ignore[arg-type]  # the stubs miss that names may be given
        write_statistics=False,  # the least and the greatest payload would swell the end
    )
    return buffer.getvalue()


def decode_segment(data: bytes, phase: str) -> tuple[pa.Table, About]:
    """Return the file's rows and description. Raises DAMAGE when any of it is damaged, or not a file of this phase."""
    table, about = _decode(data, phase, tuple(SEGMENTS.names))
    if about["checksum"] != _digest(table, (*_END_COLUMNS, "payload")):
        raise ValueError("the checksum does not fit its rows")
    return table, about


def measure_end(end: bytes) -> int:
    """Return how many bytes of the file's end `decode_end` needs; more than `end` has means: ask again with so many.

    Raises DAMAGE when `end` is not the end of a Parquet file.
    """
    if len(end) < _FOOTER_BYTES or end[-4:] != b"PAR1":
        raise ValueError("not a Parquet file, or cut short")
    footer = int.from_bytes(end[-8:-4], "little") + _FOOTER_BYTES
    if footer > len(end):
        return footer
    metadata = pq.read_metadata(BytesIO(end))
    names = metadata.schema.names
    columns = [names.index(name) for name in _END_COLUMNS]
    sizes = 0
    for group in range(metadata.num_row_groups):
        chunks = [metadata.row_group(group).column(column) for column in columns]
        if group or columns != sorted(columns) or columns[-1] != len(names) - 1:
            raise ValueError("not a segment file of the factory")
        sizes += sum(chunk.total_compressed_size for chunk in chunks)
    return footer + sizes


def decode_end(end: bytes, size: int, phase: str) -> tuple[pa.Table, About]:
    """Return status and request_id of the rows, and the description, of a file of `size` bytes from its end.

    `end` has at least as many bytes as `measure_end` asked for. The payloads are not looked at. Raises DAMAGE.
    """
    table, about = _decode(bytes(max(0, size - len(end))) + end, phase, _END_COLUMNS)
    if about["keys_checksum"] != _digest(table, _END_COLUMNS):
        raise ValueError("the checksum does not fit its ids")
    return table, about


def explain_damage(error: BaseException) -> str:
    """What is wrong with a file, in one line of at most 300 characters."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def _decode(data: bytes, phase: str, columns: Sequence[str]) -> tuple[pa.Table, About]:
    with pq.ParquetFile(BytesIO(data), page_checksum_verification=True) as file:
        text = (file.schema_arrow.metadata or {}).get(_KEY)
        if text is None or not file.schema_arrow.equals(SEGMENTS):
            raise ValueError("not a segment file of the factory")
        about = cast(About, json.loads(text))
        if (about["scheme"], about["phase"]) != (SCHEME, phase):
            found = f"of scheme {about['scheme']}, phase {about['phase']}"
            raise ValueError(f"{found}; this is scheme {SCHEME}, phase {phase}")
        return file.read(list(columns), use_threads=False), about


def _digest(table: pa.Table, columns: Sequence[str]) -> str:
    """blake2b of the texts of `columns`, lengths included, straight from Arrow's buffers."""
    sink = hashlib.blake2b(digest_size=16)
    for name in columns:
        column = table[name].combine_chunks()
        sink.update(measure_texts(column).astype("<i4").tobytes())
        sink.update(view_texts(column))
    return sink.hexdigest()

"""Objects below an S3 prefix, through an s3fs instance that `storage.py` makes. One of two homes behind `Store`."""

import re
from collections.abc import Callable, Iterator
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast

from factory.storage_errors import name_failure

WHOLE_BYTES = 8 * 1024 * 1024  # an object up to this size is fetched by one GET instead of one per column


class S3Files:
    """Objects below `path`, a `bucket/prefix`. `connect` returns the s3fs instance to use; its errors pass through."""

    def __init__(self, path: str, connect: Callable[[], Any]) -> None:
        self.path = path
        self._connect = connect

    def read(self, rel: str) -> bytes:
        """The whole object."""
        return cast(bytes, self._connect().cat_file(self._join(rel)))

    def read_from(self, rel: str, start: int, end: int) -> bytes:
        """The bytes `start` to `end` (not included) of the object, by one GET."""
        if end <= start:
            return b""  # an empty range is an error to S3
        return cast(bytes, self._connect().cat_file(self._join(rel), start=start, end=end))

    def write(self, rel: str, data: bytes) -> None:
        """Create or replace the object: one PUT, or a multipart upload that shows only when complete."""
        self._connect().pipe_file(self._join(rel), data)

    def put_if_absent(self, rel: str, data: bytes) -> bool:
        """Create the object unless there is one (`If-None-Match: *`); True when this call wrote it."""
        try:
            self._connect().pipe_file(self._join(rel), data, mode="create")
        except OSError as error:
            code = getattr(error.__cause__, "response", {}).get("Error", {}).get("Code", "")
            if isinstance(error, FileExistsError) or code in ("PreconditionFailed", "412"):
                return False
            if code != "ConditionalRequestConflict":
                raise
            # 409: another conditional write is under way. Its object stands, unless that write failed too.
            return self.put_if_absent(rel, data) if self.stat(rel) is None else False
        return True

    def stat(self, rel: str) -> tuple[str, int, str] | None:
        """(path, bytes, ETag) of the object, None when there is none of that name."""
        bucket, _, key = self._join(rel).partition("/")
        if not key:
            return None
        try:
            head = self._connect().call_s3("head_object", Bucket=bucket, Key=key)
        except FileNotFoundError:
            return None
        return rel, int(head["ContentLength"]), head.get("ETag", "").strip('"')

    def walk(self, folder: str) -> Iterator[tuple[str, int, str]]:
        """Every visible object below `folder` as (path, bytes, ETag)."""
        bucket, request = self._start_listing(folder)
        while True:
            page = self._connect().call_s3("list_objects_v2", **request)
            for entry in page.get("Contents", []):
                rel = f"{bucket}/{entry['Key']}"[len(self.path) + 1 :]
                if not rel.endswith("/") and not re.search(r"(^|/)\.", rel):
                    yield rel, int(entry["Size"]), entry.get("ETag", "").strip('"')
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def names(self, folder: str) -> list[str] | None:
        """Names right below `folder` (one page, at most 1,000), None when there are none: S3 has no empty folders."""
        _, request = self._start_listing(folder)
        page = self._connect().call_s3("list_objects_v2", Delimiter="/", **request)
        paths = [entry["Key"] for entry in page.get("Contents", [])]
        paths += [entry["Prefix"].rstrip("/") for entry in page.get("CommonPrefixes", [])]
        return [path.rpartition("/")[2] for path in paths if not path.endswith("/")] or None

    def delete(self, rel: str) -> None:
        """Remove the object; no error when it is gone already."""
        bucket, _, key = self._join(rel).partition("/")
        self._connect().call_s3("delete_object", Bucket=bucket, Key=key)

    def open(self, rel: str) -> BinaryIO:
        """The object, open for reading and seeking by ranged GETs; a small one is fetched whole."""
        path = self._join(rel)
        found = self.stat(rel)
        if found is None or found[1] <= WHOLE_BYTES:
            return BytesIO(self.read(rel))
        raw = self._connect().open(path, "rb", cache_type="none")
        return cast(BinaryIO, _NamedReader(raw, f"s3://{path}"))

    def download(self, rel: str, target: Path) -> None:
        """Copy the object to the local file `target`."""
        self._connect().get_file(self._join(rel), str(target))

    def _start_listing(self, folder: str) -> tuple[str, dict[str, str]]:
        bucket, _, prefix = self._join(folder).partition("/")
        return bucket, {"Bucket": bucket, "Prefix": f"{prefix}/" if prefix else ""}

    def _join(self, rel: str) -> str:
        return f"{self.path}/{rel}" if rel else self.path


class _NamedReader(RawIOBase):
    """A remote file whose late failures are named too: pyarrow calls it long after `open_input` has returned."""

    def __init__(self, raw: Any, place: str) -> None:
        super().__init__()
        self._raw = raw
        self._place = place

    def read(self, size: int = -1) -> bytes:
        with name_failure(self._place):
            return cast(bytes, self._raw.read(size))

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._raw.seek(offset, whence))

    def tell(self) -> int:
        return int(self._raw.tell())

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._raw.close()
        super().close()

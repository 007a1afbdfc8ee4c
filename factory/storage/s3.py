"""Objects below an S3 prefix, through an s3fs instance that `storage.py` makes. One of two homes behind `Store`."""

import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO, RawIOBase
from typing import Any, BinaryIO, TypeVar, cast

from factory.storage.failures import name_failure
from factory.storage.retries import persist

WHOLE_BYTES = 8 * 1024 * 1024  # an object up to this size is fetched by one GET instead of one per column
_TOKEN = "factory-writer"  # names, in an object's metadata, the call that wrote it
REQUESTS_AT_ONCE = 8  # where one call stands for many objects

Result = TypeVar("Result")


class S3Files:
    """Objects below `path`, a `bucket/prefix`. `connect` returns the s3fs instance to use.

    What fails for a passing reason is tried again, for a bounded time; the errors of s3fs pass through.
    """

    def __init__(self, path: str, connect: Callable[[], Any]) -> None:
        self.path = path
        self._connect = connect

    def read(self, rel: str) -> bytes:
        """The whole object, by one GET: s3fs would ask for the size first, to fetch large ones in parts."""
        return cast(bytes, self._persist(lambda fs: fs.cat_file(self._join(rel), max_concurrency=1)))

    def read_from(self, rel: str, start: int, end: int) -> bytes:
        """The bytes `start` to `end` (not included) of the object, by one GET."""
        if end <= start:
            return b""  # an empty range is an error to S3
        return cast(bytes, self._persist(lambda fs: fs.cat_file(self._join(rel), start=start, end=end)))

    def write(self, rel: str, data: bytes) -> None:
        """Create or replace the object by one PUT, which S3 takes up to 5 GB: no upload in parts can be left behind."""
        self._call("put_object", rel, Body=data)

    def put_if_absent(self, rel: str, data: bytes) -> bool:
        """Create the object unless there is one (`If-None-Match: *`); True when this call wrote it.

        An attempt may have written it whose answer was lost, even one that the HTTP client repeated unasked: hence a token.
        """
        token = uuid.uuid4().hex
        try:
            self._call("put_object", rel, Body=data, IfNoneMatch="*", Metadata={_TOKEN: token})
        except OSError as error:
            code = getattr(error.__cause__, "response", {}).get("Error", {}).get("Code", "")
            if not isinstance(error, FileExistsError) and code not in ("PreconditionFailed", "412"):
                raise
            found = self._head(rel)
            return found is not None and found.get("Metadata", {}).get(_TOKEN) == token
        return True

    def copy(self, source: str, target: str) -> None:
        """Create or replace the object `target` with what `source` holds, inside the store."""
        bucket, _, key = self._join(source).partition("/")
        self._call("copy_object", target, CopySource={"Bucket": bucket, "Key": key})

    def stat(self, rel: str) -> tuple[str, int, str] | None:
        """(path, bytes, ETag) of the object, None when there is none of that name."""
        head = self._head(rel)
        return (rel, int(head["ContentLength"]), head.get("ETag", "").strip('"')) if head else None

    def walk(self, folder: str) -> Iterator[tuple[str, int, str]]:
        """Every visible object below `folder` as (path, bytes, ETag)."""
        bucket = self.path.partition("/")[0]
        for page in self._list_pages(folder):
            for entry in page.get("Contents", []):
                rel = f"{bucket}/{entry['Key']}"[len(self.path) + 1 :]
                if not rel.endswith("/") and not re.search(r"(^|/)\.", rel):
                    yield rel, int(entry["Size"]), entry.get("ETag", "").strip('"')

    def names(self, folder: str) -> list[str] | None:
        """Names right below `folder` (one page, at most 1,000), None when there are none: S3 has no empty folders."""
        page = next(self._list_pages(folder, Delimiter="/"))
        paths = [entry["Key"] for entry in page.get("Contents", [])]
        paths += [entry["Prefix"].rstrip("/") for entry in page.get("CommonPrefixes", [])]
        return [path.rpartition("/")[2] for path in paths if not path.endswith("/")] or None

    def delete(self, rel: str) -> None:
        """Remove the object; no error when it is gone already."""
        self._call("delete_object", rel)

    def replace_folder(self, source: str, target: str) -> None:
        """Copy all of `source` to `target`, remove what else is there, then `source`."""
        names = [rel[len(source) :] for rel, _, _ in self.walk(source)]
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            list(pool.map(lambda name: self.copy(source + name, target + name), names))
        kept = {target + name for name in names}
        self._delete_all(rel for rel, _, _ in self.walk(target) if rel not in kept)
        self.delete_folder(source)

    def delete_folder(self, folder: str) -> None:
        """Remove every visible object below `folder`."""
        self._delete_all(rel for rel, _, _ in self.walk(folder))

    def delete_temporary(self, before: float) -> int:  # noqa: ARG002  # the local home needs it
        """Nothing is left by a killed writer: a PUT is whole or not there."""
        return 0

    def open(self, rel: str) -> BinaryIO:
        """The object, open for reading and seeking by ranged GETs; a small one is fetched whole."""
        path = self._join(rel)
        found = self.stat(rel)
        if found is None or found[1] <= WHOLE_BYTES:
            return BytesIO(self.read(rel))
        return cast(BinaryIO, _PatientReader(self._persist(lambda fs: fs.open(path, "rb", cache_type="none")), path))

    def arrow_view(self) -> Any:
        """What `pyarrow.fs.FSSpecHandler` takes: an s3fs whose calls are patient, those of the files it opens too."""
        return _PatientS3(self._connect)

    def _delete_all(self, paths: Iterable[str]) -> None:
        found = list(paths)
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            list(pool.map(self.delete, found))

    def _head(self, rel: str) -> dict[str, Any] | None:
        if not self._join(rel).partition("/")[2]:
            return None
        try:
            return cast(dict[str, Any], self._call("head_object", rel))
        except FileNotFoundError:
            return None

    def _list_pages(self, folder: str, **options: str) -> Iterator[dict[str, Any]]:
        bucket, _, prefix = self._join(folder).partition("/")
        request = {"Bucket": bucket, "Prefix": f"{prefix}/" if prefix else "", **options}
        while True:
            page = self._persist(lambda fs: fs.call_s3("list_objects_v2", **request))
            yield page
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def _call(self, method: str, rel: str, **values: Any) -> Any:
        bucket, _, key = self._join(rel).partition("/")
        return self._persist(lambda fs: fs.call_s3(method, Bucket=bucket, Key=key, **values))

    def _persist(self, action: Callable[[Any], Result]) -> Result:
        fs = self._connect()
        return persist(lambda: action(fs), find_endpoint())

    def _join(self, rel: str) -> str:
        return f"{self.path}/{rel}" if rel else self.path


class _PatientS3:
    """An s3fs instance, every call of which is tried again for a bounded time when it fails for a passing reason."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._connect(), name)
        if not callable(found):
            return found
        return lambda *args, **kwargs: persist(lambda: found(*args, **kwargs), find_endpoint())

    def isfile(self, path: str) -> bool:
        """Whether there is such an object. That of s3fs says no as well when the store could not be asked."""
        try:
            return bool(self.info(path)["type"] == "file")
        except FileNotFoundError:
            return False

    def open(self, path: str, mode: str) -> "_PatientReader":
        """Open for reading: `mode` is "rb"."""
        return _PatientReader(persist(lambda: self._connect().open(path, mode), find_endpoint()), path)


class _PatientReader(RawIOBase):
    """A remote file whose late failures are retried, then named: pyarrow calls it long after `open_input` has returned."""

    def __init__(self, raw: Any, path: str) -> None:
        super().__init__()
        self._raw = raw
        self._place = f"s3://{path}"

    def read(self, size: int = -1) -> bytes:
        with name_failure(self._place):  # a read that failed has not moved the position
            return cast(bytes, persist(lambda: self._raw.read(size), find_endpoint()))

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


def find_endpoint() -> str:
    """Return the address of the store that the environment names, "" for AWS itself."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""

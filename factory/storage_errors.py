"""A vendor's exception in, one of ours out: what failed, where, what to do. Knows vendors by name, imports none."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from factory.errors import FactoryError, InputError, StorageError

Kind = Literal["missing", "no_bucket", "denied", "no_keys", "unreachable", "full", "other"]

_VENDORS = ("botocore", "aiobotocore", "aiohttp", "fsspec", "s3fs")
_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")

# Error codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html ; a HEAD answers with a bare status.
_CODES: dict[str, Kind] = {
    "NoSuchBucket": "no_bucket",
    "NoSuchKey": "missing",
    "404": "missing",
    "403": "denied",
    "AccessDenied": "denied",
    "AllAccessDisabled": "denied",
    "InvalidAccessKeyId": "denied",
    "SignatureDoesNotMatch": "denied",
    "ExpiredToken": "denied",
    "InvalidToken": "denied",
}
_CLASSES: dict[str, Kind] = {
    "NoCredentialsError": "no_keys",
    "PartialCredentialsError": "no_keys",
    "CredentialRetrievalError": "no_keys",
    "ProfileNotFound": "no_keys",
    "HTTPClientError": "unreachable",
    "EndpointConnectionError": "unreachable",
    "FSTimeoutError": "unreachable",
    "ClientPayloadError": "unreachable",
    "TimeoutError": "unreachable",
    "ConnectionError": "unreachable",
    "FileNotFoundError": "missing",
    "PermissionError": "denied",
}
_NUMBERS: dict[int, Kind] = {errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EROFS: "denied"}

_WHAT: dict[Kind, str] = {
    "missing": "does not exist",
    "no_bucket": "is in a bucket that does not exist",
    "denied": "may not be read or written: access was denied",
    "no_keys": "needs access keys, and there are none",
    "unreachable": "cannot be reached",
    "full": "could not be written: the disk is full",
    "other": "failed",
}


@contextmanager
def name_failure(place: str, reading_input: bool = False) -> Iterator[None]:
    """Turn what a vendor raises inside the block into StorageError, naming `place`, a path or URI.

    With `reading_input`, what the user has to correct (missing, denied) becomes InputError instead.
    """
    try:
        yield
    except FactoryError:
        raise
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] not in _VENDORS:
            raise  # a defect of ours: not to be dressed up as the disk's fault
        kind = classify(error)
        detail = "" if kind in ("missing", "no_bucket", "full") else f" ({_quote(error)})"
        is_input = reading_input and kind in ("missing", "no_bucket", "denied", "no_keys")
        raise (InputError if is_input else StorageError)(
            f"{place} {_WHAT[kind]}{detail}", _hint(kind, place)
        ) from error


def classify(error: BaseException) -> Kind:
    """Return the kind of a failure, looking through the errors that caused it."""
    seen: BaseException | None = error
    while seen is not None:
        response = getattr(seen, "response", None)
        code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
        number = seen.errno if isinstance(seen, OSError) else None
        if code in _CODES:
            return _CODES[code]
        if number in _NUMBERS:
            return _NUMBERS[number]
        seen = seen.__cause__
    names = [base.__name__ for base in type(error).__mro__]
    return next((_CLASSES[name] for name in names if name in _CLASSES), "other")


def _hint(kind: Kind, place: str) -> str:
    if kind == "full":
        return "free some space there, or choose another folder or an s3:// address"
    if not place.startswith("s3://"):
        if kind == "denied":
            return "check the owner and permissions of this path, and that its disk is not read-only"
        return "check the path" if kind == "missing" else "look at the message above; running again resumes"
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "AWS itself"
    endpoint = endpoint.rpartition("@")[2]
    return {
        "missing": "check bucket and path, capitals included",
        "no_bucket": f"create the bucket or correct its name; the store asked is {endpoint}",
        "denied": f"check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and their rights; the store asked is {endpoint}",
        "no_keys": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE, or run with an instance role)",
        "unreachable": f"check AWS_ENDPOINT_URL and the network; the store asked is {endpoint}",
    }.get(kind, "look at the message above; running again resumes")


def _quote(error: BaseException) -> str:
    """The vendor's own words in one line, without any key that this process holds."""
    text = " ".join(str(error).split())[:300] or type(error).__name__
    for name in _SECRETS:
        value = os.environ.get(name, "")
        if len(value) > 3:
            text = text.replace(value, f"<{name}>")
    return text

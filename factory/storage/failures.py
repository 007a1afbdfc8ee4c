"""A vendor's exception in, one of ours out: what failed, where, what to do. Knows vendors by name, imports none."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from factory.errors import FactoryError, InputError, StorageError

Kind = Literal["missing", "no_bucket", "denied", "no_keys", "unreachable", "busy", "full", "other"]

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
    "InternalError": "busy",
    "ServiceUnavailable": "busy",
    "SlowDown": "busy",
    "RequestTimeout": "busy",
    "Throttling": "busy",
    "ThrottlingException": "busy",
    "RequestLimitExceeded": "busy",
    "BandwidthLimitExceeded": "busy",
    "TooManyRequests": "busy",
    "OperationAborted": "busy",
    "ConditionalRequestConflict": "busy",  # another conditional write of this name is in flight
    "IncompleteBody": "busy",
    "BadDigest": "busy",
    "XAmzContentSHA256Mismatch": "busy",
    "XMinioStorageFull": "full",
    "507": "full",
}
_STATUSES = (429, 500, 502, 503, 504)
_CLASSES: dict[str, Kind] = {
    "NoCredentialsError": "no_keys",
    "PartialCredentialsError": "no_keys",
    "CredentialRetrievalError": "no_keys",
    "ProfileNotFound": "no_keys",
    "HTTPClientError": "unreachable",
    "EndpointConnectionError": "unreachable",
    "FSTimeoutError": "unreachable",
    "ClientPayloadError": "unreachable",
    "ClientConnectionError": "unreachable",
    "IncompleteReadError": "unreachable",
    "ResponseParserError": "unreachable",
    "TimeoutError": "unreachable",
    "ConnectionError": "unreachable",
    "FileNotFoundError": "missing",
    "PermissionError": "denied",
}
_NUMBERS: dict[int, Kind] = {errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EROFS: "denied"}
_SILENT = (
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyConnectionError",
    "SSLError",
    "ClientConnectorError",
    "gaierror",
)

_WHAT: dict[Kind, str] = {
    "missing": "does not exist",
    "no_bucket": "is in a bucket that does not exist",
    "denied": "may not be read or written: access was denied",
    "no_keys": "needs access keys, and there are none",
    "unreachable": "cannot be reached",
    "busy": "could not be read or written: its store is out of order or overloaded",
    "full": "could not be written: the disk is full",
    "other": "failed",
}


@contextmanager
def name_failure(place: str, reading_input: bool = False) -> Iterator[None]:
    """Turn what a vendor raises inside the block into StorageError, naming `place`, a path or URI.

    Its `retryable` says whether the cause was a passing one. With `reading_input`, what the user has to correct (missing,
    denied) becomes InputError instead.
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
        named = (InputError if is_input else StorageError)(f"{place} {_WHAT[kind]}{detail}", _hint(kind, place))
        named.retryable = is_transient(error)
        raise named from error


def classify(error: BaseException) -> Kind:
    """Return the kind of a failure, looking through the errors that caused it."""
    seen: BaseException | None = error
    while seen is not None:
        response = getattr(seen, "response", None)
        code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
        number = seen.errno if isinstance(seen, OSError) else None
        if code in _CODES:
            return _CODES[code]
        if isinstance(response, dict) and _read_status(response) in _STATUSES:
            return "busy"
        if number in _NUMBERS:
            return _NUMBERS[number]
        seen = seen.__cause__
    names = [base.__name__ for base in type(error).__mro__]
    return next((_CLASSES[name] for name in names if name in _CLASSES), "other")


def is_transient(error: BaseException) -> bool:
    """Return whether the same call may well succeed in a minute, with nobody doing anything about it."""
    return classify(error) in ("unreachable", "busy")


def is_silent(error: BaseException) -> bool:
    """Return whether nothing spoke to us at all: the address may be wrong. A connection that broke is another thing."""
    inner = getattr(error, "kwargs", {}).get("error", error)  # botocore's errors carry the HTTP client's
    return any(base.__name__ in _SILENT for each in (error, inner) for base in type(each).__mro__)


def _read_status(response: dict[str, Any]) -> int:
    """The HTTP status of an answer; a HEAD has it as its only code."""
    code = response.get("Error", {}).get("Code", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return int(code) if str(code).isdigit() else int(status or 0)


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
        "busy": f"running the same command later resumes; the store asked is {endpoint}",
    }.get(kind, "look at the message above; running again resumes")


def _quote(error: BaseException) -> str:
    """The vendor's own words in one line, without any key that this process holds."""
    text = " ".join(str(error).split())[:300] or type(error).__name__
    text = "; ".join([text, *getattr(error, "__notes__", ())])
    for name in _SECRETS:
        value = os.environ.get(name, "")
        if len(value) > 3:
            text = text.replace(value, f"<{name}>")
    return text

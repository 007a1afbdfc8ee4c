"""An http(s) URL -> bytes, within a job's limits. URLs come from briefs and answers from any server: neither is trusted.

No proxies, no cookies, no keep-alive, no decompression. What may be a secret (user, password, query) is kept out of errors.
"""

import logging
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore
import httpx

from factory.errors import PictureError
from factory.images.product.allowed_hosts import DEFAULT_PORTS, Resolver, find_addresses, resolve_name
from schemas.images import Sources

Connector = Callable[[str, int, float], httpcore.NetworkStream]
Clock = Callable[[], float]

_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {
    "Accept": "image/avif,image/webp,image/png,image/jpeg,image/*;q=0.8",
    "Accept-Encoding": "identity",
    "User-Agent": "content-factory",
    "Connection": "close",
}
_MEANINGS = {
    401: ("denied", "give an address that needs no login, or a signed one"),
    403: ("denied", "give an address that needs no login, or a signed one that has not run out"),
    404: ("missing", "check the address: the host has no such file"),
    410: ("missing", "check the address: the host has no such file any more"),
}
_TEMPORARY = (408, 425, 429)
_LOGGERS = (
    "httpx",
    "httpcore",
    *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")),
)


def open_stream(address: str, port: int, timeout: float) -> httpcore.NetworkStream:
    """Connect to an IP address. Raises httpcore.ConnectError or ConnectTimeout."""
    return httpcore.SyncBackend().connect_tcp(address, port, timeout)


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Downloads pictures. Tests pass their own resolver and connector; `clock` returns seconds from any starting point."""

    sources: Sources
    resolve: Resolver = resolve_name
    connect: Connector = open_stream
    clock: Clock = time.monotonic

    def fetch(self, uri: str) -> bytes:
        """Return the body of a final 200, at most `max_bytes`.

        Raises PictureError. Retryable: timeout, unreachable, cut_short, host_failed (5xx, 408, 425, 429). Not: bad_address,
        host_not_allowed, private_address, unknown_host, missing, denied, refused (other 4xx), untrusted (certificate),
        too_large, encoded, redirect_loop, too_many_redirects, downgrade.
        """
        _silence_loggers()
        deadline = _Deadline(self.clock, self.clock() + self.sources.timeout_seconds)
        url, seen = read_url(uri), set[str]()
        while True:
            seen.add(str(url))
            answer = self._get(url, deadline)
            if isinstance(answer, bytes):
                return answer
            url = self._follow(url, answer, seen)

    def _follow(self, url: httpx.URL, location: str, seen: set[str]) -> httpx.URL:
        """The next address. It is checked like the first one when it is fetched."""
        try:
            target = url.join(location).copy_with(fragment=None)
        except (httpx.InvalidURL, ValueError):
            raise PictureError("bad_address", f"{show_url(url)} redirects to no address") from None
        target = read_url(str(target))
        if url.scheme == "https" and target.scheme == "http":
            raise PictureError("downgrade", f"{show_url(url)} redirects from https to http", "give the final address")
        if str(target) in seen:
            raise PictureError("redirect_loop", f"{show_url(url)} redirects in a circle", "give the final address")
        if len(seen) > self.sources.max_redirects:
            message = f"{show_url(url)} is redirected more than {self.sources.max_redirects} times"
            raise PictureError("too_many_redirects", message, "give the final address")
        return target

    def _get(self, url: httpx.URL, deadline: "_Deadline") -> bytes | str:
        """The body, or the target of a redirect."""
        port = url.port or DEFAULT_PORTS[url.scheme]
        addresses = find_addresses(url.scheme, url.raw_host.decode("ascii"), port, self.sources, self.resolve)
        backend = _Pinned(addresses, self.connect, deadline)
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        headers: list[tuple[bytes | str, bytes | str]] = [("Host", url.netloc), *_HEADERS.items()]
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self.sources.timeout_seconds)
        try:
            with (
                httpcore.ConnectionPool(ssl_context=_load_trust(), network_backend=backend) as pool,
                pool.stream("GET", target, headers=headers, extensions={"timeout": timeouts}) as response,
            ):
                return self._read(url, response)
        except httpcore.TimeoutException:
            message = f"{show_url(url)} took longer than {self.sources.timeout_seconds:g} s"
            raise PictureError("timeout", message, "try again later", retryable=True) from None
        except httpcore.RemoteProtocolError as error:
            raise PictureError("cut_short", f"{show_url(url)} broke off: {error}"[:300], "", retryable=True) from None
        except (httpcore.NetworkError, OSError) as error:
            if "CERTIFICATE" in str(error):
                raise PictureError("untrusted", f"{show_url(url)}: {error}"[:300], "renew the certificate") from None
            raise PictureError("unreachable", f"{show_url(url)}: {error}"[:300], "", retryable=True) from None
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise PictureError("bad_address", f"{show_url(url)}: {error}"[:300]) from None

    def _read(self, url: httpx.URL, response: httpcore.Response) -> bytes | str:
        headers = {name.lower(): value for name, value in response.headers}
        if response.status in _REDIRECTS and b"location" in headers:
            return headers[b"location"].decode("utf-8", "replace")
        if response.status != 200:
            raise _name_status(url, response.status)
        encoding = headers.get(b"content-encoding", b"identity").strip().lower()
        if encoding not in (b"", b"identity"):
            shown = encoding[:20].decode("ascii", "replace")
            raise PictureError(
                "encoded", f"{show_url(url)} came packed as {shown}, unasked", "switch that off for pictures"
            )
        limit, parts, size = self.sources.max_bytes, list[bytes](), 0
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            raise _name_size(url, limit)
        for part in response.iter_stream():
            size += len(part)
            if size > limit:
                raise _name_size(url, limit)
            parts.append(part)
        return b"".join(parts)


def read_url(uri: str) -> httpx.URL:
    """Return an http(s) address that names a host and no user. Raises PictureError("bad_address")."""
    try:
        url = httpx.URL(uri)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise PictureError("bad_address", "the picture's address cannot be read", "check its spelling") from None
    if url.userinfo:
        raise PictureError("bad_address", f"{show_url(url)} holds a user or password", "use a signed address instead")
    odd = any(ord(letter) <= 32 for letter in uri) or not 0 < (url.port or 1) < 65536
    if url.scheme not in DEFAULT_PORTS or not url.host or odd:
        raise PictureError("bad_address", f"{show_url(url)} is no http or https address", "check its spelling")
    return url


def show_url(url: httpx.URL) -> str:
    """Return the address as messages show it: without user, password, query and fragment, which may be secrets."""
    shown = f"{url.scheme[:10]}://{url.netloc.decode('ascii')}{url.path}"
    return shown if len(shown) <= 200 else f"{shown[:199]}…"


@dataclass(frozen=True, slots=True)
class _Deadline:
    clock: Clock
    end: float

    def cap(self, timeout: float | None) -> float:
        """Return the seconds that one call may still take. Raises ReadTimeout when none are left."""
        left = self.end - self.clock()
        if left <= 0:
            raise httpcore.ReadTimeout("the deadline of the whole download")
        return left if timeout is None else min(left, timeout)


@dataclass(frozen=True, slots=True)
class _Pinned(httpcore.NetworkBackend):
    """Connects to checked addresses, whatever host it is asked for (https://www.encode.io/httpcore/network-backends/)."""

    addresses: list[str]
    connect: Connector
    deadline: _Deadline

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002  # the name has been resolved
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        for address in self.addresses[:-1]:
            try:
                return _Limited(self.connect(address, port, self.deadline.cap(timeout)), self.deadline)
            except httpcore.ConnectError:
                continue
        return _Limited(self.connect(self.addresses[-1], port, self.deadline.cap(timeout)), self.deadline)


@dataclass(frozen=True, slots=True)
class _Limited(httpcore.NetworkStream):
    """A connection that keeps to the deadline even if a server sends its bytes, headers included, very slowly."""

    inner: httpcore.NetworkStream
    deadline: _Deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, self.deadline.cap(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, self.deadline.cap(timeout))

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Limited(self.inner.start_tls(ssl_context, server_hostname, self.deadline.cap(timeout)), self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


def _name_status(url: httpx.URL, status: int) -> PictureError:
    if status >= 500 or status in _TEMPORARY:
        return PictureError("host_failed", f"{show_url(url)} answered {status}", "try again later", retryable=True)
    reason, hint = _MEANINGS.get(status, ("refused", "open the address in a browser to see what it answers"))
    return PictureError(reason, f"{show_url(url)} answered {status}", hint)


def _name_size(url: httpx.URL, limit: int) -> PictureError:
    message = f"{show_url(url)} is larger than max_bytes {limit}"
    return PictureError("too_large", message, "give a smaller file, or raise images.sources.max_bytes")


def _silence_loggers() -> None:
    """Below WARNING these libraries log addresses and headers, and the target of a redirect may be a secret."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)


@cache
def _load_trust() -> ssl.SSLContext:
    """The usual certificate authorities, or those of SSL_CERT_FILE or SSL_CERT_DIR."""
    return httpx.create_ssl_context()

"""An HTTP proxy on 127.0.0.1 in front of an S3 server, which goes wrong by plan.

    with FaultProxy(server.endpoint) as proxy:  # proxy.endpoint goes into AWS_ENDPOINT_URL
        proxy.rule = lambda method, path, query, number: slow_down() if number % 3 == 0 else None

Requests pass byte for byte, the signed Host header included, so that the server accepts their signatures; bodies are streamed.
"""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import responses
from io import BufferedIOBase
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

Kind = Literal["status", "reset_before", "reset_after", "truncate", "delay"]
PIECE = 64 * 1024
PATIENCE = 300.0  # seconds that the server may take for an answer


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls one request. `seconds` of waiting come first, whatever the kind."""

    kind: Kind
    status: int = 0
    code: str = ""
    seconds: float = 0.0


def fail(status: int, code: str) -> Fault:
    """The server is never asked; the answer is this HTTP status with this code in S3's XML."""
    return Fault("status", status=status, code=code)


def slow_down() -> Fault:
    """S3's way to ask for fewer requests."""
    return fail(503, "SlowDown")


def reset_before() -> Fault:
    """The connection breaks before the server has seen the request."""
    return Fault("reset_before")


def reset_after() -> Fault:
    """The server does what it was asked; the connection breaks before the client learns of it."""
    return Fault("reset_after")


def truncate() -> Fault:
    """The answer breaks off after half of its body. One without a body comes whole."""
    return Fault("truncate")


def delay(seconds: float) -> Fault:
    """The request is forwarded after this time."""
    return Fault("delay", seconds=seconds)


Rule = Callable[[str, str, str, int], Fault | None]
OnRequest = Callable[[str, str, str, int], None]
OnResponse = Callable[[str, str, str, int, int], None]
About = tuple[str, str, str, int]  # method, path, query, number


class FaultProxy:
    """A context manager. `endpoint` is where it listens, on `port` or a free one. `rule` and the three callbacks may be
    replaced at any moment.

    `rule` gets method, path (unquoted), query (raw) and the request's number, counted from 1 over all connections, and returns
    the fault or None. `on_request` gets the same when a request's head has come and nothing was forwarded: while it runs,
    the request waits. `on_answer` gets the HTTP status as well, when the server has done what it was asked and the client has
    heard nothing: while it runs, the answer waits. `on_response` gets the same, when the whole answer (or a fault's) has gone
    to the client, or was withheld. All four are called from many threads at once. `count` is how many requests came so far.
    """

    def __init__(self, target_endpoint: str, port: int = 0) -> None:
        parts = urlsplit(target_endpoint)
        self.target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.rule: Rule | None = None
        self.on_request: OnRequest | None = None
        self.on_answer: OnResponse | None = None
        self.on_response: OnResponse | None = None
        self.count = 0
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", port), _Connection)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def endpoint(self) -> str:
        """Where clients find the proxy."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "FaultProxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self.drop_connections()
        self._server.server_close()  # waits for the connections' threads
        self._thread.join()

    def drop_connections(self) -> None:
        """Break every connection that is open now, to clients and to the server."""
        with self._lock:
            for each in self._sockets:
                with suppress(OSError):  # closed already
                    each.shutdown(socket.SHUT_RDWR)

    def next_number(self) -> int:
        """Count one more request."""
        with self._lock:
            self.count += 1
            return self.count

    def remember(self, each: socket.socket) -> None:
        """Keep an open connection, for `drop_connections`."""
        with self._lock:
            if self.stopping.is_set():
                raise ConnectionResetError("the proxy is closing")
            self._sockets.add(each)

    def forget(self, each: socket.socket) -> None:
        """The connection is closed."""
        with self._lock:
            self._sockets.discard(each)


class _Server(ThreadingTCPServer):
    proxy: FaultProxy
    request_queue_size = 256
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections break all the time here: that is no news."""


@dataclass(slots=True)
class _Message:
    """The head of a request or an answer: its bytes, its first line's words, and how its body ends."""

    raw: bytes
    words: list[str]
    headers: dict[str, str]

    @property
    def length(self) -> int | None:
        """Bytes of the body; None when it comes in chunks."""
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return None
        return int(self.headers.get("content-length", "0"))

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


class _Connection(StreamRequestHandler):
    """One client's connection, with a connection of its own to the server."""

    server: _Server
    upstream: socket.socket | None = None
    answers: BufferedIOBase

    def handle(self) -> None:
        proxy = self.server.proxy
        try:
            proxy.remember(self.connection)
            while (request := _read_head(self.rfile)) is not None and self._serve(proxy, request):
                pass
        except OSError:
            _reset(self.connection)  # the server broke off, or the client did
        finally:
            proxy.forget(self.connection)
            self._hang_up()

    def _serve(self, proxy: FaultProxy, request: _Message) -> bool:
        """Serve one request; True when the connection may carry another."""
        method, target = request.words[:2]
        parts = urlsplit(target)
        about = (method, unquote(parts.path), parts.query, proxy.next_number())
        if (on_request := proxy.on_request) is not None:
            on_request(*about)
        rule = proxy.rule
        fault = (rule(*about) if rule is not None else None) or Fault("delay")
        proxy.stopping.wait(fault.seconds)
        if fault.kind == "reset_before":
            return self._break(proxy, about, 0)
        if request.headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _iterate_body(self.rfile, request.length)
        if fault.kind == "status":
            for _ in body:
                pass
            self.wfile.write(_make_answer(fault, method, parts.path))
            return _tell(proxy, about, fault.status, not request.closes)
        answer = self._forward(request, body)
        status = int(answer.words[1])
        if (on_answer := proxy.on_answer) is not None:
            on_answer(*about, status)
        bare = method == "HEAD" or status in (204, 304)
        pieces = _iterate_body(self.answers, 0 if bare else answer.length)
        if fault.kind == "reset_after":
            for _ in pieces:
                pass
            return self._break(proxy, about, status)
        if fault.kind == "truncate" and not bare and answer.length != 0:
            self.wfile.write(answer.raw + b"".join(pieces)[: (answer.length or 2) // 2])
            self.wfile.flush()
            time.sleep(0.05)  # a reset throws away what the client has not read yet
            return self._break(proxy, about, status)
        self.wfile.write(answer.raw)
        for piece in pieces:
            self.wfile.write(piece)
        return _tell(proxy, about, status, not (request.closes or answer.closes))

    def _forward(self, request: _Message, body: Iterator[bytes]) -> _Message:
        """Send the request on and read the head of the answer."""
        if self.upstream is None:
            self.upstream = socket.create_connection(self.server.proxy.target, timeout=PATIENCE)
            self.upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.server.proxy.remember(self.upstream)
            self.answers = self.upstream.makefile("rb")
        self.upstream.sendall(request.raw)
        for piece in body:
            self.upstream.sendall(piece)
        while True:
            answer = _read_head(self.answers)
            if answer is None:
                raise ConnectionResetError("the server closed the connection")
            if not answer.words[1].startswith("1"):  # "100 Continue" was said to the client long ago
                return answer

    def _break(self, proxy: FaultProxy, about: About, status: int) -> bool:
        _reset(self.connection)
        return _tell(proxy, about, status, False)

    def _hang_up(self) -> None:
        if self.upstream is not None:
            self.server.proxy.forget(self.upstream)
            self.answers.close()
            self.upstream.close()


def _tell(proxy: FaultProxy, about: About, status: int, goes_on: bool) -> bool:
    if (on_response := proxy.on_response) is not None:
        on_response(*about, status)
    return goes_on


def _read_head(file: BufferedIOBase) -> _Message | None:
    """Read up to the empty line; None when the other side closed the connection before."""
    lines: list[bytes] = []
    while (line := file.readline(PIECE)) not in (b"\r\n", b"\n"):
        if not line.endswith(b"\n"):
            return None
        lines.append(line)
    pairs = [line.decode("latin-1").partition(":") for line in lines[1:]]
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return _Message(b"".join(lines) + b"\r\n", lines[0].decode("latin-1").split(), headers)


def _iterate_body(file: BufferedIOBase, length: int | None) -> Iterator[bytes]:
    """Yield the body as it lies on the wire, the frames of chunks included."""
    if length is not None:
        yield from _iterate_bytes(file, length)
        return
    while True:
        line = file.readline(PIECE)
        yield line
        size = int(line.split(b";")[0], 16)
        if size == 0:
            break
        yield from _iterate_bytes(file, size + 2)
    while (line := file.readline(PIECE)).strip():  # trailers, where S3 clients put checksums
        yield line
    yield line


def _iterate_bytes(file: BufferedIOBase, length: int) -> Iterator[bytes]:
    while length:
        piece = file.read(min(length, PIECE))
        if not piece:
            raise ConnectionResetError("the other side broke off in mid-body")
        length -= len(piece)
        yield piece


def _make_answer(fault: Fault, method: str, path: str) -> bytes:
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{fault.code}</Code><Message>injected</Message>'
        f"<Resource>{path.replace('&', '&amp;')}</Resource><RequestId>0</RequestId></Error>"
    ).encode()
    head = f"HTTP/1.1 {fault.status} {responses.get(fault.status, '')}\r\nContent-Type: application/xml\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + (b"" if method == "HEAD" else body)


def _reset(each: socket.socket) -> None:
    """Close at once with RST, as a crashed peer or a firewall does: whatever files still refer to the socket."""
    with suppress(OSError):  # closed already
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(each.detach())

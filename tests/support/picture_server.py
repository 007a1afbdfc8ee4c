"""A web server on loopback that answers as badly as the internet does. Paths name the behaviour; `seen` has what was asked."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "X-Signature=s3cr3t"


@dataclass
class PictureServer:
    """Its address, and the requests that came: path and headers."""

    port: int = 0
    picture: bytes = b""
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"


class _Handler(BaseHTTPRequestHandler):
    home: PictureServer

    def do_GET(self) -> None:
        self.home.seen.append((self.path, dict(self.headers.items())))
        path = self.path.partition("?")[0].strip("/")
        name, _, rest = path.partition("/")
        with suppress(OSError):
            getattr(self, f"answer_{name}", self.answer_missing)(rest)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def answer_missing(self, _: str) -> None:
        self.answer(404)

    def answer_picture(self, _: str) -> None:
        self.answer(200, self.home.picture)

    def answer_status(self, rest: str) -> None:
        self.answer(int(rest))

    def answer_to(self, rest: str) -> None:
        """Redirects to what follows: another path here, or "at/scheme/host/path"."""
        parts = rest.split("/", 3)
        self.answer(302, Location=f"{parts[1]}://{'/'.join(parts[2:])}" if parts[0] == "at" else f"/{rest}")

    def answer_circle(self, rest: str) -> None:
        self.answer(302, Location="/circle/b" if rest == "a" else "/circle/a")

    def answer_drip(self, rest: str) -> None:
        """One byte at a time, for longer than any test waits: of a header or of the body."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: " if rest == "header" else b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(200):
            if self.home.stopping.wait(0.02):
                return
            self.wfile.write(b"a")

    def answer_endless(self, rest: str) -> None:
        """More than was asked for, its length untold or a lie."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.wfile.write(b"Transfer-Encoding: chunked\r\n\r\n" if rest == "chunked" else b"\r\n")
        piece = b"x" * 4096
        for _ in range(64):
            self.wfile.write(b"1000\r\n" + piece + b"\r\n" if rest == "chunked" else piece)

    def answer_short(self, _: str) -> None:
        self.answer(200, self.home.picture[:100], Content_Length=str(len(self.home.picture)))

    def answer_huge(self, _: str) -> None:
        self.answer(200, b"x", Content_Length="99999999999")

    def answer_gzip(self, _: str) -> None:
        self.answer(200, gzip.compress(bytes(20_000_000)), Content_Encoding="gzip")

    def answer_reset(self, _: str) -> None:
        self.close_connection = True


@contextmanager
def run_picture_server(picture: bytes) -> Iterator[PictureServer]:
    """Serve on a free port of 127.0.0.1."""
    home = PictureServer(picture=picture)
    handler = type("Handler", (_Handler,), {"home": home})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        home.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield home
        home.stopping.set()
        server.shutdown()
        thread.join()

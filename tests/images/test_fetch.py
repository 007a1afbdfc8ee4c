"""Fetching product pictures: by http from a server that misbehaves, from folders, and what is refused before it is opened."""

import io
import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

import httpcore
import pytest
from PIL import Image, ImageDraw

from factory.errors import PictureError
from factory.images.product import load
from factory.images.product.fetch import Fetcher, open_stream
from factory.images.product.load import load_product
from schemas.images import CutoutConfig, Sources
from tests.support.picture_server import SECRET, PictureServer, run_picture_server


def draw_picture(color: str = "navy") -> bytes:
    image = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(image).ellipse((80, 60, 220, 240), fill=color)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def server() -> Iterator[PictureServer]:
    with run_picture_server(draw_picture()) as running:
        yield running


@dataclass
class Recorder:
    """A connector that notes each address it is asked for. Names in `real` are connected to, the rest is refused."""

    real: bool = False
    opened: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, address: str, port: int, timeout: float) -> httpcore.NetworkStream:
        self.opened.append((address, port))
        if self.real:
            return open_stream(address, port, timeout)
        raise httpcore.ConnectError("refused by the test")


def allow(server: PictureServer, **limits: float) -> Sources:
    return Sources(private_hosts=[server.host], **limits)  # type: ignore[arg-type]


def fetch_failing(url: str, sources: Sources, connect: Recorder | None = None) -> PictureError:
    with pytest.raises(PictureError) as refused:
        Fetcher(sources, connect=connect or open_stream).fetch(url)
    assert SECRET not in str(refused.value)
    return refused.value


def test_a_picture_is_fetched_without_asking_for_packing(server: PictureServer) -> None:
    assert Fetcher(allow(server)).fetch(f"{server.url}/picture/a.png?{SECRET}") == server.picture
    path, headers = server.seen[-1]
    assert path == f"/picture/a.png?{SECRET}"
    assert headers["Host"] == server.host
    assert headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "host",
    "127.0.0.1 2130706433 0x7f.1 0177.0.0.1 127.1 [::1] [::ffff:127.0.0.1] 10.0.0.1 169.254.169.254 0.0.0.0 [fe80::1] "
    "100.64.1.1 inside.example.com".split(),
)
def test_private_addresses_are_refused_before_any_socket_opens(host: str) -> None:
    recorder = Recorder()
    sources = Sources(hosts=["*.example.com", host.strip("[]")])
    with pytest.raises(PictureError) as refused:
        Fetcher(sources, resolve=lambda _name, _port: ["192.168.0.7"], connect=recorder).fetch(f"http://{host}/a.png")
    assert refused.value.reason == ("bad_address" if host == "0177.0.0.1" else "private_address")
    assert recorder.opened == []


def test_a_host_that_is_not_listed_is_not_even_resolved() -> None:
    def resolve(host: str, port: int) -> NoReturn:
        raise AssertionError(host)

    with pytest.raises(PictureError) as refused:
        Fetcher(Sources(), resolve=resolve, connect=Recorder()).fetch("https://example.com/a.png")
    assert refused.value.reason == "host_not_allowed"


def test_the_connection_goes_to_the_address_that_was_judged_though_the_name_changes() -> None:
    answers = iter([["93.184.216.34", "93.184.216.35"], ["127.0.0.1"]])
    recorder = Recorder()
    fetcher = Fetcher(Sources(hosts=["a.com"]), resolve=lambda _host, _port: next(answers), connect=recorder)
    with pytest.raises(PictureError) as refused:
        fetcher.fetch("https://a.com/a.png")
    assert (refused.value.reason, refused.value.retryable) == ("unreachable", True)
    assert recorder.opened == [("93.184.216.34", 443), ("93.184.216.35", 443)]


def test_the_name_is_kept_for_the_host_header(server: PictureServer) -> None:
    sources = Sources(private_hosts=[f"shop.test:{server.port}"])
    url = f"http://shop.test:{server.port}/picture"
    assert Fetcher(sources, resolve=lambda _host, _port: ["127.0.0.1"]).fetch(url) == server.picture
    assert server.seen[-1][1]["Host"] == f"shop.test:{server.port}"


def test_proxies_of_the_environment_are_not_used(server: PictureServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    recorder = Recorder(real=True)
    assert Fetcher(allow(server), connect=recorder).fetch(f"{server.url}/picture") == server.picture
    assert recorder.opened == [("127.0.0.1", server.port)]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("to/at/http/10.0.0.1/a.png", "private_address"),
        ("to/at/http/2130706433/a.png", "private_address"),
        ("to/at/http/169.254.169.254/latest/meta-data", "private_address"),
        ("to/at/http/127.0.0.1:1/a.png", "host_not_allowed"),
        ("to/at/http/elsewhere.com/a.png", "host_not_allowed"),
        ("to/at/file//etc/passwd", "bad_address"),
        ("to/at/ftp/10.0.0.1/a.png", "bad_address"),
        ("to/at/http/user:pw@10.0.0.1/a.png", "bad_address"),
        ("circle/a", "redirect_loop"),
        ("to/to/to/to/to/to/picture", "too_many_redirects"),
    ],
)
def test_every_redirect_is_judged_anew(server: PictureServer, path: str, reason: str) -> None:
    recorder = Recorder(real=True)
    sources = Sources(private_hosts=[server.host], hosts=["10.0.0.1", "2130706433", "169.254.169.254"])
    error = fetch_failing(f"{server.url}/{path}?{SECRET}", sources, recorder)
    assert (error.reason, error.retryable) == (reason, False)
    assert set(recorder.opened) == {("127.0.0.1", server.port)}


def test_redirects_are_followed_up_to_the_limit(server: PictureServer) -> None:
    assert Fetcher(allow(server)).fetch(f"{server.url}/to/to/to/picture") == server.picture
    assert fetch_failing(f"{server.url}/to/picture", allow(server, max_redirects=0)).reason == "too_many_redirects"


def test_where_a_redirect_leads_is_not_logged(server: PictureServer, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "httpx", "httpcore", "httpcore.http11"):
        caplog.set_level(logging.DEBUG, name)
    assert Fetcher(allow(server)).fetch(f"{server.url}/to/picture/{SECRET}") == server.picture
    assert server.seen[-1][0] == f"/picture/{SECRET}"
    assert SECRET not in caplog.text and "picture" not in caplog.text


def test_https_does_not_turn_into_http() -> None:
    fetcher, seen = Fetcher(Sources(hosts=["a.com"])), {"https://a.com/a.png"}
    from factory.images.product.fetch import read_url

    with pytest.raises(PictureError) as refused:
        fetcher._follow(read_url("https://a.com/a.png"), "http://a.com/a.png", seen)
    assert refused.value.reason == "downgrade"


@pytest.mark.parametrize(
    ("path", "reason", "retryable"),
    [
        ("status/404", "missing", False),
        ("status/410", "missing", False),
        ("status/403", "denied", False),
        ("status/400", "refused", False),
        ("status/204", "refused", False),
        ("status/429", "host_failed", True),
        ("status/500", "host_failed", True),
        ("status/503", "host_failed", True),
        ("short", "cut_short", True),
        ("reset", "cut_short", True),
        ("huge", "too_large", False),
        ("endless/chunked", "too_large", False),
        ("endless/plain", "too_large", False),
        ("gzip", "encoded", False),
    ],
)
def test_bad_answers(server: PictureServer, path: str, reason: str, retryable: bool) -> None:
    error = fetch_failing(f"{server.url}/{path}?{SECRET}", allow(server, max_bytes=100_000))
    assert (error.reason, error.retryable) == (reason, retryable)


@pytest.mark.parametrize("part", ["header", "body"])
def test_a_server_that_drips_is_left_at_the_deadline(server: PictureServer, part: str) -> None:
    error = fetch_failing(f"{server.url}/drip/{part}?{SECRET}", allow(server, timeout_seconds=0.3))
    assert (error.reason, error.retryable) == ("timeout", True)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cr3t@example.com/a.png",
        "http://s3cr3t@example.com/",
        "http://",
        "http://[::1/a",
        "http:///a.png",
        "http://exa mple.com/?s3cr3t",
        "http://example.com:99999/a?s3cr3t",
        "gopher://example.com/?s3cr3t",
    ],
)
def test_bad_addresses_never_show_their_secrets(url: str) -> None:
    with pytest.raises(PictureError) as refused:
        Fetcher(Sources(hosts=["*.com", "example.com"]), connect=Recorder()).fetch(url)
    assert refused.value.reason == "bad_address"
    assert "s3cr3t" not in str(refused.value)


# --- files -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "secret.png").write_bytes(draw_picture("red"))
    folder = tmp_path / "job"
    (folder / "pics").mkdir(parents=True)
    (folder / "pics" / "a b.png").write_bytes(draw_picture())
    (folder / "pics" / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "pics" / "up").symlink_to(tmp_path)
    (folder / "pics" / "round.png").symlink_to(folder / "pics" / "round.png")
    os.mkfifo(folder / "pics" / "pipe.png")
    return folder


@pytest.mark.parametrize(
    "uri", ["pics/a b.png", "./pics/../pics/a b.png", "{job}/pics/a b.png", "file://{job}/pics/a%20b.png"]
)
def test_a_file_below_a_root_is_read(job: Path, uri: str) -> None:
    cutout = load_product(uri.format(job=job), Sources(roots=["pics"]), str(job), CutoutConfig())
    assert cutout.digest == sha256((job / "pics" / "a b.png").read_bytes()).hexdigest()
    assert (cutout.mode, cutout.pixels.dtype) == ("cutout", "uint8")
    assert not cutout.pixels.flags.writeable


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("../secret.png", "outside_roots"),
        ("pics/../../secret.png", "outside_roots"),
        ("{job}/../secret.png", "outside_roots"),
        ("/etc/passwd", "outside_roots"),
        ("file:///etc/passwd", "outside_roots"),
        ("file:/etc/passwd", "outside_roots"),
        ("FILE:///etc/passwd", "outside_roots"),
        ("file://{job}/pics/%2e%2e/%2E%2E/secret.png", "outside_roots"),
        ("file://{job}/pics/..%2f..%2fsecret.png", "outside_roots"),
        ("file://other/etc/passwd", "bad_address"),
        ("file:///a%00.png", "bad_address"),
        ("pics/out.png", "outside_roots"),
        ("pics/up/secret.png", "outside_roots"),
        ("file://{job}/pics/out.png", "outside_roots"),
        ("pics/round.png", "bad_address"),
        ("pics/\0.png", "bad_address"),
        ("pics/a.png\nHost: x", "bad_address"),
        ("", "bad_address"),
        ("data:image/png;base64,AAAA", "bad_address"),
        ("gopher://example.com/a.png", "bad_address"),
        ("s3://bucket/secret.png", "outside_roots"),
        ("s3://bucket/../a.png", "bad_address"),
        ("pics/none.png", "missing"),
        ("pics/pipe.png", "missing"),
        ("pics", "missing"),
        ("pics/" + "a" * 300, "unreadable"),
    ],
)
def test_what_no_root_holds_is_refused(job: Path, uri: str, reason: str) -> None:
    with pytest.raises(PictureError) as refused:
        load_product(uri.format(job=job), Sources(), str(job), CutoutConfig())
    assert (refused.value.reason, refused.value.retryable) == (reason, False)


def test_a_root_is_no_prefix_of_a_name(job: Path) -> None:
    (job / "pics2").mkdir()
    (job / "pics2" / "a.png").write_bytes(draw_picture())
    with pytest.raises(PictureError, match="outside"):
        load_product("pics2/a.png", Sources(roots=["pics"]), str(job), CutoutConfig())


@pytest.mark.parametrize("uri", ["s3://shop/pics2/a.png", "s3://shopping/pics/a.png", "s3://shop/pics/../x/a.png"])
def test_objects_are_read_only_below_s3_roots(job: Path, uri: str) -> None:
    with pytest.raises(PictureError) as refused:
        load_product(uri, Sources(roots=[".", "s3://shop/pics"]), str(job), CutoutConfig())
    assert refused.value.reason in ("outside_roots", "bad_address")


@pytest.mark.s3
def test_objects_below_an_s3_root_and_beside_an_s3_job_are_read(bucket: str, tmp_path: Path) -> None:
    from factory.storage.store import Store

    Store(bucket).write_bytes("job/pics/a.png", draw_picture())
    found = load_product(f"{bucket}/job/pics/a.png", Sources(roots=[f"{bucket}/job"]), str(tmp_path), CutoutConfig())
    again = load_product("pics/a.png", Sources(), f"{bucket}/job", CutoutConfig())
    assert found.digest == again.digest
    with pytest.raises(PictureError) as refused:
        load_product("pics/none.png", Sources(), f"{bucket}/job", CutoutConfig())
    assert refused.value.reason == "missing"
    with pytest.raises(PictureError) as refused:
        load_product("../other/a.png", Sources(), f"{bucket}/job", CutoutConfig())
    assert refused.value.reason == "bad_address"


def test_a_file_above_the_limit_is_not_read(job: Path) -> None:
    with pytest.raises(PictureError) as refused:
        load_product("pics/a b.png", Sources(max_bytes=1000), str(job), CutoutConfig())
    assert refused.value.reason == "too_large"


# --- once --------------------------------------------------------------------------------------------------------------


def test_a_product_is_fetched_once_for_many_creatives_and_its_query_is_not_kept(server: PictureServer) -> None:
    url, before = f"{server.url}/picture/once.png?{SECRET}", len(server.seen)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: load_product(url, allow(server), ".", CutoutConfig()), range(8)))
    assert len(server.seen) == before + 1
    assert {cutout.uri for cutout in found} == {f"{server.url}/picture/once.png"}


def test_refusals_are_remembered_and_passing_failures_are_not(server: PictureServer) -> None:
    for path, requests in (("status/404/once", 1), ("status/500", 3)):
        before = len(server.seen)
        for _ in range(3):
            with pytest.raises(PictureError):
                load_product(f"{server.url}/{path.removesuffix('/once')}?once", allow(server), ".", CutoutConfig())
        assert len(server.seen) == before + requests


def test_a_replaced_file_is_read_again(job: Path) -> None:
    path = job / "pics" / "new.png"
    path.write_bytes(draw_picture("green"))
    first = load_product("pics/new.png", Sources(), str(job), CutoutConfig())
    path.unlink()
    path.write_bytes(draw_picture("purple") + b" ")
    assert load_product("pics/new.png", Sources(), str(job), CutoutConfig()).digest != first.digest


def test_memory_is_bounded_in_bytes() -> None:
    import numpy as np

    from factory.engines.base import Pixels
    from factory.images.types import Cutout

    threads = threading.active_count()  # other tests of this process have left some
    memory = load._Memory(100_000)
    made: list[int] = []

    def make(number: int) -> Cutout:
        made.append(number)
        pixels: Pixels = np.zeros((100, 100, 4), np.uint8)
        return Cutout(pixels, "card", 0.0, "", "")

    for number in (1, 2, 1, 3, 1, 2):
        memory.recall(number, lambda number=number: make(number))  # type: ignore[misc]
    assert made == [1, 2, 3, 2]
    assert memory.size <= 100_000
    assert memory.pending == {}
    assert threading.active_count() <= threads

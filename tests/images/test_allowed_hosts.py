"""Which hosts and addresses pictures may come from. Nothing is resolved but by the test itself."""

import socket

import pytest

from factory.errors import PictureError
from factory.images.product.allowed_hosts import Resolver, find_addresses, is_public
from schemas.images import Sources

PUBLIC = "93.184.216.34"


def answer(*addresses: str) -> Resolver:
    """A resolver that knows one answer."""
    return lambda _host, _port: list(addresses)


def refuse_to_resolve(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was resolved")


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1::1", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "198.18.0.1",
        "203.0.113.5",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12:3456::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "::8.8.8.8",
        "64:ff9b::10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::8.8.8.8",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::1",
        "2001:0:5db8:d822:8000:63bf:f5ff:fffe",
        "2606:2800:220:1:0:5efe:10.0.0.1",
        "100::1",
        "4000::1",
        "no address",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    "127.0.0.1 2130706433 017700000001 0x7f000001 0x7f.1 0177.0.0.1 127.1 0 ::1 [::1] ::ffff:127.0.0.1 ::ffff:7f00:1 "
    "3232235777 0xa9fea9fe 169.254.169.254".split(),
)
def test_a_private_address_is_refused_however_it_is_written(host: str) -> None:
    sources = Sources(hosts=[host])
    with pytest.raises(PictureError) as refused:
        find_addresses("http", host, 80, sources, refuse_to_resolve)
    assert refused.value.reason == "private_address"
    assert not refused.value.retryable


@pytest.mark.parametrize("found", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1", PUBLIC], [PUBLIC, "fe80::1%eth0"]])
def test_a_name_is_refused_when_any_of_its_addresses_is_private(found: list[str]) -> None:
    with pytest.raises(PictureError) as refused:
        find_addresses("https", "cdn.example.com", 443, Sources(hosts=["cdn.example.com"]), answer(*found))
    assert refused.value.reason == "private_address"
    assert "images.sources.private_hosts" in refused.value.hint


def test_all_public_addresses_are_kept_and_a_private_host_may_have_any() -> None:
    found = [PUBLIC, "2606:2800:220:1::1"]
    assert find_addresses("https", "a.com", 443, Sources(hosts=["a.com"]), answer(*found)) == found
    intern = Sources(private_hosts=["shop.intern:8080"])
    assert find_addresses("http", "shop.intern", 8080, intern, answer("10.1.2.3")) == ["10.1.2.3"]


@pytest.mark.parametrize(
    ("host", "port", "entry", "allowed"),
    [
        ("cdn.example.com", 443, "cdn.example.com", True),
        ("CDN.Example.com.", 443, "cdn.example.COM", True),
        ("cdn.example.com", 8443, "cdn.example.com", False),
        ("cdn.example.com", 8443, "cdn.example.com:8443", True),
        ("cdn.example.com", 443, "cdn.example.com:8443", False),
        ("cdn.example.com", 443, "*.example.com", True),
        ("a.b.example.com", 8443, "*.example.com:8443", True),
        ("example.com", 443, "*.example.com", False),
        ("badexample.com", 443, "*.example.com", False),
        ("example.com.evil.net", 443, "example.com", False),
        ("evil.net", 443, "*", False),
    ],
)
def test_hosts_are_named_exactly_or_by_their_domain(host: str, port: int, entry: str, allowed: bool) -> None:
    sources = Sources(hosts=[entry])
    if allowed:
        assert find_addresses("https", host, port, sources, answer(PUBLIC)) == [PUBLIC]
    else:
        with pytest.raises(PictureError) as refused:
            find_addresses("https", host, port, sources, refuse_to_resolve)
        assert refused.value.reason == "host_not_allowed"


@pytest.mark.parametrize(("code", "retryable"), [(socket.EAI_AGAIN, True), (socket.EAI_NONAME, False)])
def test_a_name_without_address(code: int, retryable: bool) -> None:
    def fail(host: str, port: int) -> list[str]:
        raise socket.gaierror(code, "no")

    with pytest.raises(PictureError) as refused:
        find_addresses("https", "a.com", 443, Sources(hosts=["a.com"]), fail)
    assert (refused.value.reason, refused.value.retryable) == ("unknown_host", retryable)

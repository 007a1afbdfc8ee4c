"""Where a picture may be fetched from: hosts that a job names, at addresses of the public internet. Opens nothing.

A name is resolved once and every address found is checked. The connection goes to one of those, so that a name that answers
differently the next time (DNS rebinding) gains nothing.
"""

import ipaddress
import socket
from collections.abc import Callable

from factory.errors import PictureError
from schemas.images import Sources

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]

DEFAULT_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits
_COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291, 2.5.5.1
# RFC 6890 and RFC 7526: not public, though older versions of Python call some of them global.
_SPECIAL = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24")))
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # RFC 4291, 2.4: all that IANA assigns
_ISATAP = (0x5EFE, 0x02005EFE)  # RFC 5214, 6.1: the interface identifier of an embedded IPv4 address


def resolve_name(host: str, port: int) -> list[str]:
    """Return the addresses of a name from the system's resolver. Raises OSError (socket.gaierror)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def find_addresses(scheme: str, host: str, port: int, sources: Sources, resolve: Resolver) -> list[str]:
    """Return the addresses (at least one) that may be connected to for a host as it is written in a URL.

    Raises PictureError: host_not_allowed, private_address (one of its addresses is not public), unknown_host. Retryable
    only when the resolver reports a temporary failure.
    """
    default = DEFAULT_PORTS[scheme]
    private = _is_listed(host, port, default, sources.private_hosts)
    if not private and not _is_listed(host, port, default, sources.hosts):
        shown = host if port == default else f"{host}:{port}"
        hint = f'add "{shown}" to images.sources.hosts if its pictures may be used'
        raise PictureError("host_not_allowed", f"the job does not allow pictures from {shown}", hint)
    addresses = _resolve(host, port, resolve)
    refused = [] if private else [each for each in addresses if not is_public(each)]
    if refused:
        message = f"{host} is at {refused[0]}, which is no address of the public internet"
        hint = f'only if that is meant: add "{host}:{port}" to images.sources.private_hosts'
        raise PictureError("private_address", message, hint)
    return addresses


def is_public(text: str) -> bool:
    """Return whether an address is public, and every IPv4 address that it holds if it is an IPv6 one."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False  # with a scope (fe80::1%eth0), or no address
    if isinstance(address, ipaddress.IPv4Address):
        return _is_plain_public(address)
    inner = _list_embedded(address)
    if address in _NAT64 or address.ipv4_mapped is not None:
        return all(_is_plain_public(each) for each in inner)
    return address in _GLOBAL_UNICAST and _is_plain_public(address) and all(_is_plain_public(each) for each in inner)


def _is_plain_public(address: IPAddress) -> bool:
    if isinstance(address, ipaddress.IPv4Address) and any(address in network for network in _SPECIAL):
        return False
    odd = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    return address.is_global and not odd and not address.is_link_local and not address.is_private


def _list_embedded(address: ipaddress.IPv6Address) -> list[IPAddress]:
    last = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    found: list[IPAddress | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or address in _COMPATIBLE or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        found.append(last)
    return [each for each in found if each is not None]


def _resolve(host: str, port: int, resolve: Resolver) -> list[str]:
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return [str(ipaddress.ip_address(bare))]
    except ValueError:
        pass
    try:
        # To every C library, 2130706433, 0x7f.1, 0177.0.0.1 and 127.1 are addresses too: read here, not left to the resolver.
        return [socket.inet_ntoa(socket.inet_aton(bare))]
    except OSError:
        pass
    try:
        found = resolve(bare, port)
    except (OSError, UnicodeError) as error:
        again = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
        raise PictureError("unknown_host", f"{host} has no address", "check the host's spelling", again) from error
    if not found:
        raise PictureError("unknown_host", f"{host} has no address", "check the host's spelling")
    return found


def _is_listed(host: str, port: int, default: int, entries: list[str]) -> bool:
    return any(_matches(host, port, default, entry.strip().lower()) for entry in entries)


def _matches(host: str, port: int, default: int, entry: str) -> bool:
    """Whether an entry allows a host. One without a port means the scheme's own port."""
    name, colon, number = entry.rpartition(":")
    if not colon or not number.isdigit() or (":" in name and not name.endswith("]")):
        name, number = entry, str(default)
    if str(port) != number:
        return False
    bare = host.lower().removeprefix("[").removesuffix("]").removesuffix(".")
    name = name.removeprefix("[").removesuffix("]")
    return bare.endswith(name[1:]) if name.startswith("*.") else bare == name

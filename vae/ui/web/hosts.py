"""Which names this server answers to, and by which address a visitor is known."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable

from vae.errors import ServerError

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)\.?(?::\d{1,5})?")


def host_name(text: str) -> str | None:
    """The name in a Host header or a flag, without port and brackets; None for what is no host."""
    match = HOST.fullmatch(text.strip().lower())
    return match[1].strip("[]") if match else None


def origin_name(origin: str) -> str | None:
    """The host of a page that a server gave; None for a sandbox or a local file ("null"), an editor's view, an extension."""
    scheme, _, place = origin.lower().partition("://")
    return host_name(place) if scheme in ("http", "https") else None


Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _address(name: str) -> Address | None:
    try:
        found = ipaddress.ip_address(name)
    except ValueError:
        return None
    return (
        getattr(found, "ipv4_mapped", None) or found
    )  # how a socket for both families writes an IPv4 address


def allowed_host(text: str) -> str:
    """A name for `--allow-host`, with or without scheme and port."""
    name = host_name(text.partition("://")[2].partition("/")[0] if "://" in text else text)
    if name is None:
        raise ServerError(
            f"--allow-host is {text!r}, which is no host name; write one such as demo.example.org."
        )
    return name


class HostRules:
    """The names this server answers to; a page that another name points here (DNS rebinding) is a stranger's."""

    def __init__(self, bound: str = "127.0.0.1", others: Iterable[str] = (), shared: bool = False):
        name = host_name(bound) or bound
        address = _address(name)
        self.names = {"localhost", name, *others}
        # Rebinding takes a name, an address cannot be re-bound
        self.any_address = address is not None and address.is_unspecified
        if self.any_address:
            self.names |= {socket.gethostname().lower(), socket.gethostname().lower() + ".local"}
        self.suffix = ".gradio.live" if shared else None

    def answers_to(self, header: str) -> bool:
        """Whether a Host header names this server."""
        name = host_name(header)
        if name is None:
            return False
        address = _address(name)
        if name in self.names or (address is not None and (self.any_address or address.is_loopback)):
            return True
        return self.suffix is not None and name.endswith(self.suffix)

    def trusts(self, origin: str, header: str) -> bool:
        """Whether a page from `origin` may do more than look; `header` is the Host that it asks."""
        name = origin_name(origin)
        if name is None:
            return False
        address = _address(name)
        return (
            origin.lower().partition("://")[2] == header.strip().lower()
            or name in self.names
            or (address is not None and address.is_loopback)
        )


LOOPBACK = ("127.0.0.0/8", "::1/128")  # what `--share` asks from: Gradio's relay ends on this computer
# Where a Space's own proxy asks from
INSIDE = (*LOOPBACK, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")


def network(text: str) -> Network:
    """A proxy's address, or a network of them, for `--behind-proxy`."""
    try:
        return ipaddress.ip_network(text.strip().strip("[]"), strict=False)
    except ValueError:
        raise ServerError(
            f"--behind-proxy is {text!r}, which is no address; write the one that the proxy asks from, such as 127.0.0.1 or 10.0.0.0/8."
        ) from None


def visitor(peer: str, forwarded: str | None, proxies: Iterable[Network] = ()) -> str:
    """The address a visitor is known by, a whole /64 for IPv6. What a header says counts only where a declared proxy has sent it:
    then it is the last address in it that is no proxy's."""
    proxies = list(proxies)
    address = _address(peer)
    if address is not None and _among(address, proxies):
        noted = [
            a for a in (_address(part.strip()) for part in (forwarded or "").split(",")) if a is not None
        ]
        address = next((a for a in reversed(noted) if not _among(a, proxies)), noted[0] if noted else address)
    if address is None:
        return peer[:64]
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def _among(address: Address, networks: list[Network]) -> bool:
    return any(address in one for one in networks)

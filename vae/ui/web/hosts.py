"""Which names this server answers to, and how often an address may ask."""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from vae.errors import ServerError

# Questions a second and at once from one address; a drag across the map asks about as fast as it is answered
RATE, BURST = (
    60.0,
    600.0,
)
ADDRESSES = 4096  # addresses whose rate is remembered
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)\.?(?::\d{1,5})?")


def host_name(text: str) -> str | None:
    """The name in a Host header or a flag, without port and brackets; None for what is no host."""
    match = HOST.fullmatch(text.strip().lower())
    return match[1].strip("[]") if match else None


def origin_name(origin: str) -> str | None:
    """The host of a page that a server gave; None for a sandbox or a local file ("null"), an editor's view, an extension."""
    scheme, _, place = origin.lower().partition("://")
    return host_name(place) if scheme in ("http", "https") else None


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


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


class RateLimiter:
    """A bucket of tokens for each address; the table forgets who was silent for longest."""

    def __init__(
        self,
        rate: float = RATE,
        burst: float = BURST,
        size: int = ADDRESSES,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.rate, self.burst, self.size, self.clock = rate, burst, size, clock
        self.table: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str, cost: float = 1.0) -> float:
        """Seconds until this address may ask; 0 takes the cost off its bucket."""
        now = self.clock()
        level, seen = self.table.pop(address, (self.burst, now))
        level = min(self.burst, level + (now - seen) * self.rate)
        allowed = level >= cost
        self.table[address] = (level - cost if allowed else level, now)
        if len(self.table) > self.size:
            self.table.popitem(last=False)
        return 0.0 if allowed else (cost - level) / self.rate


def visitor(peer: str, forwarded: str | None) -> str:
    """The address a visitor is known by: the last public one that proxies noted, a whole /64 for IPv6."""
    noted = [a for a in (_address(part.strip()) for part in (forwarded or "").split(",")) if a is not None]
    address = next((a for a in reversed(noted) if a.is_global), None) or (
        noted[-1] if noted else _address(peer)
    )
    if address is None:
        return peer[:64]
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)

"""What one visitor and one address may use and hold: seconds of the server, bodies in the air, open streams."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MB = 1 << 20
KNOWN = 4096  # visitors and addresses whose use is remembered
# Questions in the air from which on the server is busy, and from which on it takes no more
BUSY, FULL = 32, 256
# The same for one address: from eight at once on its shares hold, and no more than half of all are its own
BUSY_OF_ONE, FULL_OF_ONE = 8, 128
FULL_WAIT = 2.0  # seconds after which a full server may be asked again
LARGE = MB  # bytes from which on a body is a large one: few doors need one
LARGE_BODIES = 4  # of them one address may be sending at once
# Bytes of all bodies that are sent or worked on; of those of one address; what of the budget is kept for small ones
BODY_BUDGET, BODY_SHARE, FOR_SMALL = 64 * MB, 32 * MB, 8 * MB
SMALL = MB >> 4  # bytes of a body that any question of the page has room in, but for a drawing
STREAMS = 20  # open event streams of one address
ALL_STREAMS = 400
STREAM_WAIT = 5.0  # seconds after which one that was refused may be tried again


class Bucket:
    """Seconds of the server for each of many names: they come in at a rate, up to a burst; who has spent more than there was waits."""

    def __init__(
        self, rate: float, burst: float, size: int = KNOWN, clock: Callable[[], float] = time.monotonic
    ):
        self.rate, self.burst, self.size, self.clock = rate, burst, size, clock
        self.table: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def level(self, name: str) -> float:
        """What a name has left; below zero where it owes."""
        level, seen = self.table.get(name, (self.burst, self.clock()))
        return min(self.burst, level + (self.clock() - seen) * self.rate)

    def wait(self, name: str) -> float:
        """Seconds until a name has something left."""
        return max(0.0, -self.level(name) / self.rate)

    def spend(self, name: str, seconds: float) -> None:
        """Take from a name what an answer has cost; the table forgets who was silent for longest."""
        level = self.level(name) - seconds
        self.table.pop(name, None)
        self.table[name] = (level, self.clock())
        if len(self.table) > self.size:
            self.table.popitem(last=False)


@dataclass
class Shares:
    """Who may ask now. While the server is not busy almost anybody may; while it is, those wait who have used more than their share of it.

    `hard` is what no address may use, busy or not: it is more than a class of forty needs.
    """

    visitors: Bucket = field(default_factory=lambda: Bucket(rate=0.5, burst=10))
    addresses: Bucket = field(default_factory=lambda: Bucket(rate=0.6, burst=60))
    hard: Bucket = field(default_factory=lambda: Bucket(rate=1.0, burst=120))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, address: str, visitor: str | None, asked: int, of_one: int = 0) -> float:
        """Seconds until this visitor may ask, with so many questions in the air, and so many of this address."""
        waits = [self.hard.wait(address)]
        if asked >= BUSY or of_one >= BUSY_OF_ONE:
            waits.append(self.addresses.wait(address))
            if visitor is not None:
                waits.append(self.visitors.wait(visitor))
        return max(waits)

    def spend(self, address: str, visitor: str | None, seconds: float) -> None:
        """Note what an answer has cost; from any thread."""
        if not seconds:
            return
        with self.lock:
            self.addresses.spend(address, seconds)
            self.hard.spend(address, seconds)
            if visitor is not None:
                self.visitors.spend(visitor, seconds)


class Held:
    """What each address holds open at this moment: bodies that come in, bytes of them in memory, event streams, questions."""

    def __init__(self) -> None:
        self.large: Counter[str] = Counter()  # large bodies that are being sent
        self.bytes: Counter[str] = Counter()  # of bodies in memory
        self.streams: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()  # questions in the air

    @contextlib.contextmanager
    def one_of(self, table: Counter[str], address: str) -> Iterator[None]:
        """One more of an address, as long as this lasts."""
        table[address] += 1
        try:
            yield
        finally:
            table[address] -= 1
            if not table[address]:
                del table[address]

    def take(self, address: str, more: int, size: int) -> bool:
        """Whether a body of this address, which has `size` bytes then, may have so many more; they are counted if so."""
        room = BODY_BUDGET if size <= SMALL else BODY_BUDGET - FOR_SMALL
        if sum(self.bytes.values()) + more > room or self.bytes[address] + more > BODY_SHARE:
            return False
        self.bytes[address] += more
        return True

    def give(self, address: str, less: int) -> None:
        """So many bytes of bodies of this address are no longer in memory."""
        self.bytes[address] -= less
        if self.bytes[address] <= 0:
            del self.bytes[address]

"""What `bench_load.py` measures with: a server in its own process on loopback, and a client that costs little beside it."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STARTED = "Latent Explorer is at "
LONGEST = 30.0  # seconds for one answer


def say(figure: str, **values) -> None:
    """One line of JSON a figure."""
    told = {k: round(v, 2) if isinstance(v, float) else v for k, v in values.items()}
    print(json.dumps({"figure": figure} | told), flush=True)


class Server:
    """`python app.py` with some flags, once it has said its address."""

    def __init__(self, *flags: str):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = tempfile.TemporaryFile("w+")
        words = [sys.executable, "app.py", "--no-browser", "--port", str(self.port), *flags]
        self.process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=self.log, text=True)
        if STARTED not in self.process.stdout.readline():
            raise SystemExit("The server ended before it said its address; start python app.py to see why.")

    def megabytes(self, of: str = "VmRSS") -> float:
        """What the process holds, or with VmHWM the most it ever held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{of}:\s+(\d+)", status)[1]) * 1024 / 1e6

    def log_lines(self) -> int:
        self.log.seek(0)
        return sum(1 for _ in self.log)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@contextmanager
def served(*flags: str):
    """A server that is ended afterwards, whatever happens."""
    server = Server(*flags)
    try:
        yield server
    finally:
        server.stop()


class Answer:
    """Status, headers by their small names, body."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Connection:
    """One kept-alive HTTP connection, as a browser holds it; httpx would take half of what the server does."""

    def __init__(self, port: int):
        self.port, self.stream = port, None

    async def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """One question; a connection that the server closed while it idled is opened again once."""
        fresh = self.stream is None
        try:
            return await asyncio.wait_for(self._ask(method, path, body), LONGEST)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            if fresh:
                raise
            return await asyncio.wait_for(self._ask(method, path, body), LONGEST)

    async def _ask(self, method: str, path: str, body: bytes | None) -> Answer:
        if self.stream is None:
            self.stream = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        reader, writer = self.stream
        head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\n"
        if body is not None:
            head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        writer.write(head.encode() + b"\r\n" + (body or b""))
        await writer.drain()
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}
        answer = Answer(int(lines[0].split()[1]), headers, await self._body(reader, headers))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    async def _body(self, reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return await reader.readexactly(int(headers["content-length"]))
        if headers.get("transfer-encoding") != "chunked":
            self.close()
            return await reader.read()
        pieces = []
        while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
            pieces.append((await reader.readexactly(size + 2))[:-2])
        await reader.readexactly(2)
        return b"".join(pieces)

    async def post(self, path: str, content) -> Answer:
        return await self.ask("POST", path, json.dumps(content).encode())

    def close(self) -> None:
        if self.stream is not None:
            self.stream[1].close()
        self.stream = None


def door(part: int, name: str, fields, session: str = "bench") -> bytes:
    """The body of a question to one of the page's own doors."""
    question = {"data": fields, "component_id": part, "fn_name": name, "session_hash": session}
    return json.dumps(question).encode()


DOORS = "/gradio_api/component_server"


async def part_of_doors(connection: Connection) -> int:
    """The component that the page's doors hang on."""
    components = (await connection.ask("GET", "/config")).json()["components"]
    return next(c["id"] for c in components if c["props"].get("server_fns"))


def spread(seconds: list[float]) -> dict[str, float]:
    """p50, p95, p99 and the worst, in milliseconds."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    shares = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "worst_ms": 1}
    return {
        key: 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] for key, share in shares.items()
    }


def cpu_seconds(process: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def now() -> float:
    return time.perf_counter()

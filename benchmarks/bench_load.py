"""Many visitors and faults against a server of its own: answers, times, memory; one JSON line a figure. `python benchmarks/bench_load.py [PART ...]`

Everything is on loopback and bounded in count and time; `--short` runs a tenth of it. Needs the shipped models, and MNIST in data/ for `training`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import math
import random
import subprocess
import sys
import tempfile
import threading
import time

from load_faults import kills, run_bodies, run_calls
from load_server import DOORS, ROOT, Connection, cpu_seconds, door, now, part_of_doors, say, served, spread

SIZES = (2, 5, 10, 20, 40)
SIDE = json.loads((ROOT / "vae/ui/static/tokens.json").read_text())["draw"]["side"]
INK = base64.b64encode(bytes(255 * (SIDE // 3 < i % SIDE < SIDE // 2) for i in range(SIDE * SIDE))).decode()
BUSY = (429, 503)
BEGUN = 8  # seconds after which a training has read its images and computes


def question(chance: random.Random) -> tuple[str, dict]:
    """80 % a place, 15 % a drawing, 5 % a sheet of 10 x 10, each of one of five sizes."""
    size, kind = chance.choice(SIZES), chance.random()
    model = f"mnist-default-z{size}"
    if kind < 0.8:
        return "place", {"model": model, "z": [round(chance.gauss(0, 1), 4) for _ in range(size)]}
    if kind < 0.95:
        return "sketch", {"models": [model], "image": INK}
    return "manifold", {"model": model, "n": 10}


class Load:
    """Visitors who ask once a second each, and what became of their questions."""

    def __init__(self, server):
        self.server, self.seconds, self.faults = server, [], {}
        self.refused, self.waited, self.asked, self.most = 0, [], 0, server.megabytes()

    async def visitors(
        self, count: int, seconds: float, rounds: int | None = None, spread_out: bool = True
    ) -> None:
        """`count` visitors for so long, each with a connection of its own; the first questions over a second, or at once."""
        part = await part_of_doors(Connection(self.server.port))
        self.ends = now() + seconds
        watch = asyncio.ensure_future(self._watch())
        await asyncio.gather(
            *(self._visitor(i, part, i / count if spread_out else 0.0, rounds) for i in range(count))
        )
        watch.cancel()

    async def _watch(self) -> None:
        while True:
            self.most = max(self.most, self.server.megabytes())
            await asyncio.sleep(0.5)

    async def _visitor(self, number: int, part: int, first: float, rounds: int | None) -> None:
        chance, link, at = random.Random(number), Connection(self.server.port), now() + first
        while at < self.ends and rounds != 0:
            await asyncio.sleep(max(0.0, at - now()))
            await self._asked(link, door(part, *question(chance), session=f"bench{number}"))
            at, rounds = max(at + 1, now()), None if rounds is None else rounds - 1
        link.close()

    async def _asked(self, link: Connection, body: bytes) -> None:
        """One question until it is answered: a refusal is waited out as long as it says, which the visitor sees as waiting."""
        self.asked += 1
        began, waited = now(), 0.0
        try:
            while (answer := await link.ask("POST", DOORS, body)).status in BUSY:
                self.refused += 1
                pause = float(answer.headers.get("retry-after", math.nan))
                if math.isnan(pause):
                    return self._fault(f"{answer.status} without Retry-After")
                if now() + pause > self.ends + 15:
                    return self._fault("refused to the end")
                await asyncio.sleep(pause)
                waited += pause
            if answer.status != 200:
                return self._fault(str(answer.status))
            if b'"error"' in answer.body[:20]:
                return self._fault(answer.json()["error"][:80])
            self.seconds.append(now() - began - waited)
            if waited:
                self.waited.append(waited)
        except Exception as error:  # counted by its name, whatever it is
            self._fault(type(error).__name__)

    def _fault(self, kind: str) -> None:
        self.faults[kind] = self.faults.get(kind, 0) + 1

    def figures(self) -> dict:
        return {
            "asked": self.asked,
            "errors": sum(self.faults.values()),
            **({"faults": self.faults} if self.faults else {}),
            **spread(self.seconds),
            "refused_at_first": self.refused,
            "waited_s": [round(sum(self.waited), 1), round(max(self.waited, default=0), 1)],
        }


def loaded(figure: str, count: int, seconds: float, *flags: str, training: bool = False) -> None:
    """The figures of so many visitors on a warm server."""
    with served(*flags) as server:
        asyncio.run(Load(server).visitors(5, 12, rounds=8))  # opens the five models
        before, load, cpu = server.megabytes(), Load(server), cpu_seconds(server.process.pid)
        with trained() if training else tempfile.TemporaryFile():
            asyncio.run(load.visitors(count, seconds))
        say(
            figure,
            visitors=count,
            seconds=seconds,
            **load.figures(),
            server_cpu_s=cpu_seconds(server.process.pid) - cpu,
            megabytes_before_most_after=[round(m) for m in (before, load.most, server.megabytes())],
        )


class trained:
    """`python -m vae train` meanwhile, in a folder that is thrown away."""

    def __enter__(self):
        self.out = tempfile.TemporaryDirectory()
        flags = "--dataset mnist --recipe tutorial --latent-dims 2 --epochs 500 --no-umap --out"
        words = [sys.executable, "-m", "vae", "train", *flags.split(), self.out.name]
        self.process = subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        time.sleep(BEGUN)
        if self.process.poll() is not None:
            raise SystemExit("The training ended; run python -m vae train to see why.")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.out.cleanup()


def cold(count: int, seconds: float) -> None:
    """Visitors who all ask at once of a server that has just said its address: each one question, then one a second."""
    for figure, rounds in (("cold server, everybody's first question", 1), ("cold server", None)):
        with served() as server:
            load, cpu = Load(server), cpu_seconds(server.process.pid)
            asyncio.run(load.visitors(count, seconds, rounds, spread_out=False))
            say(figure, visitors=count, **load.figures(), server_cpu_s=cpu_seconds(server.process.pid) - cpu)


PARTS = {
    "visitors": lambda share: loaded("100 visitors", 100, 60 * share),
    "crowd": lambda share: loaded("200 visitors", 200, 20 * max(share, 0.3)),
    "public": lambda share: loaded("100 visitors of a public page, one address", 100, 60 * share, "--public"),
    "training": lambda share: loaded(
        "100 visitors beside a training", 100, 40 * max(share, 0.3), training=True
    ),
    "cold": lambda share: cold(25, 10),
    "calls": lambda share: run_calls(int(10_000 * share)),
    "kills": lambda share: kills(int(200 * share)),
    "bodies": lambda share: run_bodies(int(5_000 * share)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--short", action="store_true", help="a tenth of the time and of the counts")
    args = parser.parse_args()
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    for name in args.parts or PARTS:
        PARTS[name](0.1 if args.short else 1.0)


if __name__ == "__main__":
    main()

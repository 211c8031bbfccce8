"""Faults for `bench_load.py`: random calls, held bodies, kills in the middle of saves."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from load_server import DOORS, ROOT, Connection, door, part_of_doors, say, served

PICTURE = "/gradio_api/call/encode"  # takes large bodies
ENDPOINTS = "models decode encode reconstruct codes manifold sample interpolate traverse metrics".split()
ODD = [None, True, 0, -1, 1.5, 10**400, float("inf"), float("nan"), "", "\ud800", "x" * 5000, "../..", [], {}]
MODELS = [f"mnist-default-z{z}" for z in (2, 5, 10)] + ["digits-default-z2", "no-such-model"]
LIKELY = {
    "model": lambda r: r.choice(MODELS),
    "models": lambda r: r.sample(MODELS, r.randint(1, 3)),
    "dataset": lambda r: r.choice(["mnist", "digits", "none"]),
    "z": lambda r: [r.gauss(0, 2) for _ in range(r.choice([2, 2, 5, 10]))],
    "indices": lambda r: [r.randint(0, 400) for _ in range(3)],
    "chart": lambda r: r.choice(["pca", "axes:0,1", "umap", "plane:1,2,3", "pie"]),
    "image": lambda r: [[r.random() for _ in range(9)] for _ in range(9)],
    "revs": lambda r: {r.choice(MODELS): f"{r.getrandbits(32):08x}"},
}


def anything(chance: random.Random, depth: int = 3):
    """Any JSON value."""
    kind = chance.random()
    if depth and kind < 0.15:
        return [anything(chance, depth - 1) for _ in range(chance.randint(0, 4))]
    if depth and kind < 0.3:
        return {
            str(chance.choice(ODD))[:20]: anything(chance, depth - 1) for _ in range(chance.randint(0, 3))
        }
    return chance.choice(ODD)


def fields_of(chance: random.Random, names: list[str]) -> dict:
    """Mostly likely fields, now and then anything or none."""
    picked = chance.sample(names, min(len(names), chance.randint(1, 5)))
    likely = {n: LIKELY.get(n, lambda r: r.randint(0, 30)) for n in picked}
    return {n: anything(chance) if chance.random() < 0.1 else make(chance) for n, make in likely.items()}


def random_call(chance: random.Random, part: int, doors: list[str]) -> tuple[str, bytes]:
    """Where a random question goes, and its body."""
    names = [*LIKELY, "index", "label", "n", "extent", "spacing", "seed", "start", "steps", "dim"]
    kind = chance.random()
    if kind < 0.6:
        return DOORS, door(part, chance.choice(doors), fields_of(chance, names))
    if kind < 0.7:
        odd = {"data": anything(chance), "component_id": chance.choice([part, *ODD])}
        return DOORS, json.dumps(
            odd | {"fn_name": chance.choice([*doors, "x"]), "session_hash": "s"}
        ).encode()
    name = chance.choice(ENDPOINTS)
    data = [make(chance) for make in (LIKELY["model"], LIKELY["z"])][: chance.randint(0, 2)]
    if kind < 0.85:
        data = anything(chance) if chance.random() < 0.2 else data
        return f"/gradio_api/{chance.choice(['call', 'run'])}/{name}", json.dumps({"data": data}).encode()
    session = chance.choice(["", None, f"s{chance.randint(0, 400)}"])
    join = {"data": data, "fn_index": chance.choice([*range(14), -1, 2**40]), "session_hash": session}
    return "/gradio_api/queue/join", json.dumps(join | {"event_data": anything(chance)}).encode()


async def calls(port: int, server, count: int, at_once: int = 8) -> None:
    """Random calls on a live queue: whether it lives on, and what it answers."""
    connection = Connection(port)
    part = await part_of_doors(connection)
    components = (await connection.ask("GET", "/config")).json()["components"]
    doors = next(c["props"]["server_fns"] for c in components if c["id"] == part)
    statuses: dict[str, int] = {}
    memory, done = [server.megabytes()], 0

    async def one_after_another(seed: int) -> None:
        nonlocal done
        chance, link = random.Random(seed), Connection(port)
        for _ in range(count // at_once):
            path, body = random_call(chance, part, doors)
            try:
                answer = await link.ask("POST", path, body)
                bare = answer.status == 500 and b'"error"' not in answer.body
                kind = "bare 500" if bare else str(answer.status)
                if path.startswith("/gradio_api/call/") and answer.status == 200:
                    event = answer.json()["event_id"]
                    await link.ask("GET", f"{path}/{event}")
            except (OSError, asyncio.IncompleteReadError) as error:
                kind = "dropped" if not isinstance(error, TimeoutError) else "no answer"
            except asyncio.TimeoutError:
                kind = "no answer"
            statuses[kind] = statuses.get(kind, 0) + 1
            done += 1
            if done == count // 2:
                memory.append(server.megabytes())

    await asyncio.gather(*(one_after_another(seed) for seed in range(at_once)))
    memory.append(server.megabytes())
    say(
        "random calls",
        calls=done,
        **statuses,
        alive=server.process.poll() is None,
        queue_lives=await queue_lives(port),
        megabytes_at_start_half_end=[round(m) for m in memory],
        log_lines=server.log_lines(),
    )


async def queue_lives(port: int) -> bool:
    """Whether a queued endpoint still answers."""
    link, question = Connection(port), {"data": ["mnist-default-z2", [[0, 0]]]}
    try:
        event = (await link.post("/gradio_api/call/decode", question)).json()["event_id"]
        return b"event: complete" in (await link.ask("GET", f"/gradio_api/call/decode/{event}")).body
    except Exception as error:  # whatever it is, the queue is not what it should be
        say("the queue", fault=repr(error)[:200])
        return False


async def held_bodies(port: int, server, count: int, wave: int = 500, hold: float = 7.0) -> None:
    """Sockets that announce large bodies, send a megabyte and hold: how many are refused, and what the server holds."""
    piece, outcomes, peak, before = b" " * (1 << 20), {}, 0.0, server.megabytes()

    async def one() -> None:
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"POST {PICTURE} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
            writer.write(f"{head}content-length: {11 << 20}\r\n\r\n".encode() + piece)
            line = await asyncio.wait_for(reader.readline(), hold)
            outcome = line.split()[1].decode() if line else "closed"
        except asyncio.TimeoutError:
            outcome = "still held"
        except OSError:
            outcome = "closed"
        finally:
            if writer is not None:
                writer.close()
        outcomes[outcome] = outcomes.get(outcome, 0) + 1

    slowest = 0.0
    for start in range(0, count, wave):
        holding = asyncio.gather(*(one() for _ in range(min(wave, count - start))))
        await asyncio.sleep(hold / 2)
        peak = max(peak, server.megabytes())
        began = time.perf_counter()
        await Connection(port).ask("GET", "/gradio_api/startup-events")
        slowest = max(slowest, time.perf_counter() - began)
        await holding
    say(
        "held bodies",
        bodies=count,
        seconds_held=hold,
        **outcomes,
        megabytes_before_peak_after=[round(before), round(peak), round(server.megabytes())],
        slowest_other_answer_ms=1000 * slowest,
        alive=server.process.poll() is None,
    )


def kills(count: int) -> None:
    """SIGKILLs at random moments of a loop that saves two trainings of one model in turn: each leaves one of them whole."""
    sys.path.insert(0, str(ROOT))
    from vae.folders.files import write_folder
    from vae.folders.folder import list_models, load_model

    shipped = ROOT / "models"
    versions = [_files(shipped / name) for name in ("digits-default-z2", "digits-default-z5")]
    chance, outcomes = random.Random(0), {"first": 0, "second": 0, "torn": 0}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        write_folder(folder, versions[0])
        for _ in range(count):
            child = os.fork()
            if not child:
                while True:
                    for files in versions:
                        write_folder(folder, files, force=True)
            time.sleep(chance.uniform(0, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            good, broken = list_models(place)
            found = _files(folder) if folder.is_dir() else None
            whole = found in versions and len(good) == 1 and not broken and load_model(folder) is not None
            outcomes[["first", "second"][versions.index(found)] if whole else "torn"] += 1
        left = [path.name for path in Path(place).iterdir() if path.name != "model"]
    say("kills during saves", kills=count, **outcomes, folders_left=len(left))


def _files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def run_calls(count: int) -> None:
    with served() as server:
        asyncio.run(calls(server.port, server, count))


def run_bodies(count: int) -> None:
    for flags in ((), ("--public",)):
        with served(*flags) as server:
            asyncio.run(held_bodies(server.port, server, count))

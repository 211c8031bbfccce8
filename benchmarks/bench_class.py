"""A class behind one address: pages of a real Chromium that open within ten seconds, then drag, draw, switch and ask for a minute; one JSON line a figure.

Against `python app.py --public` in its own process on this computer. A refusal that a person sees is a red line, a warning or a part that did not
come; the calm line that many people ask is counted by itself. Forty pages want more of a processor than their server does: `processor` says how the
two shared it, and `door alone` is the same server asked once a second by this program, where no browser takes part in the answer.
`python benchmarks/bench_class.py [--pages 40] [--seconds 60]`
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from bench_map import say, spread
from bench_serve import CHROMIUM, SETTLED, serve
from playwright.async_api import Browser, Page, async_playwright

# How long each answer of a door took, and every refusal that stands on the page, told once each.
WATCH = """{
  window.lxSeen = { doors: [], refused: [], calm: 0 };
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (one.name.includes("component_server")) lxSeen.doors.push([one.responseStatus, one.duration]);
  }).observe({ type: "resource", buffered: true });
  const told = new Set();
  let calm = false;
  setInterval(() => {
    for (const one of document.querySelectorAll(".head__alarm:not([hidden]), .warn")) {
      const text = one.textContent.trim();
      if (text && !told.has(text)) lxSeen.refused.push(text);
      told.add(text);
    }
    const now = document.querySelector("#lx-waiting")?.checkVisibility() ?? false;
    if (now && !calm) lxSeen.calm += 1;
    calm = now;
  }, 200);
}"""


async def drag(page: Page) -> None:
    """The pointer over the map with its button held: HERE follows it."""
    await page.get_by_role("tab", name="Map", exact=True).click()
    box = await page.locator(".latent-map__plot").bounding_box()
    places = [[box[a] + random.uniform(0.2, 0.8) * box[b] for a, b in (("x", "width"), ("y", "height"))] for _ in "ab"]  # fmt: skip
    await page.mouse.move(*places[0])
    await page.mouse.down()
    await page.mouse.move(*places[1], steps=10)
    await page.mouse.up()


async def ask(page: Page) -> None:
    """Another test image, which every size of z reconstructs."""
    await page.get_by_role("tab", name="Map", exact=True).click()
    await page.get_by_role("button", name="random", exact=True).click()


async def switch(page: Page) -> None:
    """Another size of z."""
    await page.get_by_role("tab", name="Map", exact=True).click()
    sizes = page.get_by_role("group", name="size of z").get_by_role("button")
    await sizes.nth(random.randrange(await sizes.count())).click()


async def draw(page: Page) -> None:
    """A stroke on the paper, which every size of z answers."""
    await page.get_by_role("tab", name="Draw", exact=True).click()
    box = await page.locator(".draw canvas").first.bounding_box()
    at = [[box["x"] + random.uniform(0.2, 0.8) * box["width"], box["y"] + random.uniform(0.2, 0.8) * box["height"]] for _ in "abc"]  # fmt: skip
    await page.mouse.move(*at[0])
    await page.mouse.down()
    for place in at[1:]:
        await page.mouse.move(*place, steps=5)
    await page.mouse.up()


async def pupil(
    browser: Browser, url: str, opens: float, ends: float, statuses: Counter[int]
) -> dict[str, Any]:
    """One page from its opening to the end: when it was ready, and what was seen on it."""
    await asyncio.sleep(opens)
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    page.set_default_timeout(1000 * (ends - time.monotonic()))
    page.on("response", lambda reply: statuses.update([reply.status]))
    await page.add_init_script(WATCH)
    began, ready, acts, undone = time.monotonic(), None, 0, 0
    try:
        await page.goto(url, wait_until="commit")
        await page.wait_for_selector(SETTLED, state="attached")
        ready = time.monotonic() - began
    except Exception:  # the time is over
        undone += 1
    page.set_default_timeout(10_000)
    while ready is not None and time.monotonic() < ends:
        try:
            await random.choice([drag, drag, ask, switch, draw])(page)
            acts += 1
        except Exception:  # what a slow machine has not drawn yet cannot be pressed
            undone += 1
        await asyncio.sleep(random.uniform(0.5, 1.5))
    seen = await page.evaluate("lxSeen")
    return {"ready": ready, "acts": acts, "undone": undone, **seen}


async def alone(url: str, ends: float) -> list[float]:
    """Milliseconds of a door that needs no model, asked by this program."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        config = (await client.get("config")).json()
        part = next(c["id"] for c in config["components"] if "revision" in c["props"].get("server_fns", []))
        body = {"data": {}, "fn_name": "revision", "component_id": part, "session_hash": "bench"}
        times = []
        while time.monotonic() < ends:
            began = time.perf_counter()
            reply = await client.post("gradio_api/component_server/", json=body)
            if reply.status_code == 200:
                times.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(1)
        return times


def processor_seconds(process: int) -> float:
    """What a process that runs has used of the processor."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def below(process: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [pid for child in map(int, children) for pid in (child, *below(child))]


async def lesson(url: str, server: subprocess.Popen, args: argparse.Namespace) -> None:
    """The whole class, and its figures."""
    ends = time.monotonic() + args.opening + args.seconds
    statuses: Counter[int] = Counter()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**CHROMIUM)
        pages = [
            pupil(browser, url, k * args.opening / args.pages, ends, statuses) for k in range(args.pages)
        ]
        times, *seen = await asyncio.gather(alone(url, ends), *pages)
        used = {pid: processor_seconds(pid) for pid in below(os.getpid())}
        await browser.close()
    doors = [door for one in seen for door in one["doors"]]
    refused = [text for one in seen for text in one["refused"]]
    ready = [1000 * one["ready"] for one in seen if one["ready"] is not None]
    say("pages", pages=args.pages, ready=len(ready), **(spread(ready) if ready else {}))
    say("acts", done=sum(one["acts"] for one in seen), undone=sum(one["undone"] for one in seen))
    say("refusals that a person sees", count=len(refused), texts=sorted(set(refused)))
    say("calm lines that a person sees", count=sum(one["calm"] for one in seen))
    say("responses", **{str(status): n for status, n in sorted(statuses.items())})
    if answered := [ms for status, ms in doors if status == 200]:
        say("door answers in the browser", count=len(answered), **spread(answered))
    if times:
        say("door alone", count=len(times), **spread(times))
    served = used.pop(server.pid)
    say("processor", cores=os.cpu_count(), server_s=served, browser_s=sum(used.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="models")
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument(
        "--opening", type=float, default=10, help="seconds that the pages open in (default: 10)"
    )
    parser.add_argument("--seconds", type=float, default=60)
    args = parser.parse_args()
    server, url = serve(args.models, "--public")
    try:
        asyncio.run(lesson(url, server, args))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())

"""The page and its server: ready, bytes, clicks, sizes, manifold, drawing, endpoints, memory; one JSON line a figure. `python benchmarks/bench_serve.py`

In a real Chromium, timed from the event's first listener to the last write that an eye sees. Needs the shipped models and Chromium.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import httpx
from bench_map import drawn, say, spread
from playwright.sync_api import Browser, BrowserType, Page, sync_playwright


def resident(process: int) -> float:
    """The resident megabytes of a process."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1]) * 1024 / 1e6


CHROMIUM = {"executable_path": "/usr/bin/chromium", "args": ["--no-sandbox"]}
SETTLED = ".nearest[data-ready]"
# The click: from the button's release, before any other listener hears of it, to the image's pixels written.
CLICKS = """{
  window.lxTimes = [];
  let began = null;
  window.addEventListener("pointerup", () => (began = performance.now()), { capture: true });
  const put = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (...args) {
    put.apply(this, args);
    if (began === null || !this.canvas.closest(".here")) return;
    lxTimes.push(performance.now() - began);
    began = null;
  };
}"""
# The switch: from the press to the map that says it shows this model.
SWITCH = """([size, model]) => new Promise((found) => {
  const map = document.querySelector(".latent-map"), began = performance.now();
  const look = () => map.dataset.model === model && requestAnimationFrame(() => found(performance.now() - began));
  new MutationObserver(look).observe(map, { attributes: true });
  document.querySelector(`.sizes [data-size='${size}']`).click();
})"""
# The pen: when it was lifted, and when each answer stood in the table of all sizes.
PEN = """() => {
  window.lxPen = { up: null, answers: [] };
  window.addEventListener("pointerup", () => (lxPen = { up: performance.now(), answers: [] }), { capture: true });
  new MutationObserver(() => lxPen.answers.push(performance.now())).observe(document.querySelector(".draw"), { attributeFilter: ["data-answered"] });
}"""


def serve(models: str, *flags: str) -> tuple[subprocess.Popen, str]:
    """A started server that answers, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "app.py", "--no-browser", "--port", str(port), "--models", models, *flags]
    server, url = subprocess.Popen(words, stdout=subprocess.DEVNULL), f"http://127.0.0.1:{port}/"
    while server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return server, url
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise SystemExit("The server ended before it answered; start python app.py to see why.")


class Bytes:
    """What the browser's network layer says came over the wire, headers included."""

    def __init__(self, page: Page):
        self.total = self.answers = 0
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", self.add)

    def add(self, event: dict) -> None:
        self.total += int(event["encodedDataLength"])
        self.answers += event["encodedDataLength"] > 0


def opened(page: Page, url: str, figure: str) -> None:
    """Opens the page and says how long until the map was drawn, and what came until every question was answered."""
    came = Bytes(page)
    ready, until_ready = drawn(page, url), came.total
    page.wait_for_selector(SETTLED, timeout=120_000)
    page.wait_for_timeout(1500)  # sizes, thumbnails and codes that come behind
    say(
        figure,
        map_drawn_s=ready,
        megabytes_until_drawn=until_ready / 1e6,
        megabytes_in_all=came.total / 1e6,
        answers=came.answers,
    )


def first_pages(chromium: BrowserType, browser: Browser, url: str) -> None:
    """Right after the server's first answer, when torch is still loading behind it; then with a warm cache; then a new visitor's."""
    # a visitor's own profile: private windows keep no file as large as plotly.js
    with tempfile.TemporaryDirectory() as profile:
        context = chromium.launch_persistent_context(
            profile, viewport={"width": 1280, "height": 800}, **CHROMIUM
        )
        opened(context.new_page(), url, "page ready, first visitor of a fresh server")
        opened(context.new_page(), url, "page ready, warm cache")
        context.close()
    for _ in range(2):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        opened(context.new_page(), url, "page ready, cold cache, warm server")
        context.close()


def clicks(browser: Browser, url: str, by: str, count: int) -> None:
    """From a click to the image of its place; `by` the browser, or by the server's door `place` where the weights are withheld."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.add_init_script(CLICKS)  # before the page: its listeners hear first
    if by == "server":
        page.route("**/lx/models/**", lambda route: route.abort())
    page.goto(url, wait_until="commit")
    page.wait_for_selector(f".here[data-by='{by}']", timeout=120_000)
    page.wait_for_timeout(2000)
    box, session = page.locator(".latent-map__plot").bounding_box(), context.new_cdp_session(page)
    for step in range(count):
        x, y = (
            box["x"] + box["width"] * (0.2 + 0.6 * (step * 0.37 % 1)),
            box["y"] + box["height"] * (0.2 + 0.6 * (step * 0.61 % 1)),
        )
        before, seen = page.locator(".here").get_attribute("data-z"), page.evaluate("lxTimes.length")
        for kind in (
            "mousePressed",
            "mouseReleased",
        ):  # without the movement before it, which would have decoded the place already
            session.send(
                "Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
            )
        page.wait_for_function(
            "([seen, before]) => lxTimes.length > seen && document.querySelector('.here').dataset.z !== before",
            arg=[seen, before],
        )
        page.wait_for_timeout(50)
    times = page.evaluate("lxTimes")[-count:]
    say(f"click to new image, decoded by the {by}", clicks=len(times), **spread(times))
    context.close()


def switches(browser: Browser, url: str, sizes: list[int], motion: str) -> None:
    """From the press on a size to the map redrawn, at each size's first visit and again."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion=motion)
    page = context.new_page()
    page.goto(url, wait_until="commit")
    page.wait_for_selector(".sizes[data-ready]", timeout=120_000)
    page.wait_for_selector(SETTLED, timeout=120_000)
    rounds: dict[str, list[float]] = {"first visit": [], "again": []}
    for times in rounds.values():
        for size in [*sizes[1:], sizes[0]]:
            page.wait_for_selector(f".sizes [data-size='{size}']")
            page.wait_for_timeout(700)  # what the size before still asks for has come
            times.append(page.evaluate(SWITCH, [size, f"mnist-default-z{size}"]))
    glide = {"no-preference": "with its glide", "reduce": "at once"}[motion]
    for name, times in rounds.items():
        say(
            f"switch of size to redrawn map, {glide}, {name}",
            switches=len(times),
            p50_ms=statistics.median(times),
            worst_ms=max(times),
        )
    context.close()


def drawing(browser: Browser, url: str, count: int) -> None:
    """From the pen's lift to the answers of all sizes in the table."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(url, wait_until="commit")
    page.wait_for_selector(SETTLED, timeout=120_000)
    page.get_by_role("tab", name="Draw", exact=True).click()
    page.wait_for_selector(".draw[data-map]", timeout=60_000)
    page.evaluate(PEN)
    box, times, rows = page.locator(".desk__canvas").bounding_box(), [], 0
    for step in range(count):
        at = 60 + 150 * (step * 0.37 % 1)
        page.mouse.move(box["x"] + at, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + 270 - at, box["y"] + 230, steps=8)
        page.mouse.up()
        page.wait_for_function(
            "lxPen.up !== null && lxPen.answers.length && performance.now() - lxPen.answers.at(-1) > 700",
            timeout=60_000,
        )
        if step:  # the first stroke opens the models
            times.append(page.evaluate("lxPen.answers.at(-1) - lxPen.up"))
        rows = page.locator(".draw tr[data-vote]").count()
        if step % 4 == 3:
            page.get_by_role("button", name="Clear").click()
    say("pen up to all sizes answered", strokes=len(times), sizes=rows, **spread(times))
    context.close()


def timed(ask, count: int) -> list[float]:
    """Milliseconds of each call, the first two left out."""
    times = []
    for _ in range(count + 2):
        began = time.perf_counter()
        ask()
        times.append((time.perf_counter() - began) * 1000)
    return times[2:]


class Door:
    """The page's own doors over HTTP, as the browser asks them."""

    def __init__(self, url: str):
        self.web = httpx.Client(base_url=url, timeout=120)
        parts = self.web.get("config").json()["components"]
        self.part = next(
            p["id"]
            for p in parts
            if "manifold" in json.dumps(p["props"].get("server_functions") or p.get("props"))
        )

    def ask(self, name: str, **fields) -> dict:
        reply = self.web.post(
            "gradio_api/component_server",
            json={"data": fields, "component_id": self.part, "fn_name": name, "session_hash": "bench"},
        )
        answer = reply.raise_for_status().json()
        if "error" in answer:
            raise SystemExit(f"The door {name} refuses: {answer['error']}")
        return answer

    def run(self, name: str, *data) -> dict:
        return (
            self.web.post(f"gradio_api/run/{name}", json={"data": data}).raise_for_status().json()["data"][0]
        )


def doors(door: Door, model: str, count: int) -> None:
    times = timed(lambda: door.ask("manifold", model=model, n=20), count)
    say("manifold 20 x 20, the page's own door", model=model, **spread(times))
    latent = next(m["latent_dim"] for m in door.run("models") if m["name"] == model)
    image = (
        [[0.0] * 28 for _ in range(4)]
        + [[0.0] * 12 + [1.0] * 4 + [0.0] * 12 for _ in range(20)]
        + [[0.0] * 28 for _ in range(4)]
    )
    for name, data in {"decode": [model, [[0.1] * latent]], "encode": [model, image]}.items():
        times = timed(lambda name=name, data=data: door.run(name, *data), count)
        say(f"endpoint /{name}, one image", model=model, **spread(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="models")
    parser.add_argument("--count", type=int, default=100, help="clicks and questions a figure (default: 100)")
    args = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM)
        server, url = serve(args.models)
        try:
            first_pages(playwright.chromium, browser, url)
            say("server memory, page open", megabytes=resident(server.pid))
            for by in ("browser", "server"):
                clicks(browser, url, by, args.count)
            door = Door(url)
            models = door.run("models")
            sizes = sorted(
                m["latent_dim"] for m in models if m["name"] == f"mnist-default-z{m['latent_dim']}"
            )
            for motion in ("reduce", "no-preference"):
                switches(browser, url, sizes, motion)
            for size in (2, 20):
                doors(door, f"mnist-default-z{size}", args.count)
            drawing(browser, url, max(4, args.count // 4))
            for model in models:
                label = 0 if model["conditional"] else None
                door.ask("map", model=model["name"])
                door.ask("select", model=model["name"], index=0)
                door.ask("manifold", model=model["name"], n=20, label=label)
            say("server memory, all models opened", models=len(models), megabytes=resident(server.pid))
        finally:
            browser.close()
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()

"""The map in a real browser: hover, clicks, the ground after a zoom, panning, memory; one JSON line a figure. `python benchmarks/bench_map.py [--minutes 10]`

Judged from outside the page's own clock: hover is timed from the pointer event's first listener to the last canvas write of
the decoded image, panning by the frames that the browser drew. Needs the shipped models and Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

WATCH = """() => {
  window.lxTimes = [];
  let began = null;
  window.addEventListener("pointermove", () => (began = performance.now()), { capture: true });
  const put = CanvasRenderingContext2D.prototype.putImageData, here = document.querySelector(".here canvas");
  CanvasRenderingContext2D.prototype.putImageData = function (...args) {
    put.apply(this, args);
    if (this.canvas === here && began !== null) {
      lxTimes.push(performance.now() - began);
      began = null;
    }
  };
}"""
FRAMES = """seconds => new Promise((done) => {
  const times = [], end = performance.now() + seconds * 1000;
  const step = (now) => (times.push(now), performance.now() < end ? requestAnimationFrame(step) : done(times));
  requestAnimationFrame(step);
})"""


def say(figure: str, **values) -> None:
    print(json.dumps({"figure": figure} | {k: round(v, 2) if isinstance(v, float) else v for k, v in values.items()}), flush=True)


def share(values: list[float], part: float) -> float:
    """The value below which this share of them lies."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def memory(process: int) -> float:
    """Resident megabytes of a process and all its descendants."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    family, grown = {process}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in family} - family
        grown, family = bool(more), family | more
    total = 0
    for one in family:
        try:
            total += int((Path("/proc") / str(one) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    return total / 1e6


def sweep(page, box: dict, seconds: float) -> int:
    """Moves over the map for some seconds, as fast as the browser takes it; how many moves."""
    end, step = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        x, y = 0.1 + 0.8 * abs((step * 0.013) % 2 - 1), 0.1 + 0.8 * abs((step * 0.0071) % 2 - 1)
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        step += 1
    return step


def hover(page, name: str) -> None:
    box = page.locator(".latent-map__plot").bounding_box()
    sweep(page, box, 1)
    page.evaluate("lxTimes.length = 0")
    began = time.perf_counter()
    moves = sweep(page, box, 5)
    times, took = page.evaluate("lxTimes"), time.perf_counter() - began
    codes = page.evaluate("document.querySelector('.latent-map .plot__points').data[0].x.length")
    say(
        "hover, pointer event to drawn image", model=name, codes=codes, p50_ms=statistics.median(times), p95_ms=share(times, 0.95), worst_ms=max(times),
        images_per_second=len(times) / took, moves=moves,
    )  # fmt: skip


def clicks(page, name: str, count: int = 30) -> None:
    """From the click to an inspector that speaks about the clicked image."""
    box, times = page.locator(".latent-map__plot").bounding_box(), []
    done = """old => new Promise((found) => {
      const block = document.querySelector(".selected-image"), start = performance.now();
      const look = () => (block.dataset.index !== old ? found(performance.now() - start) : requestAnimationFrame(look));
      look();
    })"""
    for step in range(count):
        old = page.locator(".selected-image").get_attribute("data-index")
        x, y = box["x"] + box["width"] * (0.3 + 0.4 * ((step * 0.37) % 1)), box["y"] + box["height"] * (0.3 + 0.4 * ((step * 0.61) % 1))
        page.mouse.move(x, y)
        handle = page.evaluate_handle(f"({{ promise: ({done})({json.dumps(old)}) }})")
        page.mouse.click(x, y)
        try:
            times.append(page.evaluate("async (h) => Promise.race([h.promise, new Promise((_, no) => setTimeout(() => no(new Error('none')), 3000))])", handle))
        except Exception:  # this click hit no other code
            continue
    if times:
        say("click to full inspector", model=name, clicks=len(times), p50_ms=statistics.median(times), p95_ms=share(times, 0.95))


def ground(page, name: str, count: int = 20) -> None:
    """From the last wheel event to a ground decoded for what the axes then show."""
    box, times = page.locator(".latent-map__plot").bounding_box(), []
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for step in range(count):
        page.wait_for_timeout(1500)  # the finer tiles of the view before have come: their work is not counted twice
        old = page.locator(".plot__ground").first.get_attribute("data-key")
        wait = page.evaluate_handle(
            """old => ({ promise: new Promise((found) => {
              let last = null;
              const canvas = document.querySelector(".latent-map .plot__ground");
              window.addEventListener("wheel", () => (last = performance.now()), { capture: true, once: true });
              const look = () => (last !== null && canvas.dataset.key !== old ? found(performance.now() - last) : requestAnimationFrame(look));
              look();
            }) })""",
            old,
        )
        page.mouse.wheel(0, -60 if step % 2 else 60)
        times.append(page.evaluate("h => h.promise", wait))
    say("ground after a zoom", model=name, zooms=count, p50_ms=statistics.median(times), p95_ms=share(times, 0.95),
        tiles=int(page.locator(".plot__ground").first.get_attribute("data-tiles")))  # fmt: skip


def panning(page, name: str) -> None:
    """Redraws of the points a second while the map is dragged."""
    box = page.locator(".latent-map__plot").bounding_box()
    page.evaluate("""() => {
      window.lxDraws = 0;
      const move = () => (lxDraws += 1);
      document.querySelector(".latent-map .plot__points").on("plotly_relayouting", move);
    }""")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    began, step = time.perf_counter(), 0
    while time.perf_counter() - began < 3:
        step += 1
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.2 * abs((step * 0.05) % 2 - 1)), box["y"] + box["height"] * 0.5)
    took = time.perf_counter() - began
    page.mouse.up()
    frames = page.evaluate(FRAMES, 1)
    say("panning", model=name, redraws_per_second=page.evaluate("lxDraws") / took, frames_per_second_at_rest=float(len(frames)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="models")
    parser.add_argument("--minutes", type=float, default=0, help="of use before memory is read a second time")
    args = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, "app.py", "--no-browser", "--port", str(port), "--models", args.models], stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/"
    try:
        while True:
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(120_000)
            page.goto(url)
            page.wait_for_selector(".here[data-by='browser']")  # the server is warm now
            began = time.perf_counter()
            page.goto(url)
            page.wait_for_selector(".latent-map[data-ready]")
            say("page ready, warm server", seconds=time.perf_counter() - began)
            page.wait_for_selector(".here[data-by='browser']")
            for size in (2, 20):
                name = f"mnist-default-z{size}"
                page.locator(f"[data-size='{size}']").first.click()
                page.wait_for_selector(f".here[data-model='{name}'][data-by='browser']")
                page.wait_for_function("!document.querySelector('.here__support').textContent.includes('…')")
                page.evaluate(WATCH)
                hover(page, name)
                clicks(page, name)
                ground(page, name)
                panning(page, name)
                page.goto(url)
                page.wait_for_selector(".here[data-by='browser']")
            say("memory", server_mb=memory(server.pid), tab_mb=page.evaluate("performance.memory.usedJSHeapSize / 1e6"))
            if args.minutes:
                sweep(page, page.locator(".latent-map__plot").bounding_box(), args.minutes * 60)
                say("memory after use", minutes=args.minutes, server_mb=memory(server.pid), tab_mb=page.evaluate("performance.memory.usedJSHeapSize / 1e6"))
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()

"""From `python app.py` to a page that answers a click, in a real browser; one JSON line a figure. `python benchmarks/bench_start.py`

Cold: the page cache is asked to forget this Python's packages first (needs root, else said). Warm: the best of three further starts.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from playwright.sync_api import sync_playwright


def say(figure: str, **values) -> None:
    print(
        json.dumps(
            {"figure": figure} | {k: round(v, 3) if isinstance(v, float) else v for k, v in values.items()}
        ),
        flush=True,
    )


def forget_files() -> bool:
    """Drop the page cache, so that every import comes from the disk."""
    try:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as knob:
            knob.write("3")
        return True
    except OSError:
        return False


def start_once(browser) -> tuple[float, float]:
    """Seconds until the server answers, and until a click on the map has shown its image."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    start = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "app.py", "--no-browser", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        while True:
            try:
                urllib.request.urlopen(url, timeout=5).read(1)
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        answered = time.perf_counter() - start
        page.goto(url)
        page.wait_for_selector(".latent-map[data-ready]", timeout=60_000)
        before = page.wait_for_selector(".here[data-ready]").get_attribute("data-z")
        box = page.locator(".latent-map__plot").bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.31, box["y"] + box["height"] * 0.62)
        page.wait_for_function("before => document.querySelector('.here').dataset.z !== before", arg=before)
        return answered, time.perf_counter() - start
    finally:
        page.close()
        server.terminate()
        server.wait()


if __name__ == "__main__":
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        dropped = forget_files()
        answered, clicked = start_once(browser)
        say("cold start", page_cache_dropped=dropped, server_answers_s=answered, click_answered_s=clicked)
        warm = [start_once(browser) for _ in range(3)]
        say("warm start", server_answers_s=min(a for a, _ in warm), click_answered_s=min(c for _, c in warm))
        browser.close()

"""What a hand does on the page, and what it waits for."""

import os
import re
import shutil


def chromium_path() -> str | None:
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def tab(page, name: str, ready: str) -> None:
    """Opens a tab and waits until it has drawn itself."""
    page.get_by_role("tab", name=name, exact=True).click()
    page.wait_for_selector(ready, state="visible")


def watch_questions(page) -> list[str]:
    """A list that grows with every address the page asks for from now on, but for the browser's own icon and Gradio's heartbeat."""
    asked: list[str] = []
    page.on(
        "request",
        lambda request: None if re.search("favicon|heartbeat", request.url) else asked.append(request.url),
    )
    return asked


def model_drawn(page, name: str) -> None:
    page.wait_for_selector(f".latent-map[data-model='{name}'][data-ready]")
    page.wait_for_selector(f".here[data-model='{name}']")
    page.wait_for_selector(f".selected-image[data-model='{name}']")


def points_drawn(page, count: int) -> None:
    """Waits until the map has painted this many codes."""
    page.wait_for_selector(f".latent-map .plot__dots[data-count='{count}']", state="attached")


def axes_at(page, x: float, y: float) -> tuple[float, float]:
    """What Plotly's own axes say of a place of the window."""
    return tuple(
        page.evaluate(
            """([x, y]) => {
              const gd = document.querySelector(".latent-map .plot__points"), box = gd.getBoundingClientRect(), {xaxis, yaxis} = gd._fullLayout;
              return [xaxis.p2d(x - box.left - xaxis._offset), yaxis.p2d(y - box.top - yaxis._offset)];
            }""",
            [x, y],
        )
    )


def window_at(page, u: float, v: float) -> tuple[float, float]:
    """Where Plotly draws a place of the chart in the window."""
    return tuple(
        page.evaluate(
            """([u, v]) => {
              const gd = document.querySelector(".latent-map .plot__points"), box = gd.getBoundingClientRect(), {xaxis, yaxis} = gd._fullLayout;
              return [box.left + xaxis._offset + xaxis.d2p(u), box.top + yaxis._offset + yaxis.d2p(v)];
            }""",
            [u, v],
        )
    )


def map_box(page) -> dict:
    return page.locator(".latent-map__plot").bounding_box()


def drag(page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Pulls the mouse over the map with its button held, between two places of the map's own box."""
    box = map_box(page)
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0], box["y"] + end[1], steps=4)
    page.mouse.up()


def z_near(page, wanted: dict[int, float], within: float) -> None:
    """Waits until HERE has answered for a z whose entries are near the wanted ones."""
    page.wait_for_function(
        """([wanted, within]) => {
          const z = JSON.parse(document.querySelector(".here").dataset.z ?? "null");
          return z && Object.entries(wanted).every(([k, value]) => Math.abs(z[k] - value) <= within);
        }""",
        arg=[{str(k): v for k, v in wanted.items()}, within],
    )

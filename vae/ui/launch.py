"""Flags and environment of `python app.py`: what is served, to whom, and within which limits."""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from vae.ui.web import guard  # first: it sets the environment that gradio reads when it is imported
from vae.ui.web.hosts import allowed_host

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's malloc.h


def port(text: str) -> int:
    """A port's number, from a flag or from the environment."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write a number from 1 to 65535.")
    return int(text)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The flags; each has an environment variable of Gradio's, of Spaces' or of ours behind it."""
    parser = argparse.ArgumentParser(
        prog="python app.py",
        description="Opens Latent Explorer: see any VAE's latent space, on your own computer.",
    )
    parser.add_argument(
        "--host",
        default=os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1",
        help="address to listen on (default: this computer only)",
    )
    usual = os.environ.get("GRADIO_SERVER_PORT") or None
    parser.add_argument(
        "--port", type=port, default=usual, help="port to listen on (default: the first free one from 7860)"
    )
    parser.add_argument(
        "--data", default=os.environ.get("VAE_DATA"), help="folder of the data sets (default: data)"
    )
    parser.add_argument("--models", default="models", help="folder of the models (default: models)")
    parser.add_argument(
        "--public",
        action="store_true",
        help="strangers can reach this page: rate limits, nothing that writes",
    )
    parser.add_argument(
        "--share", action="store_true", help="open a public link through Gradio's relay; implies --public"
    )
    parser.add_argument(
        "--allow-host",
        type=allowed_host,
        action="append",
        default=[],
        metavar="NAME",
        help="another host name this server answers to; repeatable",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    return parser.parse_args(arguments)


def settings(args: argparse.Namespace, explorer: Any = None) -> dict[str, Any]:
    """What `launch` is told; the safety of GRADIO.md's section of that name."""
    from starlette.middleware import Middleware

    from vae.ui.web import assets, served
    from vae.ui.web.theme import build_theme

    served = [*assets.routes(), *(served.routes(explorer.catalogue) if explorer else ())]
    middleware = [
        *guard.middleware(args.host, args.allow_host, args.public, args.share),
        (assets.EarlyHead, {}),
    ]

    return {
        "server_name": args.host,
        "server_port": args.port,
        "share": args.share,
        "theme": build_theme(),
        "favicon_path": str(assets.STATIC / "favicon.svg"),
        **guard.launch_limits(),
        "footer_links": [],
        "pwa": False,
        "ssr_mode": False,
        "quiet": True,
        "app_kwargs": {
            "routes": served,
            "middleware": [Middleware(cls, **options) for cls, options in middleware],
        },
    }


def start(args: argparse.Namespace, began: float | None = None) -> tuple[Any, str]:
    """The served page and its address; torch and the first model load behind it while the browser draws."""
    from vae.explorer import Explorer
    from vae.ui.api import add_endpoints
    from vae.ui.page import build_page
    from vae.ui.warm_up import warm_up
    from vae.ui.web.gradio_patches import bound_queue

    explorer = Explorer(args.models, args.data)
    demo, doors = build_page(explorer, args.public or args.share)
    add_endpoints(demo, explorer)
    demo.queue(max_size=64, default_concurrency_limit=4)
    bound_queue(demo)
    on_gpu()
    _, address, shared = demo.launch(**settings(args, explorer), prevent_thread_lock=True)
    threading.Thread(target=warm_up, args=(explorer, doors), daemon=True).start()
    return demo, shared or address


def on_gpu() -> Callable[[], dict[str, Any]] | None:
    """`check_device`, decorated with `spaces.GPU` where that package is, since ZeroGPU refuses an app without any such function; None elsewhere."""
    try:
        import spaces
    except ImportError:
        return None
    from vae.runs import check_device

    return spaces.GPU(duration=60)(check_device)


def give_memory_back() -> None:
    """Where the C library is glibc: two heaps for all threads, since each of its own would keep what it once held, and none for arrays of a megabyte
    and more, which go back to the system when they are dropped (mallopt(3))."""
    try:
        library = ctypes.CDLL(None)
        library.mallopt(M_ARENA_MAX, 2)
        library.mallopt(M_MMAP_THRESHOLD, 1 << 20)
    except (AttributeError, OSError, TypeError):  # another C library
        pass


def main(arguments: list[str] | None = None) -> None:
    """Serves the page until Ctrl-C."""
    began = time.perf_counter()
    args = parse(arguments)
    give_memory_back()
    gc.disable()  # nothing that starting makes is rubbish, and looking for some takes a fifth of it; `warm_up` ends this
    sys.modules.setdefault("IPython", None)  # type: ignore[arg-type]  # where it is installed Gradio loads it for notebooks: a third of a second for nothing
    demo, address = start(args)
    print(
        f"Latent Explorer is at {address} (up in {time.perf_counter() - began:.1f} s; Ctrl-C ends it)",
        flush=True,
    )
    if not args.no_browser and not os.environ.get("SPACE_ID"):
        import webbrowser

        webbrowser.open(address)
    demo.block_thread()

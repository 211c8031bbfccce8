"""The server behind `serve`: what is served, to whom, and within which limits."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.errors import ServerError, VAEError, in_a_line
from vae.running import announce
from vae.ui.web import guard  # first: it sets the environment that gradio reads when it is imported
from vae.ui.web.hosts import allowed_host, network

if TYPE_CHECKING:
    from vae.explorer import Explorer

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's malloc.h
FIRST_PORT, PORTS = 7860, 100  # where none is asked for: the first free one of these
# Where they look for whom to trust; a file that is not there ends in an error without its name
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
LOOPBACK = "localhost,127.0.0.1,::1"


@dataclass(frozen=True)
class Options:
    """What `serve` was asked for, checked; `ServerError` names the flag, its value and what is allowed."""

    host: str = "127.0.0.1"
    port: int | str | None = None
    data: Path | None = None
    models: Path | None = None
    public: bool = False
    share: bool = False
    allow_host: tuple[str, ...] = ()
    behind_proxy: tuple[str, ...] = ()
    browser: bool = True

    def __post_init__(self) -> None:
        host = self.host.strip().removeprefix("[").removesuffix("]") or "127.0.0.1"
        object.__setattr__(self, "host", f"[{host}]" if ":" in host else host)
        object.__setattr__(self, "port", None if self.port in (None, "") else port_number(str(self.port)))
        object.__setattr__(self, "allow_host", tuple(map(allowed_host, self.allow_host)))
        for proxy in self.behind_proxy:
            network(proxy)
        for flag, folder in (("--models", self.models), ("--data", self.data)):
            if folder is not None:
                _check_folder(flag, folder)


def port_number(text: str) -> int:
    """A port, from a flag or from the environment."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ServerError(f"--port is {text!r}; it must be a whole number from 1 to 65535.")
    return int(text)


def _check_folder(flag: str, folder: Path) -> None:
    """A folder that is not there yet is an empty one; one that cannot be read is an error."""
    try:
        with os.scandir(folder):
            pass
    except FileNotFoundError:
        pass
    except NotADirectoryError:
        raise ServerError(f"{flag} is {str(folder)!r}, which is a file; name a folder.") from None
    except OSError as error:
        raise ServerError(
            f"{flag} is {str(folder)!r}, which cannot be read ({error.strerror}); check its permissions or name another folder."
        ) from error


def free_port(host: str, port: int | None = None) -> int:
    """The port to listen on, or the first free one from 7860; `ServerError` when the address cannot be had."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ServerError(
            f"--host is {host!r}, a name that this computer does not know; write an address of it such as 127.0.0.1, without scheme and port."
        ) from None
    own = {(family, str(address[0])) for family, _, _, _, address in found}
    refused: OSError | None = None
    for number in [port] if port else range(FIRST_PORT, FIRST_PORT + PORTS):
        try:
            for family, address in own | {(socket.AF_INET, "127.0.0.1")}:  # where Gradio looks, too
                _bind(family, address, number)
            return number
        except OSError as error:
            refused = error
            if error.errno != errno.EADDRINUSE:
                break
    assert refused is not None
    raise ServerError(_why_not(host, port, refused)) from refused


def _bind(family: int, address: str, port: int) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # elsewhere this would let two programs listen on one port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind((address, port))


def _why_not(host: str, port: int | None, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE and port is None:
        return (
            f"All ports from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} are in use; choose another with --port."
        )
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program; choose another with --port, or leave --port out for the first free one from {FIRST_PORT}."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {port} needs the rights of an administrator; choose one from 1024 with --port."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host is {host!r}, which is no address of this computer; use 127.0.0.1 for this computer alone or 0.0.0.0 for its whole network."
    return f"The server cannot listen on {host} ({error}); choose another --host or --port."


@contextlib.contextmanager
def proxies_aside(names: str = "*") -> Iterator[None]:
    """No proxy stands between this program and `names` meanwhile: Gradio asks its own address when it starts, and builds clients when it is imported."""
    before = {key: os.environ.get(key) for key in ("NO_PROXY", "no_proxy")}
    kept = {part.strip() for value in before.values() for part in (value or "").split(",")} - {""}
    os.environ.update(dict.fromkeys(before, ",".join([*sorted(kept), names])))
    try:
        yield
    finally:
        for key, value in before.items():
            os.environ.pop(key)
            if value is not None:
                os.environ[key] = value


def settings(options: Options, explorer: Explorer | None = None, demo: Any = None) -> dict[str, Any]:
    """What `launch` is told; the safety of GRADIO.md's section of that name."""
    from starlette.middleware import Middleware

    from vae.ui.web import assets, gradio_patches, served
    from vae.ui.web.root_path import RootPath, root_path
    from vae.ui.web.theme import build_theme

    routes = [
        *assets.routes(),
        *(served.routes(explorer.catalogue) if explorer else ()),
        *(gradio_patches.server_functions(demo) if demo else ()),
    ]
    middleware: list[tuple[Any, dict[str, Any]]] = [
        (RootPath, {}),
        *guard.middleware(
            options.host, options.allow_host, options.public, options.share, options.behind_proxy
        ),
        (gradio_patches.EarlyHead, {}),
    ]

    return {
        "server_name": options.host,
        "server_port": options.port,
        "root_path": root_path(),
        "share": options.share,
        "theme": build_theme(),
        "favicon_path": str(assets.STATIC / "favicon.svg"),
        **guard.launch_limits(),
        "footer_links": [],
        "pwa": False,
        "ssr_mode": False,
        "quiet": True,
        "app_kwargs": {
            "routes": routes,
            "exception_handlers": gradio_patches.handlers(),
            "middleware": [Middleware(cls, **more) for cls, more in middleware],
        },
    }


def start(options: Options) -> tuple[Any, str]:
    """The served page and its address; torch and the first model load behind it while the browser draws."""
    port = free_port(options.host, None if options.port is None else int(options.port))
    options = replace(options, port=port)
    with in_a_sentence("The page could not be built"):
        with proxies_aside():
            from vae.explorer import Explorer
            from vae.ui.api import add_endpoints
            from vae.ui.page import build_page
            from vae.ui.warm_up import hash_weights, warm_up
            from vae.ui.web.gradio_patches import listen_steadily
            from vae.ui.web.steady_queue import steady_queue
        explorer = Explorer(options.models, options.data)
        threading.Thread(target=hash_weights, args=(explorer,), daemon=True).start()
        public = options.public or options.share
        demo, doors = build_page(explorer, public)
        add_endpoints(demo, explorer, guard.strangers(public))
        demo.queue(max_size=64, default_concurrency_limit=4)
        steady_queue(demo)
        on_gpu()
        told = settings(options, explorer, demo)
        relayed = options.behind_proxy or options.share or os.environ.get("SPACE_HOST")
        listen_steadily(many_from_one=bool(relayed))
    address = listen(demo, options, told)
    threading.Thread(target=warm_up, args=(explorer, doors), daemon=True).start()
    return demo, address


@contextlib.contextmanager
def in_a_sentence(
    what: str, others: str = "the installed packages against requirements.txt"
) -> Iterator[None]:
    """What Gradio and the libraries below it raise, as a sentence that names what the environment tells them."""
    try:
        yield
    except VAEError:
        raise
    except Exception as error:  # bare ones among them
        told = [name for name in sorted(os.environ) if name.startswith("GRADIO_")]
        told = [name for name in told if os.environ[name] != guard.ENVIRONMENT.get(name)]
        if isinstance(error, OSError):
            told = [f"{name}={os.environ[name]}" for name in CERTIFICATES if name in os.environ] + told
        check = f"the environment's {', '.join(told)}, or {others}" if told else others
        raise ServerError(f"{what} ({in_a_line(error).rstrip('.')}); check {check}.") from error


def listen(demo: Any, options: Options, told: dict[str, Any]) -> str:
    """Gradio's `launch`, its failures as sentences; the address to open."""
    names = f"{LOOPBACK},{options.host.strip('[]')}" if options.share else "*"
    others = "--host, --port and the proxy settings of this computer"
    with in_a_sentence("The server did not start", others), proxies_aside(names):
        _, address, shared = demo.launch(**told, prevent_thread_lock=True)
    return shared or address.replace("//[::]:", "//localhost:")


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


def one_thread_an_answer() -> None:
    """Before numpy and torch are imported: many answers at once need no threads of their own each, which would only wait for one another."""
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")


def serve(options: Options) -> None:
    """Serves the page until Ctrl-C or SIGTERM; answers in the air have two seconds then."""
    began = time.perf_counter()
    give_memory_back()
    one_thread_an_answer()
    # nothing that starting makes is rubbish, and looking for some takes a fifth of it; `warm_up` ends this
    gc.disable()
    sys.modules.setdefault("IPython", None)  # type: ignore[arg-type]  # where it is installed Gradio loads it for notebooks: a third of a second for nothing
    os.environ.pop("GRADIO_SERVER_NAME", None)  # read by now; Gradio would look for free ports there alone
    demo, address = start(options)
    announce()
    ended = asked_to_end()
    print(
        f"Latent Explorer is at {address} (up in {time.perf_counter() - began:.1f} s; Ctrl-C ends it)",
        flush=True,
    )
    if options.browser and not os.environ.get("SPACE_ID"):
        import webbrowser

        webbrowser.open(address)
    while not ended.wait(0.5):  # Windows delivers Ctrl-C between two waits
        pass
    end(demo)


def asked_to_end() -> threading.Event:
    """Set by the first Ctrl-C or SIGTERM; the second ends the process at once."""
    ended = threading.Event()

    def ask(number: int, _: Any) -> None:
        signal.signal(number, signal.SIG_DFL)
        ended.set()

    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, ask)
    return ended


def end(demo: Any) -> None:
    """No new questions, two seconds for answers in the air, then the end; threads that still compute are not waited for."""
    from gradio.tunneling import CURRENT_TUNNELS

    from vae.ui.pools import close as close_pools

    close_pools()
    demo.close(verbose=False)
    for tunnel in CURRENT_TUNNELS:
        tunnel.kill()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)

"""How the server starts: its flags and environment, its address, and its one-sentence errors."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import types
from pathlib import Path

import httpx
import pytest
from support import DATA, ROOT
from typer.testing import CliRunner

from vae import runs
from vae.__main__ import app, page
from vae.errors import ServerError
from vae.ui import launch
from vae.ui.launch import Options, free_port, proxies_aside

LOOPBACK = httpx.HTTPTransport()  # of the tests' own questions: no proxy of the environment


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("SPACE_HOST", "SPACE_ID", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "VAE_DATA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def asked(monkeypatch) -> list[Options]:
    """What `serve` is asked for, without starting it."""
    seen: list[Options] = []
    monkeypatch.setattr(launch, "serve", seen.append)
    return seen


def words(*flags: str) -> list[str]:
    return [sys.executable, "app.py", "--no-browser", *flags]


def listening(host: str = "127.0.0.1") -> socket.socket:
    taken = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    taken.bind((host, 0))
    taken.listen()
    return taken


# ---- flags ---------------------------------------------------------------------------------------------------------


def test_flags_come_before_the_environment_and_the_environment_before_defaults(asked, monkeypatch, tmp_path):
    assert CliRunner().invoke(app, ["serve"]).exit_code == 0
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7861")
    assert CliRunner().invoke(app, ["serve"]).exit_code == 0
    flags = ["--host", "::1", "--port", "7950", "--data", str(tmp_path), "--models", "m", "--public"]
    flags += ["--allow-host", "https://A.example:443/", "--allow-host", "b.example", "--no-browser"]
    flags += ["--behind-proxy", "10.0.0.0/8", "--behind-proxy", "127.0.0.1"]
    assert CliRunner().invoke(app, ["serve", *flags]).exit_code == 0
    plain, there, all_said = asked
    assert (
        plain.host,
        plain.port,
        plain.data,
        plain.public,
        plain.share,
        plain.allow_host,
        plain.browser,
    ) == (
        "127.0.0.1",
        None,
        None,
        False,
        False,
        (),
        True,
    )
    assert (there.host, there.port) == ("0.0.0.0", 7861)
    assert all_said == Options(
        "[::1]",
        7950,
        tmp_path,
        Path("m"),
        True,
        False,
        ("a.example", "b.example"),
        ("10.0.0.0/8", "127.0.0.1"),
        False,
    )


@pytest.mark.parametrize("commands", [(app, ["serve"]), (page, [])], ids=["vae serve", "app.py"])
def test_both_ways_to_start_the_server_take_the_same_flags(asked, commands):
    program, first = commands
    assert CliRunner().invoke(program, [*first, "--port", "7900", "--share"]).exit_code == 0
    assert (asked[0].port, asked[0].share) == (7900, True)


def test_a_path_may_begin_with_the_home_folder(asked, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert CliRunner().invoke(app, ["serve", "--models=~/m", "--data=~/d"]).exit_code == 0
    assert (asked[0].models, asked[0].data) == (tmp_path / "m", tmp_path / "d")


@pytest.mark.parametrize("host", ["::1", "[::1]", " ::1 "])
def test_an_address_of_ipv6_may_stand_without_brackets(host):
    assert Options(host).host == "[::1]"


# ---- errors --------------------------------------------------------------------------------------------------------

WRONG = [
    (("--port", "70000"), "--port is '70000'; it must be a whole number from 1 to 65535."),
    (("--port", "abc"), "--port is 'abc'; it must be a whole number"),
    (("--port", "-1"), "--port is '-1'; it must be a whole number"),
    (("--host", "nowhere.invalid"), "--host is 'nowhere.invalid', a name that this computer does not know"),
    (("--host", "http://127.0.0.1"), "a name that this computer does not know; write an address of it"),
    (("--host", "203.0.113.9"), "--host is '203.0.113.9', which is no address of this computer"),
    (("--allow-host", "a b"), "--allow-host is 'a b', which is no host name; write one such as"),
    (("--models", "README.md"), "--models is 'README.md', which is a file; name a folder."),
    (("--data", "README.md"), "--data is 'README.md', which is a file; name a folder."),
]


@pytest.mark.parametrize(("flags", "sentence"), WRONG, ids=[" ".join(flags) for flags, _ in WRONG])
def test_a_server_that_cannot_start_says_why_in_one_sentence_with_exit_code_one(flags, sentence):
    done = subprocess.run(words(*flags), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stdout == ""
    assert sentence in done.stderr and len(done.stderr.splitlines()) == 1 and done.stderr.endswith(".\n")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_port_in_use_is_said_and_another_is_found_where_none_is_asked_for(monkeypatch, host):
    with listening() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"Port {port} is in use by another program; choose another"):
            free_port(host, port)
        monkeypatch.setattr(launch, "FIRST_PORT", port)
        assert port < free_port(host) < port + launch.PORTS
        monkeypatch.setattr(launch, "PORTS", 1)
        with pytest.raises(ServerError, match=f"All ports from {port} to {port} are in use"):
            free_port(host)


def test_a_port_for_administrators_is_said(monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(launch, "_bind", refuse)
    with pytest.raises(
        ServerError, match="Port 80 needs the rights of an administrator; choose one from 1024"
    ):
        free_port("127.0.0.1", 80)


def test_a_folder_that_may_not_be_read_is_said(monkeypatch, tmp_path):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(launch.os, "scandir", refuse)
    with pytest.raises(ServerError, match="--models is .*, which cannot be read .Permission denied."):
        Options(models=tmp_path)


def test_a_failure_inside_gradio_is_a_sentence_too():
    class Demo:
        def launch(self, **_):
            raise ValueError("localhost is not accessible")

    with pytest.raises(ServerError, match="did not start .localhost is not accessible.; check --host"):
        launch.listen(Demo(), Options(), {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSL_CERT_FILE", "/none/certificates.pem"),
        ("SSL_CERT_FILE", str(ROOT / "README.md")),
        ("GRADIO_ANALYTICS_MAX_EVENTS", "many"),
        ("GRADIO_NUM_PORTS", "many"),
        ("GRADIO_DEBUG", "many"),
    ],
)
def test_a_setting_of_the_environment_that_gradio_cannot_use_is_named_in_one_sentence(name, value):
    environment = {**os.environ, name: value}
    done = subprocess.run(words(), cwd=ROOT, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 1 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and done.stderr.endswith(".\n")
    assert f"check the environment's {name}" in done.stderr and value in done.stderr


# ---- proxies -------------------------------------------------------------------------------------------------------


def test_what_the_environment_says_of_proxies_is_kept_and_comes_back(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "intra.example, 10.0.0.1")
    monkeypatch.delenv("no_proxy", raising=False)
    with proxies_aside("localhost,127.0.0.1"):
        for name in ("NO_PROXY", "no_proxy"):
            assert set(os.environ[name].split(",")) == {"intra.example", "10.0.0.1", "localhost", "127.0.0.1"}
    assert os.environ["NO_PROXY"] == "intra.example, 10.0.0.1" and "no_proxy" not in os.environ


@pytest.mark.parametrize(
    "proxies",
    [
        {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "no_proxy": "intra.example"},
        {"ALL_PROXY": "socks5://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"},
    ],
    ids=["http", "socks"],
)
def test_the_server_starts_where_a_proxy_is_set(serve, trained, proxies):
    host = ("--host", "::1") if socket.has_ipv6 else ()
    server = serve(trained, DATA, *host, environment=proxies)
    with httpx.Client(transport=LOOPBACK, trust_env=False) as client:
        assert client.get(server.address).status_code == 200


# ---- the GPU of a Space --------------------------------------------------------------------------------------------


def test_a_gpu_function_is_decorated_where_spaces_is_and_nothing_is_done_elsewhere(monkeypatch):
    monkeypatch.setitem(sys.modules, "spaces", None)
    assert launch.on_gpu() is None
    decorated = []

    def gpu(**options):
        def wrap(function):
            decorated.append((function, options))
            return function

        return wrap

    monkeypatch.setitem(sys.modules, "spaces", types.SimpleNamespace(GPU=gpu))
    assert launch.on_gpu() is runs.check_device
    assert decorated == [(runs.check_device, {"duration": 60})]


def test_the_gpu_function_really_trains_an_epoch():
    found = runs.check_device()
    assert found["images_per_second"] > 0 and 0 < found["loss"] < 64, (
        "64 pixels cost at most ln 2 nats each before training"
    )
    json.dumps(found)

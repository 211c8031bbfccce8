"""The command line as tests call it: in a process of its own, or, which is quicker, without."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from unittest import mock

from support import ROOT
from typer.testing import CliRunner

from vae.__main__ import app

# The shortest training there is.
TRAIN = ("train", "--dataset", "digits", "--recipe", "tutorial", "--epochs", "1", "--no-umap")


def vae(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m vae ...` in a process of its own."""
    command = [sys.executable, "-m", "vae", *map(str, words)]
    return subprocess.run(
        command, cwd=ROOT, env=settings(**environment), capture_output=True, text=True, timeout=300
    )


def settings(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "PYTHONUNBUFFERED": "1", **more}


def start(code: str, *words: object) -> subprocess.Popen[str]:
    """A new interpreter at work on this code, whose standard streams the test holds; Ctrl-C ends it."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=ROOT,
        env=settings(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def within(*words: object):
    """The same without a process of its own, which is quicker; the tests keep their priority beside a server."""
    with mock.patch("vae.running.server_is_running", return_value=False):
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(word) for word in words])

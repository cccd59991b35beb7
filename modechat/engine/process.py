"""Starts the worker process.

Imports nothing heavy, so that a command can start the worker before anything else.
"""

from __future__ import annotations

import os
import subprocess
import sys

# An assertion in native code would otherwise run a debugger for a backtrace, which takes seconds.
_NO_BACKTRACE = {"GGML_NO_BACKTRACE": "1"}


def run_module(name: str, *arguments: str, seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run a module of modechat that loads llama.cpp, to its end.

    Raises OSError, or TimeoutExpired after `seconds`.
    """
    return subprocess.run(
        [sys.executable, "-P", "-m", name, *arguments],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
        check=False,
        env=os.environ | _NO_BACKTRACE,
    )


def spawn_worker() -> subprocess.Popen[bytes]:
    """Start a worker with pipes on its three standard streams.

    The worker ends when its standard input is closed.
    """
    return subprocess.Popen(
        # -P: a file in the current folder must not replace a module of the same name.
        [sys.executable, "-P", "-m", "modechat.engine.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | _NO_BACKTRACE,
        # Its own session: Ctrl+C and hang-ups of the terminal are for the front end.
        start_new_session=True,
    )

"""Starting the worker process. Imports nothing heavy, so that a command can start it before anything else."""

from __future__ import annotations

import os
import subprocess
import sys


def spawn_worker() -> subprocess.Popen[bytes]:
    """A worker with pipes on its three standard streams. It ends when its standard input is closed."""
    return subprocess.Popen(
        # -P: the folder that modechat is started in must not hide a module of ours behind a file of the same name.
        [sys.executable, "-P", "-m", "modechat.engine.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # An assertion in native code would otherwise run a debugger for a backtrace, which takes seconds.
        env=os.environ | {"GGML_NO_BACKTRACE": "1"},
        # Its own session: Ctrl+C and hang-ups of the terminal are for the front end.
        start_new_session=True,
    )

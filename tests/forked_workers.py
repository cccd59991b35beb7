"""Workers that are forked from a process which has imported everything, llama.cpp included.

To import it takes nine tenths of the time of a worker with a tiny model. A forked worker is a process
like every other: it has its own pipes, session and end. Tests of whole programs spawn theirs as a user's
program does, and so do tests that change the environment or the interpreter.

Run as a program, this is that process. Its argument is a socket, on which each message is a request for a worker:
environment and folder as JSON, and four files: the standard streams, and where its end is told.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from unittest.mock import patch

from modechat.engine.process import spawn_worker

_MATTERS_AT_START = (
    "PYTHON",
    "LD_",
    "GGML_",
    "LLAMA_",
    "OMP_",
    "GOMP_",
    "CUDA_",
    "HIP_",
    "ROCR_",
    "VK_",
)
"""Beginnings of the variables that are read when Python or llama.cpp starts."""
_LONGEST_MESSAGE = 1 << 20
_PROJECT = str(Path(__file__).parents[1])


class ForkedWorker:
    """The part of `subprocess.Popen` that an engine uses."""

    def __init__(self, server: socket.socket) -> None:
        theirs, self.stdin = _pipe_to_write()
        self.stdout, out = _pipe_to_read()
        self.stderr, err = _pipe_to_read()
        self._end, end = os.pipe()
        files = (theirs, out, err, end)
        request = json.dumps({"env": dict(os.environ), "folder": str(Path.cwd())})
        socket.send_fds(server, [request.encode(errors="surrogateescape")], files)
        for file in files:
            os.close(file)
        self.pid = int(server.recv(100))
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def wait(self, timeout: float | None = None) -> int:
        ready, _, _ = select.select([self._end], [], [], timeout)
        if not ready and self.returncode is None:
            raise subprocess.TimeoutExpired("worker", timeout or 0)
        with self._lock:
            if self.returncode is None:
                self.returncode = int(os.read(self._end, 100))
        return self.returncode

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def kill(self) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def __del__(self) -> None:
        os.close(self._end)


def _pipe_to_write() -> tuple[int, IO[bytes]]:
    theirs, ours = os.pipe()
    return theirs, os.fdopen(ours, "wb")


def _pipe_to_read() -> tuple[IO[bytes], int]:
    ours, theirs = os.pipe()
    return os.fdopen(ours, "rb"), theirs


@contextmanager
def forked_workers() -> Iterator[None]:
    """Have engines of this process use forked workers where these are the same as spawned ones."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-P", __file__, str(theirs.fileno())]
    executable, variables = sys.executable, _variables()
    lock = threading.Lock()

    def start() -> subprocess.Popen[bytes]:
        if sys.executable != executable or _variables() != variables:
            return spawn_worker()
        with lock:
            return ForkedWorker(ours)  # type: ignore[return-value] # as much of one as is used

    with (
        subprocess.Popen(command, pass_fds=[theirs.fileno()]) as server,
        patch("modechat.engine.process.spawn_worker", start),
        patch("modechat.engine.client.spawn_worker", start),
    ):
        theirs.close()
        yield
        ours.close()
        server.wait()


def _variables() -> dict[str, str]:
    variables = {
        name: value
        for name, value in os.environ.items()
        if value and name.startswith(_MATTERS_AT_START)
    }
    folders = variables.pop("PYTHONPATH", "").split(os.pathsep)
    others = [folder for folder in folders if folder not in ("", _PROJECT)]
    return variables | {"PYTHONPATH": os.pathsep.join(others)}


# The process that forks


def main() -> None:
    import modechat.engine.worker.server  # noqa: F401 # llama.cpp, and all that a worker needs

    ended: dict[int, int] = {}
    told_at: dict[int, int] = {}

    def tell(pid: int) -> None:
        if pid in ended and pid in told_at:
            file = told_at.pop(pid)
            with contextlib.suppress(OSError):  # nobody waits for it any more
                os.write(file, str(ended[pid]).encode())
            os.close(file)
            del ended[pid]

    def reap(_signal: int, _frame: Any) -> None:
        with contextlib.suppress(ChildProcessError):
            while (end := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                pid, status = end
                ended[pid] = os.waitstatus_to_exitcode(status)
                tell(pid)

    signal.signal(signal.SIGCHLD, reap)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = socket.socket(fileno=int(sys.argv[1]))
    while True:
        message, files, _, _ = socket.recv_fds(requests, _LONGEST_MESSAGE, 4)
        if not message:
            return
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if pid == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            for file in told_at.values():
                os.close(file)
            _become_worker(json.loads(message), files)
        for file in files[:3]:
            os.close(file)
        told_at[pid] = files[3]
        tell(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        requests.send(str(pid).encode())


def _become_worker(request: dict[str, Any], files: list[int]) -> None:
    from modechat.engine.worker.__main__ import main as run_worker

    try:
        os.setsid()
        for number, file in enumerate(files[:3]):
            os.dup2(file, number)
        for file in files:
            os.close(file)
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["folder"])
        run_worker()
    finally:
        os._exit(70)  # it never returns


if __name__ == "__main__":
    main()

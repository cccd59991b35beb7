"""`modechat`: the terminal interface.

The first frame comes before everything else that takes time: config, model and store are looked at behind it, while
the worker process starts. What is wrong with them ends the interface again, with the error on the normal screen.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

from modechat.cli.look import check_look, first_look, remember_theme
from modechat.engine.process import spawn_worker
from modechat.errors import UsageError
from modechat.paths import config_file, data_folder, engine_log_file

if TYPE_CHECKING:
    from modechat.store import Store
    from modechat.tui.app import Backstage

_LONGEST_LOG = 1 << 20  # bytes


def chat(arguments: argparse.Namespace) -> int:
    """Returns the exit code. Raises ModechatError."""
    _require_terminal()
    if os.environ.get("NO_COLOR") == "":
        del os.environ["NO_COLOR"]  # empty counts as not set, by the convention of no-color.org
    worker = None if arguments.demo else spawn_worker()
    from modechat.tui.app import ModechatApp

    with contextlib.ExitStack() as stack:
        look = first_look(os.environ)
        app = ModechatApp(lambda: _prepare(arguments, worker, stack), look, remember_theme=remember_theme)
        error = app.run(mouse=not arguments.no_mouse)
    if error is not None:
        raise error
    return app.return_code or 0


def _prepare(
    arguments: argparse.Namespace, worker: subprocess.Popen[bytes] | None, stack: contextlib.ExitStack
) -> Backstage:
    """Everything behind the screen. What must be closed at the end goes on `stack`. Raises ModechatError."""
    from modechat.config import load_config
    from modechat.tui.app import Backstage

    config = load_config(config_file())
    check_look(config)
    if worker is None:
        from modechat.cli.demo import demo_engine, demo_settings

        return Backstage(demo_engine(), _open_store(keep=False), demo_settings(), resume=False)
    from modechat.cli.setup import choose_model, session_settings
    from modechat.engine.client import WorkerEngine
    from modechat.prompt_files import load_prompt_files

    files = load_prompt_files()
    keep = not arguments.no_history
    settings = session_settings(arguments, config, choose_model(arguments, config), files, keep_history=keep)
    store = _open_store(keep=keep)
    engine = WorkerEngine(_open_engine_log(stack), worker)
    engine.start()
    resume = config.interface.resume and not arguments.new
    return Backstage(engine, store, settings, resume=resume, troubles=files.troubles)


def _open_store(*, keep: bool) -> Store:
    from datetime import UTC, datetime

    from modechat.store import Store

    def now() -> datetime:
        return datetime.now(UTC)

    return Store.open(data_folder(), now) if keep else Store.in_memory(now)


def _require_terminal() -> None:
    """Raises UsageError where the interface could not be drawn."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError(
            "The chat needs a terminal",
            "In a pipe, use modechat run: modechat run 'Summarise' < FILE",
        )
    if sys.__stderr__ is None or not sys.__stderr__.isatty():
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc] # where Textual draws; standard error goes elsewhere


def _open_engine_log(stack: contextlib.ExitStack) -> IO[str] | None:
    """The file for the engine's log; None where it cannot be written, which is no reason not to chat."""
    from modechat.private_files import private_file, private_folder

    path = engine_log_file()
    try:
        private_folder(path.parent)
        log = private_file(path).open("w" if _is_long(path) else "a", encoding="utf-8")
    except OSError:
        return None
    stack.callback(_close, log)
    return log


def _is_long(path: Path) -> bool:
    return path.stat().st_size > _LONGEST_LOG


def _close(log: IO[str]) -> None:
    with contextlib.suppress(OSError):  # a full disk
        log.close()

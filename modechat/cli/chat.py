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

from modechat.cli.first_look import first_look
from modechat.commands.keymap import read_keymap
from modechat.domain.text import sanitize_line
from modechat.engine.process import spawn_worker
from modechat.errors import ConfigError, UsageError
from modechat.paths import config_file, data_folder, engine_log_file

if TYPE_CHECKING:
    from modechat.config import Config
    from modechat.store import Store
    from modechat.tui.app import Backstage

_LONGEST_LOG = 1 << 20  # bytes


def chat(arguments: argparse.Namespace) -> int:
    """Returns the exit code. Raises ModechatError."""
    _require_terminal()
    worker = None if arguments.demo else spawn_worker()
    from modechat.tui.app import ModechatApp

    with contextlib.ExitStack() as stack:
        look = first_look()
        app = ModechatApp(lambda: _prepare(arguments, worker, stack), theme=look.theme, keymap=look.keymap)
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
    theme = _checked_theme(config)
    _check_keys(config)
    if worker is None:
        from modechat.cli.demo import demo_engine, demo_settings

        return Backstage(demo_engine(), _open_store(keep=False), demo_settings(), theme, resume=False)
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
    return Backstage(engine, store, settings, theme, resume=resume, troubles=files.troubles)


def _open_store(*, keep: bool) -> Store:
    from datetime import UTC, datetime

    from modechat.store import Store

    def now() -> datetime:
        return datetime.now(UTC)

    return Store.open(data_folder(), now) if keep else Store.in_memory(now)


def _checked_theme(config: Config) -> str:
    from textual.theme import BUILTIN_THEMES

    from modechat.config import line_of_option

    theme = config.interface.theme
    if theme not in BUILTIN_THEMES:
        known = ", ".join(sorted(BUILTIN_THEMES))
        place = f"{config_file()}, line {line_of_option(config_file(), 'interface', 'theme')}"
        raise ConfigError(f"{place}: interface.theme: there is no theme “{theme}”", f"There are: {known}.")
    return theme


def _check_keys(config: Config) -> None:
    """Raises ConfigError for what is wrong with the user's keys."""
    from modechat.config import line_of_option

    _, problems = read_keymap(config.keys)
    if not problems:
        return
    first, *others = problems
    line = line_of_option(config_file(), "keys", first.action_id)
    more = f" ({len(others)} more after this one.)" if others else ""
    raise ConfigError(
        f"{config_file()}, line {line}: keys.{sanitize_line(first.action_id)}: {sanitize_line(first.problem)}",
        f"{first.hint}{more}",
    )


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

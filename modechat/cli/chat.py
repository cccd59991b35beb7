"""`modechat`: the terminal interface."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import IO

from modechat.cli.setup import choose_model, session_settings
from modechat.config import Config, line_of_option, load_config
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import Engine
from modechat.errors import ConfigError, UsageError
from modechat.paths import config_file, data_folder, engine_log_file, make_private_folder, open_private
from modechat.session.settings import SessionSettings
from modechat.store import Store


def chat(arguments: argparse.Namespace) -> int:
    """Returns the exit code. Raises ModechatError."""
    _require_terminal()
    config = load_config(config_file())
    engine: Engine
    if arguments.demo:
        from modechat.cli.demo import demo_engine, demo_settings

        engine, settings = demo_engine(), demo_settings()
        return _run(engine, _memory_store, settings, config, resume=False)
    settings = session_settings(arguments, config, choose_model(arguments, config))
    with _engine_log() as log:
        engine = WorkerEngine(log)
        open_store = _memory_store if arguments.no_history else partial(Store.open, data_folder(), _now)
        return _run(engine, open_store, settings, config, resume=config.interface.resume and not arguments.new)


def _run(
    engine: Engine, open_store: Callable[[], Store], settings: SessionSettings, config: Config, *, resume: bool
) -> int:
    engine.start()  # before the interface is imported: both take their time
    from textual.theme import BUILTIN_THEMES

    from modechat.tui.app import ModechatApp

    theme = config.interface.theme
    if theme not in BUILTIN_THEMES:
        known = ", ".join(sorted(BUILTIN_THEMES))
        place = f"{config_file()}, line {line_of_option(config_file(), 'interface', 'theme')}"
        raise ConfigError(f"{place}: interface.theme: there is no theme “{theme}”", f"There are: {known}.")
    app = ModechatApp(engine, open_store, settings, theme=theme, resume=resume)
    error = app.run()
    if error is not None:
        raise error
    return app.return_code or 0


def _require_terminal() -> None:
    """Raises UsageError where the interface could not be drawn."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError(
            "The chat needs a terminal",
            "In a pipe, use modechat run: modechat run 'Summarise' < FILE",
        )


@contextlib.contextmanager
def _engine_log() -> Iterator[IO[str] | None]:
    """The file for the engine's log; None where it cannot be written, which is no reason not to chat."""
    path = engine_log_file()
    try:
        make_private_folder(path.parent)
        log = os.fdopen(open_private(path), "w", encoding="utf-8")
    except OSError:
        yield None
        return
    with log:
        yield log


def _memory_store() -> Store:
    return Store.in_memory(_now)


def _now() -> datetime:
    return datetime.now(UTC)

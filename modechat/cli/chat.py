"""`modechat`: the terminal interface, or the plain front end where it could not be drawn or read.

The first frame comes before everything else that takes time: config, model and store are looked at behind it, while
the worker process starts. What is wrong with them ends the interface again, with the error on the normal screen.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from modechat.cli.streams import can_repaint
from modechat.engine.process import spawn_worker
from modechat.errors import ConfigError
from modechat.paths import config_file

if TYPE_CHECKING:
    from modechat.config import Config
    from modechat.tui.app import Backstage

_DEFAULT_THEME = "textual-dark"


def chat(arguments: argparse.Namespace) -> int:
    """Returns the exit code. Raises ModechatError."""
    if arguments.plain or not can_repaint(os.environ, sys.stdin, sys.stdout):
        from modechat.cli.plain import plain_chat

        return plain_chat(arguments)
    if sys.__stderr__ is None or not sys.__stderr__.isatty():
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc] # where Textual draws; standard error goes elsewhere
    worker = None if arguments.demo else spawn_worker()
    from modechat.tui.app import ModechatApp

    with contextlib.ExitStack() as stack:
        app = ModechatApp(lambda: _prepare(arguments, worker, stack), theme=_theme_of_first_frame())
        error = app.run()
    if error is not None:
        raise error
    return app.return_code or 0


def _prepare(
    arguments: argparse.Namespace, worker: subprocess.Popen[bytes] | None, stack: contextlib.ExitStack
) -> Backstage:
    """Everything behind the screen. What must be closed at the end goes on `stack`. Raises ModechatError."""
    from modechat.cli.backstage import open_backstage
    from modechat.config import load_config
    from modechat.tui.app import Backstage

    config = load_config(config_file())
    theme = _checked_theme(config)
    behind = open_backstage(arguments, config, worker, stack)
    return Backstage(
        behind.engine, behind.store, behind.settings, theme, resume=behind.resume, troubles=behind.troubles
    )


def _theme_of_first_frame() -> str:
    """The configured theme, taken from the file as it is: the config is checked later."""
    import tomllib

    from textual.theme import BUILTIN_THEMES

    try:
        theme = tomllib.loads(config_file().read_text(encoding="utf-8-sig"))["interface"]["theme"]
        return theme if theme in BUILTIN_THEMES else _DEFAULT_THEME
    except (OSError, ValueError, LookupError, TypeError):
        return _DEFAULT_THEME


def _checked_theme(config: Config) -> str:
    from textual.theme import BUILTIN_THEMES

    from modechat.config import line_of_option

    theme = config.interface.theme
    if theme not in BUILTIN_THEMES:
        known = ", ".join(sorted(BUILTIN_THEMES))
        place = f"{config_file()}, line {line_of_option(config_file(), 'interface', 'theme')}"
        raise ConfigError(f"{place}: interface.theme: there is no theme “{theme}”", f"There are: {known}.")
    return theme

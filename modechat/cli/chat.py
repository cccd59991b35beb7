"""`modechat`: the terminal interface, or the plain front end where it could not be drawn or read.

The first frame comes before everything else that takes time: config, model and store are looked at behind it, while
the worker process starts. What is wrong with them ends the interface again, with the error on the normal screen.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from modechat.cli.ground import Heard, asked
from modechat.cli.look import check_look, first_look, remember_theme
from modechat.cli.streams import can_repaint
from modechat.engine.process import spawn_worker
from modechat.paths import config_file
from modechat.tui.look import usual_theme

if TYPE_CHECKING:
    from modechat.tui.app import Backstage


def chat(arguments: argparse.Namespace) -> int:
    """Returns the exit code. Raises ModechatError."""
    if arguments.plain or not can_repaint(os.environ, sys.stdin, sys.stdout):
        from modechat.cli.plain import plain_chat

        return plain_chat(arguments)
    if sys.__stderr__ is None or not sys.__stderr__.isatty():
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc] # where Textual draws; standard error goes elsewhere
    if os.environ.get("NO_COLOR") == "":
        del os.environ["NO_COLOR"]  # empty counts as not set, by the convention of no-color.org
    worker = None if arguments.demo else spawn_worker()
    with contextlib.ExitStack() as stack:
        gc.disable()  # what is imported for the first frame stays: looking for garbage in it takes time
        look = first_look(os.environ)
        question = stack.enter_context(asked(os.environ)) if look.follows_background else None
        from modechat.tui.app import ModechatApp

        heard = question.settle() if question is not None else Heard()
        if heard.is_light is not None:
            look = replace(
                look, theme=usual_theme(os.environ, heard.is_light), follows_background=False
            )
        app = ModechatApp(
            lambda: _prepare(arguments, worker, stack),
            look,
            remember_theme=remember_theme,
            typed_before=heard.typed,
            terminal_before=heard.terminal,
        )
        error = app.run(mouse=not arguments.no_mouse)
    if error is not None:
        raise error
    return app.return_code or 0


def _prepare(
    arguments: argparse.Namespace,
    worker: subprocess.Popen[bytes] | None,
    stack: contextlib.ExitStack,
) -> Backstage:
    """Everything behind the screen. What must be closed at the end goes on `stack`. Raises ModechatError."""
    gc.freeze()  # the frame is out
    gc.enable()
    from modechat.cli.backstage import open_backstage
    from modechat.config import load_config
    from modechat.tui.app import Backstage

    config = load_config(config_file())
    check_look(config)
    behind = open_backstage(arguments, config, worker, stack, can_choose=True)
    return Backstage(
        behind.engine, behind.store, behind.settings, resume=behind.resume, troubles=behind.troubles
    )

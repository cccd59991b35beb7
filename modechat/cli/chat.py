"""`modechat`: the terminal interface, or the plain front end if no screen can be drawn or read.

The first frame comes before all slow work: config, model and store are read after it, while the
worker process starts. An error in them ends the interface and is printed on the normal screen.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from modechat.cli.ground import Heard, asked
from modechat.cli.look import check_look, first_look, remember_theme
from modechat.cli.streams import can_repaint
from modechat.engine.process import spawn_worker
from modechat.paths import config_file
from modechat.tui.look import has_all_colours, usual_theme

if TYPE_CHECKING:
    from modechat.session.chat_setup import ChatSetup


def chat(arguments: argparse.Namespace) -> int:
    """Run the chat and return the exit code. Raises ModechatError."""
    if arguments.plain or not can_repaint(os.environ, sys.stdin, sys.stdout):
        from modechat.cli.plain import plain_chat

        return plain_chat(arguments)
    if sys.__stderr__ is None or not sys.__stderr__.isatty():
        # Textual draws on it. The program's own standard error stays unchanged.
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc]
    if os.environ.get("NO_COLOR") == "":
        del os.environ["NO_COLOR"]  # empty counts as not set, by the convention of no-color.org
    if has_all_colours(os.environ):
        os.environ["COLORTERM"] = "truecolor"  # Rich knows few names of terminals
    worker = None if arguments.demo else spawn_worker()
    with contextlib.ExitStack() as stack:
        gc.disable()  # the first frame's imports are no garbage, and a search takes time
        look = first_look(os.environ)
        question = None
        if look.follows_background:
            question = stack.enter_context(asked(os.environ))
        from modechat.tui.app import ModechatApp

        heard = Heard()
        if question is not None:
            heard = question.settle()
        if heard.is_light is not None:
            theme = usual_theme(os.environ, heard.is_light)
            look = replace(look, theme=theme, follows_background=False)
        app = ModechatApp(
            partial(_prepare, arguments, worker, stack),
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
) -> ChatSetup:
    """Open the parts that the screen needs after its first frame.

    `stack` gets everything that must be closed at the end. Raises ModechatError.
    """
    gc.freeze()  # the first frame is shown
    gc.enable()
    from modechat.cli.open_chat import open_chat
    from modechat.config import load_config

    config = load_config(config_file())
    check_look(config)
    return open_chat(arguments, config, worker, stack, can_choose=True)

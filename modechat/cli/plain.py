"""`modechat --plain`: the chat as lines, also used if no screen can be drawn or read."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
from typing import TextIO

from modechat.cli.streams import standard_output
from modechat.engine.process import spawn_worker
from modechat.errors import UsageError


def plain_chat(arguments: argparse.Namespace) -> int:
    """Run the chat and return the exit code. Raises ModechatError."""
    if sys.stdin is None:
        raise UsageError("Standard input is closed", "Messages come from there.")
    out = standard_output("Replies go there.")
    worker = None
    if not arguments.demo:
        worker = spawn_worker()  # starts while this process imports the rest
    with contextlib.ExitStack() as stack:
        return asyncio.run(_chat(arguments, worker, stack, sys.stdin, out))


async def _chat(
    arguments: argparse.Namespace,
    worker: subprocess.Popen[bytes] | None,
    stack: contextlib.ExitStack,
    stdin: TextIO,
    stdout: TextIO,
) -> int:
    from modechat.cli.open_chat import open_chat
    from modechat.config import load_config
    from modechat.paths import config_file
    from modechat.plain.front import PlainChat

    setup = open_chat(arguments, load_config(config_file()), worker, stack)
    chat = PlainChat(
        setup.engine, setup.store, setup.settings, stdin=stdin, stdout=stdout, stderr=sys.stderr
    )
    return await chat.run(resume=setup.resume, troubles=setup.troubles)

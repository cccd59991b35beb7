"""Another program to write a message in: what $VISUAL or $EDITOR names.

The program goes on behind it: replies are written and saved, and nothing is painted over the editor.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from modechat.domain.decoding import NotText, decode_text
from modechat.domain.modes import Incomplete

_USUAL = ("notepad",) if sys.platform == "win32" else ("sensible-editor", "nano", "vi")
_SUFFIX = ".md"


async def edit(app: App[Any], text: str) -> str | Incomplete:
    """The text as the user left it in the editor; or why there is none."""
    command = editor_command(os.environ)
    if not command:
        return Incomplete("There is no editor: set $VISUAL or $EDITOR.")
    try:
        with _private_file(text) as path:
            return await _run(app, [*command, str(path)]) or _read(path)
    except OSError as error:
        return Incomplete(f"The editor {command[0]} cannot be used: {error.strerror or error}.")


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """The editor and its options; empty if there is none."""
    for name in ("VISUAL", "EDITOR"):
        with contextlib.suppress(ValueError):  # an open quote
            if words := shlex.split(environment.get(name, "")):
                return words
    return next(([name] for name in _USUAL if shutil.which(name)), [])


async def _run(app: App[Any], command: list[str]) -> Incomplete | None:
    """Run the editor in the terminal; why its text does not count."""
    try:
        with app.batch_update(), _without_interrupts(), app.suspend():
            done = await asyncio.to_thread(subprocess.run, command, check=False)
    except SuspendNotSupported:
        return Incomplete("An editor cannot be opened in this terminal.")
    app.refresh(repaint=True, layout=True)
    if done.returncode != 0:
        return Incomplete(f"The editor {command[0]} ended with the code {done.returncode}; the text is as it was.")
    return None


def _read(path: Path) -> str | Incomplete:
    try:
        return decode_text(path.read_bytes()).removesuffix("\n")
    except NotText as problem:
        return Incomplete(f"What the editor wrote {problem.reason}; the text is as it was.")


@contextlib.contextmanager
def _private_file(text: str) -> Iterator[Path]:
    """A file that only the user can read, in a folder of its own, where editors may leave copies meanwhile."""
    with tempfile.TemporaryDirectory(prefix="modechat-") as folder:
        path = Path(folder) / f"message{_SUFFIX}"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8", errors="replace")
        yield path


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ctrl+C in the editor is for the editor. (A handler, unlike SIG_IGN, is not inherited by it.)"""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

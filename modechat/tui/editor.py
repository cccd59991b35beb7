"""Runs the user's editor ($VISUAL or $EDITOR) to write a message in.

modechat goes on behind it: replies are written and saved, and nothing is painted over the editor.
If modechat must leave, it ends the editor, and takes the text that the user saved. The file is in a
folder of modechat's own; files of killed programs are removed there at the next start.
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
from typing import Any, ClassVar

from textual.app import App, SuspendNotSupported

from modechat.domain.decoding import NotText, decode_text
from modechat.domain.modes import Incomplete
from modechat.paths import editing_folder
from modechat.private_files import private_folder, write_private

_USUAL = ("notepad",) if sys.platform == "win32" else ("sensible-editor", "nano", "vi")
_SUFFIX = ".md"
_SECONDS_TO_END = 1.0


async def edit(app: App[Any], text: str) -> str | Incomplete:
    """Return the text as the user left it in the editor, or the reason why there is none."""
    command = editor_command(os.environ)
    if not command:
        return Incomplete("There is no editor: set $VISUAL or $EDITOR.")
    try:
        with _private_file(text) as path:
            return await _run(app, [*command, str(path)]) or _read(path)
    except OSError as error:
        return Incomplete(f"The editor {command[0]} cannot be used: {error.strerror or error}.")
    finally:
        if _Editor.running is not None:
            _Editor.running.is_done.set()
            _Editor.running = None


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """Return the editor and its options; empty if there is no editor."""
    for name in ("VISUAL", "EDITOR"):
        with contextlib.suppress(ValueError):  # an open quote
            if words := shlex.split(environment.get(name, "")):
                return words
    for name in _USUAL:
        if shutil.which(name):
            return [name]
    return []


async def _run(app: App[Any], command: list[str]) -> Incomplete | None:
    """Run the editor in the terminal. Return the reason if its text does not count, else None."""
    try:
        with app.batch_update(), _without_interrupts(), app.suspend():
            editor = _Editor.running = _Editor(command)
            code = await asyncio.to_thread(editor.process.wait)
    except SuspendNotSupported:
        return Incomplete("An editor cannot be opened in this terminal.")
    app.refresh(repaint=True, layout=True)
    if code != 0 and not editor.was_ended:
        return Incomplete(
            f"The editor {command[0]} ended with the code {code}; the text is as it was."
        )
    return None


class _Editor:
    """The program that has the terminal; there is one at a time."""

    running: ClassVar[_Editor | None] = None

    def __init__(self, command: list[str]) -> None:
        """Start the program. Raise OSError if that fails."""
        self.process = subprocess.Popen(command)
        self.was_ended = False
        self.is_done = asyncio.Event()
        """Set when the text has been read back."""

    def end(self) -> None:
        """End the program within a few seconds, with its children.

        The editor may be a child: a script may have started it.
        """
        import psutil  # imported late: few need it

        self.was_ended = True
        try:
            editor = psutil.Process(self.process.pid)
            processes = [editor, *editor.children(recursive=True)]
        except psutil.Error:
            return  # it has already ended
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        _, alive = psutil.wait_procs(processes, timeout=_SECONDS_TO_END)
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()


async def end_editor() -> None:
    """End the editor if one runs, and wait until its saved text has been read back."""
    if (editor := _Editor.running) is not None:
        await asyncio.to_thread(editor.end)
        await editor.is_done.wait()


def _read(path: Path) -> str | Incomplete:
    try:
        return decode_text(path.read_bytes()).removesuffix("\n")
    except NotText as problem:
        return Incomplete(f"What the editor wrote {problem.reason}; the text is as it was.")


@contextlib.contextmanager
def _private_file(text: str) -> Iterator[Path]:
    """Make a file that only the user can read, in a folder of its own for the editor's copies."""
    parent = private_folder(editing_folder())
    with tempfile.TemporaryDirectory(
        prefix=f"{os.getpid()}-", dir=parent, ignore_cleanup_errors=True
    ) as folder:
        path = Path(folder) / f"message{_SUFFIX}"
        write_private(path, text.encode("utf-8", "replace").decode())
        yield path


def remove_left_files() -> None:
    """Remove the files of programs that were killed while an editor was open."""
    parent = editing_folder()
    if parent.is_symlink() or not parent.is_dir():
        return
    for folder in parent.iterdir():
        number, _, _ = folder.name.partition("-")
        if number.isdecimal() and not _is_used(folder, int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_used(folder: Path, process_id: int) -> bool:
    """Return True if the process that made the folder still runs.

    A newer process with the same number does not count.
    """
    import psutil

    try:
        return psutil.Process(process_id).create_time() <= folder.stat().st_mtime
    except (psutil.Error, OSError, OverflowError):
        return False


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Leave Ctrl+C to the editor.

    A handler does this: the editor would inherit SIG_IGN.
    """
    before = signal.signal(signal.SIGINT, _ignore)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing, as a handler of signals."""

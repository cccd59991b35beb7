"""Copies text for other programs, through the terminal (OSC 52) or a program of the system.

A terminal never answers whether it took a text, so the result says only what may have worked. Over
SSH only the terminal is used: programs would fill the clipboard of the wrong machine.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LONGEST = 100_000
"""Bytes of base64 that are sent to a terminal at most; many terminals cut or ignore more."""
_SCREEN_CHUNK = 512  # bytes; GNU screen takes strings of at most 768
_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class CopyResult:
    """The result of a copy; `str` of it is the message for the user."""

    program: str = ""
    """The program that took the text, if one did."""
    was_sent: bool = False
    """True if the text was sent to a terminal that may take it."""
    reason: str = ""
    """The reason why nothing can have worked."""

    def __str__(self) -> str:
        if self.program:
            return f"Copied ({self.program})."
        if self.was_sent:
            return "Sent to the terminal's clipboard."
        return f"Nothing here takes a copy: {self.reason}."


@dataclass(frozen=True, slots=True)
class _Program:
    command: tuple[str, ...]
    encoding: str = "utf-8"

    @property
    def name(self) -> str:
        return self.command[0]


class Clipboard:
    def __init__(
        self, write: Callable[[str], None], env: Mapping[str, str], platform: str = sys.platform
    ) -> None:
        """Copy with `write`, which sends sequences to the terminal, and with programs of `env`."""
        self._write = write
        self._env = env
        self._platform = platform

    async def copy(self, text: str) -> CopyResult:
        """Copy `text`, in a few seconds at most."""
        sequence = osc52(text, self._env)
        if sequence:
            self._write(sequence)
        names: list[str] = []
        for program in self._programs():
            names.append(program.name)
            path = shutil.which(program.name, path=self._env.get("PATH"))
            if path is not None and await self._run(path, program, text):
                return CopyResult(program=program.name)
        refusal = self._refusal(sequence)
        if not refusal:
            return CopyResult(was_sent=True)
        if names:
            refusal += f", and {' and '.join(names)} did not take it either"
        return CopyResult(reason=refusal)

    def _programs(self) -> list[_Program]:
        """Return the programs that fit this environment, the likeliest first."""
        env = self._env
        programs = []
        if "TMUX" in env:
            # tmux passes the text on to its terminal.
            programs.append(_Program(("tmux", "load-buffer", "-w", "-")))
        if "SSH_CONNECTION" in env or "SSH_TTY" in env or "SSH_CLIENT" in env:
            return programs
        local = []
        if self._platform == "darwin":
            local.append(_Program(("pbcopy",)))
        if self._platform == "win32" or "WSL_DISTRO_NAME" in env or "WSL_INTEROP" in env:
            local.append(_Program(("clip.exe",), "utf-16"))
        if "WAYLAND_DISPLAY" in env:
            local.append(_Program(("wl-copy",)))
        if "DISPLAY" in env:
            local.append(_Program(("xclip", "-selection", "clipboard", "-in")))
            local.append(_Program(("xsel", "--clipboard", "--input")))
        if "TERMUX_VERSION" in env:
            local.append(_Program(("termux-clipboard-set",)))
        return [*local, *programs]

    async def _run(self, path: str, program: _Program, text: str) -> bool:
        # Some programs stay behind to serve the clipboard, and would keep our standard streams
        # open.
        nowhere = asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                path,
                *program.command[1:],
                stdin=asyncio.subprocess.PIPE,
                stdout=nowhere,
                stderr=nowhere,
                env=dict(self._env),
                start_new_session=True,
            )
        except OSError:
            return False
        try:
            await asyncio.wait_for(
                process.communicate(text.encode(program.encoding, "replace")), _SECONDS
            )
        except (OSError, TimeoutError):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            return False
        return process.returncode == 0

    def _refusal(self, sequence: str) -> str:
        """Return why the terminal cannot have taken the text; empty if it may have."""
        env = self._env
        if not sequence:
            return "it is longer than terminals take"
        if "TMUX" in env or "STY" in env:
            return ""
        if env.get("TERM") == "linux":
            return "the console has no clipboard"
        if env.get("TERM_PROGRAM") == "Apple_Terminal" or "VTE_VERSION" in env:
            return "this terminal lets no program write to its clipboard"
        return ""


def osc52(text: str, env: Mapping[str, str]) -> str:
    """Return the sequence that asks a terminal to copy `text`; empty if it would be too long.

    It is wrapped for tmux or GNU screen. Sources: xterm's control sequences, “Operating System
    Commands”, 52; tmux and screen pass on the contents of a DCS string.
    """
    data = base64.b64encode(text.encode("utf-8", "replace")).decode()
    if len(data) > LONGEST:
        return ""
    sequence = f"\x1b]52;c;{data}\x07"
    if "TMUX" in env:
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if "STY" in env:
        wrapped = ""
        for start in range(0, len(sequence), _SCREEN_CHUNK):
            wrapped += f"\x1bP{sequence[start : start + _SCREEN_CHUNK]}\x1b\\"
        return wrapped
    return sequence

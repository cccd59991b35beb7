"""The plain front end with the scripted engine, on a real pty or real pipes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from modechat.engine.scripted import Pace, Script, ScriptedEngine, at_once
from modechat.errors import ModechatError
from modechat.plain.front import PlainChat
from modechat.session.settings import SessionSettings
from modechat.store import Store
from tests.session.harness import Clock, echo, settings

_SECONDS = 20


@dataclass
class Chat:
    """What a user of the front end types and reads."""

    engine: ScriptedEngine
    typing: int
    """The file descriptor of what is typed."""
    written: dict[str, bytearray] = field(
        default_factory=lambda: {"out": bytearray(), "err": bytearray()}
    )
    ending: asyncio.Task[int] | None = None

    @property
    def out(self) -> str:
        return self.written["out"].decode(errors="replace").replace("\r\n", "\n")

    @property
    def err(self) -> str:
        return self.written["err"].decode(errors="replace")

    def type(self, text: str | bytes) -> None:
        os.write(self.typing, text.encode() if isinstance(text, str) else text)

    async def sees(self, text: str, *, after: int = 0) -> None:
        """Wait until `text` was written, not counting the first `after` characters."""
        try:
            await self.until(lambda: text in self.out[after:])
        except TimeoutError:
            raise AssertionError(f"{text!r} was not written:\n{self.out}\n{self.err}") from None

    async def asks(self, text: str, prompt: str = "You (chat): ") -> str:
        """Type `text` and Enter, and wait for the next prompt. What came between."""
        before = len(self.out)
        self.type(f"{text}\n")
        await self.until(lambda: self.out[before:].endswith(f"\n{prompt}"))
        return self.out[before:].partition("\n")[2].removesuffix(prompt)

    async def until(self, condition: Callable[[], bool]) -> None:
        async def wait() -> None:
            while not condition():
                if self.ending is not None and self.ending.done():
                    await asyncio.sleep(0.2)  # what was written last is still being read
                    assert condition(), f"it has ended:\n{self.out}\n{self.err}"
                await asyncio.sleep(0.005)

        await asyncio.wait_for(wait(), _SECONDS)

    async def ended(self) -> int:
        """The exit code, once it has ended."""
        assert self.ending is not None
        return await asyncio.wait_for(self.ending, _SECONDS)


@asynccontextmanager
async def on_terminal(
    folder: Path,
    script: Script = echo,
    *,
    pace: Pace = at_once,
    resume: bool = True,
    chat_settings: SessionSettings | None = None,
    troubles: tuple[ModechatError, ...] = (),
) -> AsyncIterator[Chat]:
    """A user types in a terminal; it has asked for the first message."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "r+b", buffering=0) as raw, contextlib.ExitStack() as stack:
        stdin = stack.enter_context(open(raw.fileno(), encoding="utf-8", closefd=False))
        stdout = stack.enter_context(open(raw.fileno(), "w", encoding="utf-8", closefd=False))
        chat = Chat(ScriptedEngine(script, pace), ours)
        _collect(ours, chat.written["out"])
        plain = PlainChat(
            chat.engine,
            Store.open(folder, Clock()),
            chat_settings or settings(),
            stdin=stdin,
            stdout=stdout,
            stderr=stdout,
        )
        chat.ending = asyncio.create_task(plain.run(resume=resume, troubles=troubles))
        await chat.until(lambda: chat.out.endswith(("): ", "more: ")))
        try:
            yield chat
        finally:
            if not chat.ending.done():
                tty.setcbreak(ours)  # from now on Ctrl+D is not looked at
                plain.shutdown.request()
                await chat.ended()


async def in_pipe(
    folder: Path,
    typed: str | bytes,
    script: Script = echo,
    *,
    chat_settings: SessionSettings | None = None,
    resume: bool = True,
) -> tuple[int, str, str]:
    """Pipe this in: the exit code, standard output and standard error. Raises what the front end
    raises.
    """
    read_in, write_in = os.pipe()
    read_out, write_out = os.pipe()
    read_err, write_err = os.pipe()
    chat = Chat(ScriptedEngine(script), write_in)
    threads = [_collect(read_out, chat.written["out"]), _collect(read_err, chat.written["err"])]
    chat.type(typed)
    os.close(write_in)
    with (
        open(read_in, encoding="utf-8") as stdin,  # noqa: PTH123
        open(write_out, "w", encoding="utf-8") as stdout,  # noqa: PTH123
        open(write_err, "w", encoding="utf-8") as stderr,  # noqa: PTH123
    ):
        plain = PlainChat(
            chat.engine,
            Store.open(folder, Clock()),
            chat_settings or settings(),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )
        code = await asyncio.wait_for(plain.run(resume=resume), _SECONDS)
    for thread in threads:
        thread.join()
    return code, chat.out, chat.err


def _collect(file: int, into: bytearray) -> threading.Thread:
    def read() -> None:
        with contextlib.suppress(OSError):
            while data := os.read(file, 1 << 16):
                into.extend(data)
        os.close(file)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread

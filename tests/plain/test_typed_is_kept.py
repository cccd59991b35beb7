"""The plain front end keeps what is typed as the screen does: files, refusals, what was sent, and
drafts.
"""

from __future__ import annotations

import asyncio
import io
import os
import signal
from pathlib import Path
from typing import TextIO, cast

import pytest

from modechat.domain.typed import Typed
from modechat.plain.line_reader import LineReader, Lines, Read
from modechat.plain.view import PlainView
from modechat.plain.writer import Writer
from modechat.session.prompt_views import PromptViews
from modechat.store import Store
from tests.plain.harness import in_pipe, on_terminal
from tests.session.harness import Clock, Gate


def draft(folder: Path, conversation_id: int | None) -> Typed:
    store = Store.open(folder, Clock())
    try:
        return store.inputs.draft(conversation_id)
    finally:
        store.close()


def sent(folder: Path) -> list[str]:
    store = Store.open(folder, Clock())
    try:
        return [typed.text for typed in store.inputs.sent()]
    finally:
        store.close()


@pytest.mark.parametrize("words", ["Shorten @notes.txt", "/prompt Shorten @notes.txt"])
async def test_a_mentioned_file_is_attached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    (tmp_path / "notes.txt").write_text("buy milk")
    monkeypatch.chdir(tmp_path)
    async with on_terminal(tmp_path) as chat:
        assert "buy milk" in await chat.asks(words)


async def test_what_is_too_long_is_refused(tmp_path: Path) -> None:
    code, out, err = await in_pipe(tmp_path, f"{'word ' * 9_000}\nhello\n")
    assert "This is too long: " in err
    assert "Model: You said: hello" in out
    assert code != 0


@pytest.mark.parametrize("stop", ["/stop", "Ctrl+C"])
async def test_a_long_message_that_waits_for_the_engine_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    asked = asyncio.Event()

    async def never(*_arguments: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(PromptViews, "alone", never)
    async with on_terminal(tmp_path) as chat:
        await chat.asks("hello")
        for _ in range(6):  # a terminal takes 4,095 bytes of a line
            chat.type(f"{'word ' * 700}\\\n")
            await asyncio.sleep(0.1)  # lines that come at once would be a paste
        chat.type("end\n")
        await asyncio.wait_for(asked.wait(), 10)
        if stop == "/stop":
            chat.type("/stop\n")
        else:
            os.kill(os.getpid(), signal.SIGINT)
        await chat.sees("Stopped: nothing was sent.")


async def test_what_was_sent_is_kept_and_can_be_sent_again(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        await chat.asks("one")
        await chat.asks("two")
        await chat.asks("/format nothing")  # it is refused, and not kept
        listed = await chat.asks("/history")
        assert listed.startswith("2: one\n1: two\n")
        assert "/history takes a number" in await chat.asks("/history 9")
        chat.type("/history 2\n")
        await chat.sees("modechat: Sent before: one")
        await chat.until(lambda: chat.out.endswith("more: "))
        assert await chat.asks("") == "Model: You said: one\n"
    assert sent(tmp_path) == ["one", "two", "one"]


async def test_what_is_piped_in_is_no_history_and_leaves_drafts_alone(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        await chat.asks("typed")
        chat.type("half a message\\\n")
        await chat.sees("more: ")
        await chat.until(lambda: draft(tmp_path, 1) == Typed("half a message"))
    await in_pipe(tmp_path, "piped\n")
    assert sent(tmp_path) == ["typed"]
    assert draft(tmp_path, 1) == Typed("half a message")


async def test_what_was_not_sent_begins_the_next_message(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        await chat.asks("one")
        chat.type("a message that goes on\\\n")
        await chat.sees("more: ")
    assert draft(tmp_path, 1) == Typed("a message that goes on")
    async with on_terminal(tmp_path) as chat:
        await chat.sees("modechat: Not sent yet: a message that goes on")
        assert await chat.asks("and ends") == "Model: You said: a message that goes on\nand ends\n"
        await chat.until(lambda: not draft(tmp_path, 1))


async def test_a_command_acts_while_a_draft_is_shown(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        await chat.asks("one")
        chat.type("/history 1\n")
        await chat.until(lambda: chat.out.endswith("more: "))
        chat.type("/mode\n")
        await chat.sees("instruct")
        await chat.until(lambda: chat.out.endswith("more: "))
        chat.type("/quit\n")
        await chat.ended()
    assert draft(tmp_path, 1) == Typed("one")
    assert sent(tmp_path) == ["/mode", "one"]


async def test_a_draft_can_be_dropped(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        await chat.asks("one")
        chat.type("not this\\\n")
        await chat.sees("more: ")
    async with on_terminal(tmp_path) as chat:
        await chat.sees("Ctrl+C drops it.")
        os.kill(os.getpid(), signal.SIGINT)
        await chat.sees("What was typed is dropped.")
        assert await chat.asks("this") == "Model: You said: this\n"
    assert draft(tmp_path, 1) == Typed()


async def test_what_waits_for_a_reply_is_in_the_draft(tmp_path: Path) -> None:
    gate = Gate()
    async with on_terminal(tmp_path, pace=gate) as chat:
        chat.type("one\n")
        await chat.until(lambda: sent(tmp_path) == ["one"])
        chat.type("two\n")
        await chat.until(lambda: draft(tmp_path, 1) == Typed("two"))
        gate.open()
        await chat.sees("Model: You said: two")
        await chat.until(lambda: not draft(tmp_path, 1))


async def test_a_front_end_whose_view_fails_ends_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_arguments: object) -> None:
        raise ZeroDivisionError("drawing")

    monkeypatch.setattr(PlainView, "_end", fails)
    with pytest.raises(ZeroDivisionError):
        await in_pipe(tmp_path, "one\ntwo\n")


class Console(io.RawIOBase):
    """A console of Windows: its file descriptor gives bytes of a code page, Python's raw stream
    gives UTF-8.
    """

    def __init__(self, typed: str = "") -> None:
        self._typed = typed.encode()
        self.written = b""

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError("bytes of the code page")

    def readinto(self, buffer: object) -> int:
        data, self._typed = self._typed, b""
        memoryview(cast(bytearray, buffer))[: len(data)] = data
        return len(data)

    def write(self, data: object) -> int:
        some = bytes(memoryview(cast(bytes, data)))[:3]  # consoles take as much as they like
        self.written += some
        return len(some)


class Stream:
    """The text stream of a console."""

    encoding = "utf-8"

    def __init__(self, console: Console) -> None:
        self.buffer = self
        self.raw = console


async def test_a_console_is_read_and_written_as_utf8_by_its_raw_stream() -> None:
    console = Console("Grüße, 世界\n")
    stream = cast(TextIO, Stream(console))
    read: asyncio.Queue[Read] = asyncio.Queue()
    LineReader(stream, read.put_nowait, is_terminal=True).start()
    assert await asyncio.wait_for(read.get(), 5) == Lines(("Grüße, 世界",))
    writer = Writer(stream, lambda error: pytest.fail(str(error)))
    writer.put(stream, "Schöne Grüße\n")
    await writer.drained()
    assert console.written.decode() == "Schöne Grüße\n"

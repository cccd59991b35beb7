"""Messages that are submitted before there is a session to send them to."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from modechat.commands.dispatch import Dispatcher, Work, begin_new_conversation
from modechat.commands.outbox import Outbox
from modechat.commands.unsent import Message
from modechat.domain.mode import Mode
from modechat.domain.modes import Incomplete
from modechat.domain.typed import Typed, joined
from modechat.errors import ModechatError
from modechat.session.chat_session import ChatSession
from tests.session.fake_files import with_files
from tests.session.harness import Gate, Harness, opened_session, settings


class Prompt:
    """A front end that only remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.queued: tuple[Typed, ...] = ()
        self.given_back: list[str] = []
        self.text = Typed()

    def say(self, text: str) -> None:
        self.said.append(text)

    async def show_error(self, error: ModechatError) -> None:
        raise error

    def show_queued(self, queued: tuple[Typed, ...]) -> None:
        self.queued = queued

    def give_back(self, message: Message) -> None:
        self.given_back.append(message.typed.text)

    def forget_input(self, _typed: Typed) -> None: ...

    def at_prompt(self) -> Typed:
        return self.text

    def show_draft(self, draft: Typed) -> None:
        self.text = joined([draft, self.text])

    def leave_prompt(self, *, by_command: bool) -> Typed:  # noqa: ARG002
        left, self.text = self.text, Typed()
        return left


async def connect(outbox: Outbox, harness: Harness, prompt: Prompt) -> asyncio.Task[None]:
    await outbox.connect(harness.session, Dispatcher(say=prompt.say))
    return asyncio.create_task(outbox.run())


class Door(Gate):
    """A gate that is open while the model is loaded, and can be shut."""

    def __init__(self) -> None:
        super().__init__()
        self.open()

    def shut(self) -> None:
        self._open.clear()


def opening(name: str) -> Work:
    """The work of opening the conversation of that number, or a new one ("N")."""

    async def open_it(session: ChatSession) -> Incomplete | None:
        return await session.library.open(int(name))

    return begin_new_conversation if name == "N" else open_it


def typed(harness: Harness) -> list[str]:
    conversation = harness.session.conversation
    return [] if conversation is None else [turn.typed for turn in conversation.turns]


async def test_a_message_whose_file_is_read_is_stopped_or_sent_and_never_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_reading, goes_on = threading.Event(), threading.Event()

    def read(_path: Path, _written: str) -> str:
        is_reading.set()
        goes_on.wait(20)
        return "text"

    monkeypatch.setattr("modechat.session.attachments.read_attached", read)
    (tmp_path / "notes.txt").write_text("text")
    prompt = Prompt()
    outbox = Outbox(prompt, tmp_path)
    outbox.submit(Typed("Read @notes.txt"))
    assert prompt.queued == outbox.queued == (Typed("Read @notes.txt"),)
    async with opened_session(tmp_path / "data") as harness:
        running = await connect(outbox, harness, prompt)
        await harness.until(is_reading.is_set)
        taken = outbox.take_back()
        await outbox.stop()
        goes_on.set()
        await outbox.finish()
        assert [*taken, *prompt.given_back] == ["Read @notes.txt"]
        assert typed(harness) == []
        running.cancel()


async def test_the_end_waits_for_no_file_that_hangs_and_keeps_its_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    threads: list[threading.Thread] = []

    def hang(*_arguments: object) -> str:
        threads.append(threading.current_thread())
        goes_on.wait(20)
        return ""

    monkeypatch.setattr("modechat.commands.outbox.SECONDS_TO_FINISH", 0.05)
    monkeypatch.setattr("modechat.session.attachments.read_attached", hang)
    (tmp_path / "notes.txt").write_text("text")
    prompt = Prompt()
    outbox = Outbox(prompt, tmp_path)
    files = with_files(settings(), settings_for=hang, read_adapter=hang)
    async with opened_session(tmp_path / "data", session_settings=files) as harness:
        running = await connect(outbox, harness, prompt)
        for text in ("/model /dead/x.gguf", "/lora /dead/x.gguf", "Read @notes.txt"):
            outbox.submit(Typed(text))
        await asyncio.wait_for(outbox.finish(), 20)
        assert prompt.given_back == ["/model /dead/x.gguf", "/lora /dead/x.gguf", "Read @notes.txt"]
        running.cancel()
    goes_on.set()
    assert len(threads) == 2
    assert all(thread.daemon for thread in threads)


async def test_what_follows_a_command_of_before_goes_where_the_command_led(tmp_path: Path) -> None:
    prompt = Prompt()
    outbox = Outbox(prompt, tmp_path)
    outbox.submit(Typed("/new"))
    outbox.submit(Typed("Hello"))
    async with opened_session(tmp_path / "data", watch=outbox.receive) as harness:
        await harness.say("Earlier")
        running = await connect(outbox, harness, prompt)
        await outbox.finish()
        assert typed(harness) == ["Hello"]
        running.cancel()


@pytest.mark.parametrize("openings", ["NNN", "1N", "12N", "NN"])
async def test_no_conversation_that_is_left_at_once_keeps_a_message_from_being_sent(
    tmp_path: Path, openings: str
) -> None:
    prompt = Prompt()
    outbox = Outbox(prompt, tmp_path)
    async with opened_session(tmp_path / "data", watch=outbox.receive) as harness:
        running = await connect(outbox, harness, prompt)
        for text in ("one", "/new", "two"):
            outbox.submit(Typed(text))
        await outbox.finish()
        await harness.ready()
        for name in openings:
            outbox.put(opening(name))
        outbox.submit(Typed("Hello"))
        await asyncio.wait_for(outbox.finish(), 20)
        assert typed(harness) == ["Hello"]
        await harness.ready()
        running.cancel()


async def test_a_conversation_that_is_left_before_its_draft_is_shown_keeps_it(
    tmp_path: Path,
) -> None:
    prompt = Prompt()
    outbox = Outbox(prompt, tmp_path)
    async with opened_session(tmp_path / "data", watch=outbox.receive) as harness:
        running = await connect(outbox, harness, prompt)
        for text in ("one", "/new", "two"):
            outbox.submit(Typed(text))
        await outbox.finish()
        await harness.ready()
        inputs = harness.session.inputs
        await inputs.save_draft(1, Typed("of the first"))
        await inputs.save_draft(None, Typed("of a new one"))
        for name in "1N2":
            outbox.put(opening(name))
        await outbox.finish()
        assert await inputs.draft(1) == Typed("of the first")
        assert await inputs.draft(None) == Typed("of a new one")
        running.cancel()


async def test_the_end_waits_for_no_step_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modechat.commands.outbox.SECONDS_TO_FINISH", 0.05)
    prompt = Prompt()
    outbox = Outbox(prompt, tmp_path)

    async def hang(_session: ChatSession) -> None:
        await asyncio.Event().wait()

    async with opened_session(tmp_path / "data", watch=outbox.receive) as harness:
        running = await connect(outbox, harness, prompt)
        outbox.put(hang)
        outbox.submit(Typed("Hello"))
        await asyncio.wait_for(outbox.finish(), 20)
        assert await harness.session.inputs.draft(harness.session.conversation_id) == Typed("Hello")
        running.cancel()


LONG = "word " * 100_000


@pytest.mark.parametrize(
    ("second", "sent", "given_back"),
    [("two", ["one", "two", "three"], []), (LONG, ["one", "three"], [LONG])],
    ids=["overtaken by none", "refused"],
)
async def test_a_message_that_waits_for_a_reply_goes_before_later_ones_or_makes_way(
    tmp_path: Path, second: str, sent: list[str], given_back: list[str]
) -> None:
    door, goes_on = Door(), asyncio.Event()
    prompt = Prompt()
    outbox = Outbox(prompt, tmp_path)

    async def work(_session: ChatSession) -> None:
        await goes_on.wait()

    async with opened_session(tmp_path / "data", pace=door, watch=outbox.receive) as harness:
        running = await connect(outbox, harness, prompt)
        door.shut()
        outbox.submit(Typed("one"))
        await harness.until(lambda: harness.session.is_busy)
        outbox.submit(Typed(second))
        await harness.until(lambda: outbox.queued != ())
        outbox.put(work)
        outbox.submit(Typed("three"))
        door.open()
        await harness.ready()
        goes_on.set()
        await harness.until(lambda: len(typed(harness)) == len(sent))
        assert typed(harness) == sent
        assert prompt.given_back == given_back
        await harness.ready()
        running.cancel()


async def test_what_a_key_asks_for_before_there_is_a_session_is_done_in_its_turn(
    tmp_path: Path,
) -> None:
    prompt = Prompt()
    outbox = Outbox(prompt, tmp_path)
    outbox.submit(Typed("/mode"))
    outbox.put(begin_new_conversation)
    outbox.submit(Typed("Hello"))
    async with opened_session(tmp_path / "data", watch=outbox.receive) as harness:
        await harness.say("Earlier")
        running = await connect(outbox, harness, prompt)
        await outbox.finish()
        assert typed(harness) == ["Hello"]
        assert harness.session.state.mode is Mode.CHAT
        await harness.ready()
        running.cancel()

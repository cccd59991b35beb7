"""From the prompt to the session: queued messages, drafts, files."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from textual import events

from modechat.domain.conversation import Turn
from modechat.domain.modes import Task
from modechat.domain.typed import Typed
from modechat.engine.protocol import Generate
from modechat.engine.scripted import ScriptedEngine, at_once, last_user_text
from modechat.session.attachments import FileEntry
from modechat.store import Store
from modechat.tui.app import Backstage, ModechatApp
from modechat.tui.chat_screen import ChatScreen
from tests.session.harness import Clock, Gate, echo, settings
from tests.tui.harness import Screen, running_app
from tests.tui.test_named_tasks import with_tasks


def turns(screen: Screen) -> tuple[Turn, ...]:
    session = screen.app.session
    assert session is not None
    return session.conversation.turns if session.conversation is not None else ()


def typed(screen: Screen) -> list[str]:
    return [turn.typed for turn in turns(screen)]


async def type_and_send(screen: Screen, text: str) -> None:
    await screen.type(text)
    await screen.press("enter")


def stored(folder: Path) -> Store:
    return Store.open(folder, Clock())


# The queue


async def test_messages_wait_for_the_reply_and_are_sent_in_order(tmp_path: Path) -> None:
    gate = Gate()
    async with running_app(tmp_path, pace=gate) as screen:
        await type_and_send(screen, "one")
        await screen.until(lambda: typed(screen) == ["one"])
        await type_and_send(screen, "two [/x]")
        await screen.sees("1 queued: two [/x]")
        await type_and_send(screen, "three")
        await screen.sees("2 queued: two [/x]")
        assert typed(screen) == ["one"]
        gate.open()
        await screen.until(lambda: typed(screen) == ["one", "two [/x]", "three"])
        await screen.settled()
        assert "queued:" not in screen.text
        assert turns(screen)[-1].reply.text == "You said: three"


@pytest.mark.parametrize("key", ["up", "alt+up"])
async def test_what_is_queued_can_be_taken_back(key: str, tmp_path: Path) -> None:
    gate = Gate()
    async with running_app(tmp_path, pace=gate) as screen:
        await type_and_send(screen, "one")
        await screen.until(lambda: typed(screen) == ["one"])
        await type_and_send(screen, "two")
        await screen.sees("1 queued")
        await screen.press(key)
        assert screen.prompt.text == "two"
        gate.open()
        await screen.settled()
        assert typed(screen) == ["one"]
        assert screen.prompt.text == "two"


async def test_stopping_gives_back_what_is_queued(tmp_path: Path) -> None:
    gate = Gate()
    async with running_app(tmp_path, pace=gate) as screen:
        await type_and_send(screen, "one")
        await screen.until(lambda: typed(screen) == ["one"])
        await type_and_send(screen, "two")
        await type_and_send(screen, "three")
        await screen.sees("2 queued")
        await screen.type("four")
        await screen.press("escape")
        gate.open()
        await screen.settled()
        assert typed(screen) == ["one"]
        assert screen.prompt.text == "two\n\nthree\n\nfour"


async def test_a_change_of_mode_is_not_queued(tmp_path: Path) -> None:
    gate = Gate()
    async with running_app(tmp_path, pace=gate) as screen:
        await type_and_send(screen, "one")
        await screen.until(lambda: typed(screen) == ["one"])
        await type_and_send(screen, "### Instruction")
        await screen.sees("Okay, switching to instruct mode")
        gate.open()


# Drafts


async def test_each_conversation_has_its_draft(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("hello")
        await screen.type("of the first")
        await screen.press("ctrl+n")
        await screen.type("of the new one")
        await screen.until(lambda: not turns(screen))
        assert screen.prompt.text == "of the new one"
        await screen.press("ctrl+o")
        await screen.sees("hello")
        await screen.press("enter")
        await screen.until(lambda: screen.prompt.text == "of the first")
        await screen.press("ctrl+n")
        await screen.until(lambda: screen.prompt.text == "of the new one")


async def test_a_draft_is_on_disk_soon_and_comes_back_with_its_tokens(tmp_path: Path) -> None:
    long = "x\n" * 100

    async with running_app(tmp_path) as screen:
        await screen.send("hello")
        await screen.type("see ")
        screen.prompt.area.post_message(events.Paste(long))
        await screen.until(lambda: bool(stored(tmp_path).inputs.draft(1)))
        await screen.until(lambda: stored(tmp_path).inputs.draft(1).text == f"see {long}")
    async with running_app(tmp_path) as screen:
        await screen.until(lambda: screen.prompt.area.text == "see [Pasted text #1 · 100 lines]")
        await screen.press("enter")
        await screen.settled()
        await screen.until(lambda: not stored(tmp_path).inputs.draft(1))


async def test_what_is_queued_is_part_of_the_draft(tmp_path: Path) -> None:
    gate = Gate()
    async with running_app(tmp_path, pace=gate) as screen:
        await type_and_send(screen, "one")
        await screen.until(lambda: typed(screen) == ["one"])
        await type_and_send(screen, "two")
        await screen.type("three")
        await screen.until(lambda: stored(tmp_path).inputs.draft(1).text == "two\n\nthree")
        gate.open()


async def test_a_change_while_the_program_ends_does_no_harm(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        session = screen.app.session
        assert session is not None
        screen.app._session = None  # as when the program ends
        await session.close()
        await screen.type("too late")
        chat = screen.app.screen_stack[0]
        assert isinstance(chat, ChatScreen)
        await chat.composer.outbox.save_draft()
        assert "closed" not in screen.text


# Files


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    (folder / "sub").mkdir(parents=True)
    (folder / "notes.txt").write_text("the notes\n")
    (folder / "my notes.md").write_text("mine ```")
    (folder / "sub" / "deep.py").write_text("pass")
    (folder / "data.bin").write_bytes(b"\x00\x01")
    (folder / ".hidden").write_text("secret")
    (folder / "evil\x1b]0;x\x07[@click=app.quit].txt").write_text("evil")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.usefixtures("work")
async def test_a_file_is_completed_and_its_text_is_sent(tmp_path: Path) -> None:
    async with running_app(tmp_path / "data") as screen:
        await screen.type("see @")
        await screen.sees("notes.txt")
        await screen.sees("10 B")
        assert ".hidden" not in screen.text
        await screen.sees("evil␛]0;x␇[@click=app.quit].txt")
        await screen.type("not")
        await screen.press("tab")
        assert screen.prompt.text == "see @notes.txt "
        await screen.press("enter")
        await screen.settled()
        assert turns(screen)[-1].typed == "see notes.txt\n\nnotes.txt:\n```txt\nthe notes\n```"
        await screen.sees("▸ notes.txt · 10 B")
        folded = screen.text.count("the notes")
        await screen.pilot.click(".request", offset=(4, 2))
        await screen.sees("▾ notes.txt · 10 B")
        assert screen.text.count("the notes") == folded + 1
        await screen.press("up")
        assert screen.prompt.text == "see @notes.txt "


@pytest.mark.usefixtures("work")
async def test_folders_are_gone_into_and_names_with_space_are_quoted(tmp_path: Path) -> None:
    async with running_app(tmp_path / "data") as screen:
        await screen.type("@su")
        await screen.sees("sub/")
        await screen.press("enter")
        await screen.sees("deep.py")
        await screen.press("enter")
        assert screen.prompt.text == "@sub/deep.py "
        await screen.type("@my")
        await screen.sees("my notes.md")
        await screen.press("tab")
        assert screen.prompt.text == '@sub/deep.py @"my notes.md" '
        await screen.type("@.h")
        await screen.sees(".hidden")
        await screen.press("escape")
        await screen.until(lambda: ".hidden" not in screen.text)
        assert screen.prompt.text.endswith("@.h")


@pytest.mark.usefixtures("work")
async def test_what_is_no_text_is_marked_and_refused(tmp_path: Path) -> None:
    async with running_app(tmp_path / "data") as screen:
        await screen.type("@data")
        await screen.sees("binary")
        await screen.press("tab")
        await screen.sees("cannot be attached")
        await screen.press("escape")
        await screen.type(".bin")
        await screen.press("escape", "enter")
        await screen.sees("is not a text")
        assert screen.prompt.text == "@data.bin"
        assert typed(screen) == []


async def test_what_does_not_fit_is_refused_before_it_is_sent_with_both_numbers(
    work: Path, tmp_path: Path
) -> None:
    (work / "big.txt").write_text("word " * 300)

    engine = ScriptedEngine(echo, n_ctx=256)
    async with running_app(tmp_path / "data", engine=engine) as screen:
        await screen.settled()
        await screen.type("see @big.txt ")
        await screen.sees("too long")
        await screen.press("enter")
        await screen.sees("tokens, and the context holds 256")
        assert screen.prompt.text == "see @big.txt "
        assert typed(screen) == []


@pytest.mark.usefixtures("work")
async def test_a_file_that_is_there_is_coloured(tmp_path: Path) -> None:
    async with running_app(tmp_path / "data") as screen:
        await screen.type("@notes.txt, @nobody")
        await screen.until(lambda: screen.prompt.marks_in(0) == [(0, 10, "prompt--file")])


@pytest.mark.usefixtures("work")
async def test_a_task_works_on_a_file(tmp_path: Path) -> None:
    async with running_app(tmp_path / "data", session_settings=with_tasks()) as screen:
        await screen.type("/task summarise @notes.txt")
        await screen.press("escape", "enter")
        await screen.settled()
        request = turns(screen)[-1].request
        assert isinstance(request, Task)
        assert "the notes" in request.input


@pytest.mark.usefixtures("work")
async def test_a_click_completes_as_well(tmp_path: Path) -> None:
    async with running_app(tmp_path / "data") as screen:
        await screen.type("@not")
        await screen.sees("notes.txt    10 B")
        await screen.pilot.click(screen.prompt.completer.list, offset=(3, 0))
        await screen.until(lambda: screen.prompt.text == "@notes.txt ")
        await screen.type("x")
        assert screen.prompt.text == "@notes.txt x"


@pytest.mark.usefixtures("work")
async def test_a_folder_that_hangs_keeps_neither_the_prompt_nor_the_end_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[threading.Thread] = []
    goes_on = threading.Event()

    def hang(_folder: Path) -> tuple[FileEntry, ...]:
        readers.append(threading.current_thread())
        goes_on.wait()
        return ()

    monkeypatch.setattr("modechat.session.attachments.list_folder", hang)
    async with running_app(tmp_path / "data") as screen:
        await screen.type("@not")
        await screen.until(lambda: bool(readers))
        await screen.type("e")
        assert screen.prompt.text == "@note"
        goes_on.set()  # or this test would wait for a thread that is no daemon
    assert all(reader.daemon for reader in readers)


@pytest.mark.usefixtures("work")
async def test_names_of_no_files_and_escaped_ones_are_text(tmp_path: Path) -> None:
    async with running_app(tmp_path / "data") as screen:
        await screen.send("ask @nobody and \\@notes.txt")
        assert typed(screen) == ["ask @nobody and @notes.txt"]


@pytest.mark.usefixtures("work")
async def test_the_inspector_sees_the_files(tmp_path: Path) -> None:
    async with running_app(tmp_path / "data") as screen:
        await screen.settled()
        await screen.type("@notes.txt")
        await screen.press("escape", "f2")
        await screen.sees("the notes")


# Commands


async def test_a_command_is_completed_and_done(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.type("/")
        await screen.sees("/compact")
        await screen.type("thi")
        await screen.press("tab")
        assert screen.prompt.text == "/think "
        await screen.sees("answer at once")
        await screen.type("of")
        await screen.press("enter")
        assert screen.prompt.text == "/think off "
        await screen.press("ctrl+c")
        await screen.type("/hel")
        await screen.press("enter")
        await screen.sees("╭─ Help")


async def test_a_path_that_looks_like_a_command_is_sent(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("/etc/hosts")
        assert typed(screen) == ["/etc/hosts"]


@pytest.mark.usefixtures("work")
async def test_a_model_sees_files_as_the_user_does(tmp_path: Path) -> None:
    seen: list[str] = []

    def script(request: Generate) -> str:
        seen.append(last_user_text(request))
        return "yes"

    async with running_app(tmp_path / "data", script) as screen:
        await screen.type('@"my notes.md"')
        await screen.press("escape", "enter")
        await screen.settled()
        assert seen == ["my notes.md:\n````md\nmine ```\n````"]


async def test_what_is_sent_while_the_conversations_are_being_opened_is_sent_then(
    tmp_path: Path,
) -> None:
    may_begin = threading.Event()

    def prepare() -> Backstage:
        assert may_begin.wait(20)
        return Backstage(ScriptedEngine(echo, at_once), Store.open(tmp_path, Clock()), settings())

    app = ModechatApp(prepare)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = Screen(app, pilot)
        await screen.type("first")
        await screen.press("enter")
        await screen.sees("1 queued: first")
        await screen.type("second")
        await screen.press("enter")
        await screen.sees("2 queued: first")
        await screen.type("third")
        may_begin.set()
        await screen.until(lambda: app.session is not None)
        await screen.until(
            lambda: [view.turn.typed for view in screen.transcript.turns] == ["first", "second"]
        )
        await screen.settled()
        assert screen.prompt.text == "third"
        assert "queued" not in screen.text
        assert app.session is not None
        await app.session.close()


async def test_what_is_typed_while_another_conversation_is_opened_is_its_draft_though_one_leaves_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_read = asyncio.Event()

    async with running_app(tmp_path, size=(100, 30)) as screen:
        await screen.send("whales")
        session = screen.app.session
        assert session is not None
        assert session.conversation is not None
        whales = session.conversation.id
        await screen.type("known before")
        await screen.press("ctrl+n")
        await screen.until(lambda: turns(screen) == ())
        await screen.send("bees")
        assert session.conversation is not None
        bees = session.conversation.id
        read_draft = session.inputs.draft

        async def read_late(conversation_id: int | None) -> Typed:
            await may_read.wait()
            return await read_draft(conversation_id)

        monkeypatch.setattr(session.inputs, "draft", read_late)
        await screen.type("left here")
        await screen.press("ctrl+o")
        await screen.type("whales")
        await screen.press("enter")
        await screen.until(lambda: [turn.typed for turn in turns(screen)] == ["whales"])
        await screen.type("typed meanwhile")
        leaving = asyncio.create_task(screen.app.action_quit())
        await screen.pilot.pause()
        may_read.set()
        await leaving
    store = Store.open(tmp_path, Clock())
    assert store.inputs.draft(whales).text == "known before\n\ntyped meanwhile"
    assert store.inputs.draft(bees).text == "left here"
    store.close()

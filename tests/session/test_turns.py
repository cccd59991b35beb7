"""Turns of both modes through the session: what the model sees, and what is kept."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from modechat.domain.conversation import (
    Conversation,
    ModeChange,
    Reply,
    ReplyState,
    StopReason,
    Turn,
)
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Incomplete, Task
from modechat.domain.own_settings import OwnSettings
from modechat.domain.typed import Typed
from modechat.engine.protocol import Failed, Generate, InstructPrompt
from modechat.errors import ModelError, StoreError
from modechat.session.events import (
    ConversationOpened,
    ModeChangeAdded,
    ModeChanged,
    ReplyGrew,
    Trouble,
    TurnAdded,
    TurnChanged,
    TurnReplaced,
)
from modechat.session.phase import Phase
from modechat.store import ConversationInUse, Store
from tests.session.fake_files import with_files
from tests.session.harness import Clock, Harness, opened_session, running_session, send, settings


async def test_the_main_job(tmp_path: Path) -> None:
    """Chat, `### Instruction`, a task, back to the chat: each sees what it should."""

    async with opened_session(tmp_path) as harness:
        await harness.say("My name is Ada.")
        await harness.say("I like tea.")
        assert await harness.say("### Instruction") is None
        assert harness.session.state == ModeState(Mode.INSTRUCT)
        task = await harness.say("Translate into Spanish: I love you")
        assert task is not None
        assert task.mode is Mode.INSTRUCT
        assert harness.prompt() == ["Translate into Spanish: I love you"]
        assert await harness.say("### Chat") is None
        await harness.say("What is my name?")
        assert harness.prompt() == [
            "My name is Ada.",
            "You said: My name is Ada.",
            "I like tea.",
            "You said: I like tea.",
            "What is my name?",
        ]

    async with opened_session(tmp_path) as harness:
        opened = harness.told(ConversationOpened)[-1].conversation
        assert opened is not None
        assert opened.title == "My name is Ada."
        assert [turn.mode for turn in opened.turns] == [
            Mode.CHAT,
            Mode.CHAT,
            Mode.INSTRUCT,
            Mode.CHAT,
        ]
        assert all(turn.reply.state is ReplyState.COMPLETE for turn in opened.turns)
        assert len(opened.entries) == 6
        await harness.say("And now?")
        assert len(harness.prompt()) == 7


async def test_the_message_is_on_disk_before_the_engine_sees_it(tmp_path: Path) -> None:
    seen: list[tuple[str, ReplyState]] = []

    def look(request: Generate) -> str:
        store = Store.open(tmp_path, Clock())
        conversation = store.conversation(store.latest_id() or 0)
        turn = conversation.last_turn
        assert turn is not None
        assert turn.id == request.id
        seen.append((turn.typed, turn.reply.state))
        store.close()
        return "ok"

    async with opened_session(tmp_path, script=look) as harness:
        await harness.say("Precious words")
    assert seen == [("Precious words", ReplyState.WAITING)]


async def test_one_shot_turns_leave_the_mode_as_it_was(tmp_path: Path) -> None:
    async with opened_session(tmp_path) as harness:
        turn = await harness.say(
            "### Instruction\nSummarise\n### Input\nA long text\n### Response\nIn short:"
        )
        assert turn is not None
        assert turn.request == Task("Summarise", "A long text", "In short:")
        assert harness.session.state == ModeState()
        prompt = harness.requests[-1].prompt
        assert isinstance(prompt, InstructPrompt)
        assert prompt.prefill == "In short:"
        assert turn.reply.text.startswith("In short:")
        await harness.say("### Instruction")
        turn = await harness.say("### Chat hello")
        assert turn is not None
        assert turn.request == ChatMessage("hello")
        assert harness.session.state.mode is Mode.INSTRUCT


async def test_a_standing_instruction_takes_every_message_as_input_until_it_ends(
    tmp_path: Path,
) -> None:
    async with opened_session(tmp_path) as harness:
        await harness.say("### Instruction\nTranslate into French\n### Input")
        assert harness.session.state == ModeState(Mode.INSTRUCT, standing="Translate into French")
        for text in ("good morning", "good night"):
            await harness.say(text)
            assert harness.prompt() == ["Translate into French", text]
        await harness.say("### Chat")
        assert harness.session.state == ModeState()


async def test_system_texts_belong_to_their_mode(tmp_path: Path) -> None:
    async with opened_session(
        tmp_path, session_settings=settings(chat_system="Be kind.", instruct_system="Be brief.")
    ) as harness:
        await harness.say("Hello")
        assert harness.prompt() == ["Be kind.", "Hello"]
        await harness.say("### Instruction Do it")
        assert harness.prompt() == ["Be brief.", "Do it"]


async def test_an_instruct_turn_can_be_added_to_the_chat_and_taken_out_again(
    tmp_path: Path,
) -> None:
    async with opened_session(tmp_path) as harness:
        assert await harness.session.turns.toggle_in_chat() == Incomplete(
            "There is no instruct turn here to add to the chat."
        )
        await harness.say("### Instruction List three colours")
        assert await harness.session.turns.toggle_in_chat() is None
        assert harness.told(TurnChanged)[-1].turn.in_chat
        await harness.say("Which one is the best?")
        assert harness.prompt() == [
            "List three colours",
            "You said: List three colours",
            "Which one is the best?",
        ]
        await harness.session.turns.toggle_in_chat()
        await harness.say("And now?")
        assert "List three colours" not in harness.prompt()


async def test_regenerating_makes_a_variant_that_sees_what_the_first_one_saw(
    tmp_path: Path,
) -> None:
    count = 0

    def script(_request: Generate) -> str:
        nonlocal count
        count += 1
        return f"reply {count}"

    async with opened_session(tmp_path, script=script) as harness:
        await harness.say("First")
        first = await harness.say("Second")
        assert first is not None
        assert await harness.session.regenerate() is None
        await harness.ready()
        assert harness.prompt() == ["First", "reply 1", "Second"]
        replaced = harness.told(TurnReplaced)[-1]
        assert replaced.old_id == first.id
        conversation = harness.session.conversation
        assert conversation is not None
        assert [turn.reply.text for turn in conversation.turns] == ["reply 1", "reply 3"]
        await harness.say("Third")
        assert harness.prompt() == ["First", "reply 1", "Second", "reply 3", "Third"]
    store = Store.open(tmp_path, Clock())
    conversation = store.conversation(store.latest_id() or 0)
    assert len(store.variants(conversation.turns[1].id)) == 2  # the first reply is kept
    store.close()


async def test_a_turn_can_be_run_in_the_other_mode(tmp_path: Path) -> None:
    async with opened_session(tmp_path) as harness:
        await harness.say("Earlier")
        await harness.say("Name a colour")
        await harness.session.turns.run_in_other_mode()
        await harness.ready()
        assert harness.prompt() == ["Name a colour"]
        await harness.session.turns.run_in_other_mode()
        await harness.ready()
        assert harness.prompt() == ["Earlier", "You said: Earlier", "Name a colour"]


async def test_nothing_to_repeat_in_a_new_conversation(tmp_path: Path) -> None:
    async with opened_session(tmp_path) as harness:
        assert await harness.session.regenerate() == Incomplete("There is no turn to repeat yet.")


@pytest.mark.parametrize("text", ["", "   \n ", "### Instruction\n### Input\nonly input"])
async def test_what_cannot_be_sent_is_not_saved(tmp_path: Path, text: str) -> None:
    async with opened_session(tmp_path) as harness:
        assert isinstance(await send(harness.session, text), Incomplete)
        assert harness.session.conversation is None
    store = Store.open(tmp_path, Clock())
    assert store.latest_id() is None
    store.close()


async def test_a_second_message_is_refused_while_a_reply_is_written(tmp_path: Path) -> None:
    gate = asyncio.Event()

    gate.set()
    async with opened_session(tmp_path, pace=_until(gate)) as harness:
        gate.clear()
        await send(harness.session, "First")
        assert isinstance(await send(harness.session, "Second"), Incomplete)
        assert isinstance(await harness.session.regenerate(), Incomplete)
        gate.set()
        await harness.ready()
        assert len(harness.told(TurnAdded)) == 1


async def test_stopping_keeps_what_came_and_marks_it(tmp_path: Path) -> None:
    def endless(_request: Generate) -> str:
        return "".join(f"word {n} " for n in range(5000))

    async with opened_session(tmp_path, script=endless) as harness:
        await send(harness.session, "Go")
        await harness.until(lambda: len(harness.told(ReplyGrew)) > 5)
        await harness.session.stop()
        await harness.ready()
        turn = _last_turn(harness)
        assert turn.reply.state is ReplyState.STOPPED
        assert turn.reply.stop_reason is StopReason.STOPPED
        assert turn.reply.text.startswith("word 0 word 1")
        assert not turn.reply.text.endswith(" ")
        shown = "".join(event.text for event in harness.told(ReplyGrew))
        assert shown.strip() == turn.reply.text
        await send(harness.session, "Go on")  # the model sees what had come
        await harness.session.stop()
        await harness.ready()
        assert harness.prompt()[1] == turn.reply.text


async def test_a_turn_sent_while_the_model_loads_waits_for_it(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async with running_session(tmp_path, pace=_until(gate)) as harness:
        await harness.session.library.open_latest()
        await send(harness.session, "Early bird")
        assert harness.session.phase is Phase.LOADING
        assert harness.requests == []
        assert _last_turn(harness).reply.state is ReplyState.WAITING
        gate.set()
        await harness.ready()
        assert _last_turn(harness).reply.text == "You said: Early bird"


async def test_a_waiting_turn_can_be_stopped(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async with running_session(tmp_path, pace=_until(gate)) as harness:
        await harness.session.library.open_latest()
        await send(harness.session, "Early bird")
        await harness.session.stop()
        assert _last_turn(harness).reply.state is ReplyState.STOPPED
        gate.set()
        await harness.ready()
        assert harness.requests == []


async def test_leaving_a_conversation_stops_its_reply_and_saves_it(tmp_path: Path) -> None:
    def endless(_request: Generate) -> str:
        return "".join(f"word {n} " for n in range(5000))

    async with opened_session(tmp_path, script=endless) as harness:
        await send(harness.session, "Go")
        await harness.until(lambda: len(harness.told(ReplyGrew)) > 3)
        left = harness.session.conversation
        assert left is not None
        await harness.session.library.begin_new()
        assert harness.session.conversation is None
        await harness.session.library.open(left.id)
        turn = _last_turn(harness)
        assert turn.reply.state is ReplyState.STOPPED
        assert turn.reply.text


async def test_a_failed_turn_says_why_and_is_not_in_the_context(tmp_path: Path) -> None:
    def script(request: Generate) -> str | Failed:
        if "long" in str(request.prompt):
            return Failed(id=None, kind="context", title="Too long: 9 of 5", hint="Shorten it.")
        return "fine"

    async with opened_session(tmp_path, script=script) as harness:
        turn = await harness.say("a long message")
        assert turn is not None
        assert turn.reply.state is ReplyState.FAILED
        assert turn.reply.error == "Too long: 9 of 5\nShorten it."
        await harness.say("short")
        assert harness.prompt() == ["short"]


async def test_toggling_the_mode_adds_nothing_to_the_timeline(tmp_path: Path) -> None:
    async with opened_session(tmp_path) as harness:
        await harness.session.toggle_mode()
        assert harness.told(ModeChanged)[-1].state == ModeState(Mode.INSTRUCT)
        assert harness.told(ModeChangeAdded) == []
        await harness.say("Do something")
        await harness.session.toggle_mode()
        assert harness.session.state == ModeState()


async def test_deleting_the_open_conversation_opens_a_new_one(tmp_path: Path) -> None:
    async with opened_session(tmp_path) as harness:
        await harness.say("Hello")
        conversation = harness.session.conversation
        assert conversation is not None
        await harness.session.library.delete(conversation.id)
        assert harness.session.conversation is None
        assert await harness.session.library.summaries() == ()


async def test_a_second_program_gets_a_new_conversation_and_is_told(tmp_path: Path) -> None:
    # In one process the lock is the other session's as well: what counts is who holds the file.
    async with running_session(tmp_path) as first:
        await first.session.library.open_latest()
        await first.ready()
        await first.say("Mine")
        async with running_session(tmp_path) as second:
            await second.session.library.open_latest()
            assert second.session.conversation is None
            assert "another modechat" in second.told(Trouble)[-1].title
            await second.ready()
            await second.say("Yours")
        assert len(await first.session.library.summaries()) == 2


def _last_turn(harness: Harness) -> Turn:
    conversation = harness.session.conversation
    assert conversation is not None
    assert conversation.last_turn is not None
    return conversation.last_turn


def _until(gate: asyncio.Event) -> Callable[[], Coroutine[Any, Any, None]]:
    async def wait() -> None:
        await gate.wait()
        await asyncio.sleep(0)

    return wait


async def test_a_header_typed_while_a_reply_ends_does_not_erase_that_reply(tmp_path: Path) -> None:
    class SlowStore(Store):
        """Waits in the middle of a mode change until it is let go."""

        entered, let_go = threading.Event(), threading.Event()

        def add_mode_change(self, conversation_id: int, change: ModeChange) -> None:
            self.entered.set()
            assert self.let_go.wait(20)
            super().add_mode_change(conversation_id, change)

    gate = asyncio.Event()
    gate.set()

    store = SlowStore.open(tmp_path, Clock())
    async with running_session(tmp_path, pace=_until(gate), store=store) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        gate.clear()
        await send(harness.session, "Hello")
        header = asyncio.create_task(send(harness.session, "### Instruction"))
        await asyncio.to_thread(SlowStore.entered.wait, 20)
        gate.set()
        await harness.until(lambda: _last_turn(harness).reply.state is ReplyState.COMPLETE)
        SlowStore.let_go.set()
        await header
        await harness.ready()
        assert _last_turn(harness).reply.text == "You said: Hello"
        await harness.say("### Chat Again")
        assert harness.prompt() == ["Hello", "You said: Hello", "Again"]


async def test_regenerating_keeps_the_headers_that_were_typed_since(tmp_path: Path) -> None:
    async with opened_session(tmp_path) as harness:
        await harness.say("Hello")
        await harness.say("### Instruction")
        await harness.session.regenerate()
        await harness.ready()
        conversation = harness.session.conversation
        assert conversation is not None
        assert [type(entry) for entry in conversation.entries] == [Turn, ModeChange]
        assert len(harness.told(ModeChangeAdded)) == 2  # once more below the new reply

    async with opened_session(tmp_path) as harness:
        conversation = harness.session.conversation
        assert conversation is not None
        assert [type(entry) for entry in conversation.entries] == [Turn, ModeChange]
        assert harness.session.state.mode is Mode.INSTRUCT


async def test_a_disk_that_refuses_a_reply_is_told_once_and_the_reply_is_saved_later(
    tmp_path: Path,
) -> None:
    class FullStore(Store):
        is_full = False

        def save_reply(self, turn_id: int, reply: Reply) -> None:
            if self.is_full:
                raise StoreError("The disk is full", "Make room.")
            super().save_reply(turn_id, reply)

    store = FullStore.open(tmp_path, Clock())
    async with running_session(tmp_path, store=store) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        store.is_full = True
        await harness.say("First")
        await harness.say("Second")
        assert harness.told(Trouble) == [Trouble("The disk is full", "Make room.")]
        assert _last_turn(harness).reply.text == "You said: Second"
        store.is_full = False
        await harness.say("Third")
    reopened = Store.open(tmp_path, Clock())
    turns = reopened.conversation(reopened.latest_id() or 0).turns
    assert [turn.reply.text for turn in turns] == [
        "You said: First",
        "You said: Second",
        "You said: Third",
    ]
    assert all(turn.reply.state is ReplyState.COMPLETE for turn in turns)
    reopened.close()


class _Refusing(Store):
    """A store whose disk refuses what follows the method `after`."""

    after = ""

    def add_turn(self, *written: Any) -> Turn:
        turn = super().add_turn(*written)
        self._refuse_after("add_turn")
        return turn

    def delete_turn(self, turn_id: int) -> Conversation:
        conversation = super().delete_turn(turn_id)
        self._refuse_after("delete_turn")
        return conversation

    def set_own(self, conversation_id: int, own: OwnSettings) -> None:
        super().set_own(conversation_id, own)
        self._refuse_after("set_own")

    def _refuse_after(self, method: str) -> None:
        if method == self.after:
            raise StoreError("The disk is full", "Make room.")


@pytest.mark.parametrize("after", ["add_turn", "set_own"])
async def test_a_first_message_that_the_disk_refuses_leaves_no_conversation(
    tmp_path: Path, after: str
) -> None:
    store = _Refusing.open(tmp_path, Clock())
    async with opened_session(tmp_path, store=store) as harness:
        assert await harness.session.effective.set_own(OwnSettings(chat_system="Be brief")) is None
        store.after = after
        with pytest.raises(StoreError, match="full"):
            await send(harness.session, "Hello")
        assert harness.session.conversation is None
        assert await harness.session.library.summaries() == ()
        store.after = ""
        await harness.say("Hello again")
        (summary,) = await harness.session.library.summaries()
        assert summary.title == "Hello again"
        assert store.conversation(summary.id).own == harness.session.effective.own
        async with running_session(tmp_path) as other:
            with pytest.raises(ConversationInUse):
                await other.session.library.open(summary.id)


async def test_a_variant_that_the_disk_refuses_is_not_there_later(tmp_path: Path) -> None:
    store = _Refusing.open(tmp_path, Clock())
    async with opened_session(tmp_path, store=store) as harness:
        turn = await harness.say("Hello")
        assert turn is not None
        assert await harness.say("### Instruction") is None
        before = harness.session.conversation
        assert before is not None
        for after, change in (
            ("add_turn", harness.session.turns.regenerate),
            ("delete_turn", harness.session.turns.delete),
        ):
            store.after = after
            with pytest.raises(StoreError, match="full"):
                await change(turn.id)
            assert harness.session.conversation == before
            assert store.conversation(before.id).entries == before.entries
            assert store.variants(turn.id) == (turn.id,)
        store.after = ""
        await harness.session.turns.regenerate()
        await harness.ready()
        left = harness.session.conversation
        assert left is not None
        assert left.entries == store.conversation(before.id).entries != before.entries
        assert harness.session.state.mode is Mode.INSTRUCT


async def test_a_conversation_that_cannot_be_opened_leaves_the_shown_one_open_and_locked(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        await harness.say("Mine")
        mine = harness.session.conversation
        assert mine is not None
        with pytest.raises(StoreError):
            await harness.session.library.open(mine.id + 1000)
        assert harness.session.conversation == mine
        async with running_session(tmp_path) as other:
            with pytest.raises(ConversationInUse):
                await other.session.library.open(mine.id)


async def test_nothing_is_sent_to_a_session_that_was_closed(tmp_path: Path) -> None:
    async with running_session(tmp_path) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        await harness.session.close()
        assert isinstance(await send(harness.session, "Too late"), Incomplete)


async def test_closing_while_the_model_file_is_looked_at_is_calm(tmp_path: Path) -> None:
    looking, let_go = threading.Event(), threading.Event()

    def look() -> None:
        looking.set()
        assert let_go.wait(20)
        raise ModelError("Not a model")

    options = with_files(settings(), check_model=look)
    async with running_session(tmp_path, session_settings=options) as harness:
        await harness.session.library.open_latest()
        await asyncio.to_thread(looking.wait, 20)
        await harness.session.close()
        let_go.set()
        assert harness.told(Trouble) == []


async def test_closing_while_a_finished_reply_is_being_saved_waits_for_it(tmp_path: Path) -> None:
    for turns in range(4):  # as late as each step of the saving
        async with running_session(tmp_path) as harness:
            await harness.session.library.begin_new()
            await harness.ready()
            await send(harness.session, f"Say {turns}")
            await harness.until(lambda: any(event.text for event in harness.told(ReplyGrew)))
            for _ in range(turns):
                await asyncio.sleep(0)
            await harness.session.close()
        store = Store.open(tmp_path, Clock())
        number = store.latest_id()
        assert number is not None
        last = store.conversation(number).last_turn
        assert last is not None
        assert last.reply.state.is_final
        store.close()


async def test_templates_are_told_the_day_of_the_message_and_the_same_time_all_day(
    tmp_path: Path,
) -> None:
    clock = Clock()

    def days(harness: Harness) -> list[str]:
        return [str(request.now)[:10] for request in harness.requests]

    async with opened_session(tmp_path, store=Store.open(tmp_path, clock)) as harness:
        await harness.say("Hello")
        clock.go_on(hours=2)
        await harness.say("And?")
        assert len({request.now for request in harness.requests}) == 1
    clock.go_on(days=88)
    async with opened_session(tmp_path, store=Store.open(tmp_path, clock)) as harness:
        for text in ("What day is it?", "### Instruction\nWrite today's date", "Really?"):
            await harness.say(text)
            clock.go_on(minutes=7)
        assert len({request.now for request in harness.requests}) == 1
        assert days(harness)[0] == clock().astimezone().date().isoformat()


async def test_a_message_that_is_deleted_is_gone_from_the_title_and_from_what_was_sent(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path) as harness:
        session = harness.session
        await session.library.open_latest()
        await harness.ready()
        for text in ("My secret plan", "Another matter", "My secret plan"):
            turn = await harness.say(text)
            assert turn is not None
            assert session.conversation is not None
            await session.inputs.add(Typed(text), session.conversation.id)
        assert session.conversation is not None
        assert session.conversation.title == "My secret plan"
        first, second, third = session.conversation.turns
        await session.turns.delete(first.id)
        assert session.conversation.title == "Another matter"
        assert len(await session.inputs.sent()) == 3  # a turn that says the same is still there
        await session.turns.delete(third.id)
        assert [typed.text for typed in await session.inputs.sent()] == ["Another matter"]
        await session.turns.delete(second.id)
        assert (session.conversation.title, session.conversation.turns) == ("", ())
        assert await session.inputs.sent() == ()
    assert not [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and b"secret plan" in path.read_bytes()
    ]


async def test_a_title_that_the_user_gave_stays(tmp_path: Path) -> None:
    async with running_session(tmp_path) as harness:
        session = harness.session
        await session.library.open_latest()
        await harness.ready()
        turn = await harness.say("hello")
        assert turn is not None
        assert session.conversation is not None
        await session.library.rename(session.conversation.id, "Mine")
        await session.turns.delete(turn.id)
        assert session.conversation.title == "Mine"


async def test_conversations_of_a_task_are_titled_by_what_it_works_on(tmp_path: Path) -> None:
    async with running_session(tmp_path) as harness:
        session = harness.session
        await session.library.open_latest()
        await harness.ready()
        await harness.say("### Instruction\nTranslate into Spanish\n### Input")
        await harness.say("I love you")
        assert session.conversation is not None
        assert session.conversation.title == "I love you"


async def test_an_instruction_that_was_kept_is_there_again_when_the_key_is_pressed_twice(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path) as harness:
        session = harness.session
        await session.library.open_latest()
        await harness.ready()
        await harness.say("### Instruction\nTranslate into Spanish\n### Input")
        kept = session.state
        await session.toggle_mode()
        assert session.state == ModeState()
        await harness.say("a chat message")
        await session.toggle_mode()
        assert session.state == kept
        await harness.say("### Chat")
        await session.toggle_mode()
        assert session.state == ModeState(Mode.INSTRUCT)
        await session.toggle_mode()
        await session.library.begin_new()
        await session.toggle_mode()
        assert session.state == ModeState(Mode.INSTRUCT)


async def test_a_damaged_last_conversation_is_told_and_a_new_one_begins(tmp_path: Path) -> None:
    async with running_session(tmp_path) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        await harness.say("hello")
    with closing(sqlite3.connect(tmp_path / "conversations.sqlite3")) as database, database:
        database.execute("UPDATE replies SET text = x'ff'")
    async with running_session(tmp_path) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        assert harness.session.conversation is None
        (trouble,) = harness.told(Trouble)
        assert trouble.title.startswith("Conversation 1 is damaged")
        with pytest.raises(StoreError, match="Conversation 1 is damaged"):
            await harness.session.library.open(1)
        await harness.say("a new one")
        await harness.session.library.delete(1)
        assert [one.id for one in await harness.session.library.summaries()] == [2]

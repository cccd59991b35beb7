"""Chatting on a terminal that only takes lines."""

from __future__ import annotations

import asyncio
import termios
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from modechat.commands.actions import ACTIONS
from modechat.domain.conversation import ReplyState
from modechat.domain.key_names import key
from modechat.domain.mode import Mode
from modechat.engine.protocol import Failed, Generate
from modechat.models.catalog import Looking, ModelFile, find_models
from modechat.models.places import Place
from modechat.plain.messages import QUOTES
from modechat.session.settings import SessionSettings
from tests.e2e.hostile import ATTACK
from tests.plain.harness import Chat, on_terminal
from tests.session.fake_files import FakeFiles
from tests.session.harness import running_session, send, settings
from tests.tiny_models import write_llama


def think(_request: Generate) -> str:
    return "<think>First this, then that.</think>\nThe answer."


def attack(_request: Generate) -> str | Failed:
    return f"# {ATTACK}\r\n\n{ATTACK}\n```\n{ATTACK}\n```"


async def slowly() -> None:
    await asyncio.sleep(0.02)


async def test_both_modes_are_typed_and_labelled(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        assert await chat.asks("hello") == "Model: You said: hello\n"
        told = await chat.asks("### Instruction", "You (instruct): ")
        assert told == "modechat: Okay, switching to instruct mode. What do you want me to do?\n"
        answer = await chat.asks("Translate: I love you", "You (instruct): ")
        assert answer == "Model (instruct): You said: Translate: I love you\n"
        assert "back to chat mode" in await chat.asks("### Chat")
        assert "Model (instruct): You said: Count" in await chat.asks("### Instruction Count")
    async with running_session(tmp_path) as harness:
        await harness.session.library.open_latest()
        assert harness.session.conversation is not None
        modes = [turn.mode for turn in harness.session.conversation.turns]
        assert modes == [Mode.CHAT, Mode.INSTRUCT, Mode.INSTRUCT]


async def test_messages_of_several_lines(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        chat.type("Translate\\\n")
        await chat.sees("more: ")
        assert await chat.asks("two") == "Model: You said: Translate\ntwo\n"
        await chat.asks(QUOTES, "more: ")
        await chat.asks("one", "more: ")
        await chat.asks("", "more: ")
        assert await chat.asks(QUOTES) == "Model: You said: one\n"
        await chat.asks(QUOTES, "more: ")
        await chat.asks("sent by Ctrl+D", "more: ")
        chat.type("\x04")
        await chat.sees("Model: You said: sent by Ctrl+D")


async def test_a_standing_instruction_is_shown_at_the_prompt(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        chat.type(f"{QUOTES}\n### Instruction\nTranslate into French\n### Input\n{QUOTES}\n")
        await chat.sees("\nYou (input): ")
        assert "Model (instruct): You said: Translate into French" in await chat.asks(
            "love", "You (input): "
        )


async def test_a_paste_is_one_message_sent_by_the_next_enter(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        chat.type("one\ntwo\nthree")  # its last line has no end yet
        await chat.sees("2 lines were pasted. Enter sends them, Ctrl+C drops them.\nmore: ")
        assert await chat.asks("") == "Model: You said: one\ntwo\nthree\n"
        assert len(chat.engine.requests) == 2  # the load, and one message


async def test_keys_that_the_terminal_does_not_know_are_no_text(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        assert (
            await chat.asks("\x1b[Ahel\x1bOClo\x1b[200~ there\x1b[201~\x07")
            == "Model: You said: hello there\n"
        )


async def test_a_line_that_the_terminal_has_cut_is_not_sent(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        chat.type("x" * 4000)
        await chat.sees("x" * 4000)
        chat.type("x" * 1000)
        told = await chat.asks("")
        assert "The terminal has cut a line after 4,095 bytes, so nothing was sent" in told
        assert await chat.asks("ok") == "Model: You said: ok\n"


async def test_thinking_is_announced_and_shown_when_asked_for(tmp_path: Path) -> None:
    async with on_terminal(tmp_path, think) as chat:
        said = await chat.asks("hello")
        assert (
            said
            == "modechat: The model thinks. /thoughts shows what, afterwards.\nModel: The answer.\n"
        )
        assert await chat.asks("/thoughts") == "The model thought: First this, then that.\n"


async def test_what_is_typed_while_a_reply_runs_is_done_after_it_and_stop_at_once(
    tmp_path: Path,
) -> None:
    async with on_terminal(tmp_path, lambda _request: "a line\n" * 2000, pace=slowly) as chat:
        chat.type("first\n")
        await chat.sees("Model: ")
        chat.type("/status\n")
        await chat.sees("This waits until the reply has ended. /stop stops it.")
        chat.type("/stop\n")
        await chat.sees(
            "The reply was stopped. /continue goes on.\nYou (chat): /status\nThe mode is chat."
        )


async def test_ctrl_c_stops_a_reply_then_drops_what_was_typed_and_twice_it_leaves(
    tmp_path: Path,
) -> None:
    async with on_terminal(tmp_path, lambda _request: "a line\n" * 2000, pace=slowly) as chat:
        chat.type("first\n")
        await chat.sees("Model: ")
        before = len(chat.out)
        await interrupt(chat)
        await chat.sees("The reply was stopped.", after=before)
        await chat.sees("\nYou (chat): ", after=before)
        await chat.asks("begun\\", "more: ")
        before = len(chat.out)
        await interrupt(chat)
        await chat.sees("What was typed is dropped.", after=before)
        await chat.until(lambda: chat.out.endswith("\nYou (chat): "))
        await interrupt(chat)
        assert await chat.ended() == 0
    async with running_session(tmp_path) as harness:
        await harness.session.library.open_latest()
        conversation = harness.session.conversation
        assert conversation is not None
        assert [turn.reply.state for turn in conversation.turns] == [ReplyState.STOPPED]
        assert [turn.typed for turn in conversation.turns] == ["first"]


async def interrupt(_chat: Chat) -> None:
    """The signal that a terminal sends for Ctrl+C to its programs; a test's pty is nobody's
    terminal.
    """
    import signal

    signal.raise_signal(signal.SIGINT)
    await asyncio.sleep(0)


async def test_ctrl_d_and_quit_leave(tmp_path: Path) -> None:
    for leave in ("\x04", "/quit\n"):
        async with on_terminal(tmp_path) as chat:
            chat.type(leave)
            assert await chat.ended() == 0


async def test_the_last_conversation_is_named_and_its_end_shown_shortened(tmp_path: Path) -> None:
    async with running_session(tmp_path, lambda _request: "word " * 200 + "end") as harness:
        for text in ("one", "two", "three"):
            await harness.say(text)
        await send(harness.session, "### Instruction")
    async with on_terminal(tmp_path) as chat:
        assert "modechat: This is conversation 1, “one”, with 3 turns." in chat.out
        assert "You (chat): one" not in chat.out
        assert "You (chat): two\nModel: word word" in chat.out
        assert "You: ### Instruction\nmodechat: Okay, switching" in chat.out
        assert "end" not in chat.out.partition("with 3 turns.")[2].replace("Its end follows", "")
        assert "modechat: The mode is instruct.\n" in chat.out
        assert chat.out.endswith("\nYou (instruct): ")
        earlier = await chat.asks("/earlier", "You (instruct): ")
        assert earlier.count("word end\n") == 3
        assert "nothing earlier" in await chat.asks("/earlier", "You (instruct): ")


async def test_conversations_are_listed_opened_begun_and_deleted(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        assert "No conversation is saved yet." in await chat.asks("/open")
        await chat.asks("first chat")
        assert "This is a new conversation." in await chat.asks("/new")
        await chat.asks("second chat")
        listed = await chat.asks("/open")
        assert listed.startswith("2: second chat, 1 turn, 2026-01-01 ")
        assert ", open here.\n1: first chat, 1 turn, " in listed
        assert "Model: You said: first chat" in await chat.asks("/open 1")
        await chat.asks("/delete 2")
        assert "“second chat” is deleted." in await chat.asks("/delete 2")
        assert "2: " not in await chat.asks("/open")


async def test_every_command_of_the_table_does_something(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        await chat.asks("hello")
        for action in ACTIONS:
            if action.slash and not action.needs_screen and action.id not in ("quit", "stop"):
                said = await chat.asks(f"/{action.slash}") if action.id != "toggle_mode" else ""
                assert "needs the screen" not in said, action.slash


async def test_actions_on_turns_say_what_they_did(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        await chat.asks("hello")
        said = await chat.asks("/regenerate")
        assert said == "modechat: Another reply to: hello\nModel: You said: hello\n"
        assert "The last chat turn stays when the context is full." in await chat.asks("/pin")
        assert "Model (instruct): You said: hello" in await chat.asks("/other")
        assert "The last instruct turn is in the chat now" in await chat.asks("/add")
        assert "The last instruct turn is not in the chat any more." in await chat.asks("/add")
        assert "The last reply is complete. /regenerate asks for another one." in await chat.asks(
            "/continue"
        )
        assert "The mode is instruct." in await chat.asks("/mode", "You (instruct): ")


async def test_the_exact_prompt_is_printed(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        assert "There is no turn yet." in await chat.asks("/prompt")
        said = await chat.asks("/prompt what now")
        assert "The prompt begins in the next line.\n<|im_start|>user\nwhat now<|im_end|>\n" in said
        assert "mode    chat\n" in said
        await chat.asks("hello")
        assert "<|im_start|>user\nhello<|im_end|>" in await chat.asks("/prompt")
        assert "asks the model nothing" in await chat.asks("/prompt ### Instruction")


async def test_tasks_and_formats_are_listed(tmp_path: Path) -> None:
    from modechat.prompt_files import load_prompt_files

    files = load_prompt_files(own=Path("/nonexistent"))
    wanted = settings()
    with_tasks = SessionSettings(load=wanted.load, sampling=wanted.sampling, tasks=files.tasks)
    async with on_terminal(tmp_path, chat_settings=with_tasks) as chat:
        assert "/task translate [LANGUAGE]: Translate a text into" in await chat.asks("/task")
        formats = await chat.asks("/format")
        assert (
            "/format auto: what fits the model.\n/format chat-template: the model's own, in use.\n"
            in formats
        )
        assert "used from now on" in await chat.asks("/format alpaca")
        assert "/format alpaca: " in await chat.asks("/format")
        assert "There is no format “nope”." in await chat.asks("/format nope")


async def test_a_failed_reply_is_said_in_words_and_kept_with_the_usual_key(tmp_path: Path) -> None:
    def fail(_request: Generate) -> Failed:
        hint = f"{key('regenerate', 'Ctrl+R')} asks again."
        return Failed(id=None, kind="engine", title="It broke", hint=hint)

    async with on_terminal(tmp_path, fail) as chat:
        said = await chat.asks("hello")
        assert said == "modechat: There is no reply: It broke\nCtrl+R asks again.\n"


async def test_hostile_text_comes_out_as_text(tmp_path: Path) -> None:
    async with on_terminal(tmp_path, attack) as chat:
        said = await chat.asks("hello")
        assert "␛]0;PWNED␇" in said
        assert not [
            character for character in said if ord(character) < 32 and character not in "\n\t"
        ]
        assert not set(said) & {"\x7f", "\x9b", "\x9d", "\u202e", "\r"}


async def test_an_unknown_command_is_asked_about_and_sent_when_it_comes_again(
    tmp_path: Path,
) -> None:
    async with on_terminal(tmp_path) as chat:
        told = (
            "There is no command /modles. Did you mean /model? "
            "The same once more sends it, and so does \\/modles …"
        )
        assert told in await chat.asks("/modles please")
        assert await chat.asks("/modles please") == "Model: You said: /modles please\n"
        assert told in await chat.asks("/modles please")
        assert await chat.asks("\\/modles please") == "Model: You said: /modles please\n"
        assert "You said: /etc/hosts" in await chat.asks("/etc/hosts")
        chat.type("/exit\n")
        assert await chat.ended() == 0


async def test_a_narrow_terminal_gets_lines_that_break_between_words(tmp_path: Path) -> None:
    async with on_terminal(tmp_path) as chat:
        termios.tcsetwinsize(chat.typing, (24, 30))
        assert await chat.asks("one two three four five six seven") == (
            "Model: You said: one two three\nfour five six seven\n"
        )


async def test_models_are_listed_with_numbers_that_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    files = [write_llama(tmp_path / "models" / f"{name}.gguf") for name in ("one", "two")]

    def find(cancelled: Callable[[], bool]) -> Iterator[ModelFile | Looking]:
        return find_models(
            [Place("models", tmp_path / "models")], [("in use", files[0])], cancelled
        )

    def for_model(name: str) -> SessionSettings:
        load = settings().load.model_copy(update={"model_path": name})
        return replace(
            settings(), load=load, files=FakeFiles(find_models=find, settings_for=for_model)
        )

    async with on_terminal(tmp_path / "data", chat_settings=for_model(str(files[0]))) as chat:
        told = await chat.asks("/model")
        assert "/model 1: one, " in told
        assert "in use" in told.split("/model 2")[0]
        assert "/model 2: two, " in told
        assert "Looked in: models." in told
        assert "There is no model 3 in the list" in await chat.asks("/model 3")
        assert "The model is now two" in await chat.asks("/model 2")


async def test_a_file_that_is_called_like_a_key_keeps_its_name(tmp_path: Path) -> None:
    file = tmp_path / "Ctrl+R" / "F3-7B.gguf"
    file.parent.mkdir()
    file.write_bytes(b"GGUF\0\0")
    async with on_terminal(tmp_path) as chat:
        said = await chat.asks(f"What is @{file}?")
        assert "Ctrl+R/F3-7B.gguf cannot be attached" in said

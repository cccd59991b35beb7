"""Commands that arrive while the program closes, or after it, are refused; they never fail in
another way.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Incomplete, Switch
from modechat.domain.own_settings import OwnSettings
from modechat.domain.typed import Typed
from modechat.errors import ConfigError, StoreError
from modechat.session.chat_session import ChatSession
from modechat.session.events import Trouble
from modechat.session.gate import CLOSED
from modechat.session.variants import Question, VariantSettings
from tests.session.fake_files import with_files
from tests.session.harness import opened_session, running_session, settings

Command = Callable[[ChatSession], Awaitable[object]]

QUESTION = Question(ChatMessage("hi"), "hi")
COMMANDS: dict[str, Command] = {
    "send": lambda session: session.send(ChatMessage("hi"), "hi"),
    "send a header": lambda session: session.send(
        Switch(ModeState(Mode.INSTRUCT)), "### Instruction"
    ),
    "regenerate": lambda session: session.regenerate(),
    "retry_with_less": lambda session: session.retry_with_less(),
    "compact": lambda session: session.compact(),
    "toggle_mode": lambda session: session.toggle_mode(),
    "edit": lambda session: session.turns.edit(1, ChatMessage("hi"), "hi"),
    "run_in_other_mode": lambda session: session.turns.run_in_other_mode(),
    "continue_reply": lambda session: session.turns.continue_reply(),
    "toggle_in_chat": lambda session: session.turns.toggle_in_chat(),
    "toggle_pin": lambda session: session.turns.toggle_pin(),
    "delete a turn": lambda session: session.turns.delete(1),
    "show": lambda session: session.turns.show(1, 1),
    "show_variant": lambda session: session.turns.show_variant(1),
    "variants": lambda session: session.turns.variants(1),
    "open": lambda session: session.library.open(1),
    "begin_new": lambda session: session.library.begin_new(),
    "delete a conversation": lambda session: session.library.delete(1),
    "rename": lambda session: session.library.rename(1, "name"),
    "summaries": lambda session: session.library.summaries(),
    "search": lambda session: session.library.search("hi"),
    "preview": lambda session: session.library.preview(1),
    "use_format": lambda session: session.model_choice.use_format("alpaca"),
    "try_format": lambda session: session.model_choice.try_format("alpaca"),
    "use a model": lambda session: session.model_choice.use("x.gguf"),
    "use_context": lambda session: session.model_choice.use_context(512),
    "use_adapters": lambda session: session.model_choice.use_adapters(()),
    "set_own": lambda session: session.effective.set_own(OwnSettings(format="alpaca")),
    "compare": lambda session: session.comparison.start(
        QUESTION, [VariantSettings(), VariantSettings()], lambda _event: None
    ),
    "sent": lambda session: session.inputs.sent(),
    "save_draft": lambda session: session.inputs.save_draft(1, Typed("hi")),
}


async def outcome(command: Command, session: ChatSession) -> str:
    """`closed`, or what went wrong in another way."""
    try:
        result = await command(session)
    except StoreError as error:
        return "closed" if "closed" in error.title else f"StoreError: {error}"
    except Exception as error:  # noqa: BLE001 # that is what is looked for
        return f"{type(error).__name__}: {error}"
    if isinstance(result, Incomplete):
        return "closed" if result in (CLOSED, _NOTHING_TO_RETRY) else result.reason
    return f"done: {result!r}"


_NOTHING_TO_RETRY = Incomplete("There is nothing to retry with less memory.")


@pytest.mark.parametrize("name", COMMANDS)
async def test_after_the_end_every_command_is_refused(tmp_path: Path, name: str) -> None:
    async with running_session(tmp_path) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        await harness.say("hello")
        await harness.session.close()
        assert await outcome(COMMANDS[name], harness.session) == "closed"


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_command_that_comes_while_the_session_closes_waits_and_is_refused(
    tmp_path: Path, name: str
) -> None:
    async with running_session(tmp_path) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        await harness.say("hello")
        closing = asyncio.create_task(harness.session.close())
        await asyncio.sleep(0)
        result = await asyncio.wait_for(outcome(COMMANDS[name], harness.session), 20)
        await closing
        assert result == "closed" or result.startswith("done: "), result


def commands_of(session: object) -> Iterator[str]:
    for name, method in inspect.getmembers(type(session), inspect.isfunction):
        if inspect.iscoroutinefunction(getattr(method, "__wrapped__", None)):
            yield name


async def test_every_command_is_tried_here(tmp_path: Path) -> None:
    async with running_session(tmp_path) as harness:
        session = harness.session
        parts = (
            session,
            session.turns,
            session.library,
            session.model_choice,
            session.effective,
        )
        known = {word for name in COMMANDS for word in name.split()} | {"_load_less"}
        missing = {name for part in parts for name in commands_of(part)} - known
        assert missing == set()


class Hang:
    """A read that hangs, as one of a file on a dead mount."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.goes_on = threading.Event()

    def __call__(self, *_arguments: object) -> None:
        self.threads.append(threading.current_thread())
        self.goes_on.wait(60)


@pytest.fixture
def hang() -> Iterator[Hang]:
    hang = Hang()
    yield hang
    hang.goes_on.set()
    assert all(thread.daemon for thread in hang.threads)


async def set_default(session: ChatSession) -> Incomplete:
    with pytest.raises(ConfigError) as caught:
        await session.effective.set_defaults({"n_ctx": 512})
    return Incomplete(caught.value.title)


@pytest.mark.parametrize(
    ("method", "command"),
    [
        ("settings_for", lambda session: session.model_choice.use("/dead/x.gguf")),
        (
            "settings_for",
            lambda session: session.comparison.start(
                QUESTION,
                [VariantSettings(), VariantSettings(model="/dead/x.gguf")],
                lambda _event: None,
            ),
        ),
        ("write_defaults", set_default),
    ],
    ids=["model", "compare", "defaults"],
)
async def test_the_end_does_not_wait_for_a_file_that_hangs(
    tmp_path: Path, hang: Hang, method: str, command: Command
) -> None:
    files = with_files(settings(), **{method: hang})
    async with opened_session(tmp_path, session_settings=files) as harness:
        hanging = asyncio.create_task(outcome(command, harness.session))
        await harness.until(lambda: bool(hang.threads))
        waiting = asyncio.create_task(outcome(COMMANDS["use a model"], harness.session))
        await asyncio.wait_for(harness.session.close(), 20)
        assert await hanging == await waiting == "closed"
        assert len(hang.threads) == 1
        assert harness.told(Trouble) == []


async def test_the_end_does_not_wait_for_a_model_that_hangs_at_the_start(
    tmp_path: Path, hang: Hang
) -> None:
    files = with_files(settings(), check_model=hang)
    async with running_session(tmp_path, session_settings=files) as harness:
        await harness.session.library.open_latest()
        await harness.until(lambda: bool(hang.threads))
        await asyncio.wait_for(harness.session.close(), 20)
        assert harness.told(Trouble) == []


@pytest.mark.parametrize(
    ("method", "command"),
    [
        ("forget_chat", lambda session: session.library.delete(1)),
        ("remember_format", lambda session: session.model_choice.use_format("alpaca")),
        ("remember_model", lambda session: session.inputs.sent()),
    ],
    ids=["delete", "format", "model"],
)
async def test_the_end_does_not_wait_for_a_folder_of_the_user_that_hangs(
    tmp_path: Path, hang: Hang, method: str, command: Command
) -> None:
    files = with_files(settings(), **{method: hang})
    async with opened_session(tmp_path, session_settings=files) as harness:
        await harness.say("hello")
        working = asyncio.create_task(outcome(command, harness.session))
        await harness.until(lambda: bool(hang.threads))
        await asyncio.wait_for(harness.session.close(), 20)
        await working
        assert hang.threads[0].daemon


async def test_an_error_while_a_model_is_remembered_is_seen_and_everything_is_saved(
    tmp_path: Path,
) -> None:
    def fail() -> None:
        raise RuntimeError("a fault")

    files = with_files(settings(), remember_model=fail)
    async with opened_session(tmp_path, session_settings=files) as harness:
        await harness.say("hello")
        with pytest.raises(RuntimeError, match="a fault"):
            await harness.session.close()
        assert await outcome(COMMANDS["summaries"], harness.session) == "closed"

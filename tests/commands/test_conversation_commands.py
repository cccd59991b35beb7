"""Conversations are opened and deleted by their numbers."""

from __future__ import annotations

from pathlib import Path

from modechat.commands.dispatch import Dispatcher
from modechat.commands.slash import read_slash
from modechat.domain.modes import Incomplete
from tests.session.harness import Harness, running_session


async def do(harness: Harness, commands: Dispatcher, text: str) -> str:
    """Why the command did nothing; empty if it did something."""
    command = read_slash(text)
    assert command is not None
    reason = await commands.do_typed(command, harness.session)
    return reason.reason if isinstance(reason, Incomplete) else ""


async def test_an_earlier_conversation_is_opened_by_its_number(tmp_path: Path) -> None:
    async with running_session(tmp_path) as harness:
        await harness.say("the first")
        await harness.session.library.begin_new()
        await harness.say("the second")
        commands = Dispatcher(say=lambda _text: None)
        assert await do(harness, commands, "/open 1") == ""
        assert harness.session.conversation is not None
        assert harness.session.conversation.title == "the first"
        assert "is open" in await do(harness, commands, "/open 1")
        assert "There is no conversation 7" in await do(harness, commands, "/open 7")
        assert "by its number" in await do(harness, commands, "/open the door")


async def test_a_conversation_is_deleted_when_asked_twice_in_a_row(tmp_path: Path) -> None:
    async with running_session(tmp_path) as harness:
        await harness.say("the first")
        await harness.session.library.begin_new()
        await harness.say("the second")
        said: list[str] = []
        commands = Dispatcher(say=said.append)
        assert (
            await do(harness, commands, "/delete 1")
            == "/delete 1 once more deletes “the first” for good."
        )
        assert "/delete 2 once more" in await do(harness, commands, "/delete 2")
        assert "/delete 1 once more" in await do(harness, commands, "/delete 1")
        assert len(await harness.session.library.summaries()) == 2
        assert await do(harness, commands, "/delete 1") == ""
        assert said == ["“the first” is deleted."]
        assert [summary.id for summary in await harness.session.library.summaries()] == [2]

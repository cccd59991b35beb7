"""The transcript while several things change it at once: what is mounted is what it shows, in
order, and nothing hangs.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modechat.domain.conversation import ContextCut, Conversation, Reply, ReplyState, Turn
from modechat.domain.modes import ChatMessage
from modechat.session.events import ReplyEnded, ReplyGrew, TurnAdded
from modechat.tui.widgets.notices import CutNotice
from modechat.tui.widgets.transcript import Transcript
from modechat.tui.widgets.turn import TurnView
from modechat.tui.widgets.window import MOST
from tests.tui.harness import Screen, running_app

_SECONDS = 30
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def turn(number: int, reply: Reply | None = None) -> Turn:
    typed = f"m{number}"
    reply = reply or Reply(f"r{number}", ReplyState.COMPLETE)
    return Turn(number, number - 1 or None, typed, ChatMessage(typed), _NOON, True, reply)


def conversation(*numbers: int, cut: ContextCut | None = None) -> Conversation:
    entries = tuple(turn(number) for number in numbers)
    return Conversation(1, "Long", _NOON, entries=entries, cut=cut)


def mounted(transcript: Transcript) -> list[int]:
    """The ids of the turns that are mounted, by the order of their widgets."""
    views: dict[object, TurnView] = {view.request: view for view in transcript.turns}
    found = [views[child].turn_id for child in transcript.children if child in views]
    replies = [child for child in transcript.children if child.has_class("reply")]
    assert replies == [view.reply for view in transcript.turns]
    return found


async def together(*changes: Awaitable[object]) -> None:
    await asyncio.wait_for(asyncio.gather(*changes), _SECONDS)


async def in_the_middle(screen: Screen, shown: Conversation) -> None:
    """Show a long conversation, and as much of it as may be mounted, up to before its end."""
    transcript = screen.transcript
    await transcript.show(shown)
    transcript.release_anchor()
    while shown.turns[-1].id in mounted(transcript):
        assert await transcript.bring_in(earlier=True)
    await screen.pilot.pause()


async def test_another_conversation_may_be_shown_while_more_of_this_one_is_mounted(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        transcript = screen.transcript
        await in_the_middle(screen, conversation(*range(1, 151)))
        await together(transcript.bring_in(earlier=True), transcript.show(conversation(201, 202)))
        assert mounted(transcript) == [201, 202]
        await in_the_middle(screen, conversation(*range(1, 151)))
        await together(transcript.bring_in(earlier=True), transcript.show(None))
        assert mounted(transcript) == []


async def test_a_turn_is_looked_for_in_the_conversation_that_is_there_when_its_turn_comes(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        transcript = screen.transcript
        await in_the_middle(screen, conversation(*range(1, 151)))
        await together(transcript.show(conversation(201, 202)), transcript.show_turn(149))
        assert mounted(transcript) == [201, 202]
        assert transcript.selection.turn is None


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.every_day(2)
async def test_whatever_changes_it_at_once_every_change_is_shown(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    cut = ContextCut(150, 100)

    def changes(transcript: Transcript) -> list[Callable[[], Awaitable[object]]]:
        long = conversation(*range(1, 151), cut=cut)
        branch = conversation(*range(1, 121), *range(301, 321))
        return [
            transcript.page_up,
            transcript.page_down,
            lambda: transcript.bring_in(earlier=True),
            lambda: transcript.bring_in(earlier=False),
            lambda: transcript.show_turn(chance.randrange(1, 151)),
            lambda: transcript.show(long),
            lambda: transcript.show_branch(branch),
            lambda: transcript.show_branch(long),
            lambda: transcript.show_cut(long),
            lambda: transcript.replace_turn(150, turn(401)),
            lambda: transcript.replace_turn(chance.randrange(1, 151), turn(402)),
            lambda: transcript.add(turn(500)),
            lambda: transcript.selection.move(chance.choice((-1, 1))),
        ]

    async with running_app(tmp_path) as screen:
        transcript = screen.transcript
        await in_the_middle(screen, conversation(*range(1, 151), cut=cut))
        for _ in range(4):
            some = chance.choices(changes(transcript), k=6)
            await together(*(change() for change in some))
            numbers = mounted(transcript)
            assert len(numbers) <= MOST
            assert len(transcript.query_children(CutNotice)) <= 1
        last = conversation(*range(1, 131))
        await together(transcript.page_up(), transcript.show_branch(last), transcript.page_up())
        await screen.pilot.pause()
        numbers = mounted(transcript)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert not transcript.query_children(CutNotice)


async def test_the_line_of_the_context_is_where_the_branch_that_is_shown_has_it(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, size=(80, 40)) as screen:
        transcript = screen.transcript
        await transcript.show(conversation(1, 2, 3, cut=ContextCut(3, 1)))
        await screen.sees("have left the context")
        await transcript.show_branch(conversation(1, 2, 4))
        await screen.pilot.pause()
        assert not transcript.query_children(CutNotice)
        await transcript.show_branch(conversation(1, 2, 3, cut=ContextCut(3, 2)))
        await screen.sees("4 messages above have left the context")
        assert len(transcript.query_children(CutNotice)) == 1
        at = transcript.children.index(transcript.query_children(CutNotice).first())
        assert transcript.children[at - 1] is transcript.turns[1].reply


async def test_what_comes_of_a_reply_before_its_place_is_mounted_is_shown_and_copied(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        transcript = screen.transcript
        await in_the_middle(screen, conversation(*range(1, 151)))
        asked = turn(151, Reply())
        screen.tell(TurnAdded(asked))
        screen.tell(ReplyGrew(151, "so I think", True, 1))
        screen.tell(ReplyGrew(151, "The begin", False, 2))
        screen.tell(ReplyGrew(151, "ning ", False, 3))
        await screen.until(lambda: 151 in mounted(transcript))
        screen.tell(ReplyGrew(151, "and the end.", False, 4))
        final = Reply("The beginning and the end.", ReplyState.COMPLETE, thinking="so I think")
        screen.tell(ReplyEnded(asked.with_reply(final)))
        await screen.sees("The beginning and the end.")
        view = transcript.turn(151)
        assert view is not None
        assert view.reply.reply.source == "The beginning and the end."
        assert view.reply.has_thinking

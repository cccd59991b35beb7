"""What can be done with any turn: ask again, edit, choose a variant, delete."""

from __future__ import annotations

from pathlib import Path

from modechat.domain.mode import Mode
from modechat.domain.modes import ChatMessage, Incomplete, Task
from modechat.session.events import BranchChanged, TurnChosen, TurnReplaced
from modechat.store import Store
from tests.session.harness import Clock, Harness, edit, opened_session


def texts(harness: Harness) -> list[str]:
    conversation = harness.session.conversation
    return [turn.typed for turn in conversation.turns] if conversation is not None else []


async def say_three(harness: Harness) -> list[int]:
    turns = [await harness.say(text) for text in ("one", "two", "three")]
    return [turn.id for turn in turns if turn is not None]


async def test_an_edited_message_takes_the_place_of_the_first_one_which_stays_as_a_variant(
    tmp_path: Path,
) -> None:
    async with opened_session(tmp_path) as harness:
        _, second, _ = await say_three(harness)
        assert await edit(harness.session, second, "zwei") is None
        await harness.ready()
        assert texts(harness) == ["one", "zwei"]
        assert harness.prompt() == ["one", "You said: one", "zwei"]
        assert harness.told(TurnReplaced)[-1].old_id == second
        assert await harness.session.turns.show_variant(-1) is None
        assert texts(harness) == ["one", "two", "three"]  # what followed it came back with it
        assert await harness.session.turns.show_variant(1, second) is None
        assert texts(harness) == ["one", "zwei"]
        told = harness.told(BranchChanged)[-1]
        assert (told.number, told.count) == (2, 2)


async def test_an_earlier_message_is_asked_again_with_what_was_before_it(tmp_path: Path) -> None:
    async with opened_session(tmp_path) as harness:
        first, second, _ = await say_three(harness)
        assert await harness.session.regenerate(second) is None
        await harness.ready()
        assert texts(harness) == ["one", "two"]
        assert harness.prompt() == ["one", "You said: one", "two"]
        assert await harness.session.turns.run_in_other_mode(first) is None
        await harness.ready()
        assert harness.session.conversation is not None
        assert [turn.mode for turn in harness.session.conversation.turns] == [Mode.INSTRUCT]


async def test_an_edited_task_keeps_its_instruction_where_one_stands(tmp_path: Path) -> None:
    async with opened_session(tmp_path) as harness:
        await harness.say("### Instruction\nTranslate\n### Input\n")
        turn = await harness.say("cat")
        assert turn is not None
        assert turn.request == Task("Translate", "cat")
        await harness.say("### Chat")
        assert await edit(harness.session, turn.id, "dog") is None
        await harness.ready()
        assert harness.session.conversation is not None
        assert harness.session.conversation.turns[-1].request == Task("Translate", "dog")
        chat = await harness.say("hello")
        assert chat is not None
        assert chat.request == ChatMessage("hello")  # the mode of the conversation is as it was


async def test_what_cannot_be_asked_changes_nothing(tmp_path: Path) -> None:
    async with opened_session(tmp_path) as harness:
        first, *_ = await say_three(harness)
        for reason in (
            await edit(harness.session, first, "### Chat"),
            await edit(harness.session, 999, "text"),
            await harness.session.turns.delete(999),
            await harness.session.turns.show_variant(1),
            await harness.session.turns.toggle_in_chat(first),
        ):
            assert isinstance(reason, Incomplete)
        assert texts(harness) == ["one", "two", "three"]


async def test_a_turn_that_was_searched_for_is_shown_with_its_branch_in_its_own_conversation_only(
    tmp_path: Path,
) -> None:
    async with opened_session(tmp_path) as harness:
        session = harness.session
        _, second, third = await say_three(harness)
        assert session.conversation is not None
        here = session.conversation.id
        assert await session.turns.show(here, second) is None
        assert [event.turn_id for event in harness.told(TurnChosen)] == [second]
        assert await edit(session, second, "zwei") is None
        await harness.ready()
        assert await session.turns.show(here, third) is None
        assert texts(harness) == ["one", "two", "three"]
        assert isinstance(await session.turns.show(here, 999), Incomplete)
        await session.library.begin_new()
        await harness.say("elsewhere")
        assert (
            await session.turns.show(here, second) is None
        )  # that conversation could not be opened
        assert texts(harness) == ["elsewhere"]


async def test_a_deleted_turn_is_gone_and_what_follows_it_stays(tmp_path: Path) -> None:
    async with opened_session(tmp_path) as harness:
        first, second, third = await say_three(harness)
        assert await harness.session.turns.delete(second) is None
        assert texts(harness) == ["one", "three"]
        assert await harness.session.turns.delete(third) is None
        assert texts(harness) == ["one"]
        await harness.say("four")
        assert harness.prompt() == ["one", "You said: one", "four"]
        assert await harness.session.turns.delete(first) is None
        assert texts(harness) == ["four"]
    store = Store.open(tmp_path, Clock())
    conversation = store.conversation(1)
    assert [turn.typed for turn in conversation.turns] == ["four"]
    assert conversation.turns[0].parent_id is None
    store.close()


async def test_a_deleted_variant_gives_way_to_the_other_one(tmp_path: Path) -> None:
    async with opened_session(tmp_path) as harness:
        _, _, third = await say_three(harness)
        await harness.session.regenerate()
        await harness.ready()
        assert harness.session.conversation is not None
        again = harness.session.conversation.turns[-1].id
        assert await harness.session.turns.variants(again) == (third, again)
        assert await harness.session.turns.delete(again) is None
        assert [turn.id for turn in harness.session.conversation.turns][-1] == third


async def test_headers_and_the_last_turn_survive_deleting_everything(tmp_path: Path) -> None:
    async with opened_session(tmp_path) as harness:
        await harness.say("### Instruction")
        turn = await harness.say("Do it")
        await harness.say("### Chat")
        assert turn is not None
        assert await harness.session.turns.delete(turn.id) is None
        assert texts(harness) == []
        assert harness.session.conversation is not None
        assert len(harness.session.conversation.entries) == 2
        await harness.say("again")
        assert texts(harness) == ["again"]

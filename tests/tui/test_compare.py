"""Comparing replies: setting it up, the columns, choosing one, and what the conversation has of
it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.widgets import Input

from modechat.cli.demo import demo_settings
from modechat.domain.conversation import ReplyState
from modechat.domain.text import sanitize, sanitize_line
from modechat.engine import scripted, scripted_texts
from modechat.engine.prompt_view import PromptView
from modechat.engine.protocol import Failed, Generate, Inspect, Load
from modechat.engine.scripted import Leak, ScriptedEngine, last_user_text
from modechat.session.variants import VariantSettings
from modechat.tui.screens.compare import CompareScreen
from modechat.tui.screens.compare_columns import CompareColumnsScreen
from modechat.tui.screens.compare_setup import CompareSetup
from modechat.tui.widgets.compare_column import CompareColumn
from modechat.tui.widgets.status_line import StatusLine
from tests.session.harness import echo
from tests.tui.harness import Screen, running_app
from tests.tui.test_model_picker import models as models
from tests.tui.test_model_picker import with_models

WIDE = (160, 40)


def by_settings(request: Generate) -> str | Leak | Failed:
    """Says what is different in the request."""
    own = (request.format, request.sampling.temperature, request.sampling.seed, request.prompt.mode)
    return f"{last_user_text(request)}: {' '.join(str(one) for one in own)}"


def columns(screen: Screen) -> list[CompareColumn]:
    return list(screen.app.screen.query(CompareColumn))


async def compared(screen: Screen, *keys: str) -> None:
    """Press the keys that start a comparison, and wait until it is done and shown."""
    await screen.press(*keys)
    session = screen.app.session
    assert session is not None
    await screen.until(
        lambda: isinstance(screen.app.screen, CompareScreen) and session.comparison.is_open
    )
    await screen.until(lambda: not session.comparison.is_running)
    await screen.until(lambda: not any(column.has_more for column in columns(screen)))
    await screen.pilot.pause()


async def back(screen: Screen) -> None:
    await screen.until(lambda: len(screen.app.screen_stack) == 1)
    await screen.settled()


async def test_two_keys_ask_the_text_at_the_prompt_in_the_formats_that_suit_the_model(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, by_settings, size=WIDE) as screen:
        await screen.settled()
        await screen.type("Hello")
        await screen.press("f10")
        await screen.sees("chat-template · chatml · alpaca")
        await compared(screen, "enter")
        for number, name in enumerate(("chat-template", "chatml", "alpaca"), 1):
            await screen.sees(f"{number} ✓ {name}")
            await screen.sees(f"Hello: {name} None None chat")
        await screen.sees("5 tokens · 50.0/s · first 0.1 s")
        await screen.press("right", "enter")
        await back(screen)
        assert screen.replies == ["Hello: chatml None None chat"]
        assert screen.prompt.text == ""
        await screen.sees("Kept: chatml.")
        await screen.sees(
            "Scripted demo · chat-template (gguf)"
        )  # what the next turn will be asked in
        await screen.press("up")
        assert screen.prompt.text == "Hello"  # it can be called back, as what is sent


async def test_the_kept_reply_is_what_the_chat_sees_next_and_is_there_after_a_restart(
    tmp_path: Path,
) -> None:
    engine = ScriptedEngine(by_settings)

    async with running_app(tmp_path, engine=engine) as screen:
        await screen.settled()
        await screen.type("Hello")
        await compared(screen, "f10", "enter")
        await screen.press("3", "k")
        await back(screen)
        await screen.send("And now?")
        request = [one for one in engine.requests if isinstance(one, Generate)][-1]
        assert request.prompt.mode == "chat"
        texts = [message.content for message in request.prompt.messages]
        assert texts == ["Hello", "Hello: alpaca None None chat", "And now?"]
    async with running_app(tmp_path, echo) as screen:
        await screen.sees("Hello: alpaca None None chat")


async def test_closing_without_keeping_leaves_the_conversation_and_what_was_typed_as_they_were(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, by_settings) as screen:
        await screen.send("Before")
        await screen.type("Not yet sent")
        await compared(screen, "alt+c", "enter")
        await screen.press("escape")
        await back(screen)
        assert len(screen.replies) == 1
        assert screen.prompt.text == "Not yet sent"
        assert screen.app.screen.query_one(StatusLine).status.activity == ""
        await screen.press("f10", "escape")
        await back(screen)
        assert screen.prompt.text == "Not yet sent"


async def test_what_was_typed_after_the_command_comes_to_the_prompt_until_it_is_kept(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, by_settings) as screen:
        await screen.settled()
        await screen.type("/compare Which one?")
        await screen.press("enter")
        await screen.until(lambda: isinstance(screen.app.screen, CompareSetup))
        await compared(screen, "down", "enter")
        await screen.sees("Which one?: None 0.2 None chat")
        await screen.press("escape")
        await back(screen)
        assert screen.prompt.text == "Which one?"
        assert screen.replies == []


async def test_a_command_that_can_compare_nothing_comes_back_as_it_was_typed(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, by_settings) as screen:
        await screen.settled()
        await screen.type("/compare /task nonsense")
        await screen.press("enter")
        await screen.sees("This asks the model nothing that could be compared")
        assert screen.prompt.text == "/compare /task nonsense"


async def test_a_message_that_is_being_edited_is_compared_in_its_place(tmp_path: Path) -> None:
    async with running_app(tmp_path, by_settings) as screen:
        await screen.send("First")
        await screen.send("Second")
        await screen.press("ctrl+up", "ctrl+up", "ctrl+up", "ctrl+up", "f8", "e")
        await screen.until(lambda: screen.prompt.text == "First")
        await screen.type(" of all")
        await compared(screen, "f10", "enter")
        await screen.press("2", "enter")
        await back(screen)
        assert screen.replies == ["First of all: chatml None None chat"]
        assert screen.prompt.text == ""
        await screen.send("On")
        assert len(screen.replies) == 2


async def test_a_kept_reply_to_an_earlier_message_is_its_variant(tmp_path: Path) -> None:
    async with running_app(tmp_path, by_settings) as screen:
        await screen.send("First")
        await screen.send("Second")
        await screen.press("ctrl+up", "ctrl+up", "ctrl+up", "f8")
        await screen.sees("Compare replies in several ways")
        await screen.press("v")
        await screen.until(lambda: isinstance(screen.app.screen, CompareSetup))
        await compared(screen, "down", "down", "2", "enter")
        await screen.sees("First: None None 2 chat")
        await screen.press("2", "enter")
        await back(screen)
        assert screen.replies == ["First: None None 2 chat"]
        await screen.press("alt+left")
        await screen.until(lambda: len(screen.replies) == 2)


async def test_without_text_the_last_message_is_asked_and_without_messages_it_says_what_to_do(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, by_settings) as screen:
        await screen.settled()
        await screen.press("f10")
        await screen.sees("Write a message first")
        await screen.send("Hello")
        await compared(screen, "f10", "down", "down", "down", "enter")
        await screen.sees("Hello: None None None instruct")
        await screen.press("2", "enter")
        await back(screen)
        await screen.sees("the chat does not see this")


async def test_a_narrow_window_shows_two_columns_and_the_others_by_key(tmp_path: Path) -> None:
    async with running_app(tmp_path, by_settings) as screen:
        await screen.settled()
        await screen.type("Hello")
        await compared(screen, "f10", "4", "enter")
        assert [column.display for column in columns(screen)] == [True, True, False, False]
        await screen.press("4")
        assert [column.display for column in columns(screen)] == [False, False, True, True]
        await screen.pilot.resize_terminal(40, 15)
        await screen.until(
            lambda: [c.display for c in columns(screen)] == [False, False, False, True]
        )
        await screen.press("left")
        assert [column.display for column in columns(screen)] == [False, False, True, False]
        await screen.pilot.resize_terminal(*WIDE)
        await screen.until(lambda: all(column.display for column in columns(screen)))


async def test_a_click_on_a_column_chooses_it(tmp_path: Path) -> None:
    async with running_app(tmp_path, by_settings, size=WIDE) as screen:
        await screen.settled()
        await screen.type("Hello")
        await compared(screen, "f10", "enter")
        await screen.pilot.click(columns(screen)[2], offset=(5, 5))
        await screen.press("k")
        await back(screen)
        assert screen.replies == ["Hello: alpaca None None chat"]


async def test_u_keeps_a_reply_and_uses_its_settings_from_now_on(tmp_path: Path) -> None:
    engine = ScriptedEngine(by_settings)

    async with running_app(tmp_path, engine=engine) as screen:
        await screen.settled()
        await screen.type("Hello")
        await compared(screen, "f10", "enter")
        await screen.press("2", "u")
        await back(screen)
        await screen.sees("Kept, and used from now on: chatml.")
        session = screen.app.session
        assert session is not None
        await screen.until(lambda: session.model is not None and session.model.format == "chatml")
        await screen.type("Again")
        await compared(screen, "f10", "down", "enter")
        await screen.press("3", "u")
        await back(screen)
        assert session.effective.own.sampling.temperature == 1.0


class Gate:
    """Lets words out while it is open."""

    def __init__(self) -> None:
        self.is_open = True

    async def __call__(self) -> None:
        while not self.is_open:
            await asyncio.sleep(0.001)


async def test_escape_stops_first_and_closes_then(tmp_path: Path) -> None:
    gate = Gate()

    async with running_app(tmp_path, by_settings, pace=gate) as screen:
        await screen.settled()
        gate.is_open = False
        await screen.type("Hello")
        await screen.press("f10", "enter")
        await screen.sees("1 ▸ chat-template")
        await screen.sees("2 · chatml")
        await screen.sees("waiting")
        await screen.press("enter")
        await screen.sees("This one has not ended yet")
        await screen.press("escape")
        gate.is_open = True
        await screen.sees("1 ■ chat-template")
        await screen.sees("■ stopped before it began")
        await screen.press("2", "r")
        await screen.sees("Hello: chatml None None chat")
        await screen.sees("Enter keeps")
        await screen.press("escape")
        await back(screen)
        assert screen.replies == []
        screen.prompt.clear()
        await screen.send("On")
        assert screen.replies == ["On: None None None chat"]


async def test_while_replies_are_compared_the_palette_cannot_change_the_conversation(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, by_settings) as screen:
        await screen.send("Hello")
        await compared(screen, "f10", "enter")
        chat = screen.app.screen_stack[0]
        await chat.action_act("regenerate")  # type: ignore[attr-defined]
        await screen.pilot.pause()
        assert len(screen.replies) == 1
        await chat.action_act("new_conversation")  # type: ignore[attr-defined]
        await back(screen)
        assert screen.replies == []


async def test_it_does_not_begin_while_a_reply_is_written(tmp_path: Path) -> None:
    gate = Gate()

    async with running_app(tmp_path, by_settings, pace=gate) as screen:
        await screen.settled()
        gate.is_open = False
        await screen.type("Hello")
        await screen.press("enter")
        await screen.type("Next")
        await screen.press("f10")
        await screen.sees("A reply is being written")
        assert screen.prompt.text == "Next"
        gate.is_open = True
        await screen.settled()


async def test_columns_of_ones_own_have_a_format_a_temperature_a_system_text_and_a_mode(
    tmp_path: Path,
) -> None:
    engine = ScriptedEngine(by_settings)

    async with running_app(tmp_path, engine=engine, size=WIDE) as screen:
        await screen.settled()
        await screen.type("Hello")
        await screen.press("f10", "end", "enter")
        await screen.until(lambda: isinstance(screen.app.screen, CompareColumnsScreen))
        await screen.press("enter")
        await screen.sees("Type to filter")
        await screen.type("vicuna")
        await screen.press("enter")
        await screen.sees("[vicuna]")
        await screen.press("right", "down", "down", "7")
        await screen.press("enter")
        assert screen.app.screen.query_one(Input).value == "7"
        await screen.press("backspace", "1", "1", "enter")
        await screen.sees("This cannot be used: input should be less than or equal to 10")
        await screen.press(
            "backspace",
            "enter",
            "down",
            "down",
            "enter",
            *"none",
            "enter",
            "+",
            "down",
            "enter",
        )
        await screen.sees("[chat]")
        await compared(screen, "f10")
        requests = [one for one in engine.requests if isinstance(one, Generate)]
        assert [one.format for one in requests] == ["vicuna", None, None]
        assert [one.sampling.temperature for one in requests] == [None, 1.0, 1.0]
        await screen.sees("3 ✓ chat-template · temperature 1 · chat")


async def test_another_model_is_chosen_from_the_list_and_the_one_of_before_comes_back(
    tmp_path: Path, models: Path
) -> None:
    engine = ScriptedEngine(by_settings)

    async with running_app(
        tmp_path / "data", engine=engine, session_settings=with_models(models), size=WIDE
    ) as screen:
        await screen.settled()
        await screen.type("Hello")
        await screen.press("f10", "end", "up", "enter")
        await screen.sees("2 models")
        await screen.type("beta")
        await screen.until(
            lambda: "alpha" not in screen.text.split("Found in")[1].split("trained")[0]
        )
        await compared(screen, "enter")
        await screen.sees("1 ✓ alpha.Q8_0")
        await screen.sees("2 ✓ beta")
        await screen.press("2", "enter")
        await back(screen)
        loads = [Path(one.model_path).name for one in engine.requests if isinstance(one, Load)]
        assert loads == ["alpha.Q8_0.gguf", "beta.gguf", "alpha.Q8_0.gguf"]
        session = screen.app.session
        assert session is not None
        assert session.conversation is not None
        turn = session.conversation.last_turn
        assert turn is not None
        assert (turn.reply.model, turn.reply.state) == ("beta", ReplyState.COMPLETE)
        assert "The model is now" not in screen.text


HOSTILE = "[/x] [@click=app.quit]quit[/] \x1b]0;TITLE\x07 \x9b2J \u202ereversed <think>x</think>"


@pytest.mark.parametrize("size", [(80, 24), WIDE])
async def test_hostile_text_is_shown_as_text(tmp_path: Path, size: tuple[int, int]) -> None:
    def script(request: Generate) -> str | Leak | Failed:
        match request.format:
            case "chatml":
                return Failed(id=0, kind="engine", title=HOSTILE)
            case "alpaca":
                return Leak(HOSTILE, HOSTILE)
            case _:
                return HOSTILE

    async with running_app(tmp_path, script, size=size) as screen:
        await screen.settled()
        screen.prompt.area.load_text(HOSTILE)
        await compared(screen, "f10", "enter")
        await screen.press("3")
        await screen.pilot.pause()
        assert screen.text == sanitize(screen.text)
        assert "[/x]" in screen.text
        await screen.press("escape")
        await back(screen)
        session = screen.app.session
        assert session is not None
        own = (VariantSettings(system=HOSTILE), VariantSettings(model=f"/{HOSTILE}.gguf"))
        await screen.app.push_screen(CompareColumnsScreen(session, own))
        await screen.sees(sanitize_line(HOSTILE)[:8])
        assert screen.text == sanitize(screen.text)


async def test_a_reply_that_leaks_and_one_that_fails_say_so_and_the_next_goes_on(
    tmp_path: Path,
) -> None:
    def script(request: Generate) -> str | Leak | Failed:
        if request.format == "chatml":
            return Failed(id=0, kind="engine", title="The engine hiccuped")
        return Leak("Half", "### Instruction:") if request.format == "alpaca" else "Whole"

    async with running_app(tmp_path, script, size=WIDE) as screen:
        await screen.settled()
        await screen.type("Hello")
        await compared(screen, "f10", "enter")
        await screen.sees("✗ The engine hiccuped")
        await screen.sees("✗ failed")
        await screen.sees("2 ✗ chatml")
        await screen.sees("3 ✂ alpaca")
        await screen.sees("The reply was cut where the model began")
        await screen.press("2", "enter")
        await screen.sees("There is no reply here to keep")
        await screen.press("3", "enter")
        await back(screen)
        await screen.sees("Half")


async def test_thinking_opens_in_all_columns(tmp_path: Path) -> None:
    async with running_app(
        tmp_path, lambda _request: "<think>Deep thought</think>42", size=WIDE
    ) as screen:
        await screen.settled()
        await screen.type("Hello")
        await compared(screen, "f10", "enter")
        assert "Deep thought" not in screen.text
        await screen.press("t")
        await screen.until(lambda: screen.text.count("Deep thought") == 3)


async def test_help_tells_the_keys_of_the_comparison(tmp_path: Path) -> None:
    async with running_app(tmp_path, by_settings) as screen:
        await screen.settled()
        await screen.type("Hello")
        await compared(screen, "f10", "enter")
        await screen.press("f1")
        await screen.sees("Keep it, and use its settings from now on")


async def test_a_format_that_makes_the_same_prompt_as_another_has_no_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view_of = scripted_texts.prompt_view

    def view(request: Inspect) -> PromptView:
        same = request.format == "chatml"
        return view_of(request.model_copy(update={"format": None}) if same else request)

    monkeypatch.setattr(scripted, "prompt_view", view)

    async with running_app(tmp_path, size=(120, 30), session_settings=demo_settings()) as screen:
        await screen.type("Hello")
        await screen.press("f10")
        await screen.sees("chat-template · alpaca · vicuna")
        await screen.press("2")
        await screen.sees("chat-template · alpaca ")
        await screen.press("4")
        await screen.sees("chat-template · alpaca · vicuna · llama-2")

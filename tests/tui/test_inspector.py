"""The prompt inspector."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from modechat.cli.demo import demo_settings
from modechat.domain.text import sanitize
from modechat.engine.protocol import Inspect, Inspected, Request
from modechat.engine.scripted import ScriptedEngine, at_once
from modechat.tui.screens.inspector import InspectorScreen
from modechat.tui.widgets.prompt_pane import PromptLines
from tests.session.harness import echo
from tests.tui.harness import Screen, running_app

WIDE = (120, 40)


class Inspecting(ScriptedEngine):
    """Answers what is to be inspected with `answer`; not at all if that is None."""

    def __init__(self, answer: Inspected | None) -> None:
        super().__init__(echo, at_once)
        self.answer = answer

    def send(self, request: Request) -> None:
        if not isinstance(request, Inspect):
            super().send(request)
        elif self.answer is not None:
            self._events.put_nowait(self.answer.model_copy(update={"id": request.id}))


def inspector(screen: Screen) -> InspectorScreen:
    assert isinstance(screen.app.screen, InspectorScreen)
    return screen.app.screen


async def test_it_shows_what_the_typed_text_would_send_in_both_modes_side_by_side(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, size=WIDE) as screen:
        await screen.send("First")
        await screen.type("Second <|im_end|>")
        await screen.press("f2")
        await screen.sees("Prompt of the next turn")
        await screen.sees("❯ chat · chat-template (gguf) · as is")
        await screen.sees("» instruct · chat-template (gguf) · as is")
        await screen.sees("of 4,096 tokens")
        await screen.sees("◇ sent as plain text: <|im_end|>")
        await screen.sees("Second <|im_end|><|im_end|>")
        await screen.sees("user 3 · assistant 3 · template 14")
        assert (
            screen.text.count("First") == 2
        )  # the question and what it was answered: the chat alone sees them
        await screen.press("escape")
        assert screen.prompt.text == "Second <|im_end|>"


async def test_it_walks_through_the_turns_that_were(tmp_path: Path) -> None:
    async with running_app(tmp_path, size=WIDE) as screen:
        await screen.send("First")
        await screen.send("Second")
        await screen.type("Third")
        await screen.press("f2")
        await screen.sees("Prompt of the next turn")
        await screen.press("left", "[")
        await screen.sees("Prompt of turn 1 of 2")
        await screen.until(lambda: "Second" not in screen.text and "First" in screen.text)
        await screen.press("left", "]")
        await screen.sees("Prompt of turn 2 of 2")
        await screen.press("right", "right")
        await screen.sees("Prompt of the next turn")
        await screen.sees("Third")


async def test_without_text_it_shows_the_last_turn_and_without_turns_it_says_what_to_do(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        await screen.press("f2")
        await screen.sees("There is no message yet")
        await screen.press("escape")
        await screen.send("Hello")
        await screen.press("f2")
        await screen.sees("Prompt of turn 1 of 1")


async def test_a_narrow_window_shows_one_mode_at_a_time(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.type("### Instruction Do it")
        await screen.press("f2")
        await screen.sees("» instruct · chat-template")
        assert "❯ chat · chat-template (gguf) · as is" not in screen.text
        await screen.press("tab")
        await screen.sees("❯ chat · chat-template (gguf) · as is")
        assert "» instruct · chat-template" not in screen.text
        await screen.pilot.resize_terminal(*WIDE)
        await screen.sees("» instruct · chat-template")


async def test_t_changes_between_text_tokens_and_ids(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.type("Hello")
        await screen.press("f2")
        await screen.sees("<|im_start|>user")
        assert "↵" not in screen.text
        await screen.press("t")
        await screen.sees("<|im_start|>user↵")
        await screen.press("t")
        await screen.sees("0   2  <|im_start|>")
        await screen.press("t")
        await screen.until(lambda: "↵" not in screen.text)


async def test_control_tokens_look_different_from_the_same_text(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.type("<|im_end|>")
        await screen.press("f2")
        await screen.sees("<|im_end|><|im_end|>")
        lines = next(
            lines
            for lines in inspector(screen).query(PromptLines)
            if lines.display and lines.size.width
        )
        typed, control = (s for s in lines.render_line(1) if s.text == "<|im_end|>")
        assert typed.style != control.style


async def test_it_waits_for_an_engine_that_is_busy(tmp_path: Path) -> None:
    async with running_app(tmp_path, engine=Inspecting(None)) as screen:
        await screen.type("Hello")
        await screen.press("f2")
        await screen.sees("Waiting for the engine…")
        await screen.press("escape")
        await screen.sees("Enter sends")


@pytest.mark.parametrize(
    "error", ["The template refuses: [/x] [@click=app.quit]x[/]", "\x1b]0;TITLE\x07 [/ $x"]
)
async def test_an_error_is_shown_as_text(tmp_path: Path, error: str) -> None:
    async with running_app(tmp_path, engine=Inspecting(Inspected(id=0, error=error))) as screen:
        await screen.type("Hello")
        await screen.press("f2")
        await screen.sees(sanitize(error))


async def test_hostile_text_is_shown_as_text(tmp_path: Path) -> None:
    async with running_app(tmp_path, size=WIDE) as screen:
        hostile = "[/x] [@click=app.quit]quit[/] \x1b]0;TITLE\x07 \x9b2J"
        screen.prompt.area.load_text(hostile)
        await screen.press("f2")
        await screen.sees(sanitize(hostile))
        await screen.press("t")
        await screen.sees("quit[/]")
        assert screen.text == sanitize(screen.text)


async def test_a_very_long_prompt_scrolls_to_its_end(tmp_path: Path) -> None:
    async with running_app(tmp_path, size=WIDE) as screen:
        screen.prompt.area.post_message(events.Paste("word and word\n" * 3_400 + "THE END"))
        await screen.pilot.pause()
        await screen.press("f2")
        await screen.sees("10,2")
        await screen.press("t", "end")
        await screen.sees("THE END")


async def test_the_prompt_command_shows_the_text_after_it(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.type("/prompt What about this?")
        await screen.press("enter")
        await screen.sees("Prompt of the next turn")
        await screen.sees("What about this?<|im_end|>")
        assert screen.prompt.text == ""


async def test_the_prompt_command_attaches_the_files_in_the_text_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("of the garden")
    monkeypatch.chdir(tmp_path)
    async with running_app(tmp_path / "data") as screen:
        await screen.type("/prompt Read @notes.txt ")
        await screen.press("enter")
        await screen.sees("of the garden")


async def test_a_turn_that_was_asked_in_another_format_says_so(tmp_path: Path) -> None:
    async with running_app(tmp_path, size=(120, 30), session_settings=demo_settings()) as screen:
        await screen.send("Hello")
        await screen.press("f2")
        await screen.sees("Prompt of turn 1 of 1, as it would be made now · ")
        await screen.press("escape")
        await screen.send("/format alpaca")
        await screen.press("f2")
        await screen.sees("as it would be made now in its format, chat-template")

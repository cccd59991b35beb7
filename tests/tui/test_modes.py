"""The modes as the user sees them."""

from __future__ import annotations

from pathlib import Path

from modechat.engine.protocol import Generate
from tests.tui.harness import Screen, running_app


def badge(screen: Screen) -> str:
    return str(screen.prompt.border_title)


async def test_a_typed_header_lights_the_badge_as_soon_as_it_is_recognised(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        assert badge(screen) == "❯ chat"
        await screen.type("### Instructio")
        assert badge(screen) == "❯ chat"
        await screen.type("n")
        assert badge(screen) == "» instruct"
        assert screen.prompt.has_class("-instruct")
        await screen.press("backspace")
        assert badge(screen) == "❯ chat"
        assert screen.prompt.has_class("-chat")


async def test_the_header_alone_switches_with_the_notice(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("### Instruction")
        await screen.sees("Okay, switching to instruct mode. What do you want me to do?")
        assert badge(screen) == "» instruct"
        await screen.send("Translate I love you")
        await screen.sees("the chat does not see this")
        await screen.sees("You said: Translate I love you")
        await screen.send("### Chat")
        await screen.sees("back to chat mode")
        assert badge(screen) == "❯ chat"


async def test_shift_tab_toggles_the_mode(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.press("shift+tab")
        await screen.until(lambda: badge(screen) == "» instruct")
        await screen.press("shift+tab")
        await screen.until(lambda: badge(screen) == "❯ chat")
        assert screen.app.focused is screen.prompt.area


async def test_a_standing_instruction_is_named_at_the_prompt(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("### Instruction\nTranslate into French\n### Input")
        await screen.sees("» instruct: Translate into French")
        await screen.send("good morning")
        await screen.sees("You said: Translate into French")
        await screen.sees("Input")


async def test_an_instruct_turn_can_be_added_to_the_chat(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("### Instruction Name a colour")
        await screen.press("ctrl+g")
        await screen.sees("added to the chat")
        await screen.press("ctrl+g")
        await screen.sees("the chat does not see this")


async def test_the_last_turn_can_be_run_in_the_other_mode(tmp_path: Path) -> None:
    def mode_of(request: Generate) -> str:
        return f"answered in {request.prompt.mode} mode"

    async with running_app(tmp_path, mode_of) as screen:
        await screen.send("Name a colour")
        await screen.sees("answered in chat mode")
        await screen.press("ctrl+t")
        await screen.sees("answered in instruct mode")
        await screen.settled()
        assert len(screen.transcript.turns) == 1

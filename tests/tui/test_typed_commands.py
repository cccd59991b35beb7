"""What keys do can be typed as well."""

from __future__ import annotations

from pathlib import Path

from tests.tui.harness import running_app


async def test_actions_of_keys_have_commands(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("hello")
        await screen.send("/mode")
        await screen.sees("» instruct")
        await screen.send("/status")
        await screen.sees("Mode           instruct")
        await screen.sees("Model          Scripted demo, on CPU")
        await screen.send("/mode")
        await screen.send("/new")
        await screen.until(lambda: not screen.replies)
        await screen.send("/open 1")
        await screen.sees("You said: hello")
        await screen.send("/delete 1")
        await screen.sees("/delete 1 once more")
        await screen.press("enter")
        await screen.sees("“hello” is deleted.")
        await screen.send("/delete")
        await screen.sees("A conversation is named by its number")


async def test_quit_can_be_typed(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.type("/quit")
        await screen.press("enter")
        await screen.until(lambda: screen.app.return_code is not None)
        assert screen.app.return_code == 0

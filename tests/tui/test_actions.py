"""The one table of actions, and what is made from it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from modechat.commands.actions import ACTIONS, key_table, slash_table
from modechat.tui.bindings import BINDINGS
from modechat.tui.screens.chat import ChatScreen
from tests.engine.driver import run
from tests.tui.harness import running_app


def test_every_action_can_be_done() -> None:
    screen = ChatScreen()
    for action in ACTIONS:
        if action.is_binding or action.in_palette:
            assert callable(screen.handlers[action.id])


def test_no_key_means_two_things() -> None:
    keys = Counter(key for action in ACTIONS for key in action.keys)
    assert [key for key, count in keys.items() if count > 1] == []
    assert len(BINDINGS) == sum(action.is_binding for action in ACTIONS)


def test_the_help_screen_shows_every_key_and_closes(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_app(tmp_path, size=(120, 100)) as screen:
            await screen.press("f1")
            for keys, text in (*key_table(), *slash_table()):
                await screen.sees(keys)
                await screen.sees(text)
            await screen.press("escape")
            await screen.sees("Message, or ### Instruction")

    run(main())


def test_every_action_has_a_key_a_command_or_is_in_the_palette() -> None:
    assert [action.id for action in ACTIONS if not (action.keys or action.slash or action.in_palette)] == []
    assert [action.id for action in ACTIONS if action.is_binding and not action.keys] == []


def test_the_palette_finds_actions(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_app(tmp_path) as screen:
            await screen.press("ctrl+p")
            await screen.type("switch mo")
            await screen.sees("Switch mode")
            await screen.press("enter")
            await screen.press("enter")
            await screen.sees("» instruct")

    run(main())


def test_the_readme_has_the_tables_of_keys_and_commands() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    for keys, text in key_table():
        assert f"| {keys} | {text} |" in readme
    for usage, text in slash_table():
        assert f"| `{usage}` | {text} |" in readme

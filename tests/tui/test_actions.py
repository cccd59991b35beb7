"""The one table of actions, and what is made from it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.widgets import TextArea

from modechat.commands.actions import ACTIONS, Group, slash_table
from modechat.commands.keymap import TYPING_KEYS, key_table
from modechat.tui.chat_screen import ChatScreen
from tests.tui.harness import running_app


def test_every_action_can_be_done() -> None:
    dispatcher = ChatScreen().dispatcher
    for action in ACTIONS:
        if action.is_binding or action.in_palette:
            assert dispatcher.handler(action.id) or dispatcher.work(action.id), action.id


def test_no_key_means_two_things() -> None:
    keys = Counter(key for action in ACTIONS for key in action.keys)
    assert [key for key, count in keys.items() if count > 1] == []


def test_every_key_that_the_text_area_knows_is_accounted_for() -> None:
    bound = {
        key
        for binding in Binding.make_bindings(TextArea.BINDINGS)
        for key in binding.key.split(",")
    }
    ours = {key for action in ACTIONS for key in action.keys}
    beside = {key for key in bound if key.startswith("super+")} | {"ctrl+backspace"}
    assert bound - ours - TYPING_KEYS - beside == set()


async def test_the_help_screen_shows_every_key_and_closes(tmp_path: Path) -> None:
    async with running_app(tmp_path, size=(120, 150)) as screen:
        await screen.press("f1")
        await screen.sees("Type to search")
        seen = screen.text
        await screen.press("pagedown")
        await screen.until(lambda: "sends the text itself" in screen.text.split("Commands")[-1])
        seen += screen.text
        for group, rows in key_table():
            assert group in seen
            for keys, text in rows:
                assert keys in seen
                assert text in seen
        for usage, text in slash_table():
            assert usage in seen
            assert text in seen
        await screen.press("escape")
        await screen.sees("Message, or ### Instruction")


def test_every_action_has_a_key_a_command_or_is_in_the_palette() -> None:
    assert [
        action.id for action in ACTIONS if not (action.keys or action.slash or action.in_palette)
    ] == []
    not_bound = [action for action in ACTIONS if not action.is_binding]
    assert {action.group for action in not_bound if action.keys} == {Group.PROMPT, Group.EDITING}
    assert all(action.slash for action in not_bound if not action.keys)


async def test_the_palette_finds_actions(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.press("ctrl+p")
        await screen.type("switch mo")
        await screen.sees("Switch mode")
        await screen.press("enter")
        await screen.press("enter")
        await screen.sees("» instruct")


@pytest.mark.parametrize("key", ["pageup", "pagedown", "end", "home"])
@pytest.mark.parametrize("command", ["", "/theme"])
@pytest.mark.every_day(2)
async def test_page_keys_in_a_list_that_is_not_drawn_do_no_harm(
    tmp_path: Path, key: str, command: str
) -> None:
    async with running_app(tmp_path, size=(40, 8)) as screen:
        await screen.type(command)
        await screen.press(*["escape", "enter"] if command else ["ctrl+p"])
        await screen.until(lambda: len(screen.app.screen_stack) == 2)
        await screen.pilot.resize_terminal(40, 1)
        await screen.press(key)
        await screen.pilot.resize_terminal(80, 24)
        await screen.press("escape")
        await screen.until(lambda: len(screen.app.screen_stack) == 1)
        await screen.sees("Message, or ### Instruction")

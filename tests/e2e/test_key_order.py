"""Keys do what they do in the order in which they were pressed, however fast they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.home import DETERMINISTIC, Home, wait_for_start


@pytest.mark.parametrize("leave", ["\x11", "\x0e\x11"], ids=["quit", "new conversation, quit"])
def test_a_message_sent_right_before_leaving_is_kept(
    leave: str, home: Home, tiny_model: Path
) -> None:
    home.configure(f"{DETERMINISTIC}max_tokens = 4\n")
    with home.start("--model", tiny_model) as terminal:
        wait_for_start(terminal)
        terminal.type(f"hello there\r{leave}")
        assert terminal.wait_for_end() == 0
    assert [turn.typed for turn in home.turns()] == ["hello there"]


def test_keys_that_edit_keep_their_place_among_letters_that_come_at_once(home: Home) -> None:
    with home.start("--demo") as terminal:
        terminal.wait_for("Enter sends")
        terminal.type(
            "abc" + "\x7f" * 2 + "x" + "\x1b[D" + "y" + "\x01" + "z" + "\x1f" + "w" + "\x05" + "!"
        )
        terminal.wait_for("wayx!")

"""What modechat is for, from start to start, in a real terminal on a real model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modechat.domain.conversation import ReplyState, Turn
from modechat.domain.mode import Mode
from tests.e2e.home import Home, badge, type_and_enter, wait_for_start
from tests.e2e.processes import watched_worker
from tests.e2e.prompt_tokens import prompt_tokens
from tests.e2e.terminal import Terminal

# Without the first turn, this model calls the word "S-M-O-L-A-T-Y".
SECRET = "The secret word is banana. What is the secret word?"
CAPITAL = "What is the capital of France?"
TASK = "Write the plural of cat."
RECALL = "What is the secret word?"

ON_EXIT = re.compile(rb"(?:\x1b\[\?\d+[hl])*")
"""Modes of the terminal, and nothing that can be seen."""


@pytest.mark.real_model
def test_chat_then_an_instruction_then_chat_again_then_quit_and_find_it_all_at_the_next_start(
    home: Home, starter: Path
) -> None:
    with home.start(columns=100, rows=50) as terminal:
        wait_for_start(terminal)
        assert badge(terminal) == "❯ chat"
        first = _ask(home, terminal, SECRET)
        second = _ask(home, terminal, CAPITAL)
        assert "banana" in first.reply.text
        assert "Paris" in second.reply.text

        type_and_enter(terminal, "### Instruction")
        terminal.wait_for("» Okay, switching to instruct mode. What do you want me to do?")
        assert badge(terminal) == "» instruct"
        task = _ask(home, terminal, TASK)
        assert "cats" in task.reply.text

        type_and_enter(terminal, "### Chat")
        terminal.wait_for("❯ Okay, back to chat mode.")
        assert badge(terminal) == "❯ chat"
        third = _ask(home, terminal, RECALL)
        assert "banana" in third.reply.text

        _quit(terminal)

    _assert_what_the_model_saw(starter, first, second, task, third)
    assert home.turns() == (first, second, task, third)

    with home.start(columns=100, rows=50) as terminal:
        wait_for_start(terminal)
        for turn in (first, second, task, third):
            terminal.wait_for(f"{turn.typed} {turn.reply.text}")
        terminal.wait_for("### Instruction » Okay, switching to instruct mode.")
        terminal.wait_for("### Chat ❯ Okay, back to chat mode.")
        assert badge(terminal) == "❯ chat"


def _ask(home: Home, terminal: Terminal, text: str) -> Turn:
    turn = home.ask(terminal, text)
    terminal.wait_for(f"{text} {turn.reply.text}")
    return turn


def _quit(terminal: Terminal) -> None:
    with watched_worker(terminal) as worker:
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
        assert worker.has_ended()
    painted, left_it, after = terminal.raw.rpartition(b"\x1b[?1049l")
    assert painted.count(b"\x1b[?1049h") == 1
    assert left_it
    assert ON_EXIT.fullmatch(after), after
    assert terminal.settings == terminal.settings_before
    assert not terminal.text.strip()  # what was on the screen before: nothing


def _assert_what_the_model_saw(
    model: Path, first: Turn, second: Turn, task: Turn, third: Turn
) -> None:
    """The chat its own turns, all of them, and nothing else; the task itself alone; nothing of it
    twice.
    """
    chat = [first.typed, first.reply.text, second.typed, second.reply.text, third.typed]
    turns = (first, second, task, third)
    stats = [turn.reply.stats for turn in turns if turn.reply.stats is not None]
    counts = prompt_tokens(model, chat[:1], chat[:3], [task.typed], chat)
    assert [figures.prompt_tokens for figures in stats] == counts
    assert (
        stats[3].reused_tokens >= stats[1].prompt_tokens
    )  # the task did not disturb the chat's lane
    assert [turn.mode for turn in turns] == [Mode.CHAT, Mode.CHAT, Mode.INSTRUCT, Mode.CHAT]
    assert {turn.reply.state for turn in turns} == {ReplyState.COMPLETE}

"""Evaluated chats on disk, as a user's program keeps them."""

from __future__ import annotations

import stat
from pathlib import Path

from modechat.domain.conversation import ReplyStats
from tests.e2e.home import DETERMINISTIC, Home, wait_for_start
from tests.e2e.processes import watched_worker
from tests.e2e.terminal import Terminal

LONG = "Tell me more of this. " * 20
"""440 tokens of the tiny model."""


SHORT = f"{DETERMINISTIC}max_tokens = 8\n"


def quit_program(terminal: Terminal) -> None:
    """The worker may go on for a moment: what it keeps is there when it has ended."""
    with watched_worker(terminal) as worker:
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
        worker.wait_for_end()


def say(terminal: Terminal, text: str) -> None:
    terminal.paste(text)
    terminal.wait_for(text[-20:].strip())
    terminal.press("enter")


def one_turn(home: Home, text: str, model: Path) -> ReplyStats:
    """Start, say something, wait for the reply, and quit."""
    before = len(home.turns())

    def is_answered() -> bool:
        turns = home.turns()
        return len(turns) > before and turns[-1].reply.state.is_final

    with home.start("--model", model) as terminal:
        wait_for_start(terminal)
        say(terminal, text)
        terminal.wait_for(is_answered)
        quit_program(terminal)
    stats = home.turns()[-1].reply.stats
    assert stats is not None
    return stats


def test_a_long_chat_is_kept_private_and_goes_on_without_being_evaluated_again(
    home: Home, tiny_model: Path
) -> None:
    home.configure(SHORT)
    one_turn(home, LONG, tiny_model)
    folder = home.folder / "cache" / "modechat" / "states"
    files = list(folder.iterdir())
    assert sorted(path.suffix for path in files) == [".json", ".state"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, *files)] == [0o700, 0o600, 0o600]
    assert one_turn(home, "And then, what came of it?", tiny_model).restored_tokens > 400


def test_without_history_nothing_is_kept(home: Home, tiny_model: Path) -> None:
    home.configure(SHORT)
    with home.start("--model", tiny_model, "--no-history") as terminal:
        wait_for_start(terminal)
        say(terminal, LONG)
        terminal.wait_for("tok/s")
        quit_program(terminal)
    assert not (home.folder / "cache").exists()

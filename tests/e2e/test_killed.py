"""Nothing is lost but the last half second, whatever is killed while a real model writes."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from modechat.domain.conversation import Reply, ReplyState
from tests.e2e.home import Home, transcript, type_and_enter, wait_for_start
from tests.e2e.processes import watched_worker
from tests.e2e.terminal import Terminal

PROMISED_SECONDS = 0.5
# at temperature 0 this model writes until the context is full
STORY = "Write a long story about a lighthouse keeper."

pytestmark = pytest.mark.real_model


def _bare(text: str) -> str:
    """The words of `text` alone: without punctuation, Markdown and borders."""
    return " ".join(re.findall(r"\w+", text))


def _story_on_screen(terminal: Terminal) -> str:
    """What can be seen of the reply to STORY."""
    return _bare(transcript(terminal)).removeprefix(_bare(STORY)).strip()


def _watch_the_story(terminal: Terminal) -> str:
    """Read until there are some lines, then for as long as may be lost, and longer. Returns what
    there was before.
    """
    terminal.wait_for(lambda: len(_story_on_screen(terminal)) > 200)
    shown, then = _story_on_screen(terminal), time.monotonic()

    def there_is_more_and_time_has_passed() -> bool:
        return time.monotonic() - then > PROMISED_SECONDS and _story_on_screen(terminal) != shown

    terminal.wait_for(there_is_more_and_time_has_passed)
    return shown


def _only_reply(home: Home) -> Reply:
    (turn,) = home.turns()
    assert turn.typed == STORY
    return turn.reply


@pytest.mark.usefixtures("starter")
def test_the_message_and_the_reply_so_far_are_there_after_the_program_was_killed(
    home: Home,
) -> None:
    with home.start(columns=100, rows=40) as terminal:
        wait_for_start(terminal)
        home.send(terminal, STORY)
        shown = _watch_the_story(terminal)
        with watched_worker(terminal) as worker:
            terminal.kill()
            worker.wait_for_end()
    assert _bare(_only_reply(home).text).startswith(shown)

    with home.start(columns=100, rows=40) as terminal:
        wait_for_start(terminal)
        terminal.wait_for("✂ interrupted: modechat ended while it was written. Ctrl+R asks again.")
        assert _only_reply(home).state is ReplyState.INTERRUPTED
        assert _bare(_only_reply(home).text).startswith(shown)
        assert shown in _story_on_screen(terminal)
        assert STORY in terminal.words


@pytest.mark.usefixtures("starter")
def test_closing_the_window_keeps_all_of_the_reply_so_far(home: Home) -> None:
    with home.start(columns=100, rows=40) as terminal:
        wait_for_start(terminal)
        home.send(terminal, STORY)
        _watch_the_story(terminal)
        with watched_worker(terminal) as worker:
            assert terminal.hang_up() == -signal.SIGHUP
            worker.wait_for_end()
        shown = _story_on_screen(terminal)
    reply = _only_reply(home)
    assert reply.state.is_final
    assert _bare(reply.text).startswith(shown)


def test_the_program_survives_the_death_of_its_engine_and_answers_the_next_message(
    home: Home, starter: Path
) -> None:
    with home.start("--model", starter, columns=100, rows=40) as terminal:
        wait_for_start(terminal)
        home.send(terminal, STORY)
        shown = _watch_the_story(terminal)
        with watched_worker(terminal) as worker:
            os.kill(worker.id, signal.SIGKILL)
            worker.wait_for_end()
        terminal.wait_for("✗ The engine was killed (SIGKILL)")
        terminal.wait_for("✂ interrupted")
        reply = _only_reply(home)
        assert reply.state is ReplyState.INTERRUPTED
        assert _bare(reply.text).startswith(shown)

        type_and_enter(terminal, "### Instruction Write the plural of cat.")
        terminal.wait_for("The plural of cat is cats.")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0

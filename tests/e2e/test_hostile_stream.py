"""A hostile reply that streams while the window is resized and the mouse is everywhere; hostile
names in lists.
"""

from __future__ import annotations

import base64
import random
import sys
from datetime import UTC, datetime
from functools import partial

import pytest

from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage
from modechat.domain.text import storable
from modechat.store import Store
from tests.e2e.home import Home, type_and_enter, wait_for_start
from tests.e2e.hostile import ATTACK, LONG_ATTACK, foreign_sequences
from tests.e2e.terminal import Terminal
from tests.e2e.window import Window

_LONGEST_PAUSE = 0.02
_LEAST_ACTIONS = 150
_MOST_ACTIONS = 300
"""Each costs a slow machine work: there it would never end if they went on as long as the reply."""
_SIZES = ((40, 15), (120, 40), (80, 24), (200, 60), (20, 6))
_CLIPBOARD = "\x1b]52;c;"


def begin_to_stream(window: Window) -> None:
    window.wait_until(lambda: b"CPU" in window.raw, "the model is loaded")
    window.type("stream")
    window.wait_until(lambda: b"strea" in window.raw, "what was typed")
    window.press("enter")
    window.wait_until(lambda: b"Title" in window.raw, "the reply begins")


def lacks(terminal: Terminal, text: str) -> bool:
    return text not in terminal.text


def trouble_maker(window: Window, chosen: random.Random) -> None:
    """Do something with the mouse or with the window."""
    column, row = chosen.randrange(120), chosen.randrange(40)
    match chosen.randrange(6):
        case 0:
            window.resize(*chosen.choice(_SIZES))
        case 1:
            window.mouse(chosen.choice((64, 65)), column, row)
        case 2:
            window.mouse(0, column, row)
        case 3:
            window.mouse(0, column, row, is_up=True)
        case _:
            window.mouse(32, column, row)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.every_day(1)
def test_a_hostile_reply_streams_while_the_window_is_resized_and_the_mouse_drags(
    home: Home, seed: int
) -> None:
    chosen = random.Random(seed)
    command = (sys.executable, "-m", "tests.e2e.hostile", home.data)
    with Window(command, home.env, columns=120, rows=40) as window:
        begin_to_stream(window)

        def reply_is_final() -> bool:
            return home.turns()[-1].reply.state.is_final

        n_actions = 0
        while n_actions < _LEAST_ACTIONS or not (n_actions >= _MOST_ACTIONS or reply_is_final()):
            for _ in range(15):
                trouble_maker(window, chosen)
                window.pause(chosen.uniform(0, _LONGEST_PAUSE))
                n_actions += 1
            assert window.is_running, window.picture()
        while not reply_is_final():
            window.pause(_LONGEST_PAUSE)
            assert window.is_running, window.picture()
        window.resize(120, 40)
        window.mouse(0, 5, 5, is_up=True)
        window.press("ctrl+q")
        assert window.wait_for_end() == 0
    (turn,) = home.turns()
    assert turn.reply.text == storable(LONG_ATTACK)
    # A click on the title of the code copies it.
    foreign = foreign_sequences(window.raw)
    copied = {
        base64.b64decode(one.removeprefix(_CLIPBOARD))
        for one in foreign
        if one.startswith(_CLIPBOARD)
    }
    assert all(b"print" in text for text in copied)
    assert {one for one in foreign if not one.startswith(_CLIPBOARD)} == set()


def test_hostile_titles_file_names_and_metadata_are_shown_as_text_in_every_list(home: Home) -> None:
    store = Store.open(home.data, lambda: datetime.now(UTC))
    conversation = store.create_conversation(f"title {ATTACK}", ModeState())
    store.add_turn(conversation.id, None, ATTACK, ChatMessage(f"said {ATTACK}"), in_chat=True)
    store.close()
    with Terminal(
        (sys.executable, "-m", "tests.e2e.hostile", home.data), home.env, columns=120, rows=50
    ) as terminal:
        wait_for_start(terminal)
        for key, seen in (
            ("\x0f", "title ␛]0;PWNED␇"),
            ("\x1bOR", "model ␛]0;PWNED␇"),
            ("\x1bOQ", "Prompt of turn"),
        ):
            terminal.type(key)
            terminal.wait_for(seen)
            terminal.type("\x1b[B")  # down
            if "model" in seen:
                terminal.wait_for("problem ␛]0;PWNED␇")
            terminal.press("escape")
            terminal.wait_for(partial(lacks, terminal, seen))
        type_and_enter(terminal, "### Chat fail")
        terminal.wait_for("✗ ␛]0;PWNED␇")
        terminal.type("\x1b[24~")  # F12
        terminal.wait_for("Log")
        terminal.press("escape")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
        assert terminal.title == ""
        assert foreign_sequences(terminal.raw) == set()

"""The terminal's ground: its answer is never typed, however the reads cut it, and a chosen theme stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events

from modechat.tui.background import QUERY, Answers, can_be_asked, read_answer
from modechat.tui.look import DARK, LIGHT
from modechat.tui.paste_reader import TypedBefore
from modechat.tui.terminal_input import BackgroundReported, TerminalInput
from tests.e2e.home import Home
from tests.e2e.terminal import Terminal

WHITE, BLACK = "\x1b]11;rgb:ffff/ffff/ffff\x07", "\x1b]11;rgb:0000/0000/0000\x1b\\"


@pytest.mark.parametrize(
    ("answer", "is_light"),
    [
        (WHITE, True),
        (BLACK, False),
        ("\x1b]11;rgb:ff/ff/ff\x07", True),
        ("\x1b]11;rgb:1/1/1\x07", False),
        ("\x1b]11;rgba:fdfd/f6f6/e3e3/ffff\x1b\\", True),
        ("\x1b]11;#002b36\x07", False),
        ("\x1b]11;rgb:2828/2828/2828\x07", False),
    ],
)
def test_an_answer_says_whether_the_ground_is_light(answer: str, is_light: bool) -> None:
    assert read_answer(f"a{answer}b") == (is_light, "ab")


@pytest.mark.parametrize(
    "report",
    ["\x1b]10;rgb:ffff/ffff/ffff\x07", "\x1b]11;\x07", "\x1b]11;what\x1b\\", "\x1b]4;0;?\x07"],
)
def test_other_reports_say_nothing_and_are_not_typed(report: str) -> None:
    assert read_answer(report) == (None, "")


def messages(parser: TerminalInput, *pieces: str) -> list[object]:
    found: list[object] = []
    for piece in pieces:
        for message in parser.feed(piece):
            match message:
                case events.Key():
                    found.append(message.character or message.key)
                case events.Paste():
                    found.append(f"paste {message.text}")
                case BackgroundReported():
                    found.append(message.is_light)
    return found


@given(
    st.sampled_from([WHITE, BLACK]),
    st.text("abc", max_size=3),
    st.text("abc", max_size=3),
    st.data(),
)
def test_an_answer_among_keys_is_never_typed(
    answer: str, before: str, after: str, data: st.DataObject
) -> None:
    whole = before + answer + after
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole)), max_size=4)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    found = messages(TerminalInput(awaits_background=True), *pieces)
    assert [one for one in found if isinstance(one, bool)] == [answer == WHITE]
    assert "".join(str(one) for one in found if not isinstance(one, bool)) == before + after


def test_an_answer_in_a_paste_is_a_text() -> None:
    found = messages(TerminalInput(awaits_background=True), f"\x1b[200~{WHITE}\x1b[201~")
    assert len(found) == 1
    assert str(found[0]).startswith("paste ")


def test_escape_is_not_held_where_nothing_is_awaited() -> None:
    assert Answers().read("\x1b") == (None, "\x1b")
    answers = Answers()
    assert answers.read("\x1b", is_expected=True) == (None, "")
    assert answers.finish() == "\x1b"
    assert answers.finish() == ""


def test_an_answer_that_is_cut_for_good_is_dropped() -> None:
    answers = Answers()
    assert answers.read("a\x1b]11;rgb:ff") == (None, "a")
    assert answers.is_incomplete
    assert answers.finish() == ""
    assert answers.read("b") == (None, "b")


def test_what_was_typed_before_the_first_frame_comes_first_and_once() -> None:
    before = TypedBefore("ab")
    assert messages(TerminalInput(typed_before=before), "c", f"d{WHITE}") == [
        "a",
        "b",
        "c",
        True,
        "d",
    ]
    assert messages(TerminalInput(typed_before=before), "f") == ["f"]


@pytest.mark.parametrize("term", ["", "dumb", "linux", "vt220", "sun-color", "eterm-color"])
def test_terminals_that_would_print_the_question_are_not_asked(term: str) -> None:
    assert not can_be_asked({"TERM": term})
    assert can_be_asked({"TERM": "xterm-256color"})


class Answering(Terminal):
    """A terminal that says what its ground is, and whose user types at once."""

    answer = WHITE
    typed = "typed early"

    def _receive(self, data: bytes) -> None:
        super()._receive(data)
        if QUERY.encode() in data:
            self._write(f"{self.typed[:5]}{self.answer}{self.typed[5:]}".encode())


PAPER = {LIGHT: b"48;2;252;251;248", DARK: b"48;2;21;23;29"}


@pytest.mark.parametrize(
    ("answer", "config", "theme"),
    [
        (WHITE, "", LIGHT),
        (BLACK, "", DARK),
        (WHITE, '[interface]\ntheme = "modechat-dark"\n', DARK),
    ],
)
def test_the_first_frame_suits_the_terminal_and_the_answer_is_not_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, config: str, theme: str
) -> None:
    monkeypatch.setattr("tests.e2e.home.Terminal", Answering)
    monkeypatch.setattr(Answering, "answer", answer)
    home = Home(tmp_path / "home")
    home.configure(config)
    with home.start("--demo", columns=100) as terminal:
        terminal.wait_for("Enter sends")
        if config:
            assert QUERY.encode() not in terminal.raw
        else:
            terminal.wait_for("typed early")
        assert "rgb" not in terminal.text
        assert "ffff" not in terminal.text
        other = LIGHT if theme == DARK else DARK
        assert PAPER[theme] in terminal.raw
        assert PAPER[other] not in terminal.raw
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
    assert "rgb" not in terminal.text

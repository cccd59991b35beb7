"""A reply as rows: however long or strange it is, little is done before something of it is seen."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from modechat.domain.conversation import Reply, ReplyState, StopReason
from modechat.tui.render.markdown import MarkdownDocument
from modechat.tui.render.replies import ReplyLines
from tests.tui.render.documents import count_parsed, cut, document, rows_of, shown

_N = 40_000
_UNITS = (
    *(
        "> ",
        ">",
        "- ",
        "1. ",
        "[",
        "![",
        "[a](",
        "*",
        "**a** ",
        "*a**b",
        "_a",
        "~~a",
        "`a",
        "``a`",
        "<",
        "<!--",
    ),
    *(
        "&",
        "&amp;",
        "\\(",
        "$",
        "# ",
        "<http://a.b> ",
        "a\n",
        "|\n",
        "> a\n\n",
        "- a\n\n",
        "    a\n",
        "\t",
        "a\t",
        "a\\\n",
    ),
)
_LONG = {
    **{unit: unit * (_N // len(unit)) for unit in _UNITS},
    "quotes of all depths": "".join(f"{'>' * (1 + number % 360)} x\n" for number in range(250)),
    "lists of all depths": "".join(f"{'  ' * (number % 100)}- item\n" for number in range(400)),
    "a wide table": f"|{'a|' * 6000}\n|{'-|' * 6000}\n|{'b|' * 6000}\n",
    "short rows of a wide table": f"|{'a|' * 1000}\n|{'-|' * 1000}\n{'|b|' + chr(10)}" * 5,
    "runs of backticks": "".join("`" * (number % 300) + "a" for number in range(300)),
}


def _reply(text: str) -> Reply:
    return replace(Reply(), text=text, state=ReplyState.COMPLETE)


@pytest.mark.parametrize("text", _LONG.values(), ids=_LONG)
@pytest.mark.every_day(6)
def test_little_of_a_long_reply_is_read_before_it_is_seen(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = count_parsed(monkeypatch)
    lines = ReplyLines(_reply(text), clock=count(step=0.03).__next__)
    assert lines.height(80) > 0 or not text.strip()
    assert sum(parsed) < 60_000
    assert lines.has_more
    while lines.has_more:
        lines.flush()
    assert rows_of(lines.answer, 80) == rows_of(document(text), 80)
    assert max(parsed) < 20_000


@pytest.mark.parametrize("text", _LONG.values(), ids=_LONG)
@pytest.mark.every_day(10)
def test_what_more_text_costs_does_not_depend_on_what_there_was(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = count_parsed(monkeypatch)
    made = MarkdownDocument()
    for piece in cut(text[:14_000], [700]):
        made.append(piece)
        made.height(80)
    assert max(parsed) < 20_000


def test_a_reply_of_ordinary_length_is_shown_at_once() -> None:
    text = "The *quick* brown fox.\n\n" * 150
    lines = ReplyLines(_reply(text), clock=lambda: 0.0)
    assert not lines.has_more
    assert shown(lines, 80)[-1] == "The quick brown fox."


def test_how_a_long_reply_ended_is_said_when_its_end_is_shown() -> None:
    lines = ReplyLines(
        replace(_reply("word " * 4000), state=ReplyState.STOPPED), clock=count(step=0.03).__next__
    )
    assert not shown(lines, 80)[-1].startswith("■")
    while lines.has_more:
        lines.flush()
    assert shown(lines, 80)[-1].startswith("■ stopped")


@pytest.mark.parametrize("fed", [["a\r"], ["a", "\r"], ["a\r", "\n"], ["a\r\n"]])
def test_a_carriage_return_at_the_end_is_part_of_the_reply(fed: list[str]) -> None:
    lines = ReplyLines(Reply())
    for piece in fed:
        lines.feed(piece)
        lines.flush()
    lines.finish(Reply(state=ReplyState.COMPLETE))
    assert lines.source == {"a\r": "a␍", "a\r\n": "a\n"}["".join(fed)]
    stored = ReplyLines(Reply("".join(fed), ReplyState.COMPLETE))
    assert stored.source == lines.source


def test_a_reply_that_repeats_itself_is_shown_as_it_is_kept() -> None:
    kept = replace(_reply("Once."), stop_reason=StopReason.REPEATS)
    lines = ReplyLines(Reply(), clock=count(step=0.03).__next__)
    lines.feed("Once. " + "Again and again. " * 2000)
    lines.flush()
    assert lines.has_more
    lines.finish(kept)
    assert not lines.has_more
    assert shown(lines, 80)[0] == "Once."
    assert lines.source == "Once."

"""Typing at the prompt: new lines, pastes, undo, what was sent before."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage, Task, parse
from modechat.domain.text import sanitize
from modechat.domain.typed import Typed
from modechat.tui.screens.history import HistoryScreen
from modechat.tui.widgets.prompt.folds import Folds
from tests.tui.harness import Screen, running_app

LONG = "\n".join(f"line {number}" for number in range(100))
TOKEN = "[Pasted text #1 · 100 lines]"


async def paste(screen: Screen, text: str) -> None:
    screen.prompt.area.post_message(events.Paste(text))
    await screen.pilot.pause()


def shown(screen: Screen) -> str:
    return screen.prompt.area.text


@pytest.mark.parametrize("key", ["shift+enter", "ctrl+j", "ctrl+enter", "alt+enter", "shift+\r"])
async def test_every_way_to_a_new_line(key: str, tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.press("a", key, "b")
        assert screen.prompt.text == "a\nb"


async def test_enter_after_a_backslash_is_a_new_line_and_after_two_it_sends(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.type("a\\")
        await screen.press("enter")
        assert screen.prompt.text == "a\n"
        await screen.type("b\\\\")
        await screen.press("enter")
        await screen.settled()
        assert screen.prompt.text == ""


async def test_joined_emoji_are_typed_as_they_are(tmp_path: Path) -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"

    async with running_app(tmp_path) as screen:
        for character in family:
            screen.prompt.area.post_message(events.Key("x", character))
        await screen.pilot.pause()
        await screen.press("left", "right", "backspace")
        assert screen.prompt.text == family[:-1]


async def test_a_big_paste_is_one_token_and_is_sent_as_a_whole(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.type("see ")
        await paste(screen, LONG)
        await screen.type(" now")
        assert shown(screen) == f"see {TOKEN} now"
        assert screen.prompt.text == f"see {LONG} now"
        await screen.press("enter")
        await screen.settled()
        session = screen.app.session
        assert session is not None
        assert session.conversation is not None
        assert session.conversation.turns[-1].typed == f"see {LONG} now"


async def test_a_token_is_passed_and_deleted_as_a_unit_and_undo_brings_it_back(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        await screen.type("ab")
        await screen.press("left")
        await paste(screen, LONG)
        await screen.press("left")
        assert screen.prompt.area.cursor_location == (0, 1)
        await screen.press("right")
        assert screen.prompt.area.cursor_location == (0, 1 + len(TOKEN))
        await screen.press("ctrl+left", "ctrl+left", "ctrl+left", "ctrl+left")
        assert screen.prompt.area.cursor_location in ((0, 0), (0, 1))
        await screen.press("end", "left", "backspace")
        assert shown(screen) == "ab"
        await screen.press("ctrl+underscore")
        assert shown(screen) == f"a{TOKEN}b"
        assert screen.prompt.text == f"a{LONG}b"
        await screen.press("alt+z")
        assert shown(screen) == "ab"


async def test_what_is_copied_of_a_token_is_its_text(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await paste(screen, LONG)
        await screen.press("shift+left")
        assert screen.prompt.area.selected_text == LONG
        await screen.press("ctrl+x")
        assert shown(screen) == ""
        assert screen.app.clipboard == LONG
        await paste(screen, LONG)
        assert shown(screen) == TOKEN


async def test_a_token_can_be_opened_and_closed_again(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await paste(screen, LONG)
        await screen.sees("Alt+O opens the pasted text")
        await screen.press("alt+o")
        assert shown(screen) == LONG
        await screen.press("ctrl+underscore")  # the scrollbar goes, which once crashed
        assert shown(screen) == TOKEN
        await screen.press("ctrl+underscore")
        assert shown(screen) == ""
        await screen.press("alt+o")
        await screen.sees("The cursor is at no pasted text.")


async def test_what_is_too_long_to_draw_is_not_opened(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await paste(screen, "x" * 500_000)
        assert shown(screen) == "[Pasted text #1 · 500,000 characters]"
        await screen.press("alt+o")
        await screen.sees("An editor can change it")


def test_a_typed_or_broken_token_is_plain_text() -> None:
    folds = Folds()
    assert folds.typed(TOKEN) == Typed(TOKEN)
    folds.fold(LONG)
    assert folds.typed(TOKEN[:-1]) == Typed(TOKEN[:-1])
    assert folds.typed(f"a{TOKEN}").folds == ((1, 1 + len(LONG)),)


def test_folds_that_an_editor_left_alone_stay_folded() -> None:
    before = Typed(f"a{LONG}b", ((1, 1 + len(LONG)),))
    folds = Folds()
    assert folds.shown(folds.edited(before, f"changed {LONG} too")) == f"changed {TOKEN} too"
    assert folds.edited(before, "all gone") == Typed("all gone")


async def test_a_text_that_is_filled_in_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        screen.prompt.fill("a\x1b]0;x\x07\u202eb")
        assert screen.prompt.text == "a\x1b]0;x\x07\u202eb"
        assert shown(screen) == "[Pasted text #1 · 9 characters]"
        screen.prompt.restore("\x9b31m")
        assert "\x9b" not in shown(screen)
        assert screen.prompt.text.startswith("\x9b31m")
        screen.prompt.area.load_text("a\x1b]0;x\x07\x9bb")  # round the prompt
        await screen.sees("a␛]0;x\ufffdb")


async def test_marks_of_direction_stay_in_the_text_and_are_not_drawn(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        text = "שלום \u2067abc\u2069 \u202egnp\u202c"
        await paste(screen, text)
        assert screen.prompt.text == shown(screen) == text
        drawn = screen.prompt.area.get_line(0)
        assert drawn.cell_len == len("שלום abc gnp")
        assert sanitize(drawn.plain) == drawn.plain
        assert await sent(screen) == ChatMessage(text)


@pytest.mark.parametrize(
    "page", ["# API\n\n### Response\n200 OK", "/quit\nnow", "a\u2028b", "\x1b[31mred"]
)
async def test_what_would_act_in_a_paste_is_text(page: str, tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("### Instruction")
        await paste(screen, page)
        assert shown(screen).startswith("[Pasted text #1")
        assert screen.prompt.text == page
        assert await sent(screen) == Task(page)


async def test_a_header_that_is_pasted_alone_is_as_good_as_typed(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await paste(screen, "### Instruction")
        assert shown(screen) == "### Instruction"


async def test_a_long_text_that_comes_back_keeps_its_headers(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        long = "word " * 6_000
        screen.prompt.fill(f"### Instruction\nSum up\n### Input\n{long}.\n### Response\nSo")
        assert shown(screen).startswith("### Instruction\n[Pasted text #1")
        assert parse(screen.prompt.typed, ModeState()) == Task("Sum up", f"{long}.", "So")


async def sent(screen: Screen) -> ChatMessage | Task:
    """What the message at the prompt asks the model."""
    await screen.press("enter")
    session = screen.app.session
    assert session is not None
    await screen.until(
        lambda: session.conversation is not None and session.conversation.turns != ()
    )
    conversation = session.conversation
    assert conversation is not None
    return conversation.turns[-1].request


async def test_clearing_can_be_undone(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.type("precious")
        await screen.press("ctrl+c")
        assert shown(screen) == ""
        await screen.press("ctrl+underscore")
        assert shown(screen) == "precious"


async def test_up_and_down_walk_through_what_was_sent_and_keep_the_draft(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("first")
        await screen.send("second\nof two lines")
        await screen.type("draft")
        await screen.press("up")
        assert screen.prompt.text == "second\nof two lines"
        await screen.press("up")
        assert screen.prompt.text == "first"
        await screen.press("up")
        assert screen.prompt.text == "first"
        await screen.press("down", "down", "down")
        assert screen.prompt.text == "draft"
    async with running_app(tmp_path, resume=False) as screen:
        await screen.until(lambda: bool(screen.prompt.recall.entries))
        await screen.press("up")
        assert screen.prompt.text == "second\nof two lines"


async def test_the_cursor_moves_through_wrapped_lines_before_anything_is_called_back(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, size=(40, 24)) as screen:
        await screen.send("first")
        await screen.type("many words " * 6)
        await screen.press("up")
        assert screen.prompt.text == "many words " * 6
        await screen.press("up", "up")
        assert screen.prompt.text == "first"


async def test_what_was_sent_is_found_by_its_words(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        for text in ("the red fox", "a blue [/whale]", "the red car"):
            await screen.send(text)
        await screen.press("alt+r")
        await screen.sees("Sent before")
        await screen.type("RED the")
        await screen.until(
            lambda: "whale" not in screen.text.partition("Sent before")[2].partition("╰")[0]
        )
        await screen.press("down", "enter")
        await screen.until(lambda: screen.prompt.text == "the red fox")


async def test_the_list_of_what_was_sent_is_a_dialog_as_the_others(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        for text in ("again", "once", "again"):
            await screen.send(text)
        await screen.press("alt+r")
        await screen.sees("Enter takes it · Esc closes · type to search · F1 help")
        dialog = screen.app.screen
        assert isinstance(dialog, HistoryScreen)
        assert [entry.text for entry in dialog.list.rows] == ["again", "once"]
        await screen.press("f1")
        await screen.sees("Put it at the prompt")
        await screen.press("f1", "end")
        await screen.type("zebra")
        await screen.sees("Nothing has these words.")
        await screen.press("enter", "escape")
        await screen.until(lambda: screen.app.screen is not dialog)
        assert screen.prompt.text == ""


async def test_headers_and_commands_are_coloured_where_they_count(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        area, prompt = screen.prompt.area, screen.prompt
        await screen.type("### Instruction\n### Input\n```\n### Response")
        assert [name for row in range(4) for _, _, name in prompt.marks_in(row)] == [
            "prompt--instruct"
        ] * 2
        assert any(span.style and span.style.bold for span in area.get_line(0).spans)  # type: ignore[union-attr]
        prompt.fill("### Chat hello")
        assert prompt.marks_in(0) == [(0, 8, "prompt--chat")]
        prompt.fill("/task translate")
        assert prompt.marks_in(0) == [(0, 5, "prompt--command")]
        prompt.fill("/etc/hosts")
        assert prompt.marks_in(0) == ()


@pytest.mark.parametrize("size", [(80, 24), (40, 15), (40, 10), (120, 40)])
@pytest.mark.every_day(1)
async def test_the_prompt_grows_and_leaves_room_for_the_conversation(
    size: tuple[int, int], tmp_path: Path
) -> None:
    async with running_app(tmp_path, size=size) as screen:
        await screen.press(*["a", "ctrl+j"] * 15, "z")
        await screen.pilot.pause()
        assert screen.prompt.area.size.height <= 10
        assert screen.prompt.area.size.height == 10 or size[1] < 20
        assert screen.transcript.size.height >= 3
        row = screen.prompt.area.cursor_screen_offset.y
        assert "z" in screen.text.splitlines()[row]

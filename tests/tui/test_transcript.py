"""The transcript: a window of a long timeline, following the end, selecting text with the mouse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from textual import events
from textual.color import Color
from textual.geometry import Offset
from textual.selection import Selection

from modechat.domain.conversation import Reply, ReplyState
from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage
from modechat.store import Store
from modechat.tui.look import Look
from modechat.tui.widgets.window import AT_FIRST, MOST, PAGE, Window
from tests.session.harness import Clock
from tests.tui.harness import Screen, running_app


def long_conversation(
    folder: Path, count: int, reply: Callable[[int], str] = lambda number: f"r{number}"
) -> None:
    store = Store.open(folder, Clock())
    conversation = store.create_conversation("Long", ModeState())
    parent = None
    for number in range(count):
        turn = store.add_turn(
            conversation.id, parent, f"m{number}", ChatMessage(f"m{number}"), True
        )
        store.save_reply(turn.id, Reply(reply(number), ReplyState.COMPLETE))
        parent = turn.id
    store.close()


def test_the_window_moves_and_never_grows_beyond_its_most() -> None:
    window = Window.at_end(1000)
    assert (window.start, window.end) == (1000 - AT_FIRST, 1000)
    while window.start:
        before, window = window, window.earlier()
        assert window.start == max(0, before.start - PAGE)
        assert window.end - window.start <= MOST
    while window.end < 1000:
        window = window.later(1000)
        assert window.end - window.start <= MOST
    assert Window.at_end(3) == Window(0, 3)


async def test_scrolling_through_a_long_conversation_shows_every_turn_once_and_keeps_few(
    tmp_path: Path,
) -> None:
    long_conversation(tmp_path, 150)

    async with running_app(tmp_path) as screen:
        await screen.sees("r149")
        seen: list[str] = []
        for _ in range(200):
            shown = [word for word in screen.text.split() if word[0] in "mr" and word[1:].isdigit()]
            seen += [word for word in shown if word not in seen]
            assert len(screen.transcript.turns) <= MOST
            if "m0" in shown:
                break
            await screen.press("pageup")
            await screen.pilot.pause()
        assert len(seen) == 300
        for _ in range(200):
            if "r149" in screen.text:
                break
            await screen.press("pagedown")
            await screen.pilot.pause()
        await screen.sees("r149")
        await screen.until(lambda: screen.transcript.is_following)


async def test_page_keys_that_come_faster_than_the_screen_is_drawn_all_count(
    tmp_path: Path,
) -> None:
    long_conversation(tmp_path, 16)

    async with running_app(tmp_path) as screen:
        await screen.sees("r15")
        before = screen.transcript.scroll_y
        for _ in range(3):
            await screen.transcript.page_up()
        rows = screen.transcript.scrollable_content_region.height
        assert screen.transcript.scroll_y == before - 3 * rows


async def test_a_message_that_is_selected_quickly_is_in_view(tmp_path: Path) -> None:
    long_conversation(tmp_path, 60)

    async with running_app(tmp_path) as screen:
        await screen.sees("r59")
        for _ in range(34):  # the last of which mounts more
            await screen.transcript.selection.move(-1)
        turn = screen.transcript.selection.turn
        assert turn is not None
        await screen.until(lambda: f"▌ m{turn.turn_id - 1} " in screen.text)


async def test_ctrl_end_goes_to_the_end_from_far_above(tmp_path: Path) -> None:
    long_conversation(tmp_path, 200)

    async with running_app(tmp_path) as screen:
        for _ in range(60):
            await screen.press("pageup")
        await screen.until(lambda: "r199" not in screen.text)
        await screen.press("ctrl+end")
        await screen.sees("r199")
        await screen.until(lambda: screen.transcript.is_following)


async def test_what_is_read_stays_in_place_while_text_comes_below_which_is_told(
    tmp_path: Path,
) -> None:
    gate = asyncio.Event()
    words = 0

    async def pace() -> None:
        nonlocal words
        words += 1
        if words > 5:
            await gate.wait()

    long_conversation(tmp_path, 30)

    async with running_app(
        tmp_path, lambda _request: "word\n\n" * 60 + "the end", pace=pace
    ) as screen:
        await screen.type("go")
        await screen.press("enter")
        await screen.until(lambda: words > 5)
        await screen.press("pageup", "pageup")
        await screen.pilot.pause()
        before = [line[:70] for line in screen.text.split("\n")[:14]]
        gate.set()
        await screen.settled()
        await screen.sees("new text below · Ctrl+End")
        assert [line[:70] for line in screen.text.split("\n")[:14]] == before
        await screen.press("end")
        await screen.sees("the end")
        assert "new text below" not in screen.text


async def test_text_is_selected_across_messages_and_copied_as_it_was(tmp_path: Path) -> None:
    async with running_app(
        tmp_path, lambda _request: "- a long item that wraps over lines\n\n**bold** end"
    ) as screen:
        await screen.send("hello")
        turn = screen.transcript.turns[0]
        turn.request.screen.selections = {
            turn.request: Selection(Offset(1, 0), None),
            turn.reply: Selection(None, Offset(4, 2)),
        }
        await screen.pilot.pause()
        assert (
            turn.request.screen.get_selected_text()
            == "ello\n- a long item that wraps over lines\n\nbold"
        )


async def test_a_mouse_drag_selects_text_and_no_message(tmp_path: Path) -> None:
    async with running_app(tmp_path, lambda _request: "one two three") as screen:
        await screen.send("hello")
        await screen.pilot.mouse_down(".reply", offset=(2, 1))
        await screen.pilot.hover(".reply", offset=(8, 1))
        await screen.pilot.mouse_up(".reply", offset=(8, 1))
        await screen.until(lambda: bool(screen.app.screen.get_selected_text()))
        assert screen.app.screen.get_selected_text() == "one two"
        assert screen.transcript.selection.turn is None


async def test_a_drag_in_steps_selects_as_one_jump_does_and_may_turn_back(tmp_path: Path) -> None:
    async with running_app(tmp_path, lambda _request: "one **two** 三 three") as screen:
        await screen.send("hello")
        await screen.pilot.mouse_down(".reply", offset=(2, 1))
        for x, selected in (
            (3, "on"),
            (5, "one "),
            (8, "one two"),
            (15, "one two 三 thr"),
            (6, "one t"),
        ):
            await screen.pilot.hover(".reply", offset=(x, 1))
            assert screen.app.screen.get_selected_text() == selected
        await screen.pilot.mouse_up(".reply", offset=(6, 1))
        assert screen.app.screen.get_selected_text() == "one t"


async def test_a_mouse_press_at_any_moment_of_a_reply_does_no_harm(tmp_path: Path) -> None:
    text = (
        "# Title\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nx = 1\n```\n\n> quote\n\n"
        * 3
    )
    words = 0

    screens: list[Screen] = []

    async def pace() -> None:
        nonlocal words
        words += 1
        if screens:
            app = screens[0].app
            at = Offset(words % 70 + 2, words % 18 + 1)
            kind = (events.MouseDown, events.MouseMove, events.MouseUp)[words % 3]
            app.screen._forward_event(
                kind(None, at.x, at.y, 0, 0, 1, False, False, False, screen_x=at.x, screen_y=at.y)
            )
        await asyncio.sleep(0.002)

    async with running_app(tmp_path, lambda _request: text, pace=pace) as screen:
        screens.append(screen)
        await screen.send("go")
        assert screen.replies == [text.strip()]


async def test_the_theme_changes_what_is_drawn(tmp_path: Path) -> None:
    async with running_app(tmp_path, lambda _request: "**bold** and `code`") as screen:
        await screen.send("hello")
        reply = screen.transcript.turns[0].reply
        before = reply.render_line(0)
        screen.app.theme = "textual-light"
        await screen.until(lambda: reply.render_line(0) != before)
        assert reply.render_line(0).text == before.text


async def test_a_long_message_is_folded_until_its_last_row_is_clicked(tmp_path: Path) -> None:
    async with running_app(tmp_path, lambda _request: "ok", size=(80, 40)) as screen:
        screen.prompt.fill("\n".join(f"line {number}" for number in range(60)))
        await screen.press("enter")
        await screen.settled()
        await screen.sees("▸ 44 more rows")
        assert "line 30" not in screen.text
        await screen.pilot.click(".request", offset=(4, 16))
        await screen.until(lambda: "line 58" in screen.text)
        assert screen.transcript.selection.turn is None


async def test_a_short_conversation_begins_at_the_top_and_does_not_jump(tmp_path: Path) -> None:
    async with running_app(tmp_path, lambda _request: "ok", size=(80, 40)) as screen:
        await screen.send("hello")
        before = screen.text
        assert "hello" in "\n".join(before.splitlines()[:3])
        await screen.press("pageup")
        await screen.pilot.pause()
        assert screen.text == before


@pytest.mark.parametrize("theme", ["textual-light", "textual-dark", "solarized-light"])
async def test_muted_text_of_rows_is_seen_on_light_and_dark_ground(
    tmp_path: Path, theme: str
) -> None:
    async with running_app(tmp_path, look=Look(theme)) as screen:
        ground = screen.transcript.background_colors[1]
        for name in ("muted", "thinking", "code-comment", "section"):
            colour = screen.transcript.colour_of((name,)).color
            assert colour is not None
            assert abs(Color.from_rich_color(colour).brightness - ground.brightness) > 0.25, name


async def test_a_reply_that_has_become_shorter_can_be_painted_and_copied_before_the_next_layout(
    tmp_path: Path,
) -> None:
    async with running_app(
        tmp_path, lambda _request: "<think>one\n\ntwo\n\nthree</think>answer"
    ) as screen:
        await screen.send("hello")
        reply = screen.transcript.turns[0].reply
        reply.open_thinking(True)
        await screen.sees("three")
        reply.open_thinking(False)
        assert "answer" in screen.text
        selected = reply.get_selection(Selection(None, None))
        assert selected is not None
        assert selected[0].endswith("answer")


async def test_a_reply_that_grows_while_something_below_it_is_laid_out_is_shown_whole(
    tmp_path: Path,
) -> None:
    """The layout that was asked for reaches the screen after another one has been made."""

    async with running_app(tmp_path, lambda _request: "one line") as screen:
        await screen.send("first")
        await screen.send("second")
        first, second = screen.transcript.turns
        chat = screen.app.screen
        first.reply.reply.feed("\n\nfive\n\nmore\n\nlines\n\nare\n\nhere")
        first.reply.reply.flush()
        first.reply.lines_changed()
        first.reply._check_refresh()  # what Textual does when the widget has nothing else to do
        chat._layout_widgets[screen.transcript] = {second.request}
        chat._refresh_layout()
        await screen.pilot.pause()
        await screen.sees("here")
        assert first.reply.size.height == first.reply.lines.height(first.reply.size.width)

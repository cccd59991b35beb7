"""What a reasoning model thinks is apart from its answer, and can be switched off where its
template allows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from textual.selection import SELECT_ALL

from modechat.domain.text import sanitize
from modechat.engine.protocol import Generate, Load, Loaded, LoadProgress
from modechat.engine.scripted import MODEL, ScriptedEngine, at_once
from modechat.prompting.thinking import ThinkingSwitch
from tests.session.harness import echo
from tests.tui.harness import running_app


class Reasoning(ScriptedEngine):
    """A model whose template has a switch for thinking."""

    async def _load(self, request: Load) -> None:
        self._events.put_nowait(LoadProgress(load=request.number, fraction=1.0))
        model = MODEL.model_copy(update={"thinking": ThinkingSwitch.ON})
        self._events.put_nowait(Loaded(load=request.number, model=model, seconds_load=0.1))


def saying(reply: str) -> Callable[[Generate], str]:
    return lambda _request: reply


def wanted(engine: ScriptedEngine) -> list[bool | None]:
    return [request.thinking for request in engine.requests if isinstance(request, Generate)]


THOUGHT = "<think>one two three\nfour</think>The answer."


async def test_thinking_is_folded_and_opens_by_key_also_when_it_comes_from_the_history(
    tmp_path: Path,
) -> None:
    for send in (True, False):
        async with running_app(tmp_path, saying(THOUGHT)) as screen:
            if send:
                await screen.send("Go")
            await screen.sees("▸ Thought · 4 words")
            await screen.sees("The answer.")
            assert "one two" not in screen.text
            assert screen.replies == ["The answer."]
            await screen.press("ctrl+y")
            await screen.sees("▾ Thought · 4 words")
            await screen.sees("one two three")
            await screen.press("ctrl+y")
            await screen.until(lambda: "one two" not in screen.text)


async def test_a_click_on_its_line_opens_it(tmp_path: Path) -> None:
    async with running_app(tmp_path, saying(THOUGHT)) as screen:
        await screen.send("Go")
        await screen.pilot.click(".reply", offset=(4, 1))
        await screen.sees("one two three")
        await screen.pilot.click(".reply", offset=(4, 1))
        await screen.until(lambda: "one two" not in screen.text)


async def test_it_streams_while_it_is_open_and_counts_while_it_is_folded(tmp_path: Path) -> None:
    gate = asyncio.Event()
    words = 0

    async def pace() -> None:
        nonlocal words
        words += 1
        if words == 6:  # two steps of loading, three words
            await gate.wait()

    async with running_app(
        tmp_path, saying("<think>one two three four</think>Done."), pace=pace
    ) as screen:
        await screen.type("Go")
        await screen.press("enter")
        await screen.sees("▸ Thinking… 3 words")
        await screen.sees("thinking")
        await screen.press("ctrl+y")
        await screen.sees("one two three")
        gate.set()
        await screen.sees("▾ Thought · 4 words")
        await screen.sees("one two three four")
        await screen.sees("Done.")
        await screen.settled()


async def test_all_on_the_screen_open_and_close_together(tmp_path: Path) -> None:
    async with running_app(tmp_path, saying(THOUGHT), size=(80, 50)) as screen:
        await screen.send("Go")
        await screen.send("Again")
        await screen.press("ctrl+y")
        await screen.until(lambda: screen.text.count("one two three") == 2)
        await screen.press("ctrl+y")
        await screen.until(lambda: "one two three" not in screen.text)


async def test_without_thinking_the_key_says_so(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("Go")
        await screen.press("ctrl+y")
        await screen.sees("No reply here has thinking to show.")


async def test_with_nothing_to_unfold_the_key_changes_nothing_for_later_replies(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, saying(THOUGHT)) as screen:
        await screen.send("Go")
        await screen.press("ctrl+y")
        await screen.sees("one two three")
        await screen.press("ctrl+n")
        await screen.until(lambda: not screen.replies)
        await screen.press("ctrl+y")
        await screen.sees("No reply here has thinking to show.")
        await screen.send("Go")
        await screen.sees("▾ Thought")


async def test_a_reply_that_only_thought_says_so(tmp_path: Path) -> None:
    async with running_app(tmp_path, saying("<think>hm</think>")) as screen:
        await screen.send("Go")
        await screen.sees("▸ Thought · 1 word")
        await screen.sees("The model thought, and answered nothing.")


async def test_hostile_thinking_is_plain_text(tmp_path: Path) -> None:
    hostile = "[/x] [@click=app.quit]quit[/] **no** \x1b]0;TITLE\x07 \x9b2J"

    async with running_app(
        tmp_path, saying(f"<think>{hostile}</think>Done."), size=(120, 30)
    ) as screen:
        await screen.send("Go")
        await screen.press("ctrl+y")
        await screen.sees(sanitize(hostile))


async def test_long_thinking_is_shown_whole(tmp_path: Path) -> None:
    lines = [f"thought number {n}" for n in range(400)]

    async with running_app(
        tmp_path, saying("<think>" + "\n".join(lines) + "</think>Done.")
    ) as screen:
        await screen.send("Go")
        await screen.press("ctrl+y")
        await screen.sees("Done.")
        reply = screen.transcript.turns[0].reply
        shown = reply.get_selection(SELECT_ALL)
        assert shown is not None
        assert [line for line in shown[0].split("\n") if line.startswith("thought")] == lines


async def test_the_switch_is_typed_or_taken_from_the_palette_and_shown(tmp_path: Path) -> None:
    engine = Reasoning(echo, at_once)
    async with running_app(tmp_path, engine=engine, size=(120, 30)) as screen:
        await screen.sees("Scripted demo")
        assert "thinking o" not in screen.text
        await screen.send("/think off")
        await screen.sees("thinking off")
        await screen.send("one")
        await screen.press("ctrl+p")
        await screen.type("thinking: switch")
        await screen.sees("Thinking: switch on")
        await screen.press("enter", "enter")
        await screen.sees("thinking on")
        await screen.send("two")
        await screen.send("/think auto")
        await screen.until(lambda: "thinking on" not in screen.text)
        await screen.send("three")
        assert wanted(engine) == [False, True, None]


async def test_a_model_without_the_switch_says_so(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.sees("Scripted demo")
        await screen.send("/think")
        await screen.sees("This model's template has no switch for thinking.")
        await screen.send("/think loudly")
        await screen.sees("/think on, /think off, or /think auto")

"""What is told of a reply while it is awaited and written: tokens, their speed, seconds, the
growing context.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from modechat.domain.mode import Mode
from modechat.tui.live_meter import Live, LiveMeter
from tests.tui.harness import Screen, running_app


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_told_before_a_reply_is_asked_for_and_after_it_ended() -> None:
    meter = LiveMeter(Clock())
    assert meter.read() is None
    meter.begin()
    assert meter.read() == Live(0)
    meter.end()
    assert meter.read() is None


def test_seconds_count_from_the_question_and_speed_from_the_first_text() -> None:
    clock = Clock()
    meter = LiveMeter(clock)
    meter.begin()
    clock.now += 12.9
    assert meter.is_waiting
    assert meter.read() == Live(12)
    meter.read_prompt(500, Mode.CHAT)
    meter.grew(3)
    assert not meter.is_waiting
    assert meter.read() == Live(12, 3, None, 500, Mode.CHAT)
    clock.now += 2
    meter.grew(23)
    live = meter.read()
    assert live == Live(14, 23, 10.0, 500, Mode.CHAT)
    assert live.used == 523


def test_a_count_that_is_said_again_without_what_goes_on_is_no_step_back() -> None:
    meter = LiveMeter(Clock())
    meter.begin()
    meter.grew(5)
    meter.grew(0)
    live = meter.read()
    assert live is not None
    assert live.tokens == 5


def test_the_next_reply_begins_at_nothing() -> None:
    clock = Clock()
    meter = LiveMeter(clock)
    meter.begin()
    meter.read_prompt(7, Mode.CHAT)
    meter.grew(5)
    meter.end()
    clock.now += 60
    meter.begin()
    assert meter.read() == Live(0)


def status_of(screen: Screen) -> str:
    return screen.text.splitlines()[-1]


def context_of(screen: Screen) -> int:
    """Tokens, as the status line has them."""
    found = re.search(r" ~?(\d+)/", status_of(screen))
    assert found is not None
    return int(found[1])


async def test_tokens_seconds_and_the_growing_context_are_in_the_status_line(
    tmp_path: Path,
) -> None:
    gates = [asyncio.Event(), asyncio.Event()]
    n_words: int | None = None

    async def pace() -> None:
        nonlocal n_words
        if n_words is None:
            return  # the model is being loaded
        n_words += 1
        if n_words == 1:
            await gates[0].wait()
        if n_words == 31:
            await gates[1].wait()

    async with running_app(tmp_path, lambda _: "word " * 40, pace=pace, size=(120, 24)) as screen:
        await screen.settled()
        n_words = 0
        await screen.type("Hello")
        await screen.press("enter")
        await screen.until(lambda: bool(re.search(r"waiting · \d+ s", status_of(screen))))
        await screen.until(
            lambda: bool(re.search(r"… · \d+ s", screen.text))
        )  # where the reply will stand
        gates[0].set()
        await screen.sees("writing · 30 tokens")
        await screen.until(lambda: "tok/s" in status_of(screen))
        assert " 0/" not in status_of(screen)
        before = context_of(screen)
        await screen.type("And then?")
        await screen.until(
            lambda: context_of(screen) >= before + len("And then?") // 4
        )  # and what is written
        await screen.press("ctrl+u", "shift+tab")
        await screen.until(lambda: context_of(screen) == 0)  # a task would see nothing of it
        await screen.press("shift+tab")
        await screen.until(lambda: context_of(screen) == before)
        gates[1].set()
        await screen.settled()
        assert "writing" not in status_of(screen)
        assert "tokens" not in status_of(screen)


async def test_what_was_typed_before_the_model_was_there_is_counted_when_it_is(
    tmp_path: Path,
) -> None:
    gate = asyncio.Event()

    async def pace() -> None:
        await gate.wait()

    async with running_app(tmp_path, pace=pace) as screen:
        await screen.type("Typed meanwhile")
        gate.set()
        await screen.until(lambda: " ~" in status_of(screen))

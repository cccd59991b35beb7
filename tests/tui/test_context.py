"""A full context on the screen: forecast, line, pins and summaries."""

from __future__ import annotations

from pathlib import Path

from modechat.engine.protocol import Generate, InstructPrompt
from modechat.engine.scripted import ScriptedEngine
from tests.session.harness import echo
from tests.tui.harness import running_app


def answer(request: Generate) -> str:
    if isinstance(request.prompt, InstructPrompt):
        return "They counted."
    return str(echo(request))


async def test_the_user_sees_before_sending_that_turns_will_leave_and_afterwards_where(
    tmp_path: Path,
) -> None:
    async with running_app(
        tmp_path, engine=ScriptedEngine(answer, n_ctx=60), size=(120, 60)
    ) as screen:
        for number in range(4):
            await screen.send(f"Message number {number}")
        await screen.type("Now a message that is long enough to fill the rest")
        await screen.sees("full: the oldest turns leave with this message")
        screen.prompt.clear()
        await screen.until(lambda: "full:" not in screen.text)
        for number in range(4, 7):
            await screen.send(f"Message number {number}")
        await screen.sees("messages above have left the context ─")
        lines = [line.strip() for line in screen.text.splitlines()]
        at = next(i for i, line in enumerate(lines) if "have left the context" in line)
        assert "You said: Message number 0" in "\n".join(lines[:at])
        assert "Message number 6" in "\n".join(lines[at:])
    async with running_app(
        tmp_path, engine=ScriptedEngine(answer, n_ctx=60), size=(120, 60)
    ) as screen:
        await screen.sees("messages above have left the context ─")


async def test_a_pinned_turn_says_so_and_a_summary_is_shown_where_the_context_begins(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, answer, size=(120, 60)) as screen:
        await screen.send("/compact")
        await screen.sees("There is too little in the chat to summarise.")
        for number in range(3):
            await screen.send(f"Message number {number}")
        await screen.send("/pin")
        await screen.sees("pinned: it stays when the context is full")
        screen.prompt.clear()
        await screen.send("/compact")
        await screen.sees("─ the model sees this summary of the 2 messages above ─")
        await screen.sees("They counted.")
        await screen.sees("You said: Message number 0")
        await screen.send("/compact")
        await screen.settled()
        assert screen.text.count("They counted.") == 1

"""Makes the pictures of the README from the real app with scripted replies: `python
screenshots/make.py [NAME ...]`.

Writes SVG, the same bytes each time; PNG beside it where `rsvg-convert` (librsvg) is installed.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from pathlib import Path
from unittest.mock import patch

from rich.cells import split_graphemes
from textual.pilot import Pilot

from modechat.cli.demo import demo_engine, demo_settings
from modechat.cli.demo_replies import REPLIES
from modechat.domain.conversation import Reply, ReplyState, StopReason
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Task
from modechat.engine.scripted import at_once
from modechat.errors import ModechatError
from modechat.session.chat_setup import ChatSetup
from modechat.session.phase import Phase
from modechat.store import Store
from modechat.tui.app import ModechatApp
from modechat.tui.look import DARK, LIGHT, Look
from modechat.tui.screens.compare import CompareScreen
from modechat.tui.widgets.compare_column import CompareColumn
from modechat.tui.widgets.transcript import Transcript

FOLDER = Path(__file__).parent
NOW = datetime(2026, 3, 20, 18, 30, tzinfo=UTC)
FREE_MEMORY = 6_200_000_000
_SECONDS = 30
_CELL = 12.2
"""Width of a cell in Textual's SVG."""
_TEXT = re.compile(
    r'(<text class="terminal-r\d+" x=")([\d.]+)(" y="[\d.]+") textLength="[\d.]+"([^>]*>)([^<]*)(?=</text>)'
)


class Stage:
    """The running app, and a user at its keys."""

    def __init__(self, app: ModechatApp, pilot: Pilot[ModechatError]) -> None:
        self.app = app
        self._pilot = pilot

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)

    async def type(self, text: str) -> None:
        await self._pilot.press(*("ctrl+j" if key == "\n" else key for key in text))

    async def ask(self, text: str) -> None:
        """Type `text`, send it, and wait until the reply is shown."""
        await self.type(text)
        await self.press("enter")
        await self.settled()

    async def settled(self) -> None:
        await self.until(
            lambda: (
                self.app.session is not None
                and self.app.session.phase is Phase.READY
                and not self.app.session.is_busy
                and not any(view.reply.reply.has_more for view in self._transcript.turns)
            )
        )

    async def sees(self, text: str) -> None:
        def is_seen() -> bool:
            rows = self.app.screen._compositor.render_strips()
            return any(text in "".join(segment.text for segment in row) for row in rows)

        await self.until(is_seen)

    async def until(self, condition: Callable[[], bool]) -> None:
        async def wait() -> None:
            await self._pilot.pause()
            while not condition():
                await self._pilot.pause(0.02)
            await self._pilot.pause()

        await asyncio.wait_for(wait(), _SECONDS)

    @property
    def _transcript(self) -> Transcript:
        return self.app.screen_stack[0].query_one(Transcript)


async def chat(stage: Stage) -> None:
    await stage.ask("What does quantization do to a model?")
    await stage.ask("How is a block rounded?")
    await stage.type("And which one should I take with 8 GB?")


async def instruct(stage: Stage) -> None:
    await stage.ask("What is Alpaca?")
    await stage.ask("### Instruction")
    await stage.ask(
        "List what I have to do\n### Input\nHi Ada, the contract has to go back by Friday. Could you also ask Wei "
        "(王伟) for the photos of the launch? We will be twelve, so please book the room. Thanks!"
    )
    await stage.type("Translate into Spanish: I love you")


async def light(stage: Stage) -> None:
    await stage.ask("How is a block rounded?")
    await stage.ask(
        "Two trains start at 14:20, 225 km apart, at 90 and 60 km/h. When do they meet?"
    )
    await stage.press("ctrl+y")


async def inspector(stage: Stage) -> None:
    await stage.ask("What is Alpaca?")
    await stage.type("And what does <|im_end|> do?")
    await stage.press("f2")
    await stage.sees("sent as plain text")
    await stage.press("t")


async def models(stage: Stage) -> None:
    await chat(stage)
    await stage.press("f3")
    await stage.sees("5 models")
    await stage.press("down", "down")


async def conversations(stage: Stage) -> None:
    await chat(stage)
    await stage.press("ctrl+o")
    await stage.sees("quantization")
    await stage.press("down")
    await stage.sees("Each task stands")


async def compare(stage: Stage) -> None:
    session = stage.app.session
    assert session is not None
    await stage.type("What is the capital of France?")
    await stage.press("f10")
    await stage.sees("chat-template · chatml")
    await stage.press("enter")
    await stage.until(
        lambda: isinstance(stage.app.screen, CompareScreen) and session.comparison.is_open
    )
    await stage.until(
        lambda: (
            not session.comparison.is_running
            and not any(column.has_more for column in stage.app.screen.query(CompareColumn))
        )
    )
    await stage.sees("Enter keeps")


@dataclass(frozen=True, slots=True)
class Picture:
    scene: Callable[[Stage], Awaitable[None]]
    rows: int
    columns: int = 100
    theme: str = DARK


PICTURES = {
    "chat": Picture(chat, rows=38),
    "instruct": Picture(instruct, rows=32),
    "light": Picture(light, rows=34, theme=LIGHT),
    "inspector": Picture(inspector, rows=30, columns=120),
    "models": Picture(models, rows=30, columns=120),
    "compare": Picture(compare, rows=18, columns=120),
    "conversations": Picture(conversations, rows=30, columns=120),
}


class Clock:
    """Stands still at NOW, and can be put back."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


def kept_store() -> Store:
    """A store with what someone talked about in the last days."""
    clock = Clock()
    store = Store.in_memory(clock)
    earlier: tuple[tuple[str, ChatMessage | Task, timedelta], ...] = (
        ("Names for a grey cat", ChatMessage("Names for a grey cat?"), timedelta(days=12)),
        ("Two trains, 225 km apart", ChatMessage("Two trains"), timedelta(days=5)),
        (
            "Minutes of Monday's meeting",
            Task("List what I have to do", "Hi Ada, …"),
            timedelta(days=4),
        ),
        ("Te quiero", Task("Translate into Spanish", "I love you"), timedelta(days=1, hours=2)),
        ("What is Alpaca?", ChatMessage("What is Alpaca?"), timedelta(hours=3)),
    )
    for title, request, ago in earlier:
        clock.now = NOW - ago
        text = request.text if isinstance(request, ChatMessage) else request.instruction
        answer = next(
            (reply for start, reply in REPLIES.items() if text.casefold().startswith(start)),
            "Ash, or Misty.",
        )
        mode = Mode.CHAT if isinstance(request, ChatMessage) else Mode.INSTRUCT
        conversation = store.create_conversation(title, ModeState(mode))
        turn = store.add_turn(conversation.id, None, text, request, in_chat=mode is Mode.CHAT)
        answer = answer.rpartition("</think>")[2].strip()
        store.save_reply(turn.id, Reply(answer, ReplyState.COMPLETE, StopReason.END))
    clock.now = NOW
    return store


async def make(name: str) -> Path:
    picture = PICTURES[name]
    setup = ChatSetup(demo_engine(at_once), kept_store(), demo_settings(), resume=False)
    app = ModechatApp(lambda: setup, Look(picture.theme, has_motion=False))
    with ExitStack() as fixed:
        fixed.enter_context(
            patch("modechat.tui.screens.model_list.free_memory", lambda: FREE_MEMORY)
        )
        clock = fixed.enter_context(patch("modechat.tui.handlers.screens.datetime"))
        clock.now.return_value = NOW
        async with app.run_test(size=(picture.columns, picture.rows)) as pilot:
            stage = Stage(app, pilot)
            await stage.settled()
            await picture.scene(stage)
            svg = app.export_screenshot(title="modechat")
    svg = re.sub(r"terminal-\d+", "terminal", svg)
    # Ligatures would show other characters than the terminal does: <|im_end|> has one, and ###.
    svg = svg.replace(
        "font-size: 20px;", "font-size: 20px;\n        font-variant-ligatures: none;", 1
    )
    # The last row has descenders, too.
    svg = re.sub(
        r'(?<=terminal-clip-terminal">\n      <rect x="0" y="0" width=")(\S+" height=")([\d.]+)',
        _higher,
        svg,
    )
    path = FOLDER / f"{name}.svg"
    path.write_text("".join(f"{line.rstrip()}\n" for line in svg.splitlines()), encoding="utf-8")
    return path


def _higher(found: re.Match[str]) -> str:
    return f"{found[1]}{float(found[2]) + 4}"


def _by_characters(found: re.Match[str]) -> str:
    """The text with each character in its cell: rsvg cannot stretch texts, nor do without
    ligatures.
    """
    start, x, middle, end, text = found.groups()
    graphemes, _ = split_graphemes(unescape(text))
    pieces, cell = [], 0
    for first, last, width in graphemes:
        character = unescape(text)[first:last]
        if character != "\N{NO-BREAK SPACE}":
            pieces.append(f'<tspan x="{float(x) + cell * _CELL:.1f}">{escape(character)}</tspan>')
        cell += width
    return f"{start}{x}{middle}{end}{''.join(pieces)}"


def _as_png(svg: Path, converter: str) -> Path:
    png = svg.with_suffix(".png")
    text = _TEXT.sub(_by_characters, svg.read_text(encoding="utf-8"))
    zoom = f"{14 / _CELL:.5f}"  # cells of whole pixels, which are sharper
    subprocess.run(
        [converter, "--zoom", zoom, "--output", str(png)], input=text.encode(), check=True
    )
    return png


def main() -> int:
    os.environ.update(HOME="/home/ada", TZ="UTC")  # the demo's models are in the home folder
    for name in sys.argv[1:] or PICTURES:
        path = asyncio.run(make(name))
        print(path.name)
        if converter := shutil.which("rsvg-convert"):
            print(_as_png(path, converter).name)
    return 0


if __name__ == "__main__":
    sys.exit(main())

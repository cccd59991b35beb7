"""Makes the pictures of the README from the real app with scripted replies: `python screenshots/make.py`.

Writes SVG; PNG beside it where `rsvg-convert` (librsvg) is installed.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from textual.pilot import Pilot

from modechat.cli.demo import demo_engine, demo_settings
from modechat.engine.scripted import at_once
from modechat.errors import ModechatError
from modechat.session.phase import Phase
from modechat.store import Store
from modechat.tui.app import Backstage, ModechatApp
from modechat.tui.look import DARK, Look

FOLDER = Path(__file__).parent
Scene = Callable[[Pilot[ModechatError]], Awaitable[None]]


async def say(pilot: Pilot[ModechatError], text: str) -> None:
    """Type `text`, send it, and wait for the reply."""
    app = pilot.app
    assert isinstance(app, ModechatApp)
    for line in text.split("\n"):
        await pilot.press(*line, "ctrl+j")
    await pilot.press("backspace", "enter")
    while app.session is None or app.session.is_busy or app.session.phase is not Phase.READY:
        await pilot.pause(0.05)
    await pilot.pause(0.5)


async def both_modes(pilot: Pilot[ModechatError]) -> None:
    await say(pilot, "What is Alpaca?")
    await say(pilot, "### Instruction")
    await say(pilot, "Translate into Spanish:\n### Input\nI love you")
    await pilot.press(*"Write a haiku about rain")


async def inspector(pilot: Pilot[ModechatError]) -> None:
    await say(pilot, "What is Alpaca?")
    await pilot.press(*"And what does <|im_end|> do?", "f2")
    await pilot.pause(0.5)
    await pilot.press("t")


async def thinking(pilot: Pilot[ModechatError]) -> None:
    await say(pilot, "think about rain")
    await pilot.press("ctrl+y")


SCENES: dict[str, tuple[tuple[int, int], str, Scene]] = {
    "chat": ((100, 30), DARK, both_modes),
    "inspector": ((110, 30), DARK, inspector),
    "thinking": ((100, 24), DARK, thinking),
}


async def make(name: str) -> Path:
    size, theme, scene = SCENES[name]
    clock = datetime(2026, 1, 1, tzinfo=UTC)
    app = ModechatApp(
        lambda: Backstage(demo_engine(at_once), Store.in_memory(lambda: clock), demo_settings()), Look(theme)
    )
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.5)
        await scene(pilot)
        await pilot.pause(0.3)
        svg = re.sub(r"terminal-\d+", "terminal", app.export_screenshot(title="modechat"))
    path = FOLDER / f"{name}.svg"
    path.write_text(svg, encoding="utf-8")
    return path


def _as_png(svg: Path, converter: str) -> Path:
    png = svg.with_suffix(".png")
    # The SVG counts on cells of 12.2 px. Fira Code's are 1200/1950 of its size, rsvg does not stretch text, and text
    # advances by whole pixels: so cells of 14 px.
    text = svg.read_text(encoding="utf-8").replace("font-size: 20px", f"font-size: {12.2 * 1950 / 1200:.3f}px")
    text = text.replace("<text ", '<text xml:space="preserve" ')
    zoom = f"{14 / 12.2:.5f}"
    subprocess.run([converter, "--zoom", zoom, "--output", str(png)], input=text.encode(), check=True)
    return png


def main() -> int:
    for name in SCENES:
        path = asyncio.run(make(name))
        print(path.name)
        if converter := shutil.which("rsvg-convert"):
            print(_as_png(path, converter).name)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The app with the scripted engine, driven by keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from modechat.engine.scripted import Pace, Script, ScriptedEngine, at_once
from modechat.errors import ModechatError
from modechat.session.chat_setup import ChatSetup
from modechat.session.events import SessionEvent
from modechat.session.phase import Phase
from modechat.session.settings import SessionSettings
from modechat.store import Store
from modechat.tui.app import ModechatApp
from modechat.tui.chat_screen import ChatScreen
from modechat.tui.look import Look
from modechat.tui.widgets.prompt import Prompt
from modechat.tui.widgets.prompt.area import _BURST_SECONDS
from modechat.tui.widgets.transcript import Transcript
from tests.session.harness import Clock, echo, settings
from tests.tui.snapshot import strips_of

_SECONDS = 20


@dataclass
class Screen:
    """What a user sees and does."""

    app: ModechatApp
    pilot: Pilot[ModechatError]

    @property
    def text(self) -> str:
        """The whole screen as lines of text."""
        return "\n".join(line.text for line in strips_of(self.app))

    @property
    def words(self) -> str:
        """The words on the screen, wherever a line or a frame parts them."""
        return " ".join(word for word in self.text.split() if word.strip("│"))

    @property
    def prompt(self) -> Prompt:
        return self.app.screen_stack[0].query_one(Prompt)

    @property
    def transcript(self) -> Transcript:
        return self.app.screen_stack[0].query_one(Transcript)

    @property
    def replies(self) -> list[str]:
        """The Markdown sources of the answers that are shown."""
        return [view.reply.reply.source for view in self.transcript.turns]

    def tell(self, event: SessionEvent) -> None:
        """As if the session had said so."""
        chat = self.app.screen_stack[0]
        assert isinstance(chat, ChatScreen)
        chat.receive(event)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type `text`, all its letters at once, and wait until they are handled.

        A key that is pressed next comes later than one of a paste would.
        """
        for character in text:
            name = "ctrl+j" if character == "\n" else _character_to_key(character)
            self.app.post_message(events.Key(name, character))
        await self.pilot.pause()
        await asyncio.sleep(_BURST_SECONDS)

    async def send(self, text: str) -> None:
        """Type and send `text`, and wait until the reply is on the screen."""
        await self.type(text)
        await self.press("enter")
        await self.settled()

    async def until(self, condition: Callable[[], bool]) -> None:
        async def wait() -> None:
            while not condition():
                await asyncio.sleep(0.01)

        await asyncio.wait_for(wait(), _SECONDS)

    async def sees(self, text: str) -> None:
        try:
            await self.until(lambda: text in self.text)
        except TimeoutError:
            raise AssertionError(f"{text!r} is not on the screen:\n{self.text}") from None

    async def settled(self) -> None:
        """Nothing that was asked for waits, no reply is awaited, and everything is shown."""
        session = self.app.session
        chat = self.app.screen_stack[0]
        assert session is not None
        assert isinstance(chat, ChatScreen)
        work = chat.composer.outbox._work
        await self.until(lambda: work.is_idle and not session.is_busy)
        await self.until(lambda: session.phase in (Phase.READY, Phase.DOWN))
        await self.until(
            lambda: not any(view.reply.reply.has_more for view in self.transcript.turns)
        )
        await self.pilot.pause()


@asynccontextmanager
async def running_app(
    folder: Path,
    script: Script = echo,
    *,
    pace: Pace = at_once,
    size: tuple[int, int] = (80, 24),
    engine: ScriptedEngine | None = None,
    resume: bool = True,
    session_settings: SessionSettings | None = None,
    look: Look = Look(),  # noqa: B008 # frozen
    remember_theme: Callable[[str], None] | None = None,
) -> AsyncIterator[Screen]:
    engine = engine or ScriptedEngine(script, pace)
    app = ModechatApp(
        lambda: ChatSetup(
            engine, Store.open(folder, Clock()), session_settings or settings(), resume=resume
        ),
        look,
        remember_theme=remember_theme,
    )
    async with app.run_test(size=size) as pilot:
        screen = Screen(app, pilot)
        await screen.until(lambda: app.session is not None)
        await pilot.pause()
        yield screen
        session = app.session
        if session is not None:
            await session.close()

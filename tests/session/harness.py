"""A session on the scripted engine and a real store, with everything it tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from modechat.domain.conversation import Turn
from modechat.domain.modes import Incomplete, parse
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Engine, Failed, Generate, InstructPrompt, Load
from modechat.engine.scripted import Pace, Script, ScriptedEngine, at_once, last_user_text
from modechat.prompting.tasks import NamedTask
from modechat.session.chat_session import ChatSession
from modechat.session.events import ReplyEnded, SessionEvent
from modechat.session.phase import Phase
from modechat.session.settings import SessionSettings
from modechat.store import Store
from tests.engine.driver import formats

E = TypeVar("E", bound=object)
_SECONDS = 20


def echo(request: Generate) -> str | Failed:
    return f"You said: {last_user_text(request)}"


class Clock:
    """A clock that moves by a second at each look."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def go_on(self, **more: float) -> None:
        """So much later."""
        self._now += timedelta(**more)


class Gate:
    """A pace that waits until it is opened."""

    def __init__(self) -> None:
        self._open = asyncio.Event()

    async def __call__(self) -> None:
        await self._open.wait()

    def open(self) -> None:
        self._open.set()


@dataclass
class Harness:
    session: ChatSession
    engine: Engine
    events: list[SessionEvent] = field(default_factory=list)

    @property
    def requests(self) -> list[Generate]:
        assert isinstance(self.engine, ScriptedEngine)
        return [request for request in self.engine.requests if isinstance(request, Generate)]

    def told(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[[], bool]) -> None:
        async def wait() -> None:
            while not condition():
                await asyncio.sleep(0.002)

        await asyncio.wait_for(wait(), _SECONDS)

    async def ready(self) -> None:
        await self.until(lambda: self.session.phase is Phase.READY and not self.session.is_busy)

    async def say(self, text: str) -> Turn | None:
        """Send `text` and wait for the reply, if it asks for one."""
        before = len(self.told(ReplyEnded))
        assert await send(self.session, text) is None
        if not self.session.is_busy and len(self.told(ReplyEnded)) == before:
            return None
        await self.ready()
        return self.told(ReplyEnded)[-1].turn

    def prompt(self) -> list[str]:
        """The texts that the newest request shows to the model."""
        prompt = self.requests[-1].prompt
        if isinstance(prompt, InstructPrompt):
            return [text for text in (prompt.system, prompt.instruction, prompt.input) if text]
        return [message.content for message in prompt.messages]


async def send(session: ChatSession, text: str) -> Incomplete | None:
    """Send what a user typed, as front ends do."""
    return await session.send(parse(text, session.state), text)


async def edit(session: ChatSession, turn_id: int, text: str) -> Incomplete | None:
    """Send what a user typed in the place of a turn's message."""
    return await session.turns.edit(turn_id, parse(text, session.turns.state_of(turn_id)), text)


async def start_task(session: ChatSession, task: NamedTask, said: str) -> Incomplete | None:
    """Do a named task with what a user typed after its name."""
    return await session.send(task.read(said), f"/task {task.name} {said}".strip())


def settings(**changes: str) -> SessionSettings:
    return SessionSettings(
        load=Load(model_path="(none)", formats=formats()),
        sampling=Sampling(),
        chat_system=changes.get("chat_system", ""),
        instruct_system=changes.get("instruct_system", ""),
    )


@asynccontextmanager
async def running_session(
    folder: Path,
    script: Script = echo,
    *,
    pace: Pace = at_once,
    engine: Engine | None = None,
    session_settings: SessionSettings | None = None,
    store: Store | None = None,
    watch: Callable[[SessionEvent], object] = lambda _event: None,
) -> AsyncIterator[Harness]:
    """`watch` is called with every event at once."""
    engine = engine or ScriptedEngine(script, pace)
    engine.start()
    events: list[SessionEvent] = []

    def listen(event: SessionEvent) -> None:
        events.append(event)
        watch(event)

    store = store or Store.open(folder, Clock())
    session = ChatSession(engine, store, session_settings or settings(), listen)
    loop = asyncio.create_task(session.run())
    harness = Harness(session, engine, events)
    try:
        yield harness
    finally:
        if session.phase is not Phase.CLOSED:
            await session.close()
        await loop


@asynccontextmanager
async def opened_session(folder: Path, **options: Any) -> AsyncIterator[Harness]:
    """A running session, ready, with the latest conversation; `options` are those of
    `running_session`.
    """
    async with running_session(folder, **options) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        yield harness

"""What the user chooses about the model while the program runs: file, context, prompt format, adapters, thinking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from modechat.domain.modes import Incomplete
from modechat.domain.text import in_one_line
from modechat.engine.protocol import Adapter
from modechat.errors import ModelError
from modechat.session.effective_settings import EffectiveSettings
from modechat.session.events import SessionEvent, ThinkingChanged
from modechat.session.model_host import ModelHost
from modechat.session.phase import Phase
from modechat.session.recovery import Recovery
from modechat.session.refusals import BUSY, NOT_LOADED
from modechat.session.settings import SessionSettings


class ModelChoice:
    """Methods return an `Incomplete` with the reason if they did nothing. `commands` is the session's lock."""

    def __init__(
        self,
        host: ModelHost,
        recovery: Recovery,
        effective: EffectiveSettings,
        commands: asyncio.Lock,
        is_busy: Callable[[], bool],
        tell: Callable[[SessionEvent], None],
    ) -> None:
        self._host = host
        self._recovery = recovery
        self._effective = effective
        self._commands = commands
        self._is_busy = is_busy
        self._tell = tell

    async def use_format(self, name: str | None) -> Incomplete | None:
        """As `ChatSession.use_format`."""
        if self._is_busy():
            return BUSY
        await self._effective.use_default_format(name)
        self._effective.defaults.remember_format(name)
        return None

    async def use(self, name: str = "") -> Incomplete | None:
        """As `ChatSession.use_model`."""
        async with self._commands:
            if self._is_busy():
                return BUSY
            try:
                settings = (
                    await asyncio.to_thread(self._effective.defaults.for_model, name)
                    if name
                    else self._host.previous
                )
                if settings is None:
                    return Incomplete("There was no other model before this one.")
                await asyncio.to_thread(settings.check_model)
            except ModelError as error:
                return Incomplete(in_one_line(error.title, error.hint))
            await self._load(settings)
        return None

    async def use_context(self, n_ctx: int | None) -> Incomplete | None:
        """Load the model again with a context of so many tokens; None: as many as suit it."""
        async with self._commands:
            if self._is_busy():
                return BUSY
            everywhere = self._effective.defaults
            await self._load(
                replace(everywhere, load=everywhere.load.model_copy(update={"n_ctx": n_ctx}))
            )
        return None

    async def use_adapters(self, adapters: tuple[Adapter, ...]) -> Incomplete | None:
        """As `ChatSession.use_adapters`."""
        if self._is_busy():
            return BUSY
        if self._host.phase is Phase.LOADING:
            return NOT_LOADED
        changed = await self._host.use_adapters(adapters)
        if self._host.phase is Phase.DOWN and not changed.error:
            await self._recovery.restart()
        return Incomplete(in_one_line(changed.error, changed.hint)) if changed.error else None

    def set_thinking(self, wanted: bool | None) -> None:
        """As `ChatSession.set_thinking`."""
        self._effective.defaults = replace(self._effective.defaults, thinking=wanted)
        self._tell(ThinkingChanged(wanted))

    async def _load(self, settings: SessionSettings) -> None:
        self._host.choose(self._effective.model_changes(settings))
        await self._recovery.load(self._host.change)

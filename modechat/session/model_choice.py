"""Carries out the user's choices about the model: file, context, format, adapters, thinking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from modechat.daemon_thread import run_in_daemon_thread
from modechat.domain.modes import Incomplete
from modechat.domain.text import in_one_line
from modechat.engine.protocol import Adapter
from modechat.errors import ModelError
from modechat.session.effective_settings import EffectiveSettings
from modechat.session.events import SessionEvent, ThinkingChanged
from modechat.session.gate import NOT_LOADED, Gate, command
from modechat.session.model_host import ModelHost
from modechat.session.phase import Phase
from modechat.session.recovery import Recovery
from modechat.session.settings import SessionSettings
from modechat.session.turn_commands import TurnCommands


class ModelChoice:
    """The choices about the model.

    Methods return an `Incomplete` with the reason if they did nothing.
    """

    def __init__(
        self,
        host: ModelHost,
        recovery: Recovery,
        effective: EffectiveSettings,
        gate: Gate,
        turns: TurnCommands,
        tell: Callable[[SessionEvent], None],
    ) -> None:
        self._host = host
        self._recovery = recovery
        self._effective = effective
        self._gate = gate
        self._turns = turns
        self._tell = tell

    @command()
    async def use_format(self, name: str | None) -> Incomplete | None:
        """Use this prompt format from now on, and store it for the model; None: the one that fits.

        Raises StoreError if it cannot be stored; the format is used anyway.
        """
        await self._effective.use_default_format(name)
        remember = self._effective.defaults.files.remember_format
        await self._host.reads.unless_stopped(run_in_daemon_thread(remember, name))
        return None

    async def try_format(self, name: str) -> Incomplete | None:
        """Repeat the last message in this format, and use the format until the program ends.

        Without a message nothing changes.
        """

        def use_it() -> None:
            self._recovery.accept_offer()
            self._host.use_format(name)

        return await self._turns.regenerate(None, use_it)

    @command()
    async def use(self, name: str = "") -> Incomplete | None:
        """Change to the model file called `name`; without a name, to the previous model.

        The conversation stays. A file that is no chat model changes nothing.
        """
        read = self._host.reads.read
        try:
            settings = self._host.previous
            if name:
                settings = await read(self._effective.defaults.files.settings_for, name)
            if settings is None:
                return Incomplete("There was no other model before this one.")
            await read(settings.files.check_model)
        except ModelError as error:
            return Incomplete(in_one_line(error.title, error.hint))
        await self._load(settings)
        return None

    @command()
    async def use_context(self, n_ctx: int | None) -> Incomplete | None:
        """Load the model again with a context of `n_ctx` tokens; None: as many as suit it."""
        defaults = self._effective.defaults
        load = defaults.load.model_copy(update={"n_ctx": n_ctx})
        await self._load(replace(defaults, load=load))
        return None

    @command()
    async def use_adapters(self, adapters: tuple[Adapter, ...]) -> Incomplete | None:
        """Apply these LoRA adapters from now on; load the model again if that failed before."""
        if self._host.phase is Phase.LOADING:
            return NOT_LOADED
        changed = await self._host.use_adapters(adapters)
        if self._host.phase is Phase.DOWN and not changed.error:
            await self._recovery.restart()
        return Incomplete(in_one_line(changed.error, changed.hint)) if changed.error else None

    def set_thinking(self, wanted: bool | None) -> None:
        """Turn thinking on or off, or follow the model's template (None).

        It has an effect only if the template allows the choice.
        """
        self._effective.defaults = replace(self._effective.defaults, thinking=wanted)
        self._tell(ThinkingChanged(wanted))

    async def _load(self, settings: SessionSettings) -> None:
        self._host.choose(self._effective.model_changes(settings))
        await self._recovery.load(self._host.change)

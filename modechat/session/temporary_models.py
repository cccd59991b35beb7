"""Manages the model in the engine during a comparison: the session's own, or a temporary one.

The user's choice stays: at the end `bring_back` loads the session's own model again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from modechat.engine.protocol import Failed, ModelInfo
from modechat.session.effective_settings import EffectiveSettings, with_own
from modechat.session.model_host import ModelHost
from modechat.session.phase import Phase
from modechat.session.recovery import Recovery
from modechat.session.settings import SessionSettings


class TemporaryModels:
    """The models of a comparison, named by their paths; None: the session's own model."""

    def __init__(self, host: ModelHost, effective: EffectiveSettings, recovery: Recovery) -> None:
        self._host = host
        self._effective = effective
        self._recovery = recovery
        self._settings: dict[str, SessionSettings] = {}
        self._info: ModelInfo | None = None
        self._own_failed: Failed | None = None
        self.path: str | None = None
        """The path of the model that the engine has or loads."""
        self.is_there = True
        """True if the engine has it; False after the engine died or could not load it."""

    @property
    def info(self) -> ModelInfo | None:
        """The facts about the loaded model."""
        return self._host.model if self.path is None else self._info

    @property
    def settings(self) -> SessionSettings:
        """The settings in effect for the model."""
        if self.path is None:
            return self._effective.in_effect
        return with_own(self._settings[self.path], self._effective.own)

    async def prepare(self, paths: Iterable[str]) -> None:
        """Read the settings of these models. Raises ModelError for a file that is no model."""
        everywhere, found = self._effective.defaults, {}
        for path in set(paths):
            other = await self._host.reads.read(everywhere.files.settings_for, path)
            await self._host.reads.read(other.files.check_model)
            load = other.load
            if self._effective.own.format is not None:
                load = load.model_copy(update={"format": self._effective.own.format})
            found[path] = replace(other, load=load, thinking=everywhere.thinking)
        self._settings = found

    def begin(self) -> None:
        """Note at the start whether the engine has a model."""
        self._own_failed = None
        self.is_there = self._host.phase not in (Phase.DOWN, Phase.UNLOADED)

    async def load(self, path: str | None) -> Failed | None:
        """Have a model loaded, or return the failure if its file cannot be used."""
        if path is None:
            self._host.use_own_again()
        else:
            self._host.use_temporarily(self._settings[path])
        loading = self._loading
        self.path, self._info, self.is_there = path, None, True
        return await loading()

    def loaded(self, model: ModelInfo) -> None:
        if self.path is None:
            self._host.loaded(model)
        else:
            self._info = model

    def died(self) -> None:
        """Record that the engine is gone."""
        self.is_there = False

    def failed(self, failed: Failed) -> None:
        """Record that the model could not be loaded."""
        self.is_there = False
        if self.path is None:
            self._own_failed = failed

    async def bring_back(self) -> None:
        """Load the session's own model again, if the engine has another one or none."""
        if self.path is None and self.is_there:
            return
        loading, failed = self._loading, self._own_failed
        self._host.use_own_again()
        self.path, self.is_there, self._own_failed = None, True, None
        if failed is not None:
            await self._recovery.loading_failed(failed)
        else:
            await self._recovery.load(loading)

    @property
    def _loading(self) -> Callable[[], Awaitable[Failed | None]]:
        """The method that loads a model: in the running engine if there is one."""
        return self._host.change if self.is_there else self._host.restart

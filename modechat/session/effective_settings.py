"""The settings in effect: the open conversation's own, else the defaults.

A change counts from the next turn on. A conversation's own settings are stored with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from modechat.domain.modes import Incomplete
from modechat.domain.own_settings import OwnSettings
from modechat.errors import ConfigError, ModelError
from modechat.models.gguf import GGUFHeader
from modechat.session.gate import Gate, command
from modechat.session.model_host import ModelHost
from modechat.session.settings import SessionSettings
from modechat.session.timeline import Timeline


class EffectiveSettings:
    """The defaults, the conversation's own settings, and both combined.

    The prompt format does not change while a reply is written; the gate knows when one is.
    """

    def __init__(
        self,
        settings: SessionSettings,
        host: ModelHost,
        timeline: Timeline,
        gate: Gate,
    ) -> None:
        self.defaults = settings
        """The settings without those of the conversation."""
        self._host = host
        self._timeline = timeline
        self._gate = gate
        self._default_format: str | None = None
        self._has_own_format = False

    @property
    def own(self) -> OwnSettings:
        """The open conversation's own settings."""
        return self._timeline.own

    @property
    def header(self) -> GGUFHeader | None:
        """The header of the model's file, once it was read."""
        return self._host.header

    @property
    def default_format(self) -> str | None:
        """The format that the user chose for the model; None: the one that fits it.

        A format that belongs to the conversation does not count here.
        """
        return self._default_format if self._has_own_format else self._host.format

    @property
    def in_effect(self) -> SessionSettings:
        return with_own(self.defaults, self.own)

    @command(waits_for_reply=False)
    async def set_own(self, own: OwnSettings) -> Incomplete | None:
        """Give the open conversation these settings of its own. Raises StoreError."""
        changes_format = own.format != self.own.format
        if refusal := self._gate.refusal(when_busy=changes_format):
            return refusal
        await self._timeline.set_own(own)
        self.conversation_changed()
        return None

    async def set_defaults(self, options: Mapping[str, object]) -> None:
        """Write options (`sampling.top_k`) into the config file and use them from now on.

        None removes an option. Options for loading count when the model is loaded again. Raises
        ConfigError if the file cannot be written, or names a file that cannot be used; then the
        settings stay as they were.
        """
        now = self.defaults
        try:
            changed = await self._host.reads.read(now.files.write_defaults, options)
        except ModelError as error:
            raise ConfigError(error.title, error.hint) from error
        # The file lacks the choices made since the start: the format, the adapters, thinking.
        load = now.load
        if "n_ctx" in options:
            load = load.model_copy(update={"n_ctx": changed.load.n_ctx})
        self.defaults = replace(changed, load=load, thinking=now.thinking)

    def conversation_changed(self) -> None:
        """Use the format of the open conversation after it or its settings changed.

        If it has no format of its own, use the default again.
        """
        own = self.own.format
        if own is not None:
            if not self._has_own_format:
                self._default_format = self._host.format
            self._has_own_format = True
            self._use(own)
        elif self._has_own_format:
            self._has_own_format = False
            self._use(self._default_format)

    async def use_default_format(self, name: str | None) -> None:
        """Use a format that the user chose for all conversations, this one included."""
        if self._has_own_format:
            await self._timeline.set_own(self.own.model_copy(update={"format": None}))
            self._has_own_format = False
        self._host.use_format(name)

    def model_changes(self, settings: SessionSettings) -> SessionSettings:
        """Use the settings of another model from now on, and return those for loading it."""
        self.defaults = replace(settings, thinking=self.defaults.thinking)
        if not self._has_own_format:
            return settings
        self._default_format = settings.load.format
        return replace(settings, load=settings.load.model_copy(update={"format": self.own.format}))

    def _use(self, format: str | None) -> None:
        if format != self._host.format:
            self._host.use_format(format)


def with_own(settings: SessionSettings, own: OwnSettings) -> SessionSettings:
    """Return `settings` with a conversation's own, except the format, which the engine has."""
    if own.is_empty:
        return settings
    settings = replace(settings, sampling=own.sampling.over(settings.sampling))
    if own.chat_system is not None:
        settings = replace(settings, chat_system=own.chat_system)
    if own.instruct_system is not None:
        settings = replace(settings, instruct_system=own.instruct_system)
    return settings

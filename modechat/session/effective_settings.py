"""The settings in effect: those that hold everywhere, under those of the open conversation.

A change counts from the next turn on. What a conversation has of its own is kept with it and comes back with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from modechat.domain.modes import Incomplete
from modechat.domain.own_settings import OwnSettings
from modechat.models.gguf import GGUFHeader
from modechat.session.gate import Gate, command
from modechat.session.model_host import ModelHost
from modechat.session.settings import SessionSettings
from modechat.session.timeline import Timeline


class EffectiveSettings:
    """The prompt format does not change while a reply is written: the gate says whether one is."""

    def __init__(
        self,
        settings: SessionSettings,
        host: ModelHost,
        timeline: Timeline,
        gate: Gate,
    ) -> None:
        self.defaults = settings
        """Without what the conversation has of its own."""
        self._host = host
        self._timeline = timeline
        self._gate = gate
        self._default_format: str | None = None
        self._has_own_format = False

    @property
    def own(self) -> OwnSettings:
        """What the open conversation has of its own."""
        return self._timeline.own

    @property
    def header(self) -> GGUFHeader | None:
        """What the model's file says about it, once it was looked at."""
        return self._host.header

    @property
    def default_format(self) -> str | None:
        """The format that the user chose for the model, whatever the conversation has; None: what fits the model."""
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
        """Write options (`sampling.temperature`) into the config file and use them from now on; None takes one out.

        Raises ConfigError if the file cannot be written; nothing has changed then. What concerns the model's loading
        counts when it is loaded again.
        """
        now = self.defaults
        changed = await asyncio.to_thread(now.files.write_defaults, options)
        # What was chosen since the start is not in the file: the format, the adapters, whether the model thinks.
        load = now.load.model_copy(
            update={"n_ctx": changed.load.n_ctx} if "n_ctx" in options else {}
        )
        self.defaults = replace(changed, load=load, thinking=now.thinking)

    def conversation_changed(self) -> None:
        """Another conversation is open, or its settings changed: its format is used, or that of everywhere again."""
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
        """The user chose a format without saying for which conversation: it counts for this one, too."""
        if self._has_own_format:
            self._has_own_format = False
            await self._timeline.set_own(self.own.model_copy(update={"format": None}))
        self._host.use_format(name)

    def model_changes(self, settings: SessionSettings) -> SessionSettings:
        """`settings` are those of another model from now on; what it is to be loaded with."""
        self.defaults = replace(settings, thinking=self.defaults.thinking)
        if not self._has_own_format:
            return settings
        self._default_format = settings.load.format
        return replace(settings, load=settings.load.model_copy(update={"format": self.own.format}))

    def _use(self, format: str | None) -> None:
        if format != self._host.format:
            self._host.use_format(format)


def with_own(settings: SessionSettings, own: OwnSettings) -> SessionSettings:
    """`settings` with what a conversation has of its own; but for the format, which is the engine's."""
    if own.is_empty:
        return settings
    return replace(
        settings,
        sampling=own.sampling.over(settings.sampling),
        chat_system=settings.chat_system if own.chat_system is None else own.chat_system,
        instruct_system=settings.instruct_system
        if own.instruct_system is None
        else own.instruct_system,
    )

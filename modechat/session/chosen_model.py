"""Records the model that the engine should load, the user's choice, and the previous model."""

from __future__ import annotations

import asyncio
from pathlib import PurePath

from modechat.daemon_thread import run_in_daemon_thread
from modechat.engine.protocol import Adapter, Load, ModelInfo
from modechat.models.gguf import GGUFHeader
from modechat.session.file_reads import FileReads
from modechat.session.model_changes import note_on_adapters_and_draft
from modechat.session.settings import SessionSettings

_SECONDS = 3.0
"""After this time, a model that is still being noted is not waited for."""


class ChosenModel:
    def __init__(self, settings: SessionSettings) -> None:
        self._wanted = settings
        self._load = settings.load
        self._previous: SessionSettings | None = None
        self._replaced: ModelInfo | None = None
        self._left_behind = ""
        """A note on the adapters and the draft model that belong to the previous model."""
        self._own: tuple[SessionSettings, Load, GGUFHeader | None] | None = None
        """The user's choice while another model is loaded temporarily."""
        self.model: ModelInfo | None = None
        """The loaded model."""
        self.header: GGUFHeader | None = None
        """The header of the model's file, once it was read."""
        self.reads = FileReads()
        """The reads of files that the user named."""
        self._remembering: asyncio.Task[None] | None = None

    @property
    def format(self) -> str | None:
        """The format that the user chose; None: the one that fits the model."""
        return self._load.format

    @property
    def has_model(self) -> bool:
        """True if a model is chosen; the phase says whether it is loaded."""
        return self._wanted.has_model

    @property
    def wanted(self) -> Load:
        """The load that the user asked for."""
        return self._wanted.load

    @property
    def load_request(self) -> Load:
        """The current load, which may be smaller than the user asked for if that failed."""
        return self._load

    @property
    def previous(self) -> SessionSettings | None:
        """The settings of the previous model."""
        return self._previous

    @property
    def previous_name(self) -> str:
        return PurePath(self._previous.load.model_path).stem if self._previous is not None else ""

    @property
    def adapters(self) -> tuple[Adapter, ...]:
        """The LoRA adapters that are applied, or will be when the model is loaded."""
        return self._load.adapters

    def choose(self, settings: SessionSettings) -> None:
        """Choose the model of these settings in place of the current one."""
        self._left_behind = note_on_adapters_and_draft(self._load, settings.load)
        if self.has_model:
            self._previous = self._wanted
        self._wanted, self._load = settings, settings.load
        self._replaced = self.model

    def use_temporarily(self, settings: SessionSettings) -> None:
        """Choose another model for a while.

        The user's choice stays, and no event tells of it.
        """
        if self._own is None:
            self._own = (self._wanted, self._load, self.header)
        self._wanted, self._load, self.model = settings, settings.load, None

    def use_own_again(self) -> None:
        """Choose the user's own model again."""
        if self._own is not None:
            (self._wanted, self._load, self.header), self._own = self._own, None

    def _remember(self) -> None:
        """Note on the disk, in the background, that the model was used."""
        remember = self._wanted.files.remember_model
        self._remembering = asyncio.create_task(run_in_daemon_thread(remember))

    async def wait_until_remembered(self) -> None:
        """Wait until the last model is noted, but not for a disk that hangs.

        Raises what went wrong.
        """
        if self._remembering is not None:
            for done in (await asyncio.wait({self._remembering}, timeout=_SECONDS))[0]:
                done.result()

    def use_load(self, load: Load) -> None:
        """Use this load, smaller than the user asked for, from now on."""
        self._load = load

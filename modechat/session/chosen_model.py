"""Which model the engine is to load, and how: what the user chose, and the model before that."""

from __future__ import annotations

from pathlib import PurePath

from modechat.engine.protocol import Adapter, Load, ModelInfo
from modechat.models.gguf import GGUFHeader
from modechat.session.model_changes import note_on_adapters_and_draft
from modechat.session.settings import SessionSettings


class ChosenModel:
    def __init__(self, settings: SessionSettings) -> None:
        self._wanted = settings
        self._load = settings.load
        self._previous: SessionSettings | None = None
        self._replaced: ModelInfo | None = None
        self._left_behind = ""
        """What is said of the adapters and the draft model that belong to the model before."""
        self._own: tuple[SessionSettings, Load, GGUFHeader | None] | None = None
        """What the user chose, while another model is temporary."""
        self.model: ModelInfo | None = None
        """The model that is loaded."""
        self.header: GGUFHeader | None = None
        """The header of the model's file, once it was looked at."""

    @property
    def format(self) -> str | None:
        """The format that the user chose; None: the one that fits the model."""
        return self._load.format

    @property
    def has_model(self) -> bool:
        """Whether a model is chosen; whether it is loaded says the phase."""
        return self._wanted.has_model

    @property
    def wanted(self) -> Load:
        """What the user asked for."""
        return self._wanted.load

    @property
    def load_request(self) -> Load:
        """What is loaded, or tried: with less than the user asked for, where that failed."""
        return self._load

    @property
    def previous(self) -> SessionSettings | None:
        """The settings of the model before this one."""
        return self._previous

    @property
    def previous_name(self) -> str:
        return PurePath(self._previous.load.model_path).stem if self._previous is not None else ""

    @property
    def adapters(self) -> tuple[Adapter, ...]:
        """The LoRA adapters that are applied, or will be when the model is loaded."""
        return self._load.adapters

    def choose(self, settings: SessionSettings) -> None:
        """The model of these settings is to be loaded, in place of the one so far."""
        self._left_behind = note_on_adapters_and_draft(self._load, settings.load)
        if self.has_model:
            self._previous = self._wanted
        self._wanted, self._load = settings, settings.load
        self._replaced = self.model

    def use_temporarily(self, settings: SessionSettings) -> None:
        """The engine is to load another model for a while.

        What the user chose stays so; nothing is told about it.
        """
        if self._own is None:
            self._own = (self._wanted, self._load, self.header)
        self._wanted, self._load, self.model = settings, settings.load, None

    def use_own_again(self) -> None:
        """What the user chose is to be loaded again."""
        if self._own is not None:
            (self._wanted, self._load, self.header), self._own = self._own, None

    def use_load(self, load: Load) -> None:
        """From now on, load so: with less than the user asked for."""
        self._load = load

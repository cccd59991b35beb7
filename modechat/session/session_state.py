"""The state of a session that front ends may read at any time: model, settings, conversation."""

from __future__ import annotations

from modechat.domain.conversation import Conversation, Turn
from modechat.domain.mode import ModeState
from modechat.engine.protocol import Adapter, ModelInfo
from modechat.session.effective_settings import EffectiveSettings
from modechat.session.file_reads import FileReads
from modechat.session.model_host import ModelHost
from modechat.session.phase import Phase
from modechat.session.settings import SessionSettings
from modechat.session.timeline import Timeline


class SessionState:
    def __init__(self, host: ModelHost, timeline: Timeline, effective: EffectiveSettings) -> None:
        self._host = host
        self._timeline = timeline
        self.effective = effective
        """The settings, their sources, and the methods that change them."""

    @property
    def phase(self) -> Phase:
        return self._host.phase

    @property
    def model(self) -> ModelInfo | None:
        return self._host.model

    @property
    def has_model(self) -> bool:
        """True if a model is chosen; the phase says whether it is loaded."""
        return self._host.has_model

    @property
    def has_previous_model(self) -> bool:
        """True if there is a previous model to return to."""
        return self._host.previous is not None

    @property
    def adapters(self) -> tuple[Adapter, ...]:
        """The LoRA adapters that are applied to the model."""
        return self._host.adapters

    @property
    def reads(self) -> FileReads:
        """The reads of files that the user named."""
        return self._host.reads

    @property
    def settings(self) -> SessionSettings:
        """The settings in effect, those of the conversation included."""
        return self.effective.in_effect

    @property
    def loading(self) -> float:
        """The share of the model that is loaded, 0 to 1, during loading."""
        return self._host.fraction

    @property
    def conversation(self) -> Conversation | None:
        """The open conversation; None: a new one that is not saved yet."""
        return self._timeline.conversation

    @property
    def conversation_id(self) -> int | None:
        """The id of the open conversation; None: a new one."""
        return self.conversation.id if self.conversation is not None else None

    @property
    def last_turn(self) -> Turn | None:
        """The last visible turn, or None."""
        return self._timeline.last_turn

    @property
    def state(self) -> ModeState:
        return self._timeline.state
